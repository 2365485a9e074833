import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { StoreDamaged, StoreUnavailable, type Store } from '../store.ts'
import { ALICE, backgroundRow, end, ENDED, endingOf, foregroundRow, idOf, remove } from '../testing/rows.ts'
import { scratchFiles } from '../testing/scratch.ts'
import { openSqliteStore } from './sqlite-store.ts'

const fresh = scratchFiles()

/** Runs a check on a store and its file, opened a second time as another process would. */
function onFile(
  sentence: string,
  check: (store: Store, file: { path: string; db: DatabaseSync }) => Promise<void>,
): void {
  test(sentence, async () => {
    const path = fresh('faults.db')
    const store = await openSqliteStore(path, 1)
    const db = new DatabaseSync(path)
    try {
      await check(store, { path, db })
    } finally {
      db.close()
      await store.close()
    }
  })
}

onFile(
  'writes asked for together are one transaction, those awaited one after the other are one each',
  async (store, { path }) => {
    const responses = store.forAccount(ALICE)
    const before = commitsOf(path)
    for (const number of [1, 2, 3]) await responses.insert(foregroundRow(number), 'boot')
    assert.equal(commitsOf(path) - before, 3)
    const together = Array.from({ length: 200 }, (_, number) => responses.insert(foregroundRow(number + 4), 'boot'))
    await Promise.all(together)
    assert.equal(commitsOf(path) - before, 4)
  },
)

onFile(
  'writes that come while a batch is under way wait for it, and share the next transaction',
  async (store, { path }) => {
    const responses = store.forAccount(ALICE)
    const before = commitsOf(path)
    const first = responses.insert(foregroundRow(1), 'boot')
    await new Promise((resolve) => setImmediate(resolve)) // The first batch is on its way now.
    const others = Array.from({ length: 50 }, (_, number) => responses.insert(foregroundRow(number + 2), 'boot'))
    await Promise.all([first, ...others])
    assert.equal(commitsOf(path) - before, 2)
  },
)

onFile('an insertion that may wait and its ending are one transaction', async (store, { path }) => {
  const responses = store.forAccount(ALICE)
  const before = commitsOf(path)
  const numbers = Array.from({ length: 10 }, (_, number) => number)
  const inserted = numbers.map((number) => responses.insert(foregroundRow(number), 'boot', 'soon'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(commitsOf(path), before, 'nothing is written for them alone')
  assert.deepEqual(
    await Promise.all(
      numbers.map((number) => responses.swap(idOf(number), { version: 0, next: ENDED, ending: endingOf(number) })),
    ),
    numbers.map(() => true),
  )
  await Promise.all(inserted)
  assert.equal(commitsOf(path) - before, 1)
})

onFile('an ending that was to be written with its insertion fails with it', async (store, { db }) => {
  const responses = store.forAccount(ALICE)
  db.exec('BEGIN IMMEDIATE')
  const calls = [
    responses.insert(foregroundRow(1), 'boot', 'soon'),
    responses.swap(idOf(1), { version: 0, next: ENDED, ending: endingOf(1) }),
  ]
  for (const outcome of await Promise.allSettled(calls)) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof StoreUnavailable)
  }
  db.exec('ROLLBACK')
  assert.equal(await responses.find(idOf(1)), undefined)
})

onFile('reads write nothing', async (store, { path }) => {
  const before = commitsOf(path)
  await Promise.all([store.forAccount(ALICE).find(idOf(1)), store.jobs.countQueued(), store.keys.list(), store.ping()])
  assert.equal(commitsOf(path), before)
})

onFile(
  'a storage that another process has locked is unavailable for writes, and serves again afterwards',
  async (store, { db }) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    db.exec('BEGIN IMMEDIATE')
    const calls = [responses.insert(foregroundRow(2), 'boot'), remove(responses, idOf(1))]
    for (const outcome of await Promise.allSettled(calls)) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof StoreUnavailable)
    }
    assert.equal(
      (await responses.find(idOf(1)))?.lifecycle.status,
      'in_progress',
      'reads go on, and nothing was written',
    )
    db.exec('ROLLBACK')
    await responses.insert(foregroundRow(2), 'boot')
    assert.equal((await responses.find(idOf(2)))?.lifecycle.status, 'in_progress')
  },
)

