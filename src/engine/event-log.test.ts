import assert from 'node:assert/strict'
import { test } from 'node:test'
import { initialResponse } from '../core/initial-response.ts'
import type { ResponseEvent, UnnumberedEvent } from '../protocol/event.ts'
import { mintResponseId } from '../protocol/id.ts'
import { EventLog, LogAbandoned } from './event-log.ts'
import { settled } from './testing/fake-clock.ts'
import { cutEventsOf, eventsOf } from './testing/test-engine.ts'

const id = mintResponseId('0'.repeat(48))
const response = initialResponse({ model: 'm', input: 'x' }, { id, createdAt: 1 })
const LAST: UnnumberedEvent = { type: 'response.completed', response: { ...response, status: 'completed' } }
const never = new AbortController().signal

/** Deltas that tell themselves apart. */
function deltas(...texts: string[]): UnnumberedEvent[] {
  const place = { item_id: 'i', output_index: 0, content_index: 0, logprobs: [] }
  return texts.map((delta) => ({ type: 'response.output_text.delta', ...place, delta }))
}

/** What a reader has been given, in one line; the end of the log is a full stop. */
function saidBy(events: readonly ResponseEvent[]): string {
  return events.map((event) => ('delta' in event ? event.delta : '.')).join('')
}

/** Reads in the background; `text()` is what has been read so far. */
function follow(batches: AsyncIterable<readonly ResponseEvent[]>): { text: () => string; ended: Promise<void> } {
  const events: ResponseEvent[] = []
  const read = async () => {
    for await (const batch of batches) events.push(...batch)
  }
  return { text: () => saidBy(events), ended: read() }
}

test('nothing may follow the terminal event, neither in its own append nor in a later one', () => {
  const log = new EventLog(1)
  assert.throws(() => log.append([LAST, ...deltas('a')]), /Nothing may follow the terminal event/)
  assert.throws(() => log.append(deltas('a')), /Nothing may follow the terminal event/)
  log.append([])
  assert.deepEqual(
    log.all().map(({ type }) => type),
    ['response.completed'],
  )
})

test('events are numbered from 0 without gaps, however they come', () => {
  const log = new EventLog(1)
  log.append(deltas('a', 'b'))
  log.append([])
  log.append([...deltas('c'), LAST])
  assert.deepEqual(
    log.all().map(({ sequence_number: number }) => number),
    [0, 1, 2, 3],
  )
  assert.equal(log.isEnded(), true)
})

test('read(after: N) is the rest of read(after: -1), for every N, before and after the end', async () => {
  const log = new EventLog(1)
  log.append(deltas('a', 'b', 'c'))
  const early = [-1, 0, 1, 2].map((after) => eventsOf(log.read({ after, signal: never })))
  await settled()
  log.append([...deltas('d'), LAST])
  const all = await eventsOf(log.read({ after: -1, signal: never }))
  assert.equal(saidBy(all), 'abcd.')
  for (const [index, reading] of early.entries()) assert.deepEqual(await reading, all.slice(index), `live ${index - 1}`)
  for (let after = -1; after < 7; after++) {
    assert.deepEqual(await eventsOf(log.read({ after, signal: never })), all.slice(after + 1), `late ${after}`)
  }
})

test('a reader that asks for numbers to come waits for them', async () => {
  const log = new EventLog(1)
  log.append(deltas('a'))
  const reader = follow(log.read({ after: 2, signal: never }))
  for (const text of ['b', 'c', 'd']) {
    log.append(deltas(text))
    await settled()
  }
  assert.equal(reader.text(), 'd')
  log.append([LAST])
  await reader.ended
  assert.equal(reader.text(), 'd.')
})

test('every reader is given everything once, whenever it came and however fast it is', async () => {
  const log = new EventLog(1)
  const readers = []
  for (const text of 'abcdef') {
    readers.push(follow(log.read({ after: -1, signal: never })))
    log.append(deltas(text))
    if (text === 'c') await settled()
  }
  log.append([LAST])
  await Promise.all(readers.map(({ ended }) => ended))
  assert.deepEqual(new Set(readers.map(({ text }) => text())), new Set(['abcdef.']))
})

test('what came since the last look is one batch', async () => {
  const log = new EventLog(1)
  const reader = log.read({ after: -1, signal: never })
  log.append(deltas('a'))
  log.append(deltas('b', 'c'))
  assert.equal(saidBy((await reader.next()).value ?? []), 'abc')
  log.append(deltas('d'))
  log.append([LAST])
  assert.equal(saidBy((await reader.next()).value ?? []), 'd.')
  assert.deepEqual(await reader.next(), { value: undefined, done: true })
})

test('an abort wakes a reader that waits, and ends one that would go on', async () => {
  const log = new EventLog(1)
  const waiting = new AbortController()
  const busy = new AbortController()
  const reader = follow(log.read({ after: -1, signal: waiting.signal }))
  await settled()
  waiting.abort()
  await reader.ended
  assert.equal(reader.text(), '')
  const other = log.read({ after: -1, signal: busy.signal })
  log.append(deltas('a'))
  await other.next()
  log.append(deltas('b'))
  busy.abort()
  assert.equal((await other.next()).done, true)
})

test('a read whose signal fired before is empty', async () => {
  const log = new EventLog(1)
  log.append(deltas('a'))
  assert.deepEqual(await eventsOf(log.read({ after: -1, signal: AbortSignal.abort() })), [])
})

test('readers that leave take their listeners with them', async () => {
  const log = new EventLog(1)
  const control = new AbortController()
  let listeners = 0
  const { signal } = control
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args))
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args))
  const reader = follow(log.read({ after: -1, signal }))
  for (let round = 0; round < 100; round++) {
    log.append(deltas('x'))
    await settled()
    assert.ok(listeners <= 1, `${listeners} listeners`)
  }
  log.append([LAST])
  await reader.ended
  assert.equal(listeners, 0)
})

test('abandon() takes nothing from a log that has its end', async () => {
  const log = new EventLog(1)
  log.append([LAST])
  log.abandon()
  assert.equal(saidBy(await eventsOf(log.read({ after: -1, signal: never }))), '.')
})

test('abandon() gives every reader what was said, and then an error', async () => {
  const log = new EventLog(1)
  const waiting = follow(log.read({ after: -1, signal: never }))
  await settled()
  log.append(deltas('a'))
  log.abandon()
  log.abandon()
  await assert.rejects(waiting.ended, LogAbandoned)
  assert.equal(waiting.text(), 'a')
  assert.equal(log.isEnded(), true)
  assert.equal(saidBy(await cutEventsOf(log.read({ after: -1, signal: never }))), 'a')
  assert.throws(() => log.append(deltas('b')))
})
