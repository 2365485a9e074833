import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iterate, type Flow } from '../core/flow.ts'
import { initialResponse } from '../core/initial-response.ts'
import type { ResponseEvent, UnnumberedEvent } from '../protocol/event.ts'
import { mintResponseId } from '../protocol/id.ts'
import { EventLog, LogAbandoned } from './event-log.ts'
import { settled } from './testing/fake-clock.ts'
import { cutEventsOf, eventsOf } from './testing/test-engine.ts'

const id = mintResponseId('0'.repeat(48))
const response = initialResponse({ model: 'm', input: 'x' }, { id, createdAt: 1 })
const LAST: UnnumberedEvent = { type: 'response.completed', response: { ...response, status: 'completed' } }

/** Deltas that tell themselves apart. */
function deltas(...texts: string[]): UnnumberedEvent[] {
  const place = { item_id: 'i', output_index: 0, content_index: 0, logprobs: [] }
  return texts.map((delta) => ({ type: 'response.output_text.delta', ...place, delta }))
}

/** What a reader has been given, in one line; the end of the log is a full stop. */
function saidBy(events: readonly ResponseEvent[]): string {
  return events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '.')).join('')
}

/** Reads in the background; `text()` is what has been read so far. */
function follow(flow: Flow<readonly ResponseEvent[]>): { text: () => string; ended: Promise<void> } {
  const events: ResponseEvent[] = []
  const ended = flow.each((batch) => void events.push(...batch))
  return { text: () => saidBy(events), ended }
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
  const early = [-1, 0, 1, 2].map((after) => eventsOf(log.read({ after })))
  await settled()
  log.append([...deltas('d'), LAST])
  const all = await eventsOf(log.read({ after: -1 }))
  assert.equal(saidBy(all), 'abcd.')
  for (const [index, reading] of early.entries()) assert.deepEqual(await reading, all.slice(index), `live ${index - 1}`)
  for (let after = -1; after < 7; after++) {
    assert.deepEqual(await eventsOf(log.read({ after })), all.slice(after + 1), `late ${after}`)
  }
})

test('a reader that asks for numbers to come waits for them', async () => {
  const log = new EventLog(1)
  log.append(deltas('a'))
  const reader = follow(log.read({ after: 2 }))
  for (const text of ['b', 'c', 'd']) {
    log.append(deltas(text))
    await settled()
  }
  assert.equal(reader.text(), 'd')
  log.append([LAST])
  await reader.ended
  assert.equal(reader.text(), 'd.')
})

test('R-09: every reader is given everything once, whenever it came and however fast it is', async () => {
  const log = new EventLog(1)
  const readers = []
  for (const text of 'abcdef') {
    readers.push(follow(log.read({ after: -1 })))
    log.append(deltas(text))
    if (text === 'c') await settled()
  }
  log.append([LAST])
  await Promise.all(readers.map(({ ended }) => ended))
  assert.deepEqual(new Set(readers.map(({ text }) => text())), new Set(['abcdef.']))
})

test('what came since the last look is one batch', async () => {
  const log = new EventLog(1)
  const reader = iterate(log.read({ after: -1 }))
  log.append(deltas('a'))
  log.append(deltas('b', 'c'))
  assert.equal(saidBy((await reader.next()).value ?? []), 'abc')
  log.append(deltas('d'))
  log.append([LAST])
  assert.equal(saidBy((await reader.next()).value ?? []), 'd.')
  assert.deepEqual(await reader.next(), { value: undefined, done: true })
})

test('what is appended in one turn comes in one batch, after the turn, to each reader that has time', async () => {
  const log = new EventLog(1)
  const readers = [[], []] as string[][]
  for (const batches of readers) void log.read({ after: -1 }).each((batch) => void batches.push(saidBy(batch)))
  log.append(deltas('a'))
  log.append(deltas('b'))
  assert.deepEqual(readers, [[], []])
  await Promise.resolve()
  assert.deepEqual(readers, [['ab'], ['ab']])
  log.append(deltas('c'))
  await Promise.resolve()
  log.append(deltas('d'))
  log.append([LAST])
  await settled()
  for (const batches of readers) assert.deepEqual(batches, ['ab', 'c', 'd.'])
})

