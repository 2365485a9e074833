import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createSnapshotText } from '../core/snapshot-text.ts'
import { arbitraryEnding, arbitraryOutput } from '../core/testing/arbitrary-run.ts'
import type { OutputEvent } from '../core/model-event.ts'
import { playRun, STOPPED } from '../core/testing/play-run.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { frame } from './sse.ts'
import { beginStream, delta, frames, turns } from './testing/event-stream.ts'

test('an event is its name, its data on one line, and a blank line', () => {
  const event = delta('a\nb\r\n\u2028é👋')
  const [name, data, ...rest] = frames(event).split('\n')
  assert.equal(name, 'event: response.output_text.delta')
  assert.deepEqual(JSON.parse(data?.slice('data: '.length) ?? ''), event)
  assert.deepEqual(rest, ['', ''])
})

/** Line ends to some reader, quotes, escapes, controls, and halves of a character. */
const ODD = ['\u0085', '\u2028', '\u2029', '"', '\\', '\u0000', '\u001b', '\r\n', '\u007f', '\ud83d', '\ude00', '👋']

/** The JSON of a frame. @throws {Error} It is not one name and one line. */
function dataOf(text: string, name: string): string {
  const [head, data = '', ...rest] = text.split('\n')
  assert.deepEqual([head, rest], [`event: ${name}`, ['', '']])
  assert.match(data, /^data: \{/)
  assert.doesNotMatch(data, /[\u0000-\u001f\u0085\u2028\u2029]/)
  return data.slice('data: '.length)
}

test('the data of any event is its JSON: the same values, and the same keys in the same order', () => {
  const textOf = createSnapshotText()
  const oddText = fc.string({ unit: fc.constantFrom(...ODD, 'a'), maxLength: 8 })
  fc.assert(
    fc.property(arbitraryOutput, arbitraryEnding, oddText, (said, ending, odd) => {
      const text: OutputEvent = { type: 'text', text: odd }
      const reason: OutputEvent = { type: 'reasoning', text: odd }
      const { events } = playRun([text, ...said, reason, { type: 'refusal', text: odd }, text], ending)
      for (const event of events) {
        const json = dataOf(frame(event, textOf), event.type)
        // Halves of a character go out as escapes, and come back as they were.
        assert.equal(JSON.stringify(JSON.parse(json)), JSON.stringify(event))
      }
    }),
    { numRuns: 200 },
  )
})

for (const odd of ODD) {
  test(`${JSON.stringify(odd)} comes back in a delta, in a padded one and in a snapshot, on one line`, () => {
    const { events } = playRun([{ type: 'text', text: `a${odd}b` }], STOPPED)
    const found = events.filter(({ type }) => type === 'response.output_text.delta' || type === 'response.completed')
    assert.equal(found.length, 2)
    const padded = found.map((event) => ({ ...event, obfuscation: 'xyz' }))
    for (const event of [...found, ...padded.slice(0, 1)]) {
      assert.deepEqual(JSON.parse(dataOf(frame(event, createSnapshotText()), event.type)), event)
    }
  })
}

test('a stream is headers, batches in one write each, and [DONE]', async (t) => {
  const { response, source, sent, text } = beginStream(t)
  const [a, b, c] = [delta('a'), delta('b'), delta('c')]
  source.say([a, b])
  await turns()
  response.read()
  source.say([c])
  source.end()
  await turns()
  response.read()
  await sent
  response.read()
  assert.deepEqual(response.head, {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': 'r',
    },
  })
  assert.equal(text(), `${frames(a, b, c)}data: [DONE]\n\n`)
  assert.equal(response.writes[0], frames(a, b))
  assert.equal(response.writableEnded, true)
})

test('C-17: a comment is sent after each silence, and none while events come', async (t) => {
  const { response, source, text, tick } = beginStream(t)
  tick(14_999)
  assert.equal(text(), '')
  source.say([delta('a')])
  await turns()
  response.read()
  tick(14_999)
  assert.equal(text(), frames(delta('a')))
  tick(1)
  response.read()
  tick(15_000)
  assert.equal(text(), `${frames(delta('a'))}: keepalive\n\n: keepalive\n\n`)
})

