import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bearsResponse, isNativeEvent, type ResponseEvent } from '../protocol/event.ts'
import type { Ending } from './conclude.ts'
import { grammarFaults } from './grammar.ts'
import type { OutputEvent } from './model-event.ts'
import { playRun, renumbered, STOPPED, USAGE } from './testing/play-run.ts'

const SAID: readonly OutputEvent[] = [
  { type: 'reasoning', text: 'Hm.' },
  { type: 'reasoning_seal', sealed: 'sealed' },
  { type: 'text', text: 'Hello' },
  { type: 'refusal', text: 'No.' },
  { type: 'tool_call', callId: 'call_1', name: 'get_weather' },
  { type: 'tool_call', callId: 'call_2', name: 'get_time' },
  { type: 'tool_arguments', callId: 'call_1', delta: '{}' },
  { type: 'tool_arguments', callId: 'call_2', delta: '{}' },
]
/** Items: 0 reasoning, 1 message of two parts, 2 and 3 calls, interleaved. */
const LEGAL = playRun(SAID, STOPPED).events

const FAILED: Ending = {
  kind: 'failed',
  error: { type: 'server_error', code: 'upstream_unavailable', message: 'It broke off.', param: '' },
  usage: USAGE,
}

const legal: readonly { name: string; events: readonly ResponseEvent[] }[] = [
  { name: 'a run with everything in it', events: LEGAL },
  { name: 'a run that was queued', events: playRun(SAID, STOPPED, true).events },
  { name: 'an empty run', events: playRun([], STOPPED).events },
  { name: 'a failed run', events: playRun(SAID.slice(0, 3), FAILED).events },
  { name: 'a cancelled run', events: playRun(SAID.slice(0, 6), { kind: 'cancelled', usage: null }).events },
  {
    name: 'a run that ran out of tokens',
    events: playRun(SAID, { kind: 'finished', reason: 'max_output_tokens', usage: USAGE }).events,
  },
]
for (const { name, events } of legal) {
  test(`grammarFaults() finds none in ${name}`, () => assert.deepEqual(grammarFaults(events), []))
}

type Events = readonly ResponseEvent[]

/** The place of the nth event of a type. */
function placeOf(type: string, nth = 0): number {
  const places = LEGAL.flatMap((event, at) => (event.type === type ? [at] : []))
  const place = places[nth]
  assert.ok(place !== undefined, `no ${type} number ${nth}`)
  return place
}

function eventAt(place: number): ResponseEvent {
  const event = LEGAL[place]
  assert.ok(event !== undefined)
  return event
}

const without = (type: string, nth = 0): Events => LEGAL.toSpliced(placeOf(type, nth), 1)
const twice = (type: string, nth = 0): Events => LEGAL.toSpliced(placeOf(type, nth), 0, eventAt(placeOf(type, nth)))

/** Changes fields of the nth event of a type, where it has them. */
function changed(type: string, fields: object, nth = 0): Events {
  return LEGAL.with(placeOf(type, nth), { ...eventAt(placeOf(type, nth)), ...fields })
}

/** Changes fields of the item of an event. */
function changedItem(type: string, fields: object, nth = 0): Events {
  const event = eventAt(placeOf(type, nth))
  assert.ok('item' in event && !isNativeEvent(event))
  return changed(type, { item: { ...event.item, ...fields } }, nth)
}

/** Moves the nth event of a type to just before or after another. */
function moved(type: string, nth: number, to: number): Events {
  const place = placeOf(type, nth)
  const rest = LEGAL.toSpliced(place, 1)
  return rest.toSpliced(to > place ? to - 1 : to, 0, eventAt(place))
}

/** Changes the final output. */
function endedWith(change: (output: readonly object[]) => readonly object[]): Events {
  const event = eventAt(LEGAL.length - 1)
  assert.ok(bearsResponse(event))
  return changed('response.completed', { response: { ...event.response, output: change(event.response.output) } })
}