test('what comes while a reader takes its time is one batch after it', async () => {
  const log = new EventLog(1)
  const time = Promise.withResolvers<void>()
  const batches: string[] = []
  const reading = log.read({ after: -1 }).each((batch) => {
    batches.push(saidBy(batch))
    return batches.length === 1 ? time.promise : undefined
  })
  for (const text of 'abc') {
    log.append(deltas(text))
    await settled()
  }
  log.append([LAST])
  await settled()
  assert.deepEqual(batches, ['a'])
  time.resolve()
  await reading
  assert.deepEqual(batches, ['a', 'bc.'])
})

test('a reader may leave while it takes a batch: it is given no other, and nobody else misses it', async () => {
  const log = new EventLog(1)
  const flow = log.read({ after: -1 })
  const batches: string[] = []
  const leaving = flow.each((batch) => {
    batches.push(saidBy(batch))
    flow.leave()
    return undefined
  })
  const others = [follow(log.read({ after: -1 })), follow(log.read({ after: -1 }))]
  log.append(deltas('a'))
  await leaving
  log.append([...deltas('b'), LAST])
  await Promise.all(others.map(({ ended }) => ended))
  assert.deepEqual([batches, ...others.map(({ text }) => text())], [['a'], 'ab.', 'ab.'])
})

test('a reader that comes while another takes a batch, and an append then, are given to all, once', async () => {
  const log = new EventLog(1)
  const late: ReturnType<typeof follow>[] = []
  const first = follow(log.read({ after: -1 }))
  const inviting = log.read({ after: -1 }).each(() => {
    if (late.length === 0) log.append(deltas('!'))
    late.push(follow(log.read({ after: -1 })))
    return undefined
  })
  log.append(deltas('a'))
  await settled()
  log.append([LAST])
  await Promise.all([inviting, first.ended, ...late.map(({ ended }) => ended)])
  assert.equal(late.length, 3)
  for (const { text } of [first, ...late]) assert.equal(text(), 'a!.')
})

for (const how of ['throws', 'rejects'] as const) {
  test(`a reader whose take ${how} is lost with its error, and nobody else is`, async () => {
    const log = new EventLog(1)
    const error = new Error('mine')
    let taken = 0
    const before = follow(log.read({ after: -1 }))
    const lost = log.read({ after: -1, paced: true }).each(() => {
      taken++
      if (how === 'throws') throw error
      return Promise.reject(error)
    })
    const after = follow(log.read({ after: -1 }))
    log.append(deltas('a', 'b', 'c'))
    await assert.rejects(lost, error)
    assert.equal(log.room(new AbortController().signal), undefined, 'nobody waits for it')
    log.append([LAST])
    await Promise.all([before.ended, after.ended])
    assert.deepEqual([before.text(), after.text(), taken], ['abc.', 'abc.', 1])
    const late = log.read({ after: -1 }).each(() => {
      throw error
    })
    await assert.rejects(late, error)
  })
}

test('leaving wakes a reader that waits, and ends one that would go on', async () => {
  const log = new EventLog(1)
  const waiting = log.read({ after: -1 })
  const reader = follow(waiting)
  await settled()
  waiting.leave()
  await reader.ended
  const busy = log.read({ after: -1 })
  const other = iterate(busy)
  log.append(deltas('a'))
  await other.next()
  log.append(deltas('b'))
  busy.leave()
  assert.equal((await other.next()).done, true)
  log.append([LAST])
  await settled()
  assert.equal(reader.text(), '')
})

test('a read that was left before it began is empty', async () => {
  const log = new EventLog(1)
  log.append(deltas('a'))
  const flow = log.read({ after: -1 })
  flow.leave()
  assert.deepEqual(await eventsOf(flow), [])
})

test('abandon() takes nothing from a log that has its end', async () => {
  const log = new EventLog(1)
  log.append([LAST])
  log.abandon()
  assert.equal(saidBy(await eventsOf(log.read({ after: -1 }))), '.')
})

test('abandon() gives every reader what was said, and then an error', async () => {
  const log = new EventLog(1)
  const waiting = follow(log.read({ after: -1 }))
  await settled()
  log.append(deltas('a'))
  log.abandon()
  log.abandon()
  await assert.rejects(waiting.ended, LogAbandoned)
  assert.equal(waiting.text(), 'a')
  assert.equal(log.isEnded(), true)
  assert.equal(saidBy(await cutEventsOf(log.read({ after: -1 }))), 'a')
  assert.throws(() => log.append(deltas('b')))
})