onFile('a damaged payload is told of, and only where it is read', async (store, { db }) => {
  const responses = store.forAccount(ALICE)
  await responses.insert(foregroundRow(1), 'boot')
  await end(responses, idOf(1), { ending: endingOf(1) })
  damage(db, 'response', 1)
  await assert.rejects(responses.find(idOf(1)), StoreDamaged)
  assert.deepEqual(JSON.parse((await responses.thread(idOf(1), 10))?.said ?? ''), [['output 1'], ['input 1']])
  damage(db, 'output', 1)
  await assert.rejects(responses.thread(idOf(1), 10), StoreDamaged)
  assert.equal(await responses.findInput(idOf(1)), '["input 1"]')
  assert.equal(await responses.findLog(idOf(1)), '["log 1"]')
  assert.equal(await remove(responses, idOf(1)), true)
})

const damages = {
  'another last byte': `CAST(substr(input, 1, length(input) - 1) || x'00' AS BLOB)`,
  'a byte less': `substr(input, 1, length(input) - 1)`,
  'a byte more': `CAST(input || x'20' AS BLOB)`,
  'half a checksum': `substr(input, 1, 2)`,
  'nothing left': `x''`,
}
for (const [what, sql] of Object.entries(damages)) {
  onFile(`a thread with ${what} in the middle is damaged, as far as it is read`, async (store, { db }) => {
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2, 3]) {
      await responses.insert(foregroundRow(number, { previousId: idOf(number - 1) }), 'boot')
    }
    assert.equal(db.prepare(`UPDATE responses SET input = ${sql} WHERE id = ?`).run(idOf(2)).changes, 1)
    await assert.rejects(responses.thread(idOf(3), 10), StoreDamaged)
    assert.equal((await responses.thread(idOf(3), 1))?.turns, 1)
    assert.equal((await responses.thread(idOf(1), 10))?.turns, 1)
  })
}

for (const column of ['input', 'log'] as const) {
  onFile(`a damaged ${column} is told of`, async (store, { db }) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    await end(responses, idOf(1), { ending: endingOf(1) })
    damage(db, column, 1)
    await assert.rejects(column === 'input' ? responses.findInput(idOf(1)) : responses.findLog(idOf(1)), StoreDamaged)
    assert.equal((await responses.find(idOf(1)))?.lifecycle.status, 'completed')
  })
}

for (const column of ['request', 'input'] as const) {
  onFile(
    `a job with a damaged ${column} is handed out without its work, so that it can be failed`,
    async (store, { db }) => {
      const responses = store.forAccount(ALICE)
      for (const number of [1, 2]) await responses.insert(backgroundRow(number), 'boot')
      damage(db, column, 1)
      const jobs = await store.jobs.claim({ owner: 'boot', lease_ms: 60_000, limit: 10 })
      assert.deepEqual(
        jobs.map(({ work }) => work?.input),
        [undefined, '["input 2"]'],
      )
      assert.equal(await end(responses, idOf(1), { attempt: 1, status: 'failed', ending: endingOf(1) }), true)
    },
  )
}

onFile('a job with a damaged snapshot is put aside for good: others run', async (store, { db }) => {
  const responses = store.forAccount(ALICE)
  for (const number of [1, 2, 3]) await responses.insert(backgroundRow(number), 'boot')
  damage(db, 'response', 1)
  const claim = (limit: number) => store.jobs.claim({ owner: 'boot', lease_ms: 0, limit })
  assert.deepEqual(await claim(1), [])
  assert.deepEqual(
    (await claim(1)).map(({ id, lifecycle }) => [id, lifecycle.attempt]),
    [[idOf(2), 1]],
  )
  assert.deepEqual(
    (await claim(9)).map(({ id, lifecycle }) => [id, lifecycle.attempt]),
    [
      [idOf(2), 2],
      [idOf(3), 1],
    ],
  )
  await assert.rejects(responses.find(idOf(1)), StoreDamaged)
})

