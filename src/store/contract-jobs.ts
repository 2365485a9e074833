import assert from 'node:assert/strict'
import type { Job, Store } from './store.ts'
import type { OnStore } from './testing/on-store.ts'
import { ALICE, backgroundRow, BOB, endingOf, foregroundRow, idOf } from './testing/rows.ts'

const LEASE_MS = 3_600_000

/** A lease that is over at once: time need not pass in a test. */
const OVER_MS = 0

/** What every store must do as a queue. */
export function exerciseJobs(onStore: OnStore): void {
  exerciseClaims(onStore)
  exerciseLeases(onStore)
  exerciseTakeOver(onStore)
}

function exerciseClaims(onStore: OnStore): void {
  onStore('claim() gives all that a worker needs, and raises the attempt', async (store) => {
    await store.forAccount(BOB).insert(backgroundRow(2, { previousId: idOf(1) }), 'boot')
    const [job] = await claim(store)
    assert.deepEqual(job, {
      account: BOB,
      id: idOf(2),
      attempt: 1,
      previousId: idOf(1),
      work: { request: '{"request":2}', input: '["input 2"]' },
      response: '{"first":2}',
    } satisfies Job)
    const row = await store.forAccount(BOB).find(idOf(2))
    assert.deepEqual([row?.status, row?.attempt], ['in_progress', 1])
  })

  onStore('claim() takes nothing but background responses that wait', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    for (const number of [2, 3, 4]) await responses.insert(backgroundRow(number), 'boot')
    await responses.finish(idOf(2), 0, endingOf(2))
    await responses.remove(idOf(3))
    assert.deepEqual(await idsOf(claim(store)), [idOf(4)])
    assert.deepEqual(await idsOf(claim(store)), [], 'its lease holds')
  })

  onStore('claim() takes the oldest first, those of one second in the order they came', async (store) => {
    const responses = store.forAccount(ALICE)
    for (const [number, createdAt] of [
      [9, 30],
      [4, 20],
      [8, 10],
      [2, 20],
      [6, 20],
    ] as const) {
      await responses.insert(backgroundRow(number, { createdAt }), 'boot')
    }
    assert.deepEqual(await idsOf(claim(store, { limit: 3 })), [8, 4, 2].map(idOf))
    assert.deepEqual(await idsOf(claim(store, { limit: 3 })), [6, 9].map(idOf))
  })

  onStore('claim() gives an older job back before a younger one that never ran', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(backgroundRow(1), 'boot')
    await claim(store, { lease_ms: OVER_MS })
    await responses.insert(backgroundRow(2), 'boot')
    assert.deepEqual(await idsOf(claim(store)), [idOf(1), idOf(2)])
  })

  onStore('of many workers that claim at once each job goes to one', async (store) => {
    const responses = store.forAccount(ALICE)
    const numbers = Array.from({ length: 100 }, (_, index) => index)
    await Promise.all(numbers.map((number) => responses.insert(backgroundRow(number), 'boot')))
    const claims = numbers.map((number) => claim(store, { owner: `worker ${number}`, limit: 3 }))
    const jobs = (await Promise.all(claims)).flat()
    assert.equal(jobs.length, 100)
    assert.equal(new Set(jobs.map(({ id }) => id)).size, 100)
    assert.ok(jobs.every(({ attempt }) => attempt === 1))
  })

  onStore('countQueued() counts jobs that wait for their first worker', async (store) => {
    const responses = store.forAccount(ALICE)
    assert.equal(await store.jobs.countQueued(), 0)
    await responses.insert(foregroundRow(1), 'boot')
    for (const number of [2, 3, 4]) await responses.insert(backgroundRow(number), 'boot')
    await store.forAccount(BOB).insert(backgroundRow(5), 'boot')
    assert.equal(await store.jobs.countQueued(), 4)
    await responses.remove(idOf(4))
    await claim(store, { limit: 1, lease_ms: OVER_MS })
    assert.equal(await store.jobs.countQueued(), 2)
  })
}

