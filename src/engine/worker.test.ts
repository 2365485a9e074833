import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreUnavailable } from '../store/store.ts'
import { backgroundRow, idOf, remove } from '../store/testing/rows.ts'
import { fakeClock, settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { recordingLogger } from './testing/fakes.ts'
import { ALICE, BACKGROUND } from './testing/test-engine.ts'
import { NO_CHECKPOINT } from '../core/checkpoint.ts'
import type { Run } from './run.ts'
import { startWorker, type WorkerParts } from './worker.ts'

/** A worker whose runs last until the test ends them. */
function fresh(limits: Partial<WorkerParts['limits']> = {}) {
  const clock = fakeClock()
  const store = faultyStore(openMemoryStore(clock.now))
  const logger = recordingLogger()
  const started: { id: string; attempt: number; input: unknown; end: () => void; isAbandoned: boolean }[] = []
  const failed: { id: string; error: unknown }[] = []
  const released: string[] = []
  const parts: WorkerParts = {
    jobs: store.jobs,
    owner: 'boot',
    limits: { ...BACKGROUND, ...limits },
    clock,
    logger,
    start: async (job, request) => {
      const { promise: ended, resolve } = Promise.withResolvers<void>()
      const entry = {
        id: job.id,
        attempt: job.lifecycle.attempt,
        input: request.input,
        end: resolve,
        isAbandoned: false,
      }
      started.push(entry)
      const lose = () => {
        entry.isAbandoned = true // It may take its time to end.
      }
      return { id: job.id, ended, abandon: lose, lose } as unknown as Run // The worker uses no more of it.
    },
    fail: async (job, error) => void failed.push({ id: job.id, error }),
    checkpoint: NO_CHECKPOINT,
    release: async ({ id }) => void released.push(id),
  }
  return { clock, store, logger, started, failed, released, parts, insert: insertInto(store) }
}

function insertInto(store: ReturnType<typeof faultyStore>) {
  return async (...numbers: number[]) => {
    for (const number of numbers) {
      const changes = { request: '{"model":"m"}', input: `["${number}"]` }
      await store.forAccount(ALICE).insert(backgroundRow(number, changes), 'boot')
    }
  }
}

test('a worker runs what waits at its start, oldest first, with its request put together again', async () => {
  const { parts, started, insert } = fresh()
  await insert(2, 1)
  startWorker(parts)
  await settled()
  assert.deepEqual(
    started.map(({ id, attempt, input }) => [id, attempt, input]),
    [
      [idOf(1), 1, ['1']],
      [idOf(2), 1, ['2']],
    ],
  )
})

test('no more jobs run at once than allowed, and the next one begins when one ends', async () => {
  const { parts, started, insert } = fresh({ concurrency: 2 })
  await insert(1, 2, 3, 4)
  startWorker(parts)
  await settled()
  assert.equal(started.length, 2)
  started[1]?.end()
  await settled()
  assert.deepEqual(
    started.map(({ id }) => id),
    [1, 2, 3].map(idOf),
  )
})

test('wake() runs what has come without waiting for the sweep; the sweep finds it without being woken', async () => {
  const { parts, started, insert, clock } = fresh()
  const worker = startWorker(parts)
  await settled()
  await insert(1)
  await settled()
  assert.equal(started.length, 0)
  worker.wake()
  await settled()
  assert.equal(started.length, 1)
  await insert(2)
  await clock.pass(BACKGROUND.sweep_ms)
  assert.equal(started.length, 2)
})

test('a wake at any moment of a claim is not missed', async () => {
  for (let turns = 0; turns < 30; turns++) {
    const { parts, started, insert, store } = fresh()
    const claimed = Promise.withResolvers<void>()
    const worker = startWorker(parts)
    await settled()
    store.before('claim', () => claimed.promise)
    worker.wake()
    await settled()
    claimed.resolve()
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    await insert(1)
    worker.wake()
    await settled()
    assert.equal(started.length, 1, `woken after ${turns} turns`)
  }
})

test('a worker that stops claims nothing more and keeps the leases of what runs', async () => {
  const { parts, started, insert, clock, store } = fresh()
  await insert(1)
  const worker = startWorker(parts)
  await settled()
  worker.stop()
  await insert(2)
  worker.wake()
  await clock.pass(BACKGROUND.lease_ms * 4)
  assert.equal(started.length, 1)
  assert.deepEqual(
    (await store.jobs.claim({ owner: 'other', lease_ms: 1, limit: 9 })).map(({ id }) => id),
    [idOf(2)],
  )
  started[0]?.end()
  await worker.settled()
  worker.close()
  await settled()
  assert.deepEqual(clock.sleepers(), [], 'nothing keeps the process awake')
})

test('a worker that stops while it claims gives back what it gets, and leaves nothing behind', async () => {
  const { parts, started, released, insert, clock, store } = fresh()
  await insert(1)
  const claimed = Promise.withResolvers<void>()
  store.before('claim', () => claimed.promise)
  const worker = startWorker(parts)
  worker.stop()
  claimed.resolve()
  await worker.settled()
  worker.close()
  await settled()
  assert.equal(started.length, 0)
  assert.deepEqual(released, [idOf(1)])
  assert.deepEqual(clock.sleepers(), [])
})

test('T-05: a run whose lease was lost is abandoned, the others go on', async () => {
  const { parts, started, insert, clock, store } = fresh()
  await insert(1, 2)
  startWorker(parts)
  await settled()
  await remove(store.forAccount(ALICE), idOf(1))
  await clock.pass(BACKGROUND.heartbeat_ms)
  assert.deepEqual(
    started.map(({ isAbandoned }) => isAbandoned),
    [true, false],
  )
})

test('T-06: after a pause of the whole process it goes on with its jobs, and begins none again', async () => {
  const { parts, started, insert, clock } = fresh({ concurrency: 4 })
  await insert(1, 2)
  const prepared = Promise.withResolvers<void>()
  const { start } = parts
  // The second is claimed, and has not begun.
  const slow: WorkerParts['start'] = async (job, request) => {
    if (job.id === idOf(2)) await prepared.promise
    return start(job, request)
  }
  startWorker({ ...parts, start: slow })
  await settled()
  await clock.jump(BACKGROUND.lease_ms * 10)
  prepared.resolve()
  await settled()
  assert.deepEqual(
    started.map(({ id, attempt, isAbandoned }) => [id, attempt, isAbandoned]),
    [
      [idOf(1), 1, false],
      [idOf(2), 1, false],
    ],
  )
})

test('a job whose lease runs out while the storage is away goes on, and is not begun again', async () => {
  const { parts, started, insert, clock, store } = fresh()
  await insert(1)
  startWorker(parts)
  await settled()
  store.breakDown('heartbeat', new StoreUnavailable('full'))
  await clock.pass(BACKGROUND.lease_ms * 2)
  store.heal()
  await clock.pass(BACKGROUND.lease_ms * 3)
  assert.deepEqual(
    started.map(({ attempt, isAbandoned }) => [attempt, isAbandoned]),
    [[1, false]],
  )
  started[0]?.end()
})

test('a job that was taken by another worker meanwhile is abandoned', async () => {
  const { parts, started, insert, clock, store } = fresh()
  await insert(1)
  startWorker(parts)
  await settled()
  store.breakDown('heartbeat', new StoreUnavailable('full'))
  await clock.pass(BACKGROUND.lease_ms)
  await store.jobs.claim({ owner: 'other', lease_ms: BACKGROUND.lease_ms, limit: 1 })
  store.heal()
  await clock.pass(BACKGROUND.heartbeat_ms)
  assert.deepEqual(
    started.map(({ attempt, isAbandoned }) => [attempt, isAbandoned]),
    [[1, true]],
  )
})

test('a store that is down for a while costs the worker only time', async () => {
  const { parts, started, insert, clock, store, logger } = fresh()
  await insert(1)
  store.breakDown('claim', new StoreUnavailable('full'))
  startWorker(parts)
  await clock.pass(BACKGROUND.sweep_ms * 3)
  assert.equal(started.length, 0)
  assert.equal(logger.lines.filter(({ message }) => message === 'jobs could not be claimed').length, 4)
  store.heal()
  await clock.pass(BACKGROUND.sweep_ms)
  assert.equal(started.length, 1)
})

test('a job that cannot be started is failed, and the next one runs', async () => {
  const { parts, started, failed, insert } = fresh({ concurrency: 1 })
  await insert(1, 2)
  const error = new Error('no such model')
  const { start } = parts
  startWorker({ ...parts, start: (job, request) => (job.id === idOf(1) ? Promise.reject(error) : start(job, request)) })
  await settled()
  assert.deepEqual(failed, [{ id: idOf(1), error }])
  assert.deepEqual(
    started.map(({ id }) => id),
    [idOf(2)],
  )
})

test('a job that meets a storage that is down is not failed: it is claimed again', async () => {
  const { parts, failed, started, insert, clock } = fresh()
  await insert(1)
  const { start } = parts
  let tries = 0
  const flaky: WorkerParts['start'] = (job, request) =>
    tries++ === 0 ? Promise.reject(new StoreUnavailable('full')) : start(job, request)
  startWorker({ ...parts, start: flaky })
  await clock.pass(BACKGROUND.lease_ms + BACKGROUND.sweep_ms)
  assert.deepEqual(failed, [])
  assert.deepEqual(
    started.map(({ attempt }) => attempt),
    [2],
  )
})

test('a job that can neither be run nor failed does not stop the worker', async () => {
  const { parts, started, insert, logger } = fresh({ concurrency: 1 })
  await insert(1, 2)
  const { start } = parts
  startWorker({
    ...parts,
    start: (job, request) => (job.id === idOf(1) ? Promise.reject(new Error('no')) : start(job, request)),
    fail: () => Promise.reject(new StoreUnavailable('full')),
  })
  await settled()
  assert.deepEqual(
    started.map(({ id }) => id),
    [idOf(2)],
  )
  assert.ok(logger.lines.some(({ message }) => message === 'a job stays open'))
})

const lastTries = [
  { limits: { attemptsMax: 3 }, attempt: 4, code: 'attempts_exhausted', message: /\(3 times\)/ },
  { limits: { attemptsMax: 1 }, attempt: 2, code: 'attempts_exhausted', message: /\(1 times\)/ },
  { limits: { onCrash: 'fail' }, attempt: 2, code: 'server_error', message: /\(1 times\)/ },
] as const
for (const { limits, attempt, code, message } of lastTries) {
  test(`with ${JSON.stringify(limits)} attempt ${attempt} is not run but failed as ${code}, and the one before was run`, async () => {
    const { parts, started, failed, insert, store } = fresh(limits)
    await store.jobs.register({ owner: 'boot', instance: 'here', lease_ms: 15_000 })
    await insert(1)
    for (let lost = 0; lost < attempt - 2; lost++) await store.jobs.claim({ owner: 'crashed', lease_ms: 0, limit: 1 })
    startWorker(parts)
    await settled()
    assert.deepEqual(
      started.map((run) => run.attempt),
      [attempt - 1],
    )
    await store.forAccount(ALICE).recordCalls(idOf(1), attempt - 1, '[{}]')
    await store.jobs.register({ owner: 'next', instance: 'here', lease_ms: 15_000 })
    startWorker({ ...parts, owner: 'next' })
    await settled()
    assert.equal(started.length, 1)
    const [{ error } = { error: undefined }] = failed
    assert.ok(error instanceof Error && 'code' in error)
    assert.equal(error.code, code)
    assert.match(error.message, message)
  })
}
