import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { ResponseEvent, TERMINAL_EVENTS } from './event.ts'
import { isTerminal, Response, RESPONSE_STATUSES } from './response.ts'

const terminal = { queued: false, in_progress: false, completed: true, incomplete: true, failed: true, cancelled: true }

test('there are exactly these states', () => assert.deepEqual(Object.keys(terminal), [...RESPONSE_STATUSES]))

for (const status of RESPONSE_STATUSES) {
  const ends = terminal[status]
  test(`a response that is ${status} ${ends ? 'never changes' : 'may change'}`, () => {
    assert.equal(isTerminal(status), ends)
  })
}

/** The events of the API document, and those that OpenAI has since added and we send. */
const EVENTS = [
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.output_item.added',
  'response.output_item.done',
  'response.content_part.added',
  'response.content_part.done',
  'response.output_text.delta',
  'response.output_text.done',
  'response.output_text.annotation.added',
  'response.refusal.delta',
  'response.refusal.done',
  'response.function_call_arguments.delta',
  'response.function_call_arguments.done',
  'response.custom_tool_call_input.delta',
  'response.custom_tool_call_input.done',
  'response.reasoning_summary_part.added',
  'response.reasoning_summary_part.done',
  'response.reasoning_summary_text.delta',
  'response.reasoning_summary_text.done',
  'error',
]

test('a stream has exactly these events, and such as its provider alone knows', () => {
  const named = ResponseEvent.anyOf.filter((variant) => 'properties' in variant)
  const names = named.flatMap(({ properties: { type } }) => ('const' in type ? [type.const] : []))
  assert.deepEqual(names.toSorted(), EVENTS.toSorted())
})

test('three of them end it', () => {
  assert.deepEqual([...TERMINAL_EVENTS], ['response.completed', 'response.incomplete', 'response.failed'])
})

const checkEvent = Compile(ResponseEvent)
const DELTA = { item_id: 'fc_1', output_index: 0, delta: '{' }

const numbers = [
  { sequence_number: 0, isEvent: true },
  { sequence_number: 7, isEvent: true },
  { sequence_number: -1, isEvent: false },
  { sequence_number: 0.5, isEvent: false },
  { sequence_number: undefined, isEvent: false },
]
for (const { sequence_number, isEvent } of numbers) {
  test(`an event ${isEvent ? 'may' : 'may not'} bear the number ${sequence_number}`, () => {
    const event = { type: 'response.function_call_arguments.delta', ...DELTA, sequence_number }
    assert.equal(checkEvent.Check(event), isEvent)
  })
}

test('every field of a response is required but for those that echo what OpenAI has dropped', () => {
  const optional = Object.keys(Response.properties).filter((key) => !new Set<string>(Response.required).has(key))
  assert.deepEqual(optional, ['seed', 'user'])
})
