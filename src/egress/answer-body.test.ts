import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import type { Dispatcher } from 'undici'
import { AnswerBody } from './answer-body.ts'

const KIB = 1024

/** A body and the connection it comes from, which sends what it has as soon as it is not paused. */
function connect() {
  const body = new AnswerBody()
  const coming: Uint8Array[] = []
  const seen = { isPaused: false, pauses: 0, resumes: 0, aborted: undefined as Error | undefined }
  const flow = () => {
    for (let chunk = coming.shift(); chunk !== undefined; chunk = seen.isPaused ? undefined : coming.shift()) {
      body.push(chunk)
    }
  }
  const controller = {
    get paused() {
      return seen.isPaused
    },
    pause() {
      seen.isPaused = true
      seen.pauses++
    },
    resume() {
      seen.isPaused = false
      seen.resumes++
      flow()
    },
    abort(error: Error) {
      seen.aborted ??= error
    },
  }
  body.attach(controller as unknown as Dispatcher.DispatchController) // All of it that is used.
  return {
    body,
    seen,
    /** Sends chunks: at once, or when the connection is resumed. */
    send(...chunks: readonly Uint8Array[]) {
      coming.push(...chunks)
      if (!seen.isPaused) flow()
    },
  }
}

/** A chunk that tells itself apart. */
function chunk(mark: number, bytes = 1): Uint8Array {
  return new Uint8Array(bytes).fill(mark)
}

/** Reads a body; each chunk is given the time that `time` says. */
function read(body: AnswerBody, time: (mark: number) => Promise<void> | undefined = () => undefined) {
  const marks: number[] = []
  const state = { marks, outcome: 'reading' as unknown }
  body
    .each((taken) => {
      const [mark = -1] = taken
      marks.push(mark)
      return time(mark)
    })
    .then(
      () => (state.outcome = 'ended'),
      (error: unknown) => (state.outcome = error),
    )
  return state
}

