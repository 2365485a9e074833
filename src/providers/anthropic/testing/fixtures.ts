import type { JsonObject } from '../../../protocol/json.ts'
import { FILE_URL, IMAGE_URL, PARAMETERS, SCHEMA } from '../../testing/conformance/scenarios.ts'
import { NOT_SUPPORTED, type Conforming, type Fixture, type Fixtures } from '../../testing/conformance/suite.ts'
import { anthropic } from '../adapter.ts'
import { begins, block, fails, frame, piece, says, stops, text, thinks, whole } from './events.ts'

const HI = said('Hi')
const WEATHER = { name: 'weather', description: 'Tells the weather.', input_schema: PARAMETERS }
const CLOCK = { name: 'clock', input_schema: { type: 'object', properties: {} } }
const PNG = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }

/** A message of one text. */
export function said(value: string, role: 'user' | 'assistant' = 'user'): JsonObject {
  return { role, content: [text(value)] }
}

function sent(rest: JsonObject, warnings: readonly string[] = []): Fixture {
  const body = { model: 'claude-sonnet-4-5', max_tokens: 64_000, messages: [HI], stream: true, ...rest }
  return { sent: body, path: '/v1/messages', warnings }
}

function asks(...content: readonly JsonObject[]): Fixture {
  return sent({ messages: [{ role: 'user', content }] })
}

function streams(...pieces: readonly string[]): Fixture {
  return { answer: { contentType: 'text/event-stream', pieces } }
}

function answers(...content: readonly JsonObject[]): Fixture {
  return { answer: { pieces: [JSON.stringify(whole(content))] } }
}