test('no comment is sent to a client that has no room, nor after the end', async (t) => {
  const { response, source, sent, text, tick } = beginStream(t, { roomBytes: 1, stall_ms: 1_000_000 })
  source.say([delta('a')])
  await turns()
  tick(60_000)
  response.read()
  source.end()
  await turns()
  response.read()
  await sent
  tick(60_000)
  assert.equal(text(), `${frames(delta('a'))}data: [DONE]\n\n`)
})

test('while the client has no room, nothing more is asked for', async (t) => {
  const { response, source, sent } = beginStream(t, { roomBytes: 1 })
  for (const text of 'abc') source.say([delta(text)])
  await turns()
  assert.deepEqual([response.writes.length, source.handed()], [1, 1])
  response.read()
  await turns()
  assert.deepEqual([response.writes.length, source.handed()], [2, 2])
  response.read()
  await turns()
  response.read()
  source.end()
  await turns()
  response.read()
  await sent
  assert.equal(response.writableEnded, true)
})

test('a client that stops reading is hung up on after the stall time, and its source is closed', async (t) => {
  const { response, source, sent, tick, count } = beginStream(t, { roomBytes: 1 })
  source.say([delta('a')])
  await turns()
  tick(29_999)
  await turns()
  assert.equal(response.destroyed, false)
  tick(1)
  await sent
  assert.deepEqual([response.destroyed, source.hasLeft(), count()], [true, true, 0])
})

test('a client that reads on in time is never hung up on', async (t) => {
  const { response, source, tick } = beginStream(t, { roomBytes: 1 })
  for (let round = 0; round < 5; round++) {
    source.say([delta('a')])
    await turns()
    tick(29_999)
    response.read()
    await turns()
  }
  assert.deepEqual([response.destroyed, response.writes.length], [false, 5])
})

for (const roomBytes of [1, 1_000_000]) {
  test(`a client that goes away ${roomBytes === 1 ? 'while it is waited for' : 'in between'} ends the stream without a word`, async (t) => {
    const { response, source, sent, text, tick } = beginStream(t, { roomBytes })
    source.say([delta('a')])
    await turns()
    response.destroy()
    await sent
    source.say([delta('b')])
    tick(60_000)
    assert.equal(text(), frames(delta('a')))
    assert.equal(source.hasLeft(), true)
  })
}

test('waiting often leaves nothing behind', async (t) => {
  const { response, source, count } = beginStream(t, { roomBytes: 1 })
  for (let round = 0; round < 20; round++) {
    source.say([delta('a')])
    await turns()
    response.read()
    await turns()
  }
  assert.equal(response.writes.length, 20)
  assert.deepEqual([response.listenerCount('drain'), response.listenerCount('close')], [0, 1])
  assert.equal(count(), 1, 'the heartbeat')
})

test('padding is added to text deltas alone, only where it is asked for, and not to the log', async (t) => {
  const text = delta('a')
  const { logprobs: _, ...place } = text
  const other: ResponseEvent = { ...place, type: 'response.refusal.delta' }
  for (const obfuscate of [false, true]) {
    const { response, source } = beginStream(t, { obfuscate })
    for (let round = 0; round < 50; round++) source.say([text, other])
    for (let round = 0; round < 60; round++) {
      await turns()
      response.read()
    }
    const events = [...response.writes.join('').matchAll(/^data: (\{.*\})$/gm)].map(
      ([, json = '']) => JSON.parse(json) as { type: string; obfuscation?: string },
    )
    assert.equal(events.length, 100)
    for (const { type, obfuscation } of events) {
      const isPadded = obfuscate && type === 'response.output_text.delta'
      assert.equal(typeof obfuscation, isPadded ? 'string' : 'undefined')
      if (isPadded) assert.match(obfuscation ?? '', /^[\w-]{2,22}$/)
    }
    const lengths = new Set(events.map(({ obfuscation }) => obfuscation?.length))
    assert.equal(lengths.size > 2, obfuscate)
    t.mock.restoreAll()
  }
  assert.ok(!('obfuscation' in text))
})