const ERROR: ResponseEvent = {
  type: 'error',
  code: 'c',
  message: 'm',
  param: '',
  error: { type: 'api_error', code: 'c', message: 'm', param: '' },
  sequence_number: 0,
}
const ENDED: ResponseEvent = eventAt(LEGAL.length - 1)
const TOO_EARLY = 'items may come only after response.in_progress'
const DIFFERS = 'the item differs from the one that was added'
const CLOSED = 'this part is not open'
const FINAL = (index: number) => `response.completed: the item at output_index ${index} differs in the final output`
const after = (type: string, nth = 0) => placeOf(type, nth) + 1
const firstItem = eventAt(placeOf('response.output_item.added'))
const queued = { ...eventAt(1), type: 'response.queued' } as ResponseEvent // It has the same fields.

/** One legal stream, broken in one way a row, and the first fault that must then be found. */
const broken: readonly (readonly [name: string, events: Events, fault: string])[] = [
  ['no events', [], 'the stream has no terminal event'],
  ['no terminal event', without('response.completed'), 'the stream has no terminal event'],
  ['two terminal events', [...LEGAL, ENDED], 'response.completed: nothing may follow the terminal event'],
  ['an error after the end', [...LEGAL, ERROR], 'error: nothing may follow the terminal event'],
  ['an error before the beginning', [ERROR, ...LEGAL], 'error: response.created must be first'],
  ['no response.created', without('response.created'), 'response.in_progress: response.created must be first'],
  ['response.created twice', twice('response.created'), 'response.created: comes too late'],
  ['response.created in the middle', LEGAL.toSpliced(5, 0, eventAt(0)), 'response.created: comes too late'],
  ['response.in_progress twice', twice('response.in_progress'), 'response.in_progress: comes too late'],
  ['response.queued too late', LEGAL.toSpliced(2, 0, queued), 'response.queued: comes too late'],
  [
    'output at the beginning',
    changed('response.created', { response: Reflect.get(ENDED, 'response') }),
    'response.created: response.created must have no output',
  ],
  [
    'another response id',
    changed('response.in_progress', { response: { ...Reflect.get(eventAt(1), 'response'), id: 'resp_2' } }),
    'response.in_progress: the response id changed',
  ],
  [
    'an item before response.in_progress',
    moved('response.in_progress', 0, 3),
    `response.output_item.added: ${TOO_EARLY}`,
  ],
  ['items without response.in_progress', without('response.in_progress'), `response.output_item.added: ${TOO_EARLY}`],
  [
    'an index that is left out',
    changed('response.output_item.added', { output_index: 5 }),
    'response.output_item.added: output_index must be 0, is 5',
  ],
  [
    'an index that is used twice',
    changed('response.output_item.added', { output_index: 0 }, 1),
    'response.output_item.added: output_index must be 1, is 0',
  ],
  [
    'an item id that is used twice',
    changed('response.output_item.added', { ...firstItem, output_index: 1 }, 1),
    'response.output_item.added: an item id is used twice',
  ],
  [
    'an item that begins completed',
    changedItem('response.output_item.added', { status: 'completed' }),
    'response.output_item.added: an added item must be in_progress',
  ],
  [
    'an item that ends in progress',
    changedItem('response.output_item.done', { status: 'in_progress' }),
    'response.output_item.done: a closed item cannot be in_progress',
  ],
  [
    'an item that is never closed',
    without('response.output_item.done', 3),
    'response.completed: the item at output_index 3 was never closed',
  ],
  [
    'an item that is closed twice',
    twice('response.output_item.done'),
    'response.output_item.done: no open item at output_index 0',
  ],
  [
    'an item that was never opened',
    changed('response.output_item.done', { output_index: 9 }),
    'response.output_item.done: no open item at output_index 9',
  ],
  [
    'another id at the end of an item',
    changedItem('response.output_item.done', { id: 'rs_2' }),
    `response.output_item.done: ${DIFFERS}`,
  ],
  [
    'another type at the end of an item',
    changedItem('response.output_item.done', { type: 'message' }),
    `response.output_item.done: ${DIFFERS}`,
  ],
  [
    'another call id at the end of a call',
    changedItem('response.output_item.done', { call_id: 'call_9' }, 2),
    `response.output_item.done: ${DIFFERS}`,
  ],
  [
    'a delta after its item',
    moved('response.function_call_arguments.delta', 0, after('response.output_item.done', 2)),
    'response.function_call_arguments.delta: no open item at output_index 2',
  ],
  [
    'a delta under another item id',
    changed('response.output_text.delta', { item_id: 'msg_9' }),
    'response.output_text.delta: item_id differs from the added item',
  ],
  [
    'a delta before its part',
    moved('response.content_part.added', 0, after('response.output_text.delta')),
    `response.output_text.delta: ${CLOSED}`,
  ],
  [
    'a delta after its part',
    moved('response.output_text.delta', 0, after('response.content_part.done')),
    `response.output_text.delta: ${CLOSED}`,
  ],
  [
    'a delta to an earlier part',
    changed('response.refusal.delta', { content_index: 0 }),
    `response.refusal.delta: ${CLOSED}`,
  ],
  [
    'a part index that is left out',
    changed('response.content_part.added', { content_index: 2 }, 1),
    'response.content_part.added: the part index must be 1, is 2',
  ],
  [
    'a part that begins in another',
    without('response.content_part.done'),
    'response.content_part.added: the part before is still open',
  ],
  [
    'a part that is never closed',
    without('response.content_part.done', 1),
    'response.output_item.done: a part is still open',
  ],
  ['a part that is closed twice', twice('response.content_part.done'), `response.content_part.done: ${CLOSED}`],
  [
    'a summary that is never closed',
    without('response.reasoning_summary_part.done'),
    'response.output_item.done: a part is still open',
  ],
  [
    'a summary that is closed twice',
    twice('response.reasoning_summary_part.done'),
    `response.reasoning_summary_part.done: ${CLOSED}`,
  ],
  ['a final output that lacks an item', endedWith((output) => output.slice(0, 3)), FINAL(3)],
  [
    'a final output with one item more',
    endedWith((output) => [...output, {}]),
    'response.completed: the final output has other items than the stream',
  ],
  ['a final output in another order', endedWith((output) => output.toReversed()), FINAL(0)],
  ['another id in the final output', endedWith((output) => output.with(1, { ...output[1], id: 'msg_9' })), FINAL(1)],
  [
    'another type in the final output',
    endedWith((output) => output.with(1, { ...output[1], type: 'reasoning' })),
    FINAL(1),
  ],
  [
    'another call id in the final output',
    endedWith((output) => output.with(2, { ...output[2], call_id: 'call_9' })),
    FINAL(2),
  ],
]
for (const [name, events, fault] of broken) {
  test(`grammarFaults() finds ${name}`, () => {
    const [first] = grammarFaults(renumbered(events))
    assert.equal(first?.replace(/^#\d+ /, ''), fault)
  })
}

test('grammarFaults() finds numbers that do not begin at 0', () => {
  const late = LEGAL.map((event) => ({ ...event, sequence_number: event.sequence_number + 1 }))
  assert.deepEqual(grammarFaults(late), ['#1 response.created: expected number 0'])
})

test('grammarFaults() finds a gap in the numbers once', () => {
  const gap = LEGAL.map((event, at) => ({ ...event, sequence_number: at < 5 ? at : at + 1 }))
  assert.deepEqual(grammarFaults(gap), ['#6 response.reasoning_summary_text.done: expected number 5'])
})

test('grammarFaults() finds a number that is used twice', () => {
  const repeated = LEGAL.map((event, at) => ({ ...event, sequence_number: at < 5 ? at : at - 1 }))
  assert.deepEqual(grammarFaults(repeated), ['#4 response.reasoning_summary_text.done: expected number 5'])
})