onFile('a damaged foreground response does not stop the others from being taken over', async (store, { db }) => {
  const responses = store.forAccount(ALICE)
  for (const number of [1, 2]) await responses.insert(foregroundRow(number), 'gone')
  damage(db, 'response', 1)
  await store.jobs.register({ owner: 'boot', instance: 'here:4000', lease_ms: 15_000 })
  assert.deepEqual(
    (await store.jobs.orphans(10)).map(({ id }) => id),
    [idOf(2)],
  )
})

onFile('a reader never sees half of an ending', async (store, { db }) => {
  const responses = store.forAccount(ALICE)
  const numbers = Array.from({ length: 50 }, (_, number) => number)
  await Promise.all(numbers.map((number) => responses.insert(foregroundRow(number), 'boot')))
  const seen = new Set<string>()
  const outside = db.prepare('SELECT status, log IS NULL AS open, length(response) AS size FROM responses WHERE id = ?')
  for (const number of numbers) {
    const ending = end(responses, idOf(number), { ending: endingOf(number) })
    const reads = Array.from({ length: 5 }, () => responses.find(idOf(number)))
    const other = outside.get(idOf(number))
    seen.add(`${String(other?.['status'])} ${String(other?.['open'])}`)
    for (const found of [...(await Promise.all(reads)), await responses.find(idOf(number))]) {
      seen.add(`${found?.lifecycle.status} ${found?.response.startsWith('{"first"') === true ? 1 : 0}`)
    }
    await ending
  }
  for (const state of seen) assert.ok(['in_progress 1', 'completed 0'].includes(state), state)
  assert.ok(seen.has('completed 0'))
})

test('calls that were asked before close() are answered, those after it are refused at once', async () => {
  const path = fresh('closing.db')
  const store = await openSqliteStore(path)
  const responses = store.forAccount(ALICE)
  const first = responses.insert(foregroundRow(1), 'boot')
  await Promise.resolve() // One batch is under way, the next one waits.
  await Promise.resolve()
  const second = responses.insert(foregroundRow(2), 'boot')
  const closing = store.close()
  await assert.rejects(responses.insert(foregroundRow(3), 'boot'), StoreUnavailable)
  await Promise.all([first, second, closing])
  await assert.rejects(store.ping(), StoreUnavailable)
  const again = await openSqliteStore(path)
  const found = await Promise.all([1, 2, 3].map((number) => again.forAccount(ALICE).find(idOf(number))))
  assert.deepEqual(
    found.map((row) => row?.lifecycle.status),
    ['in_progress', 'in_progress', undefined],
  )
  await again.close()
})

test('close() may be called twice', async () => {
  const store = await openSqliteStore(fresh('twice.db'))
  await Promise.all([store.close(), store.close()])
  await store.close()
})

/** Changes the last byte of a stored payload, behind its checksum. */
function damage(db: DatabaseSync, column: 'request' | 'input' | 'response' | 'output' | 'log', number: number): void {
  const sql = `UPDATE responses SET ${column} = CAST(substr(${column}, 1, length(${column}) - 1) || x'00' AS BLOB) WHERE id = ?`
  assert.equal(db.prepare(sql).run(idOf(number)).changes, 1)
}

/** How many transactions the write-ahead log holds: frames that name the size of the database. */
function commitsOf(path: string): number {
  const wal = readFileSync(`${path}-wal`)
  const frame = 24 + wal.readUInt32BE(8)
  let commits = 0
  for (let at = 32; at < wal.length; at += frame) if (wal.readUInt32BE(at + 4) > 0) commits++
  return commits
}
