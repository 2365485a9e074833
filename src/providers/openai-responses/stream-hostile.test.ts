import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ModelEventError, type ModelEvent, type OutputEvent } from '../../core/model-event.ts'
import { playRun, STOPPED } from '../../core/testing/play-run.ts'
import { grammarFaults } from '../../core/grammar.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import type { AnswerReader } from '../exchange.ts'
import { exerciseHostile } from '../testing/hostile.ts'
import { createResponsesReader } from './stream.ts'
import { completed } from './testing/events.ts'

const ITEMS = ['message', 'reasoning', 'function_call', 'custom_tool_call', 'tool_search_call', 'web_search_call']
const EVENTS = [
  'response.output_item.added',
  'response.output_text.delta',
  'response.refusal.delta',
  'response.output_text.annotation.added',
  'response.reasoning_summary_text.delta',
  'response.reasoning_text.delta',
  'response.function_call_arguments.delta',
  'response.function_call_arguments.done',
  'response.custom_tool_call_input.done',
  'response.web_search_call.searching',
  'response.output_item.done',
]

const KEYS =
  'type output_index item_id content_index summary_index delta arguments input logprobs annotation item response error ' +
  'code message id call_id name namespace execution phase content summary encrypted_content text refusal annotations ' +
  'status incomplete_details reason output service_tier usage input_tokens output_tokens input_tokens_details token url'

function typed(types: readonly string[], value: JsonValue, size: number): JsonObject {
  return { type: types[size % types.length] ?? '', name: 'f', ...(isJsonObject(value) ? value : {}) }
}

/** An event of one of few items, more or less as it should be. */
function shape(value: JsonValue, rest: JsonValue): JsonObject {
  const size = JSON.stringify([value, rest]).length
  const item = size % 5 === 0 ? value : { content: [value, rest], ...typed(ITEMS, value, size) }
  return {
    ...typed(EVENTS, rest, size),
    output_index: size % 3,
    item,
    delta: size % 2 === 0 ? 'x' : value,
    arguments: value,
    annotation: rest,
    logprobs: [value, rest],
    status: 'completed',
    output: [item],
    usage: rest,
    response: { output: [item], usage: value },
  }
}

/** Streams end by saying so: without it they are broken off, and nothing is asked of their end. */
function createReader(): AnswerReader {
  const reader = createResponsesReader({ callIdPrefix: 'call_made_', takesThoughts: true, secrets: [] })
  return {
    ...reader,
    end: () => {
      const last = reader.read(completed())
      return [
        ...last,
        ...(reader.hasFinished() ? reader.end() : [{ type: 'finish' as const, reason: 'stop' as const }]),
      ]
    },
  }
}

exerciseHostile('openai-responses', {
  createReader,
  keys: KEYS.split(' '),
  words: [...ITEMS, ...EVENTS, 'response.completed', 'response.failed', 'error', 'server', 'final_answer', 'completed'],
  shape,
})

function isOutput(event: ModelEvent): event is Exclude<ModelEvent, { type: 'finish' }> {
  return event.type !== 'finish'
}

function sealed(event: Exclude<ModelEvent, { type: 'finish' }>): OutputEvent {
  return event.type === 'reasoning_state' ? { type: 'reasoning_seal', sealed: JSON.stringify(event.state) } : event
}

const part = fc.oneof(fc.constantFrom('', 'one', 'two'), fc.constant(null))
const piece = fc.record(
  {
    type: fc.constantFrom(...EVENTS),
    output_index: fc.nat(3),
    content_index: fc.nat(2),
    delta: part,
    annotation: fc.constantFrom(null, { type: 'url_citation', url: 'https://a.example' }),
    item: fc.record(
      {
        type: fc.constantFrom(...ITEMS),
        id: fc.constantFrom('a', 'b'),
        call_id: fc.constantFrom('c', 'd', ''),
        name: fc.constantFrom('f', ''),
        phase: fc.constantFrom('commentary', 'other'),
        execution: fc.constantFrom('server', 'client'),
        input: part,
        content: fc.array(fc.record({ type: fc.constant('output_text'), text: part }), { maxLength: 2 }),
        summary: fc.array(fc.record({ type: fc.constant('summary_text'), text: part }), { maxLength: 2 }),
        encrypted_content: part,
      },
      { requiredKeys: ['type'] },
    ),
  },
  { requiredKeys: ['type'] },
)

test('Items in any disorder make a stream in order, or an answer that has failed', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const reader = createReader()
      const told = [...pieces.flatMap((event) => reader.read(event)), ...reader.end()].filter(isOutput).map(sealed)
      try {
        assert.deepEqual(grammarFaults(playRun(told, STOPPED).events), [])
      } catch (error) {
        if (!(error instanceof ModelEventError)) throw error
        assert.match(error.message, /arguments for a call that had ended/)
      }
    }),
    { numRuns: 2000 },
  )
})

test('A call of no tool is none, and one whose name comes late is', () => {
  const reader = createReader()
  const unnamed = { type: 'function_call', call_id: 'c', arguments: '{}' }
  const events = [
    { type: 'response.output_item.added', output_index: 0, item: unnamed },
    { type: 'response.output_item.done', output_index: 0, item: unnamed },
    { type: 'response.output_item.added', output_index: 1, item: unnamed },
    { type: 'response.output_item.done', output_index: 1, item: { ...unnamed, name: 'f' } },
  ]
  const told = events.flatMap((event) => reader.read(event))
  assert.deepEqual(told, [
    { type: 'tool_call', callId: 'c', name: 'f' },
    { type: 'tool_arguments', callId: 'c', delta: '{}' },
  ])
})