function exerciseLeases(onStore: OnStore): void {
  onStore('a job whose lease is over is claimed again, and its first worker is fenced off', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(backgroundRow(1), 'boot')
    await claim(store, { owner: 'first', lease_ms: OVER_MS })
    const [again] = await claim(store, { owner: 'second' })
    assert.equal(again?.attempt, 2)
    assert.deepEqual(await beat(store, 'first', [1]), [])
    assert.equal(await responses.finish(idOf(1), 1, endingOf(1)), false)
    assert.equal(await responses.finish(idOf(1), 2, endingOf(2)), true)
    assert.equal((await responses.find(idOf(1)))?.response, '{"final":2}')
  })

  onStore('heartbeat() keeps a job, also one whose lease has just ended', async (store) => {
    await store.forAccount(ALICE).insert(backgroundRow(1), 'boot')
    await claim(store, { lease_ms: OVER_MS })
    assert.deepEqual(await beat(store, 'worker', [1]), [idOf(1)])
    assert.deepEqual(await idsOf(claim(store, { owner: 'other' })), [])
  })

  onStore('heartbeat() can also end a lease', async (store) => {
    await store.forAccount(ALICE).insert(backgroundRow(1), 'boot')
    await claim(store)
    await store.jobs.heartbeat({ owner: 'worker', lease_ms: OVER_MS, ids: [idOf(1)] })
    assert.deepEqual(await idsOf(claim(store, { owner: 'other' })), [idOf(1)])
  })

  onStore('heartbeat() tells which jobs are still held', async (store) => {
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2, 3, 4]) await responses.insert(backgroundRow(number), 'worker')
    await claim(store, { limit: 3 })
    await responses.finish(idOf(1), 1, endingOf(1))
    await responses.remove(idOf(2))
    assert.deepEqual(await beat(store, 'worker', [1, 2, 3, 4, 5]), [idOf(3)], 'ended, deleted, held, waiting, unknown')
    assert.deepEqual(await beat(store, 'other', [3]), [])
    assert.deepEqual(await beat(store, 'worker', []), [])
  })
}

function exerciseTakeOver(onStore: OnStore): void {
  onStore('takeOver() makes the jobs of a process that is gone claimable at once', async (store) => {
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2]) await responses.insert(backgroundRow(number), 'gone')
    await claim(store, { owner: 'gone', limit: 1 })
    assert.deepEqual(await store.jobs.takeOver('boot'), [])
    const jobs = await claim(store, { owner: 'boot' })
    assert.deepEqual(
      jobs.map(({ id, attempt }) => [id, attempt]),
      [
        [idOf(1), 2],
        [idOf(2), 1],
      ],
    )
  })

  onStore('takeOver() leaves what its own process holds', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    await responses.insert(backgroundRow(2), 'boot')
    await claim(store, { owner: 'boot' })
    assert.deepEqual(await store.jobs.takeOver('boot'), [])
    assert.deepEqual(await idsOf(claim(store, { owner: 'boot' })), [])
  })

  onStore('takeOver() hands out the foreground responses that were left, of every account', async (store) => {
    await store.forAccount(ALICE).insert(foregroundRow(1), 'gone')
    await store.forAccount(BOB).insert(foregroundRow(2), 'gone too')
    const left = await store.jobs.takeOver('boot')
    assert.deepEqual(
      [...left].sort((one, other) => (one.id < other.id ? -1 : 1)),
      [
        { account: ALICE, id: idOf(1), attempt: 0, response: '{"first":1}' },
        { account: BOB, id: idOf(2), attempt: 0, response: '{"first":2}' },
      ],
    )
  })

  onStore('takeOver() passes over what has ended or was deleted', async (store) => {
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2]) await responses.insert(foregroundRow(number), 'gone')
    await responses.finish(idOf(1), 0, endingOf(1))
    await responses.remove(idOf(2))
    assert.deepEqual(await store.jobs.takeOver('boot'), [])
  })
}

function claim(
  store: Store,
  { owner = 'worker', lease_ms = LEASE_MS, limit = 10 }: { owner?: string; lease_ms?: number; limit?: number } = {},
): Promise<readonly Job[]> {
  return store.jobs.claim({ owner, lease_ms, limit })
}

async function idsOf(claimed: Promise<readonly Job[]>): Promise<readonly string[]> {
  return (await claimed).map(({ id }) => id)
}

function beat(store: Store, owner: string, numbers: readonly number[]): Promise<readonly string[]> {
  return store.jobs.heartbeat({ owner, lease_ms: LEASE_MS, ids: numbers.map(idOf) })
}
