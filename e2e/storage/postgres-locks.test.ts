/** A database whose rows and connections others have, and what is as large as it may be. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { Client } from 'pg'
import { transition } from '../../src/core/lifecycle.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile } from '../../src/store/postgres/testing/cluster.ts'
import { ALICE, backgroundRow, foregroundRow, idOf } from '../../src/store/testing/rows.ts'
import { assertUnavailable, databaseOf, LEASE_MS, query, setStage, timed } from './stage.ts'

const skip = CLUSTER_MISSING

const cluster = clusterForFile({ settings: { deadlock_timeout: '100ms' } })

test(
  'D-14: where slow statements have all connections, others are refused after 2 s, and it heals',
  { skip },
  async (context) => {
    const { store, url } = await setStage(context, cluster(), { connections_max: 2 })
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    const blocker = new Client({ connectionString: url })
    await blocker.connect()
    await blocker.query('BEGIN; LOCK TABLE responses IN ACCESS EXCLUSIVE MODE')
    const slow = [1, 2].map(() => timed(responses.find(idOf(1))))
    await sleep(100)
    const { ms, error } = await timed(responses.find(idOf(1)))
    assertUnavailable(error)
    assert.match(String(error), /all connections are in use/)
    assert.ok(ms > 1500 && ms < 3500, `${ms}`)
    for (const outcome of await Promise.all(slow)) {
      assertUnavailable(outcome.error)
      assert.ok(outcome.ms < 5000, `${outcome.ms}`)
    }
    await blocker.query('COMMIT')
    await blocker.end()
    assert.ok(await responses.find(idOf(1)))
  },
)

test('R-01: events that are being kept are seen by whoever takes the response over', { skip }, async (context) => {
  const { store, url } = await setStage(context, cluster())
  const responses = store.forAccount(ALICE)
  await responses.insert(backgroundRow(1), 'boot')
  const [job] = await store.jobs.claim({ owner: 'worker', lease_ms: LEASE_MS, limit: 1 })
  const seized = transition(job?.lifecycle ?? assert.fail(), { type: 'seize' }) ?? assert.fail()
  // Somebody else writes the same batch, and holds up the worker in the middle of its own write.
  const other = new Client({ connectionString: url })
  await other.connect()
  await other.query(`BEGIN; INSERT INTO events VALUES ('${idOf(1)}', 0, 1, '')`)
  const kept = responses.append(idOf(1), 1, { first: 0, last: 1, events: '["said"]' })
  await untilWaiting(url)
  const taken = responses.swap(idOf(1), { version: 1, next: seized }).then(() => responses.findEvents(idOf(1), -1))
  await sleep(100)
  await other.query('ROLLBACK')
  await other.end()
  assert.equal(await kept, true)
  assert.deepEqual(
    (await taken).map(({ events }) => events),
    ['["said"]'],
  )
})

test('D-15: a deadlock is not seen: whoever loses does it again', { skip }, async (context) => {
  const { store, url } = await setStage(context, cluster())
  const responses = store.forAccount(ALICE)
  for (const number of [1, 2]) await responses.insert(backgroundRow(number), 'boot')
  await store.jobs.claim({ owner: 'worker', lease_ms: 1000, limit: 2 })
  const other = new Client({ connectionString: url })
  await other.connect()
  await other.query(`BEGIN; UPDATE responses SET followed = true WHERE id = '${idOf(2)}'`)
  const held = store.jobs.heartbeat({ owner: 'worker', lease_ms: LEASE_MS, ids: [idOf(1), idOf(2)] })
  await untilWaiting(url)
  await other.query(`UPDATE responses SET followed = true WHERE id = '${idOf(1)}'`)
  await other.query('COMMIT')
  await other.end()
  assert.deepEqual(
    (await held).map(({ id, isFollowed }) => [id, isFollowed]),
    [
      [idOf(1), true],
      [idOf(2), true],
    ],
  )
  const [found] = await query(url, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
  assert.ok(Number(found?.['deadlocks']) >= 0)
})

/** Resolves when somebody waits for a lock. */
async function untilWaiting(url: string): Promise<void> {
  const sql = `SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'`
  for (let waiting = 0; waiting === 0; waiting = Number((await query(url, sql))[0]?.['waiting'])) await sleep(5)
}

test('D-15: transactions that cannot be put in an order are not seen', { skip }, async (context) => {
  const { url } = await setStage(context, cluster())
  await query(url, `ALTER DATABASE ${databaseOf(url)} SET default_transaction_isolation = 'serializable'`)
  const stores = await Promise.all([1, 2, 3].map(() => openPostgresStore(url)))
  const numbers = Array.from({ length: 60 }, (_, number) => number)
  const inserted = stores.flatMap((store, place) =>
    numbers.map((number) => store.forAccount(ALICE).insert(backgroundRow(number * 3 + place), 'boot')),
  )
  const claims = stores.flatMap((store, place) =>
    numbers.map((number) => store.jobs.claim({ owner: `${place} ${number}`, lease_ms: LEASE_MS, limit: 2 })),
  )
  await Promise.all(inserted)
  const early = (await Promise.all(claims)).flat()
  const late = (await stores[0]?.jobs.claim({ owner: 'last', lease_ms: LEASE_MS, limit: 180 })) ?? []
  assert.equal(new Set([...early, ...late].map(({ id }) => id)).size, 180)
  assert.equal(early.length + late.length, 180)
  await Promise.all(stores.map((store) => store.close()))
})

test('D-16: a payload as large as a request may be comes back letter for letter', { skip }, async (context) => {
  const { store } = await setStage(context, cluster())
  const responses = store.forAccount(ALICE)
  const input = JSON.stringify(['Größe ✓\u0000 '.repeat(2_200_000)])
  assert.ok(Buffer.byteLength(input) > 32 * 2 ** 20)
  await Promise.all([responses.insert(foregroundRow(1, { input }), 'boot'), responses.insert(foregroundRow(2), 'boot')])
  assert.equal(await responses.findInput(idOf(1)), input)
  assert.ok(await responses.find(idOf(2)))
})