/** Time that the test gives, chunk by chunk. */
function patience() {
  const waiting: PromiseWithResolvers<void>[] = []
  return {
    time() {
      waiting.push(Promise.withResolvers())
      return waiting.at(-1)?.promise
    },
    async give() {
      waiting.shift()?.resolve()
      await settled()
    },
    async fail(error: Error) {
      waiting.shift()?.reject(error)
      await settled()
    },
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('a chunk is taken in the very turn in which it comes, by a reader that has time', async () => {
  const { body, send } = connect()
  const reading = read(body)
  for (const mark of [1, 2, 3]) {
    send(chunk(mark))
    assert.equal(reading.marks.at(-1), mark)
  }
  body.end()
  await settled()
  assert.deepEqual([reading.marks, reading.outcome], [[1, 2, 3], 'ended'])
})

test('what came before its reader is given at once, with the end', async () => {
  const { body, send } = connect()
  send(chunk(1), chunk(2))
  body.end()
  const reading = read(body)
  assert.deepEqual(reading.marks, [1, 2])
  await settled()
  assert.equal(reading.outcome, 'ended')
})

test('a reader that asks for time is given the rest after it, in order, and then the end', async () => {
  const { body, send } = connect()
  const { time, give } = patience()
  const reading = read(body, (mark) => (mark % 2 === 1 ? time() : undefined))
  send(chunk(1), chunk(2), chunk(3))
  send(chunk(4))
  body.end()
  assert.deepEqual(reading.marks, [1])
  await give()
  assert.deepEqual([reading.marks, reading.outcome], [[1, 2, 3], 'reading'])
  await give()
  assert.deepEqual([reading.marks, reading.outcome], [[1, 2, 3, 4], 'ended'])
})

const halves = [
  { sizes: [16, 16, 16, 16, 1 / KIB], resumedAfter: 3, why: 'after two, 32 KiB and a byte wait' },
  { sizes: [16 + 1 / KIB, 16, 16, 16], resumedAfter: 2, why: 'after two, 32 KiB wait' },
]
for (const { sizes, resumedAfter, why } of halves) {
  test(`the connection is paused when more than 64 KiB wait, and resumed at half of it: ${why}`, async () => {
    const { body, send, seen } = connect()
    const { time, give } = patience()
    read(body, time)
    send(chunk(0))
    for (const size of sizes) {
      assert.equal(seen.pauses, 0)
      send(chunk(1, size * KIB))
    }
    assert.equal(seen.pauses, 1, '64 KiB and a byte wait')
    for (let taken = 1; taken <= resumedAfter; taken++) {
      assert.equal(seen.resumes, 0)
      await give()
    }
    assert.deepEqual([seen.pauses, seen.resumes], [1, 1])
  })
}

test('what a resumed connection sends amid the call that resumes it comes after what waits', async () => {
  const { body, send, seen } = connect()
  const { time, give } = patience()
  const reading = read(body, (mark) => (mark < 2 ? time() : undefined))
  send(...[0, 1, 2, 3, 4, 5, 6, 7].map((mark) => chunk(mark, 40 * KIB)))
  assert.equal(seen.isPaused, true)
  await give()
  assert.equal(seen.isPaused, true)
  await give()
  assert.deepEqual([reading.marks, seen.isPaused], [[0, 1, 2, 3, 4, 5, 6, 7], false])
})

test('a connection that is paused before anybody reads is resumed by the first reader', () => {
  const { body, send, seen } = connect()
  send(chunk(1, 65 * KIB), chunk(2, 65 * KIB))
  assert.equal(seen.isPaused, true)
  assert.deepEqual([read(body).marks, seen.isPaused], [[1, 2], false])
})

test('an error comes after the chunks that came before it, and the first ending counts', async () => {
  const { body, send } = connect()
  const { time, give } = patience()
  const reading = read(body, (mark) => (mark === 1 ? time() : undefined))
  const error = new Error('broken')
  send(chunk(1), chunk(2))
  body.fail(error)
  body.fail(new Error('another'))
  body.end()
  await settled()
  assert.deepEqual([reading.marks, reading.outcome], [[1], 'reading'])
  await give()
  assert.deepEqual([reading.marks, reading.outcome], [[1, 2], error])
})

for (const how of ['throws', 'rejects', 'rejects after the end'] as const) {
  test(`a reader that ${how} is handed nothing more, and its body is left`, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { body, send, seen } = connect()
    const { time, fail } = patience()
    const error = new Error('mine')
    const reading = read(body, () => {
      if (how === 'throws') throw error
      return time()
    })
    send(chunk(1), chunk(2))
    if (how === 'rejects after the end') body.end()
    await fail(error)
    send(chunk(3))
    await settled()
    assert.deepEqual([reading.marks, reading.outcome], [[1], error])
    t.mock.timers.tick(1000)
    assert.equal(seen.aborted !== undefined, how !== 'rejects after the end')
  })
}

/** A body that is left, and what comes afterwards. */
function leaving(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const context = connect()
  return { ...context, later: (ms: number) => t.mock.timers.tick(ms) }
}

test('a body that is left before it is read gives nothing, and the reading is over', async (t) => {
  const { body, send } = leaving(t)
  send(chunk(1))
  body.leave()
  const reading = read(body)
  send(chunk(2))
  body.end()
  await settled()
  assert.deepEqual([reading.marks, reading.outcome], [[], 'ended'])
})

test('a reader that leaves amid its own chunk, or while it has time, is handed nothing more', async (t) => {
  const { body, send } = leaving(t)
  send(chunk(1), chunk(2))
  const quick = read(body, () => {
    body.leave()
    return undefined
  })
  const other = connect()
  const { time, give } = patience()
  const slow = read(other.body, time)
  other.send(chunk(1), chunk(2))
  other.body.leave()
  await settled()
  assert.equal(slow.outcome, 'ended', 'its time is not waited for')
  await give()
  for (const left of [{ body, send }, other]) {
    left.send(chunk(3))
    left.body.fail(new Error('aborted'))
  }
  await settled()
  assert.deepEqual([quick.marks, quick.outcome], [[1], 'ended'])
  assert.deepEqual([slow.marks, slow.outcome], [[1], 'ended'])
})

test('a body that is left after its end is left alone', async (t) => {
  const { body, send, seen, later } = leaving(t)
  const reading = read(body)
  send(chunk(1))
  body.end()
  body.leave()
  later(10_000)
  await settled()
  assert.deepEqual([reading.outcome, seen.aborted], ['ended', undefined])
})

test('a connection that is left may end within a second and 64 KiB, and is cut beyond', (t) => {
  const ends = leaving(t)
  for (let time = 0; time < 2; time++) ends.body.leave()
  ends.send(chunk(1, 64 * KIB))
  ends.later(999)
  ends.body.end()
  ends.later(10_000)
  assert.equal(ends.seen.aborted, undefined)
  const late = connect()
  late.body.leave()
  ends.later(999)
  assert.equal(late.seen.aborted, undefined)
  ends.later(1)
  assert.match(String(late.seen.aborted), /The reader left/)
  const long = connect()
  long.body.leave()
  long.send(chunk(1, 64 * KIB), chunk(2))
  assert.match(String(long.seen.aborted), /The reader left/)
  const paused = connect()
  paused.send(chunk(1, 65 * KIB))
  paused.body.leave()
  assert.match(String(paused.seen.aborted), /The reader left/)
})

/** How one chunk comes to be read: its length, whether its reader asks for time, and how much of it is given by then. */
const step = fc.record({
  bytes: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 90 * KIB })),
  isSlow: fc.boolean(),
  given: fc.nat(3),
})

test('however chunks come and their reader dawdles, it is handed all bytes in order, one chunk at a time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(30), async (steps, readFrom) => {
      const { body, send } = connect()
      const { time, give } = patience()
      const taken: Uint8Array[] = []
      const busy = { now: 0, most: 0 }
      const take = (next: Uint8Array) => {
        taken.push(next)
        busy.most = Math.max(busy.most, ++busy.now)
        if (steps[taken.length - 1]?.isSlow !== true) return void busy.now--
        return time()?.then(() => void busy.now--)
      }
      let reading: Promise<void> | undefined
      for (const [index, { bytes, given }] of steps.entries()) {
        if (index === readFrom) reading = body.each(take)
        send(chunk(index, bytes))
        for (let gift = 0; gift < given; gift++) await give()
      }
      reading ??= body.each(take)
      while (taken.length < steps.length) await give()
      body.end()
      await give()
      await reading
      assert.deepEqual(Buffer.concat(taken), Buffer.concat(steps.map(({ bytes }, index) => chunk(index, bytes))))
      assert.ok(busy.most <= 1)
    }),
    { numRuns: 300 },
  )
})
