/** A database behind a network that swallows everything, or cuts whoever listens. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile } from '../../src/store/postgres/testing/cluster.ts'
import { StoreUnavailable, type Store } from '../../src/store/store.ts'
import { ALICE, backgroundRow, foregroundRow, idOf } from '../../src/store/testing/rows.ts'
import { assertUnavailable, LEASE_MS, query, setStage, timed } from './stage.ts'

const skip = CLUSTER_MISSING

const cluster = clusterForFile()

test(
  'D-12: a connection that is half-open is given up, and the call made again, within 10 s',
  { skip },
  async (context) => {
    const { store, proxy } = await setStage(context, cluster())
    const responses = store.forAccount(ALICE)
    await Promise.all([1, 2, 3].map((number) => responses.insert(foregroundRow(number), 'boot')))
    await Promise.all([1, 2, 3].map((number) => responses.find(idOf(number))))
    const before = proxy.counts().connections
    for (const connection of proxy.live()) connection.set({ isStalled: true })
    const written = await timed(responses.insert(foregroundRow(4), 'boot'))
    assert.equal(written.error, undefined)
    assert.ok(written.ms < 10_000, `${written.ms}`)
    assert.ok(proxy.counts().connections > before)
    const { ms, value } = await timed(Promise.all([1, 2, 3, 4].map((number) => responses.find(idOf(number)))))
    assert.equal(value?.filter(Boolean).length, 4)
    assert.ok(ms < 1000, `the other connections of that time are not waited for, each in turn: ${ms}`)
  },
)

test(
  'D-12: a network that swallows everything is told of within 10 s, a ping within 2 s, and close() ends',
  { skip },
  async (context) => {
    const { store, proxy } = await setStage(context, cluster())
    await store.forAccount(ALICE).insert(foregroundRow(1), 'boot')
    store.onChange(() => {})
    await proxy.until(({ open }) => open >= 2)
    proxy.set({ isStalled: true })
    const [ping, read, write] = await Promise.all([
      timed(store.ping()),
      timed(store.forAccount(ALICE).find(idOf(1))),
      timed(store.forAccount(ALICE).insert(foregroundRow(2), 'boot')),
    ])
    for (const { error } of [ping, read, write]) assertUnavailable(error)
    assert.ok(ping.ms < 2500, `${ping.ms}`)
    assert.ok(read.ms < 10_000 && write.ms < 10_000, `${read.ms} ${write.ms}`)
    const unanswered = store.forAccount(ALICE).insert(foregroundRow(3), 'boot')
    const closed = await timed(Promise.all([store.close(), timed(unanswered)]))
    assert.ok(closed.ms < 12_000, `${closed.ms}`)
    await assert.rejects(store.ping(), StoreUnavailable)
  },
)

test(
  'D-17: a listener that was cut off hears again by itself, and the queue is looked at meanwhile',
  { skip },
  async (context) => {
    const { store, proxy, url } = await setStage(context, cluster())
    const other = await openPostgresStore(url)
    context.after(() => other.close())
    const heard = listenTo(store)
    await proxy.until(({ open }) => open >= 1)
    await untilHeard(other, heard)
    proxy.down()
    await other.forAccount(ALICE).insert(backgroundRow(1), 'other')
    await proxy.up()
    await heard.until('queue')
    const [job] = await store.jobs.claim({ owner: 'worker', lease_ms: LEASE_MS, limit: 1 })
    assert.equal(job?.id, idOf(1))
    await untilHeard(other, heard)
  },
)

test('D-17: a listener that is half-open is noticed', { skip }, async (context) => {
  const { store, proxy, url } = await setStage(context, cluster(), { probe_ms: 200, wait_ms: 500 })
  const other = await openPostgresStore(url)
  context.after(() => other.close())
  const heard = listenTo(store)
  await untilHeard(other, heard)
  for (const connection of proxy.live()) connection.set({ isStalled: true })
  await other.forAccount(ALICE).insert(backgroundRow(1), 'other')
  await heard.until('queue')
  await untilHeard(other, heard)
})

test(
  'D-17: a process that was cut off takes its lock again, and nobody takes it for dead',
  { skip },
  async (context) => {
    const { store, proxy, url } = await setStage(context, cluster(), { probe_ms: 100 })
    await store.jobs.register({ owner: 'old', instance: 'one', lease_ms: LEASE_MS })
    await store.forAccount(ALICE).insert(foregroundRow(1), 'old')
    proxy.reset()
    const locks = async () =>
      Number((await query(url, `SELECT count(*) AS held FROM pg_locks WHERE locktype = 'advisory'`))[0]?.['held'])
    while ((await locks()) === 0) await sleep(20)
    const young = await openPostgresStore(url)
    await young.jobs.register({ owner: 'young', instance: 'one', lease_ms: LEASE_MS })
    assert.deepEqual(await young.jobs.orphans(10), [])
    await young.close()
  },
)

/** Speaks until it is heard: whoever has connected just now may not listen yet. */
async function untilHeard(speaker: Store, heard: ReturnType<typeof listenTo>): Promise<void> {
  const number = heard.mark()
  await speaker.forAccount(ALICE).insert(foregroundRow(number), 'other')
  const isHeard = heard.until(idOf(number))
  for (let first = 0; !heard.has(idOf(number)); first++) {
    await speaker.forAccount(ALICE).append(idOf(number), 0, { first, last: first, events: '[]' })
    await sleep(20)
  }
  await isHeard
}

function listenTo(store: Store) {
  let heard: string[] = []
  let marks = 1000
  let look = () => {}
  store.onChange((change) => {
    heard.push(change)
    look()
  })
  return {
    has: (change: string) => heard.includes(change),
    /** A number that nobody has had yet; whatever was heard before is forgotten. */
    mark: () => ((heard = []), marks++),
    until: (change: string) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (heard.includes(change)) resolve()
        }
        look()
      }),
  }
}