function refusal(
  status: number,
  type: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Fixture {
  const pieces = [JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_1' })]
  return { answer: { status, headers, pieces } }
}

const use = (id: string, input: JsonObject): JsonObject => ({ type: 'tool_use', id, name: 'weather', input })
const result = (id: string, content: string | readonly JsonObject[]): JsonObject => ({
  type: 'tool_result',
  tool_use_id: id,
  content,
})

const NONE = 'https://platform.claude.com/docs/en/api/messages/create (read 2026-11-22)'
const left = (name: string) => `${name} was left out: the provider does not take it`

const REQUESTS = {
  'a question': sent({}),
  instructions: sent({ system: [text('Be brief.')] }),
  'a system message amid the thread': sent({
    messages: [HI, said('Yes?', 'assistant'), said('<system>\nBe brief.\n</system>')],
  }),
  'sampling settings': sent({ max_tokens: 100, temperature: 0.5 }, [
    'top_p was left out: the model takes it or temperature, not both',
  ]),
  'penalties and a seed': sent({}, ['presence_penalty', 'frequency_penalty', 'seed'].map(left)),
  'an image by data': asks(text('See:'), PNG),
  'an image by URL': asks({ type: 'image', source: { type: 'url', url: IMAGE_URL } }),
  'the detail of an image': sent({ messages: [{ role: 'user', content: [PNG] }] }, [
    'the detail of images was left out: the provider does not take it',
  ]),
  'a file by data': asks({
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
    title: 'paper.pdf',
  }),
  'a file by URL': asks({ type: 'document', source: { type: 'url', url: FILE_URL } }),
  tools: sent({ tools: [WEATHER, CLOCK] }),
  'a strict tool': sent({
    tools: [{ ...WEATHER, input_schema: { ...PARAMETERS, additionalProperties: false }, strict: true }],
  }),
  'no tool may be called': sent({ tools: [WEATHER], tool_choice: { type: 'none' } }),
  'some tool must be called': sent({ tools: [WEATHER], tool_choice: { type: 'any' } }),
  'one tool must be called': sent({ tools: [WEATHER, CLOCK], tool_choice: { type: 'tool', name: 'weather' } }),
  'one of the tools may be called': sent({ tools: [WEATHER], tool_choice: { type: 'auto' } }),
  'one of the tools is allowed, and must be called': sent({ tools: [WEATHER], tool_choice: { type: 'any' } }),
  'one call at a time': sent({
    tools: [WEATHER],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
  }),
  'a call and its result': sent({
    tools: [WEATHER],
    messages: [
      HI,
      { role: 'assistant', content: [text('Let me see.'), use('call_1', { place: 'Rome' })] },
      { role: 'user', content: [result('call_1', 'sunny')] },
    ],
  }),
  'two calls at once and their results': sent({
    tools: [WEATHER],
    messages: [
      HI,
      { role: 'assistant', content: [use('call_1', { place: 'Rome' }), use('call_2', { place: 'Oslo' })] },
      { role: 'user', content: [result('call_1', 'sunny'), result('call_2', 'snow')] },
    ],
  }),
  'a result with an image': sent({
    tools: [WEATHER],
    messages: [
      HI,
      { role: 'assistant', content: [use('call_1', {})] },
      { role: 'user', content: [result('call_1', [text('See:'), PNG])] },
    ],
  }),
  'a call id of foreign letters': sent({
    tools: [WEATHER],
    messages: [
      HI,
      { role: 'assistant', content: [use('aiFBFX9eMLHiJ9U6f7bcmp0N', {})] },
      { role: 'user', content: [result('aiFBFX9eMLHiJ9U6f7bcmp0N', 'sunny')] },
    ],
  }),
  'a JSON schema': sent({ output_config: { format: { type: 'json_schema', schema: SCHEMA } } }),
  'any JSON': sent(
    { system: [text('Answer with one JSON object and nothing else: no words around it, no code fence.')] },
    ['text.format json_object was sent as an instruction: the provider has no such format'],
  ),
  'low effort': sent({ max_tokens: 8000, thinking: { type: 'enabled', budget_tokens: 4096 } }),
  'high effort': sent({ max_tokens: 40_000, thinking: { type: 'enabled', budget_tokens: 24_576 } }),
  'no effort': sent({}),
  'reasoning of another provider': sent({ messages: [HI, said('Yes?', 'assistant'), said('Go on.')] }),
  'a cache key': sent({ cache_control: { type: 'ephemeral' } }),
  'who the user is': sent({ metadata: { user_id: 's1' } }, [
    'user was left out: safety_identifier stands in its place',
  ]),
  'a service tier': sent({}, ['service_tier flex was left out: the provider has none']),
  'log probabilities wanted': sent({}, [left('top_logprobs')]),
  'a verbosity': sent({}, [left('text.verbosity')]),
} satisfies Partial<Fixtures>

const CALL = (index: number, id: string) => begins(index, { type: 'tool_use', id, name: 'weather', input: {} })
const ARGUE = (index: number, ...pieces: readonly string[]) =>
  ['', ...pieces].map((partial_json) => piece(index, { type: 'input_json_delta', partial_json })).join('')
const START = frame({ type: 'message_start', message: { usage: { input_tokens: 9, output_tokens: 1 } } })

const ANSWERS = {
  text: streams(START, ...says(0, 'Hello', ', world'), ...stops('end_turn')),
  'text in one piece': answers(text('Hello, world')),
  'thinking, then text': streams(START, ...thinks(0, ['Let me', ' think.']), ...says(1, 'Hello'), ...stops('end_turn')),
  'thinking that must come back': streams(
    START,
    ...thinks(0, ['Let me', ' think.'], 'Q2xhdWRl'),
    ...says(1, 'Hello'),
    ...stops('end_turn'),
  ),
  'thinking without a word': streams(START, ...thinks(0, [], 'Q2xhdWRl'), ...says(1, 'Hello'), ...stops('end_turn')),
  'a call': streams(START, ...block(0, CALL(0, 'toolu_1'), ARGUE(0, '{"place', '":"Rome"}')), ...stops('tool_use')),
  'a call in one piece': answers(use('toolu_1', { place: 'Rome' })),
  'two calls': streams(
    START,
    ...block(0, CALL(0, 'toolu_1'), ARGUE(0, '{"place":"Rome"}')),
    ...block(1, CALL(1, 'toolu_2'), ARGUE(1, '{"place":"Oslo"}')),
    ...stops('tool_use'),
  ),
  'a call without arguments': streams(START, ...block(0, CALL(0, 'toolu_1'), ARGUE(0)), ...stops('tool_use')),
  'text, then a call': streams(
    START,
    ...says(0, 'Let me see.'),
    ...block(1, CALL(1, 'toolu_1'), ARGUE(1, '{"place":"Rome"}')),
    ...stops('tool_use'),
  ),
  'a refusal': {
    answer: {
      contentType: 'text/event-stream',
      pieces: [
        START,
        ...stops('refusal', { stop_details: { type: 'refusal', explanation: 'I cannot help with that.' } }),
      ],
    },
    said: [
      { type: 'refusal', text: 'I cannot help with that.' },
      { type: 'finish', reason: 'content_filter' },
    ],
    because: 'A classifier refuses, whatever the model has said before: the answer is cut, not ended.',
  },
  'an answer that a filter cuts': streams(START, ...says(0, 'Hel'), ...stops('refusal')),
  'an answer that is too long': streams(START, ...says(0, 'Hel'), ...stops('max_tokens')),
  'a cited page': streams(
    START,
    begins(0, { type: 'text', text: '', citations: [] }),
    piece(0, {
      type: 'citations_delta',
      citation: {
        type: 'web_search_result_location',
        url: 'https://a.example/rome',
        title: 'Rome',
        cited_text: 'Old.',
      },
    }),
    piece(0, { type: 'text_delta', text: 'Rome is' }),
    piece(0, { type: 'text_delta', text: ' old.' }),
    frame({ type: 'content_block_stop', index: 0 }),
    ...stops('end_turn'),
  ),
  'usage with its details': streams(
    frame({
      type: 'message_start',
      message: {
        usage: { input_tokens: 5, cache_read_input_tokens: 4, cache_creation_input_tokens: 2, output_tokens: 1 },
      },
    }),
    ...says(0, 'Hello'),
    ...stops('end_turn', {}, { input_tokens: 14, output_tokens: 10, output_tokens_details: { thinking_tokens: 3 } }),
  ),
  'log probabilities': NOT_SUPPORTED('Messages gives no log probabilities.', NONE),
  'the tier that served': streams(
    frame({ type: 'message_start', message: { usage: { input_tokens: 9, service_tier: 'standard' } } }),
    ...says(0, 'Hi'),
    ...stops('end_turn'),
  ),
} satisfies Partial<Fixtures>

const OVERLOADED = fails('overloaded_error', 'Overloaded')

const FAILURES = {
  'a bad request': refusal(400, 'invalid_request_error', 'messages.0: Input does not match the expected shape.'),
  'a bad key': refusal(401, 'authentication_error', 'invalid x-api-key'),
  'an unknown model': refusal(404, 'not_found_error', 'model: claude-none'),
  'a context that is too long': refusal(
    400,
    'invalid_request_error',
    'prompt is too long: 208310 tokens > 200000 maximum',
  ),
  'too many requests': refusal(429, 'rate_limit_error', 'Slow down.', { 'retry-after': '7' }),
  overloaded: refusal(529, 'overloaded_error', 'Overloaded'),
  'a server error': refusal(500, 'api_error', 'Internal server error'),
  'overloaded inside the stream, before a word': streams(OVERLOADED),
  'too many requests inside the stream': streams(START, fails('rate_limit_error', 'Slow down.')),
  'an error after some words': streams(
    START,
    begins(0, text('')),
    piece(0, { type: 'text_delta', text: 'Hel' }),
    OVERLOADED,
  ),
  'a stream that breaks off': streams(START, ...says(0, 'Hel', 'lo')),
  'garbage inside the stream': streams(START, ...says(0, 'Hel'), 'data: {"type"\n\n', ...stops('end_turn')),
  'something else than its protocol': { answer: { contentType: 'text/html', pieces: ['<html>', 'Welcome'] } },
} satisfies Partial<Fixtures>

/** Messages as Anthropic speaks it, in every scenario. */
export const conforming: Conforming = {
  name: 'anthropic',
  family: anthropic,
  setup: { dialect: 'anthropic' },
  model: 'claude-sonnet-4-5',
  fixtures: { ...REQUESTS, ...ANSWERS, ...FAILURES },
}
