import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { accountId } from '../../protocol/id.ts'
import { StoreDamaged, type Store } from '../store.ts'
import { ALICE, backgroundRow, end, endingOf, foregroundRow, idOf } from '../testing/rows.ts'
import { openPostgresStore } from './postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile } from './testing/cluster.ts'

const cluster = clusterForFile()

/** Runs a check on a store, and on its database as somebody else would see it. */
function onDatabase(sentence: string, check: (store: Store, database: Client) => Promise<void>): void {
  test(sentence, { skip: CLUSTER_MISSING }, async () => {
    const connectionString = await cluster().createDatabase()
    const store = await openPostgresStore(connectionString)
    const database = new Client({ connectionString })
    await database.connect()
    try {
      await check(store, database)
    } finally {
      await database.end()
      await store.close()
    }
  })
}

onDatabase('a damaged payload is told of, and only where it is read', async (store, database) => {
  const responses = store.forAccount(ALICE)
  await responses.insert(foregroundRow(1), 'boot')
  await end(responses, idOf(1), { ending: endingOf(1) })
  await damage(database, 'response', 1)
  await assert.rejects(responses.find(idOf(1)), StoreDamaged)
  assert.equal((await responses.findLifecycle(idOf(1)))?.status, 'completed')
  assert.equal((await responses.thread(idOf(1), 10))?.turns, 1)
  await damage(database, 'output', 1)
  await assert.rejects(responses.thread(idOf(1), 10), StoreDamaged)
  assert.equal(await responses.findLog(idOf(1)), '["log 1"]')
})

onDatabase('a thread with damage in the middle is damaged as far as it is read', async (store, database) => {
  const responses = store.forAccount(ALICE)
  for (const number of [1, 2, 3]) {
    await responses.insert(foregroundRow(number, { previousId: idOf(number - 1) }), 'boot')
  }
  await damage(database, 'input', 2)
  await assert.rejects(responses.thread(idOf(3), 10), StoreDamaged)
  assert.equal((await responses.thread(idOf(3), 1))?.turns, 1)
})

for (const column of ['request', 'input'] as const) {
  onDatabase(`a job with a damaged ${column} is handed out without its work`, async (store, database) => {
    for (const number of [1, 2]) await store.forAccount(ALICE).insert(backgroundRow(number), 'boot')
    await damage(database, column, 1)
    const jobs = await store.jobs.claim({ owner: 'worker', lease_ms: 60_000, limit: 10 })
    assert.deepEqual(
      jobs.map(({ work }) => work?.input),
      [undefined, '["input 2"]'],
    )
  })
}

onDatabase('what has a damaged snapshot is put aside, and does not stand in the way', async (store, database) => {
  const responses = store.forAccount(ALICE)
  for (const number of [1, 2]) await responses.insert(backgroundRow(number), 'boot')
  for (const number of [3, 4]) await responses.insert(foregroundRow(number), 'gone')
  for (const number of [1, 3]) await damage(database, 'response', number)
  const claim = () => store.jobs.claim({ owner: 'worker', lease_ms: 0, limit: 1 })
  assert.deepEqual(await claim(), [])
  assert.deepEqual(
    (await claim()).map(({ id }) => id),
    [idOf(2)],
  )
  assert.deepEqual(await store.jobs.orphans(1), [])
  assert.deepEqual(
    (await store.jobs.orphans(1)).map(({ id }) => id),
    [idOf(4)],
  )
})

onDatabase('check() reads all that there is, and tells each damage', async (store, database) => {
  const responses = store.forAccount(ALICE)
  const numbers = Array.from({ length: 100 }, (_, number) => number)
  await Promise.all(
    numbers.map((number) => responses.insert(foregroundRow(number, { clientItemIds: [`${number}`] }), 'boot')),
  )
  for (const first of numbers) await responses.append(idOf(5), 0, { first, last: first, events: '[]' })
  const problems: string[] = []
  assert.deepEqual(await store.upkeep.check((problem) => problems.push(problem)), { responses: 100 })
  assert.equal(problems.length, 0)
  await damage(database, 'input', 99)
  await database.query(`UPDATE responses SET status = 'completed' WHERE id = '${idOf(7)}'`)
  await database.query(`UPDATE events SET events = 'x' WHERE first_seq = 77`)
  await database.query(`DELETE FROM responses WHERE id = '${idOf(50)}'`)
  await store.upkeep.check((problem) => problems.push(problem))
  assert.deepEqual(
    problems.map((problem) => problem.replace(/^resp_0*/, '')),
    [
      '7: has status completed and no log',
      '63: input differs from its checksum',
      '5: events differs from its checksum',
      '32: has items, and is not there',
    ],
  )
})

onDatabase('one row that cannot be written fails alone: those that came with it are written', async (store) => {
  const good = store.forAccount(ALICE)
  const bad = store.forAccount(accountId('NUL \u0000'))
  const outcomes = await Promise.allSettled([
    good.insert(foregroundRow(1), 'boot'),
    bad.insert(foregroundRow(2), 'boot'),
    good.insert(foregroundRow(3), 'boot'),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.ok((await good.find(idOf(1))) && (await good.find(idOf(3))))
})

/** Changes the last byte of a stored payload, behind its checksum. */
async function damage(
  database: Client,
  column: 'request' | 'input' | 'response' | 'output',
  number: number,
): Promise<void> {
  const sql = `UPDATE responses SET ${column} = set_byte(${column}, length(${column}) - 1, 0) WHERE id = $1`
  assert.equal((await database.query(sql, [idOf(number)])).rowCount, 1)
}
