import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iterate, type Flow } from '../core/flow.ts'
import type { UnnumberedEvent } from '../protocol/event.ts'
import { EventLog } from './event-log.ts'
import { settled } from './testing/fake-clock.ts'

const never = new AbortController().signal

/** Room for ten unread events of one letter, as the log reckons. */
const TEN_EVENTS = 2010

function appendMany(log: EventLog, count: number, text = 'x'): void {
  const place = { item_id: 'i', output_index: 0, content_index: 0, logprobs: [] }
  const delta: UnnumberedEvent = { type: 'response.output_text.delta', ...place, delta: text }
  log.append(Array.from({ length: count }, () => delta))
}

/** Whether the writer may go on right now. */
async function hasRoom(log: EventLog): Promise<boolean> {
  let isThere = false
  const wait = async () => {
    await log.room(never)
    isThere = true
  }
  void wait()
  await settled()
  return isThere
}

test('a writer that nobody paces never waits', async () => {
  const log = new EventLog(TEN_EVENTS)
  const slow = iterate(log.read({ after: -1 }))
  appendMany(log, 5)
  await slow.next()
  appendMany(log, 10_000)
  assert.equal(await hasRoom(log), true)
})

test('a writer waits for a paced reader from the eleventh unread event on', async () => {
  const log = new EventLog(TEN_EVENTS)
  const reader = iterate(log.read({ after: -1, paced: true }))
  appendMany(log, 1)
  await reader.next()
  appendMany(log, 9)
  assert.equal(await hasRoom(log), true, 'ten unread')
  appendMany(log, 1)
  assert.equal(await hasRoom(log), false, 'eleven unread')
})

test('a large event counts for what it is: two are as many as ten small ones', async () => {
  const log = new EventLog(TEN_EVENTS)
  const reader = iterate(log.read({ after: -1, paced: true }))
  appendMany(log, 1, 'x'.repeat(100_000))
  await reader.next()
  assert.equal(await hasRoom(log), true, 'one event is always let through')
  appendMany(log, 1, 'x'.repeat(1000))
  assert.equal(await hasRoom(log), false, 'the large one is not done with yet')
  void reader.next()
  assert.equal(await hasRoom(log), true)
})

test('a writer that waits goes on as soon as the paced reader has caught up', async () => {
  const log = new EventLog(TEN_EVENTS)
  const reader = iterate(log.read({ after: -1, paced: true }))
  appendMany(log, 1)
  await reader.next()
  appendMany(log, 50)
  const room = log.room(never)
  assert.equal(await hasRoom(log), false)
  await reader.next() // The first event is done with; all others are under way.
  assert.equal(await hasRoom(log), false)
  void reader.next() // They are done with too.
  await room
})

test('C-19: the slowest paced reader sets the pace, and an unpaced one never does', async () => {
  const log = new EventLog(TEN_EVENTS)
  const fast = iterate(log.read({ after: -1, paced: true }))
  const slow = iterate(log.read({ after: -1, paced: true }))
  const idle = iterate(log.read({ after: -1 }))
  appendMany(log, 30)
  for (const reader of [fast, slow, idle]) await reader.next()
  void fast.next()
  assert.equal(await hasRoom(log), false, 'the slow one is behind')
  void slow.next()
  assert.equal(await hasRoom(log), true, 'only the idle one is behind')
})

for (const [how, leave] of [
  ['returns', (reader) => void reader.return(undefined)],
  ['leaves the flow', (_, flow) => flow.leave()],
] as const satisfies readonly (readonly [string, (reader: AsyncGenerator, flow: Flow<unknown>) => void])[]) {
  test(`a paced reader that ${how} no longer holds the writer up`, async () => {
    const log = new EventLog(TEN_EVENTS)
    const flow = log.read({ after: -1, paced: true })
    const reader = iterate(flow)
    appendMany(log, 1)
    await reader.next()
    appendMany(log, 50)
    assert.equal(await hasRoom(log), false)
    const room = log.room(never)
    leave(reader, flow)
    await room
    assert.equal(log.room(never), undefined)
  })
}

test('room() ends with its signal, before or while it waits', async () => {
  const log = new EventLog(TEN_EVENTS)
  const reader = iterate(log.read({ after: -1, paced: true }))
  appendMany(log, 1)
  await reader.next()
  appendMany(log, 50)
  assert.equal(log.room(AbortSignal.abort()), undefined)
  const control = new AbortController()
  const room = log.room(control.signal)
  await settled()
  control.abort()
  await room
})

test('a limit below one event still lets one event through', async () => {
  const log = new EventLog(1)
  const reader = iterate(log.read({ after: -1, paced: true }))
  appendMany(log, 1)
  await reader.next()
  assert.equal(await hasRoom(log), true)
  appendMany(log, 1)
  assert.equal(await hasRoom(log), false)
})
