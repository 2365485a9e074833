import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { arbitraryEnding, arbitraryOutput } from '../core/testing/arbitrary-run.ts'
import { playRun, STOPPED } from '../core/testing/play-run.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { beginStream, delta, frames, turns } from './testing/event-stream.ts'

const DONE = 'data: [DONE]\n\n'

const { events: played } = playRun([{ type: 'text', text: 'Hi' }], STOPPED)

/** The one event of a whole run that has this type. */
function eventOf(type: ResponseEvent['type']): ResponseEvent {
  const event = played.find((one) => one.type === type)
  assert.ok(event !== undefined)
  return event
}

const COMPLETED = eventOf('response.completed')
const [a, b, c] = [delta('a'), delta('b'), delta('c')]

test('while the pace holds, the deltas of several batches go out in one write at the tick', async (t) => {
  const { response, source, pace } = beginStream(t)
  pace.hold(true)
  source.say([a])
  await turns()
  source.say([b, c])
  await turns()
  assert.deepEqual(response.writes, [])
  pace.flush()
  assert.deepEqual(response.writes, [frames(a, b, c)])
  response.read()
  source.say([a])
  await turns()
  assert.equal(response.writes.length, 1, 'the next ones are held again')
  pace.flush()
  assert.deepEqual(response.writes, [frames(a, b, c), frames(a)])
})

test('where the pace does not hold, every batch goes out at once', async (t) => {
  const { response, source, pace } = beginStream(t)
  for (const [index, event] of [a, b, c].entries()) {
    source.say([event])
    await turns()
    assert.equal(response.writes.length, index + 1)
    response.read()
  }
  pace.flush()
  assert.deepEqual(response.writes, [frames(a), frames(b), frames(c)])
})

for (const type of [
  'response.created',
  'response.output_item.added',
  'response.content_part.added',
  'response.output_text.done',
  'response.output_item.done',
] as const) {
  test(`${type} goes out at once, together with what was held before it`, async (t) => {
    const { response, source, pace } = beginStream(t)
    const other = eventOf(type)
    pace.hold(true)
    source.say([a])
    await turns()
    source.say([b, other])
    await turns()
    assert.deepEqual(response.writes, [frames(a, b, other)])
    response.read()
    source.say([c])
    await turns()
    source.say([other])
    await turns()
    assert.deepEqual(response.writes.slice(1), [frames(c, other)])
  })
}

for (const isHeld of [true, false]) {
  test(`the end goes out with the last batch ${isHeld ? 'and all that is held ' : ''}in one write`, async (t) => {
    const { response, source, pace, sent } = beginStream(t)
    pace.hold(isHeld)
    source.say([a])
    await turns()
    response.read()
    source.say([b, COMPLETED])
    source.end()
    await turns()
    response.read()
    await sent
    response.read()
    const last = `${frames(b, COMPLETED)}${DONE}`
    assert.deepEqual(response.writes, isHeld ? [frames(a) + last] : [frames(a), last])
    pace.flush()
    await turns()
    assert.equal(response.writableFinished, true)
  })
}

test('no more than 16 KiB are held', async (t) => {
  const { response, source, pace } = beginStream(t)
  pace.hold(true)
  const long = delta('x'.repeat(10_000))
  source.say([long])
  await turns()
  assert.deepEqual(response.writes, [])
  source.say([long])
  await turns()
  assert.deepEqual(response.writes, [frames(long, long)])
})

test('what is held is written when the flow fails, and no end after it', async (t) => {
  const { response, source, pace, sent, text, count } = beginStream(t)
  const settling = Promise.allSettled([sent])
  pace.hold(true)
  source.say([a])
  await turns()
  const error = new Error('broken')
  source.fail(error)
  await turns()
  assert.deepEqual(response.writes, [frames(a)])
  response.read()
  const [settlement] = await settling
  assert.deepEqual(settlement, { status: 'rejected', reason: error })
  pace.flush()
  assert.deepEqual([text(), response.writableEnded, count()], [frames(a), false, 0])
})

test('a client that does not read what was held when the flow fails is hung up on', async (t) => {
  const { response, source, pace, sent, tick, count } = beginStream(t)
  const settling = Promise.allSettled([sent])
  pace.hold(true)
  source.say([a])
  await turns()
  const error = new Error('broken')
  source.fail(error)
  await turns()
  tick(29_999)
  assert.equal(response.destroyed, false)
  tick(1)
  assert.deepEqual(await settling, [{ status: 'rejected', reason: error }])
  assert.deepEqual([response.destroyed, count()], [true, 0])
})

