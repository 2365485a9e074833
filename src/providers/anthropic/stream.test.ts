import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FinishEvent, ModelEvent } from '../../core/model-event.ts'
import { isJsonObject, parseJson, type JsonObject } from '../../protocol/json.ts'
import { createMessagesReader, type MessagesReader } from './stream.ts'
import { begins, block, fails, frame, piece, says, stops, text, thinks, whole } from './testing/events.ts'

function newReader() {
  return createMessagesReader({ callIdPrefix: 'call_made_', secrets: ['hush-hush'] })
}

/** Shows a reader events as they go over the wire. */
function show(reader: MessagesReader, frames: readonly string[]): ModelEvent[] {
  const documents = [...frames.join('').matchAll(/^data: (.*)$/gm)].map(([, data = '']) => parseJson(data))
  return documents.filter(isJsonObject).flatMap((document) => reader.read(document))
}

/** Reads events as they go over the wire, from beginning to end. */
function readAll(...frames: readonly string[]): ModelEvent[] {
  const reader = newReader()
  return [...show(reader, frames), ...reader.end()]
}

function finishOf(events: readonly ModelEvent[]): FinishEvent | undefined {
  return events.flatMap((event) => (event.type === 'finish' ? [event] : []))[0]
}

const END: ModelEvent = { type: 'finish', reason: 'stop' }
const withoutFinish = (events: readonly ModelEvent[]) => events.filter(({ type }) => type !== 'finish')
const state = (value: JsonObject): ModelEvent => ({ type: 'reasoning_state', state: value })

test('Thinking is said piece by piece, and comes back whole with its signature', () => {
  const events = readAll(...thinks(0, ['Let me', '', ' think.'], 'c2ln'), ...says(1, 'Hi'), ...stops('end_turn'))
  assert.deepEqual(withoutFinish(events), [
    { type: 'reasoning', text: 'Let me' },
    { type: 'reasoning', text: ' think.' },
    state({ type: 'thinking', thinking: 'Let me think.', signature: 'c2ln' }),
    { type: 'text', text: 'Hi' },
  ])
})

test('Thinking that is redacted, or hidden but for its signature, comes back too', () => {
  const events = readAll(
    ...block(0, begins(0, { type: 'redacted_thinking', data: 'ZW5j' })),
    ...thinks(1, [], 'c2ln'),
    ...thinks(2, ['Unsigned.']),
  )
  assert.deepEqual(withoutFinish(events), [
    state({ type: 'redacted_thinking', data: 'ZW5j' }),
    state({ type: 'thinking', thinking: '', signature: 'c2ln' }),
    { type: 'reasoning', text: 'Unsigned.' },
  ])
})

const argued = (index: number, partial_json: string) => piece(index, { type: 'input_json_delta', partial_json })
const call = (index: number, fields: JsonObject) => begins(index, { type: 'tool_use', name: 'f', input: {}, ...fields })

test('Calls keep their ids; where one is missing or used twice, it is made', () => {
  const events = readAll(
    ...block(0, call(0, { id: 'toolu_1' }), argued(0, ''), argued(0, '{"a"'), argued(0, ':1}')),
    ...block(1, call(1, { id: 'toolu_1' }), argued(1, '{}')),
    ...block(2, call(2, {})),
  )
  assert.deepEqual(withoutFinish(events), [
    { type: 'tool_call', callId: 'toolu_1', name: 'f' },
    { type: 'tool_arguments', callId: 'toolu_1', delta: '{"a"' },
    { type: 'tool_arguments', callId: 'toolu_1', delta: ':1}' },
    { type: 'tool_call', callId: 'call_made_1', name: 'f' },
    { type: 'tool_arguments', callId: 'call_made_1', delta: '{}' },
    { type: 'tool_call', callId: 'call_made_2', name: 'f' },
  ])
})

test('Arguments that came with the beginning of their call are said at its end, unless pieces came too', () => {
  const input = { a: 1 }
  const events = readAll(
    ...block(0, call(0, { id: 'a', input }), argued(0, '')),
    ...block(1, call(1, { id: 'b', input }), argued(1, '{"b":2}')),
  )
  const said = events.flatMap((event) => (event.type === 'tool_arguments' ? [event.delta] : []))
  assert.deepEqual(said, ['{"a":1}', '{"b":2}'])
})

