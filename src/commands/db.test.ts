import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import { ALICE, end, endingOf, foregroundRow, idOf } from '../store/testing/rows.ts'
import { scratchFiles } from '../store/testing/scratch.ts'
import { runCaptured } from './testing/run-captured.ts'

const fresh = scratchFiles()

async function filled(): Promise<string> {
  const path = fresh('checked.db')
  const store = await openSqliteStore(path)
  const responses = store.forAccount(ALICE)
  for (const number of [1, 2, 3])
    await responses.insert(foregroundRow(number, { clientItemIds: [`item ${number}`] }), 'boot')
  for (const number of [1, 2]) await end(responses, idOf(number), { ending: endingOf(number) })
  await responses.append(idOf(3), 0, { first: 0, last: 0, events: '[]' })
  await store.close()
  return path
}

const check = (path: string) => runCaptured(['db', 'check', '--store', `sqlite:${path}`])

test('a sound database is said to be sound', async () => {
  const said = await check(await filled())
  assert.deepEqual(said, { code: 0, stdout: 'Nothing is wrong with 3 responses.\n', stderr: '' })
})

const DAMAGES = [
  {
    sql: `UPDATE responses SET input = x'00112233445566' WHERE id = '${idOf(2)}'`,
    said: `${idOf(2)}: input differs from its checksum`,
  },
  {
    sql: `UPDATE responses SET log = x'00' WHERE id = '${idOf(1)}'`,
    said: `${idOf(1)}: log differs from its checksum`,
  },
  { sql: `UPDATE responses SET log = NULL WHERE id = '${idOf(1)}'`, said: '1 responses have ended without their log' },
  {
    sql: `UPDATE responses SET log = input WHERE id = '${idOf(3)}'`,
    said: '1 responses have not ended and have a log',
  },
  {
    sql: `UPDATE events SET response_id = '${idOf(1)}'`,
    said: '1 batches of events belong to no response, or to one that has ended',
  },
  { sql: `UPDATE items SET response_id = 'gone'`, said: '3 items belong to no response' },
]
for (const { sql, said } of DAMAGES) {
  test(`what was damaged by ${sql.slice(0, 40)}… is found and named`, async () => {
    const path = await filled()
    const db = new DatabaseSync(path)
    db.exec(sql)
    db.close()
    const { code, stdout, stderr } = await check(path)
    assert.deepEqual([code, stdout], [1, ''])
    assert.equal(stderr, `${said}\n1 problem in 3 responses: restore a backup, or delete what is named.\n`)
  })
}

test('a database that is not there is not made, and memory holds nothing to check', async () => {
  const path = fresh('absent.db')
  assert.deepEqual(await check(path), { code: 1, stdout: '', stderr: `There is no database ${path}.\n` })
  assert.equal(existsSync(path), false)
  const { code, stderr } = await runCaptured(['db', 'check', '--store', 'memory:'])
  assert.deepEqual([code, stderr], [1, 'A memory: store goes with its process: there is nothing to check.\n'])
  assert.equal((await runCaptured(['db', 'mend'])).stderr, 'Say antiphon db check.\n')
})
