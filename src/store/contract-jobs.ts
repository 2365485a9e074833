import assert from 'node:assert/strict'
import { accepted } from '../core/lifecycle.ts'
import type { Claim, HeldJob, Job, Store } from './store.ts'
import type { OnStore } from './testing/on-store.ts'
import { ALICE, backgroundRow, BOB, change, end, endingOf, foregroundRow, idOf, remove } from './testing/rows.ts'

const LEASE_MS = 3_600_000

/** A lease that is over at once: time need not pass in a test. */
const OVER_MS = 0

/** What every store must do as a queue. */
export function exerciseJobs(onStore: OnStore): void {
  exerciseClaims(onStore)
  exerciseLeases(onStore)
  exerciseWishes(onStore)
  exerciseRegister(onStore)
}

function exerciseClaims(onStore: OnStore): void {
  onStore('claim() gives all that a worker needs, and raises the attempt', async (store) => {
    await store.forAccount(BOB).insert(backgroundRow(2, { previousId: idOf(1) }), 'boot')
    const [job] = await claim(store)
    const leaseUntil_ms = job?.lifecycle.leaseUntil_ms ?? 0
    assert.ok(leaseUntil_ms >= LEASE_MS)
    assert.deepEqual(job, {
      account: BOB,
      id: idOf(2),
      lifecycle: {
        ...accepted(true, 'worker'),
        status: 'in_progress',
        version: 1,
        attempt: 1,
        leaseUntil_ms,
      },
      previousId: idOf(1),
      work: { request: '{"request":2}', input: '["input 2"]' },
      response: '{"first":2}',
      calls: '[]',
      isFollowed: false,
    } satisfies Job)
    assert.deepEqual((await store.forAccount(BOB).find(idOf(2)))?.lifecycle, job?.lifecycle)
  })

  onStore('claim() takes nothing but background responses that wait', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    for (const number of [2, 3, 4]) await responses.insert(backgroundRow(number), 'boot')
    await change(responses, idOf(2), { type: 'close', status: 'cancelled' }, endingOf(2))
    await remove(responses, idOf(3))
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

  onStore('claim() leaves alone what its owner has in hand, also where its lease has run out', async (store) => {
    for (const number of [1, 2]) await store.forAccount(ALICE).insert(backgroundRow(number), 'boot')
    await claim(store, { lease_ms: OVER_MS })
    assert.deepEqual(await idsOf(claim(store, { lease_ms: OVER_MS, inHand: [idOf(1), idOf(3)] })), [idOf(2)])
    assert.deepEqual(await idsOf(claim(store, { owner: 'other' })), [1, 2].map(idOf))
  })

  onStore('claim() that takes nothing over takes what waits and what was given back', async (store) => {
    for (const number of [1, 2, 3]) await store.forAccount(ALICE).insert(backgroundRow(number), 'boot')
    await claim(store, { lease_ms: OVER_MS, limit: 1 })
    await claim(store, { limit: 1, inHand: [idOf(1)] })
    await change(store.forAccount(ALICE), idOf(2), { type: 'release', attempt: 1 })
    assert.deepEqual(await idsOf(claim(store, { takesOver: false })), [2, 3].map(idOf))
    assert.deepEqual(await idsOf(claim(store)), [idOf(1)])
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
    assert.ok(jobs.every(({ lifecycle }) => lifecycle.attempt === 1))
  })

  onStore('countQueued() counts jobs that wait for their first worker', async (store) => {
    const responses = store.forAccount(ALICE)
    assert.equal(await store.jobs.countQueued(), 0)
    await responses.insert(foregroundRow(1), 'boot')
    for (const number of [2, 3, 4]) await responses.insert(backgroundRow(number), 'boot')
    await store.forAccount(BOB).insert(backgroundRow(5), 'boot')
    assert.equal(await store.jobs.countQueued(), 4)
    await remove(responses, idOf(4))
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
    assert.deepEqual([again?.lifecycle.attempt, again?.lifecycle.crashes], [2, 1])
    assert.deepEqual(await beat(store, 'first', [1]), [])
    assert.equal(await end(responses, idOf(1), { attempt: 1, ending: endingOf(1) }), false)
    assert.equal(await end(responses, idOf(1), { attempt: 2, ending: endingOf(2) }), true)
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

  onStore('R-14: heartbeat() tells which jobs are still held', async (store) => {
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2, 3, 4]) await responses.insert(backgroundRow(number), 'worker')
    await claim(store, { limit: 3 })
    await end(responses, idOf(1), { attempt: 1, ending: endingOf(1) })
    await remove(responses, idOf(2))
    assert.deepEqual(await beat(store, 'worker', [1, 2, 3, 4, 5]), [idOf(3)], 'ended, deleted, held, waiting, unknown')
    assert.deepEqual(await beat(store, 'other', [3]), [])
    assert.deepEqual(await beat(store, 'worker', []), [])
  })
}

function exerciseWishes(onStore: OnStore): void {
  onStore('a job that was given back is claimed at once, and counts as no crash', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(backgroundRow(1), 'boot')
    await claim(store, { owner: 'first' })
    assert.equal(await change(responses, idOf(1), { type: 'release', attempt: 1 }), true)
    assert.deepEqual(await beat(store, 'first', [1]), [])
    const [again] = await claim(store, { owner: 'second' })
    assert.deepEqual([again?.lifecycle.attempt, again?.lifecycle.crashes], [2, 0])
  })

  onStore('what others ask of a job is told to its worker with the next heartbeat', async (store) => {
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2, 3]) await responses.insert(backgroundRow(number), 'boot')
    await claim(store)
    await responses.ask(idOf(1), 'cancel')
    await responses.ask(idOf(2), 'follow')
    await store.forAccount(BOB).ask(idOf(3), 'cancel')
    assert.deepEqual(await heartbeat(store, 'worker', [1, 2, 3]), [
      { id: idOf(1), isCancelWanted: true, isFollowed: false },
      { id: idOf(2), isCancelWanted: false, isFollowed: true },
      { id: idOf(3), isCancelWanted: false, isFollowed: false },
    ])
  })

  onStore('what was asked of a job that waits is told to whoever claims it', async (store) => {
    await store.forAccount(ALICE).insert(backgroundRow(1), 'boot')
    await store.forAccount(ALICE).ask(idOf(1), 'follow')
    assert.deepEqual(
      (await claim(store)).map(({ isFollowed }) => isFollowed),
      [true],
    )
  })

  onStore('recordCalls() is for the holder alone, and what it has written goes with the job', async (store) => {
    const responses = store.forAccount(ALICE)
    await responses.insert(backgroundRow(1), 'boot')
    assert.equal(await responses.recordCalls(idOf(1), 0, '["early"]'), false, 'nobody holds it')
    await claim(store, { lease_ms: OVER_MS })
    assert.equal(await responses.recordCalls(idOf(1), 1, '["first"]'), true)
    const [again] = await claim(store)
    assert.equal(again?.calls, '["first"]')
    assert.equal(await responses.recordCalls(idOf(1), 1, '["late"]'), false)
    assert.equal(await store.forAccount(BOB).recordCalls(idOf(1), 2, '["foreign"]'), false)
  })
}