test("What the provider's own tools do is passed over, and the text goes on", () => {
  const events = readAll(
    ...says(0, 'Let me search.'),
    ...block(
      1,
      begins(1, { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }),
      argued(1, '{}'),
    ),
    ...block(2, begins(2, { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] })),
    ...block(
      3,
      begins(3, { type: 'compaction', content: null }),
      piece(3, { type: 'compaction_delta', content: 'Sum.' }),
    ),
    ...says(4, ' Found.'),
    ...stops('pause_turn'),
  )
  assert.deepEqual(withoutFinish(events), [
    { type: 'text', text: 'Let me search.' },
    { type: 'text', text: ' Found.' },
  ])
  assert.equal(finishOf(events)?.reason, 'stop')
})

const cited = (index: number, citation: JsonObject) => piece(index, { type: 'citations_delta', citation })
const page = (url: string) => ({ type: 'web_search_result_location', url, title: 'T', cited_text: 'C' })
const citing = (index: number, words: string, ...citations: readonly JsonObject[]) =>
  block(
    index,
    begins(index, { type: 'text', text: '', citations: [] }),
    ...citations.map((citation) => cited(index, citation)),
    piece(index, { type: 'text_delta', text: words }),
  )

test('A citation is for its block of text, counted in characters from the beginning of its part', () => {
  const events = readAll(
    ...says(0, 'Só 👍 '),
    ...citing(1, 'Rome', page('https://a.example'), page('https://b.example')),
    ...block(2, call(2, { id: 'a' })),
    ...citing(3, 'Oslo', { type: 'search_result_location', source: 'https://c.example', title: null }),
  )
  const annotations = events.flatMap((event) => (event.type === 'annotation' ? [event.annotation] : []))
  assert.deepEqual(annotations, [
    { type: 'url_citation', url: 'https://a.example', title: 'T', start_index: 5, end_index: 9 },
    { type: 'url_citation', url: 'https://b.example', title: 'T', start_index: 5, end_index: 9 },
    { type: 'url_citation', url: 'https://c.example', title: '', start_index: 0, end_index: 4 },
  ])
})

test('Places without an address are no citations of ours', () => {
  const places = [{ type: 'page_location', document_index: 0 }, page('javascript:alert(1)'), { source: 'notes.txt' }]
  const events = readAll(...citing(0, 'Rome', ...places))
  assert.deepEqual(withoutFinish(events), [{ type: 'text', text: 'Rome' }])
})

const stopsAs = [
  ['end_turn', 'stop'],
  ['tool_use', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'max_output_tokens'],
  ['model_context_window_exceeded', 'max_output_tokens'],
  ['refusal', 'content_filter'],
  ['constructor', 'stop'],
  ['invented', 'stop'],
] as const
for (const [reason, meant] of stopsAs) {
  test(`stop_reason ${reason} is told as ${meant}`, () => {
    assert.equal(finishOf(readAll(...says(0, 'Hi'), ...stops(reason)))?.reason, meant)
  })
}

test('A refusal that says why is told in its words, behind what was said before', () => {
  const stop_details = { type: 'refusal', category: 'cyber', explanation: 'I cannot help with that.' }
  const events = readAll(begins(0, text('Well')), ...stops('refusal', { stop_details }))
  assert.deepEqual(withoutFinish(events), [
    { type: 'text', text: 'Well' },
    { type: 'refusal', text: 'I cannot help with that.' },
  ])
})

test('A stream that only says that it is over has finished; one that says nothing more has not', () => {
  const reader = newReader()
  reader.read({ type: 'message_start', message: {} })
  assert.equal(reader.hasFinished(), false)
  reader.read({ type: 'message_stop' })
  assert.deepEqual([reader.hasFinished(), reader.end()], [true, [END]])
})

test('Counts of the end stand in the place of those of the beginning, and the cache counts as input', () => {
  const started = { input_tokens: 10, cache_read_input_tokens: 4, cache_creation_input_tokens: null, output_tokens: 1 }
  const message = { usage: { ...started, service_tier: 'priority' } }
  const ended = { output_tokens: 7, cache_creation_input_tokens: 2, output_tokens_details: { thinking_tokens: 3 } }
  const finish = finishOf(readAll(frame({ type: 'message_start', message }), ...stops('end_turn', {}, ended)))
  assert.deepEqual(finish, {
    type: 'finish',
    reason: 'stop',
    serviceTier: 'priority',
    usage: {
      input_tokens: 16,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 3 },
      total_tokens: 23,
    },
  })
})