test('what is held for a client that has gone away is dropped', async (t) => {
  const { response, source, pace, sent, text } = beginStream(t)
  pace.hold(true)
  source.say([a])
  await turns()
  response.destroy()
  const writes = [t.mock.method(response, 'write'), t.mock.method(response, 'end')]
  await sent
  pace.flush()
  assert.deepEqual([text(), ...writes.map(({ mock }) => mock.callCount())], ['', 0, 0])
})

test('a client that stops reading while text is held makes the reader wait, and is hung up on', async (t) => {
  const { response, source, pace, sent, tick, count } = beginStream(t, { roomBytes: 1 })
  pace.hold(true)
  source.say([a])
  await turns()
  pace.flush()
  for (const event of [b, c, a]) source.say([event])
  await turns()
  assert.equal(source.handed(), 2, 'the second one waits for room, and nothing more is asked for')
  tick(29_999)
  await turns()
  assert.equal(response.destroyed, false)
  tick(1)
  await sent
  assert.deepEqual([response.destroyed, source.handed(), count()], [true, 2, 0])
})

test('a client that has stopped reading what was held is hung up on where nothing more comes, too', async (t) => {
  const { response, source, pace, sent, tick, count } = beginStream(t, { roomBytes: 1 })
  pace.hold(true)
  source.say([a])
  await turns()
  pace.flush()
  tick(29_999)
  assert.equal(response.destroyed, false)
  tick(1)
  await turns()
  assert.equal(response.destroyed, true)
  await sent
  assert.equal(count(), 0)
})

test('a client that reads on in time while text is held is never hung up on, and nothing is left behind', async (t) => {
  const { response, source, pace, tick, count } = beginStream(t, { roomBytes: 1 })
  pace.hold(true)
  for (let round = 0; round < 20; round++) {
    source.say([a])
    await turns()
    pace.flush()
    source.say([b])
    await turns()
    tick(29_999)
    for (let read = 0; read < 3; read++) {
      response.read()
      await turns()
    }
  }
  assert.equal(response.destroyed, false)
  assert.equal(response.writes.join(''), frames(a, b).repeat(20))
  assert.deepEqual([response.listenerCount('drain'), response.listenerCount('close'), count()], [0, 1, 1])
})

test('however often held text was too long to wait, one tick writes what is left, and one wait follows it', async (t) => {
  const { response, source, pace } = beginStream(t, { roomBytes: 1 })
  pace.hold(true)
  const long = delta('x'.repeat(10_000))
  for (let round = 0; round < 3; round++) {
    source.say([long])
    await turns()
    source.say([long])
    await turns()
    response.read()
    await turns()
  }
  source.say([a])
  await turns()
  pace.flush()
  assert.equal(response.writes.at(-1), frames(a))
  assert.equal(response.listenerCount('drain'), 1)
})

/** What happens before the next batch comes. */
const happening = fc.constantFrom('nothing', 'a tick', 'a read', 'a busy process', 'an idle process')

test('law: held or not, a client is sent the same text, in whole events', async (t) => {
  const batch = fc.record({ length: fc.integer({ min: 1, max: 5 }), before: happening, isAtOnce: fc.boolean() })
  const plan = fc.array(batch, { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(arbitraryOutput, arbitraryEnding, plan, fc.boolean(), async (said, ending, steps, isNarrow) => {
      const { events } = playRun(said, ending)
      const { response, source, pace, sent, text } = beginStream(t, { roomBytes: isNarrow ? 500 : 1_000_000 })
      const acts = {
        nothing: () => {},
        'a tick': pace.flush,
        'a read': () => response.read(),
        'a busy process': () => pace.hold(true),
        'an idle process': () => pace.hold(false),
      }
      let isSent = false
      void sent.then(() => (isSent = true))
      for (let at = 0, turn = 0; at < events.length; turn++) {
        const { length = 1, before = 'nothing', isAtOnce = false } = steps[turn % steps.length] ?? {}
        acts[before]()
        source.say(events.slice(at, (at += length)))
        if (!isAtOnce) await turns()
      }
      source.end()
      while (!isSent || !response.writableFinished) {
        await turns()
        response.read()
      }
      t.mock.restoreAll()
      assert.equal(text(), frames(...events) + DONE)
      for (const write of response.writes) assert.ok(write.startsWith('event: ') || write === DONE)
      for (const write of response.writes) assert.ok(write.endsWith('\n\n'))
    }),
    { numRuns: 60 },
  )
})
