import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { StoredResponse } from '../store.ts'
import { ALICE, ENDED, endingOf, foregroundRow, idOf } from '../testing/rows.ts'
import { scratchFiles } from '../testing/scratch.ts'
import { runBatch, type Call, type Outcome } from './batch.ts'
import { openDatabase } from './open-database.ts'
import { prepareOperations, type Operations } from './operations.ts'

const fresh = scratchFiles()

function insert(number: number, input = 'input'): Call {
  return { operation: 'insert', args: [ALICE, foregroundRow(number, { input }), 'boot'] }
}

function find(number: number): Call {
  return { operation: 'find', args: [ALICE, idOf(number)] }
}

function three<Value>(value: Value): Value[] {
  return [value, value, value]
}

/** How each call fared, in a word. */
function wordsOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.map((outcome) => {
    if ('failure' in outcome) return outcome.failure
    return outcome.value === undefined ? 'nothing' : 'value'
  })
}

function onDatabase(sentence: string, check: (db: DatabaseSync, operations: Operations) => void): void {
  test(sentence, () => {
    const db = openDatabase(fresh('batch.db'), 0)
    try {
      check(db, prepareOperations(db, { wall_ms: () => 1000, steady_ms: () => 1000 }))
    } finally {
      db.close()
    }
  })
}

onDatabase('calls of a batch see what the calls before them have written', (db, operations) => {
  const ended: Call = { operation: 'end', args: [ALICE, idOf(1), { ...ENDED, ending: endingOf(1), seen: 0 }] }
  const outcomes = runBatch(db, operations, [find(1), insert(1), find(1), ended, find(1)])
  const statuses = outcomes.map((outcome) =>
    'value' in outcome ? (outcome.value as StoredResponse | undefined)?.lifecycle?.status : outcome.message,
  )
  assert.deepEqual(statuses, [undefined, undefined, 'in_progress', undefined, 'completed'])
})

onDatabase('a call that breaks a rule of the schema fails alone', (db, operations) => {
  const outcomes = runBatch(db, operations, [insert(1), insert(1), insert(2)])
  assert.deepEqual(wordsOf(outcomes), ['nothing', 'other', 'nothing'])
  assert.deepEqual(wordsOf(runBatch(db, operations, [find(1), find(2)])), ['value', 'value'])
})

onDatabase(
  'a full disk fails the whole batch, keeps what was there, and is over when there is room',
  (db, operations) => {
    runBatch(db, operations, [insert(1)])
    const { page_count: pages } = db.prepare('PRAGMA page_count').get() ?? {}
    db.exec(`PRAGMA max_page_count = ${Number(pages) + 2}`)
    const outcomes = runBatch(db, operations, [insert(2), insert(3, 'x'.repeat(100_000)), insert(4)])
    assert.deepEqual(outcomes, three({ failure: 'unavailable', message: 'database or disk is full' }))
    assert.deepEqual(wordsOf(runBatch(db, operations, [2, 3, 4, 1].map(find))), [...three('nothing'), 'value'])
    db.exec('PRAGMA max_page_count = 1000000')
    assert.deepEqual(wordsOf(runBatch(db, operations, [insert(2), insert(3, 'x'.repeat(100_000))])), [
      'nothing',
      'nothing',
    ])
  },
)

onDatabase('where SQLite gives up the transaction by itself, nothing of the batch is written', (db, operations) => {
  db.exec(`CREATE TRIGGER give_up BEFORE INSERT ON responses WHEN new.id = '${idOf(2)}'
    BEGIN SELECT RAISE(ROLLBACK, 'given up'); END`)
  const outcomes = runBatch(db, operations, [insert(1), insert(2), insert(3)])
  assert.deepEqual(outcomes, three({ failure: 'other', message: 'given up' }))
  assert.deepEqual(wordsOf(runBatch(db, operations, [1, 2, 3].map(find))), three('nothing'))
})

onDatabase('a commit that fails fails every write; reads have no part in it', (db, operations) => {
  db.exec(`CREATE TABLE promises (id INTEGER PRIMARY KEY);
    CREATE TABLE kept (id INTEGER REFERENCES promises DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER promise AFTER INSERT ON responses BEGIN INSERT INTO kept VALUES (1); END`)
  assert.deepEqual(wordsOf(runBatch(db, operations, [insert(1), find(1), insert(2)])), ['other', 'nothing', 'other'])
  assert.deepEqual(wordsOf(runBatch(db, operations, [find(1)])), ['nothing'])
})

const faults = [
  { what: 'busy', errcode: 5, failure: 'busy' },
  { what: 'out of memory', errcode: 7, failure: 'unavailable' },
  { what: 'read-only because the file was moved', errcode: 1032, failure: 'unavailable' },
  { what: 'cannot read', errcode: 266, failure: 'unavailable' },
  { what: 'full', errcode: 13, failure: 'unavailable' },
  { what: 'corrupt', errcode: 11, failure: 'other' },
] as const
for (const { what, errcode, failure } of faults) {
  onDatabase(`a batch of reads survives a storage that is ${what}`, (db, operations) => {
    const broken: Operations = {
      ...operations,
      find: () => {
        throw Object.assign(new Error(what), { errcode })
      },
    }
    const outcomes = runBatch(db, broken, [find(1), { operation: 'ping', args: [] }])
    assert.deepEqual(outcomes, [{ failure, message: what }, { value: undefined }])
  })
}