function exerciseRegister(onStore: OnStore): void {
  onStore('register() makes what an earlier process of that name has left claimable at once', async (store) => {
    await register(store, 'gone')
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2]) await responses.insert(backgroundRow(number), 'gone')
    await claim(store, { owner: 'gone', limit: 1 })
    await register(store, 'boot')
    const jobs = await claim(store, { owner: 'boot' })
    assert.deepEqual(
      jobs.map(({ id, lifecycle }) => [id, lifecycle.attempt, lifecycle.crashes]),
      [
        [idOf(1), 2, 1],
        [idOf(2), 1, 0],
      ],
    )
  })

  onStore('register() leaves what its own process holds', async (store) => {
    const responses = store.forAccount(ALICE)
    await register(store, 'boot')
    await responses.insert(foregroundRow(1), 'boot')
    await responses.insert(backgroundRow(2), 'boot')
    await claim(store, { owner: 'boot' })
    assert.deepEqual(await store.jobs.orphans(10), [])
    assert.deepEqual(await idsOf(claim(store, { owner: 'boot' })), [])
  })

  onStore('orphans() are the foreground responses of processes that are gone, of every account', async (store) => {
    await store.forAccount(ALICE).insert(foregroundRow(1), 'gone')
    await store.forAccount(BOB).insert(foregroundRow(2), 'gone too')
    await register(store, 'boot')
    const left = await store.jobs.orphans(10)
    assert.deepEqual(
      [...left].sort((one, other) => (one.id < other.id ? -1 : 1)),
      [
        { account: ALICE, id: idOf(1), lifecycle: accepted(false, 'gone'), response: '{"first":1}', calls: '[]' },
        { account: BOB, id: idOf(2), lifecycle: accepted(false, 'gone too'), response: '{"first":2}', calls: '[]' },
      ],
    )
    assert.equal((await store.jobs.orphans(1)).length, 1)
  })

  onStore('orphans() are none that have ended or were deleted', async (store) => {
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2]) await responses.insert(foregroundRow(number), 'gone')
    await end(responses, idOf(1), { ending: endingOf(1) })
    await remove(responses, idOf(2))
    await register(store, 'boot')
    assert.deepEqual(await store.jobs.orphans(10), [])
  })
}

function register(store: Store, owner: string): Promise<void> {
  return store.jobs.register({ owner, instance: 'here:4000', lease_ms: LEASE_MS })
}

function claim(
  store: Store,
  { owner = 'worker', lease_ms = LEASE_MS, limit = 10, ...rest }: Partial<Claim> = {},
): Promise<readonly Job[]> {
  return store.jobs.claim({ owner, lease_ms, limit, ...rest })
}

async function idsOf(claimed: Promise<readonly Job[]>): Promise<readonly string[]> {
  return (await claimed).map(({ id }) => id)
}

function heartbeat(store: Store, owner: string, numbers: readonly number[]): Promise<readonly HeldJob[]> {
  return store.jobs.heartbeat({ owner, lease_ms: LEASE_MS, ids: numbers.map(idOf) })
}

async function beat(store: Store, owner: string, numbers: readonly number[]): Promise<readonly string[]> {
  return (await heartbeat(store, owner, numbers)).map(({ id }) => id)
}