const counts = [
  {},
  { input_tokens: 5 },
  { input_tokens: -1, output_tokens: 2 },
  { input_tokens: '5', output_tokens: 2 },
]
for (const usage of counts) {
  test(`Usage ${JSON.stringify(usage)} is none`, () => {
    assert.equal(finishOf(readAll(...stops('end_turn', {}, usage)))?.usage, undefined)
  })
}

test('A whole answer says the same as its stream', () => {
  const reader = newReader()
  const content = [
    { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
    { type: 'redacted_thinking', data: 'ZW5j' },
    { type: 'text', text: 'Rome', citations: [page('https://a.example')] },
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
    { type: 'tool_use', id: 'a', name: 'f', input: { b: [1] } },
    { type: 'tool_use', id: 'b', name: 'g', input: {} },
  ]
  const events = reader.readWhole(whole(content, { stop_reason: 'tool_use', usage: { service_tier: 'batch' } }))
  const url = { url: 'https://a.example', title: 'T', start_index: 0, end_index: 4 }
  assert.deepEqual(events, [
    { type: 'reasoning', text: 'Hm.' },
    state({ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }),
    state({ type: 'redacted_thinking', data: 'ZW5j' }),
    { type: 'text', text: 'Rome' },
    { type: 'annotation', annotation: { type: 'url_citation', ...url } },
    { type: 'tool_call', callId: 'a', name: 'f' },
    { type: 'tool_arguments', callId: 'a', delta: '{"b":[1]}' },
    { type: 'tool_call', callId: 'b', name: 'g' },
  ])
  assert.deepEqual([reader.hasFinished(), reader.end()], [true, [END]])
})

test('A whole answer without a reason to stop has stopped; what is no message is none', () => {
  const reader = newReader()
  assert.deepEqual(reader.readWhole({ content: [], stop_reason: null }), [])
  assert.deepEqual([reader.hasFinished(), newReader().readWhole({})], [true, undefined])
})

test('A block that begins in the place of another ends it; blocks left open end with the answer', () => {
  const events = readAll(
    begins(0, { type: 'thinking', thinking: 'A', signature: 'x' }),
    call(0, { id: 'a', input: { b: 1 } }),
  )
  assert.deepEqual(withoutFinish(events), [
    { type: 'reasoning', text: 'A' },
    state({ type: 'thinking', thinking: 'A', signature: 'x' }),
    { type: 'tool_call', callId: 'a', name: 'f' },
    { type: 'tool_arguments', callId: 'a', delta: '{"b":1}' },
  ])
})

/** Errors inside a stream, in the spellings that were reported. */
const errors = [
  { type: 'overloaded_error', message: 'Overloaded', fault: 'unavailable' },
  { type: 'rate_limit_error', message: 'This request would exceed your rate limit.', fault: 'rate_limited' },
  { type: 'api_error', message: 'Internal server error', fault: 'unavailable' },
  { type: 'timeout_error', message: 'Request timed out.', fault: 'timeout' },
  { type: 'invalid_request_error', message: 'messages: invalid', fault: 'bad_request' },
  { type: 'request_too_large', message: 'Request exceeds the maximum size', fault: 'bad_request' },
  { type: 'authentication_error', message: 'invalid x-api-key', fault: 'auth' },
  { type: 'billing_error', message: 'Please pay.', fault: 'auth' },
]
for (const { type, message, fault } of errors) {
  test(`An error of type ${type} inside a stream is ${fault}, whatever else comes`, () => {
    for (const before of [[], says(0, 'Hel')]) {
      const reader = newReader()
      show(reader, [...before, fails(type, message), ...says(1, 'lo'), ...stops('end_turn')])
      assert.deepEqual([reader.failure()?.problem.fault, reader.failure()?.problem.accepted], [fault, true])
      assert.equal(reader.hasFinished(), false)
    }
  })
}

test('An error in the place of a whole answer is a failure', () => {
  const reader = newReader()
  const error = { type: 'overloaded_error', message: 'hush-hush is overloaded' }
  assert.deepEqual(reader.readWhole({ error }), [])
  assert.equal(reader.failure()?.problem.fault, 'unavailable')
})
