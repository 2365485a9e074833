import type { JsonObject } from '../../../protocol/json.ts'
import { IMAGE_URL, PARAMETERS, PDF, PIXEL, SCHEMA } from '../../testing/conformance/scenarios.ts'
import type { Conforming, Fixture, Fixtures, WireAnswer } from '../../testing/conformance/suite.ts'
import { openAiChat } from '../adapter.ts'

const HI = { role: 'user', content: 'Hi' }
const WEATHER = { name: 'weather', description: 'Tells the weather.', parameters: PARAMETERS }
const TOOLS = [{ type: 'function', function: WEATHER }]
const CLOCK = { type: 'function', function: { name: 'clock' } }

/** The body of a streamed call with one question; `rest` is what the scenario adds, or replaces. */
function sent(rest: JsonObject, warnings: readonly string[] = []): Fixture {
  const body = { model: 'gpt-4o', messages: [HI], stream: true, stream_options: { include_usage: true }, ...rest }
  return { sent: body, path: '/v1/chat/completions', warnings }
}

function asks(content: JsonObject['content'] & (string | readonly JsonObject[])): Fixture {
  return sent({ messages: [{ role: 'user', content }] })
}

function wireCall(id: string, args: string): JsonObject {
  return { id, type: 'function', function: { name: 'weather', arguments: args } }
}

function result(id: string, content: string | readonly JsonObject[]): JsonObject {
  return { role: 'tool', tool_call_id: id, content }
}

const frame = (chunk: object) => `data: ${JSON.stringify(chunk)}\n\n`
const says = (delta: object, choice: object = {}) =>
  frame({ choices: [{ index: 0, delta, finish_reason: null, ...choice }] })
const ends = (reason: string, chunk: object = {}) =>
  frame({ choices: [{ index: 0, delta: {}, finish_reason: reason }], ...chunk })
const DONE = 'data: [DONE]\n\n'

function streams(...pieces: readonly string[]): Fixture {
  return { answer: stream(...pieces) }
}

function stream(...pieces: readonly string[]): WireAnswer {
  return { contentType: 'text/event-stream', pieces }
}

function whole(message: object, reason = 'stop'): Fixture {
  return { answer: { pieces: [JSON.stringify({ choices: [{ index: 0, message, finish_reason: reason }] })] } }
}

function refusal(status: number, error: object, headers: Readonly<Record<string, string>> = {}): Fixture {
  return { answer: { status, headers, pieces: [JSON.stringify({ error })] } }
}

const opening = (index: number, id: string) =>
  says({ tool_calls: [{ index, id, type: 'function', function: { name: 'weather', arguments: '' } }] })
const fragment = (index: number, text: string) => says({ tool_calls: [{ index, function: { arguments: text } }] })

const LOGPROB = { token: 'Hi', logprob: -0.1, bytes: [72, 105] }

const REQUESTS = {
  'a question': sent({}),
  instructions: sent({ messages: [{ role: 'developer', content: 'Be brief.' }, HI] }),
  'a system message amid the thread': sent({
    messages: [HI, { role: 'assistant', content: 'Yes?' }, { role: 'system', content: 'Be brief.' }],
  }),
  'sampling settings': sent({ temperature: 0.5, top_p: 0.9, max_completion_tokens: 100 }),
  'penalties and a seed': sent({ presence_penalty: 0.1, frequency_penalty: 0.2, seed: 7 }),
  'an image by data': asks([
    { type: 'text', text: 'See:' },
    { type: 'image_url', image_url: { url: PIXEL } },
  ]),
  'an image by URL': asks([{ type: 'image_url', image_url: { url: IMAGE_URL } }]),
  'the detail of an image': asks([{ type: 'image_url', image_url: { url: PIXEL, detail: 'low' } }]),
  'a file by data': asks([{ type: 'file', file: { filename: 'paper.pdf', file_data: PDF } }]),
  'a file by URL': { refused: { param: 'input', message: /takes no URLs of files here/ } },
  tools: sent({ tools: [...TOOLS, CLOCK] }),
  'a strict tool': sent({ tools: [{ type: 'function', function: { ...WEATHER, strict: true } }] }),
  'no tool may be called': sent({ tools: TOOLS, tool_choice: 'none' }),
  'some tool must be called': sent({ tools: TOOLS, tool_choice: 'required' }),
  'one tool must be called': sent({
    tools: [...TOOLS, CLOCK],
    tool_choice: { type: 'function', function: { name: 'weather' } },
  }),
  'one of the tools may be called': sent({ tools: TOOLS, tool_choice: 'auto' }),
  'one of the tools is allowed, and must be called': sent({ tools: TOOLS, tool_choice: 'required' }),
  'one call at a time': sent({ tools: TOOLS, parallel_tool_calls: false }),
  'a call and its result': sent({
    tools: TOOLS,
    messages: [
      HI,
      { role: 'assistant', content: 'Let me see.', tool_calls: [wireCall('call_1', '{"place":"Rome"}')] },
      result('call_1', 'sunny'),
    ],
  }),
  'two calls at once and their results': sent({
    tools: TOOLS,
    messages: [
      HI,
      {
        role: 'assistant',
        content: null,
        tool_calls: [wireCall('call_1', '{"place":"Rome"}'), wireCall('call_2', '{"place":"Oslo"}')],
      },
      result('call_1', 'sunny'),
      result('call_2', 'snow'),
    ],
  }),
  'a result with an image': sent({
    tools: TOOLS,
    messages: [
      HI,
      { role: 'assistant', content: null, tool_calls: [wireCall('call_1', '{}')] },
      result('call_1', [
        { type: 'text', text: 'See:' },
        { type: 'text', text: '(What else the tool gave back follows in the next message.)' },
      ]),
      {
        role: 'user',
        content: [
          { type: 'text', text: 'The tool gave this back for the call call_1:' },
          { type: 'image_url', image_url: { url: PIXEL } },
        ],
      },
    ],
  }),
  'a call id of foreign letters': sent({
    tools: TOOLS,
    messages: [
      HI,
      { role: 'assistant', content: null, tool_calls: [wireCall('weather:0/é', '{}')] },
      result('weather:0/é', 'sunny'),
    ],
  }),
  'a JSON schema': sent({
    response_format: { type: 'json_schema', json_schema: { name: 'place', schema: SCHEMA, strict: true } },
  }),
  'any JSON': sent({ response_format: { type: 'json_object' } }),
  'low effort': sent({ reasoning_effort: 'low', max_completion_tokens: 8000 }),
  'high effort': sent({ reasoning_effort: 'high', max_completion_tokens: 40_000 }),
  'no effort': sent({ reasoning_effort: 'none' }),
  'reasoning of another provider': sent({
    messages: [HI, { role: 'assistant', content: 'Yes?' }, { role: 'user', content: 'Go on.' }],
  }),
  'a cache key': sent({ prompt_cache_key: 'thread-1' }),
  'who the user is': sent({ user: 'u1', safety_identifier: 's1' }),
  'a service tier': sent({ service_tier: 'flex' }),
  'log probabilities wanted': sent({ logprobs: true, top_logprobs: 2 }),
  'a verbosity': sent({ verbosity: 'low' }),
} satisfies Partial<Fixtures>

const ANSWERS = {
  text: streams(
    says({ role: 'assistant', content: '' }),
    says({ content: 'Hello,' }),
    says({ content: ' world' }),
    ends('stop'),
    DONE,
  ),
  'text in one piece': whole({ role: 'assistant', content: 'Hello, world' }),
  'thinking, then text': streams(
    says({ reasoning_content: 'Let me ' }),
    says({ reasoning_content: 'think.' }),
    says({ content: 'Hello' }),
    ends('stop'),
    DONE,
  ),
  'thinking that must come back': streams(
    says({ reasoning_details: [{ type: 'reasoning.text', text: 'Let me think.', index: 0 }] }),
    says({ reasoning_details: [{ type: 'reasoning.text', signature: 'Q2hhdA==', index: 0 }] }),
    says({ content: 'Hello' }),
    ends('stop'),
    DONE,
  ),
  'thinking without a word': streams(
    says({ reasoning_details: [{ type: 'reasoning.encrypted', data: 'c2VjcmV0', index: 0 }] }),
    says({ content: 'Hello' }),
    ends('stop'),
    DONE,
  ),
  'a call': streams(opening(0, 'call_a'), fragment(0, '{"place":'), fragment(0, '"Rome"}'), ends('tool_calls'), DONE),
  'a call in one piece': whole({ content: null, tool_calls: [wireCall('call_a', '{"place":"Rome"}')] }, 'tool_calls'),
  'two calls': streams(
    opening(0, 'call_a'),
    fragment(0, '{"place":"Rome"}'),
    opening(1, 'call_b'),
    fragment(1, '{"place":"Oslo"}'),
    ends('tool_calls'),
    DONE,
  ),
  'a call without arguments': streams(opening(0, 'call_a'), ends('tool_calls'), DONE),
  'text, then a call': streams(
    says({ content: 'Let me see.' }),
    opening(0, 'call_a'),
    fragment(0, '{"place":"Rome"}'),
    ends('tool_calls'),
    DONE,
  ),
  'a refusal': streams(says({ refusal: 'I cannot help' }), says({ refusal: ' with that.' }), ends('stop'), DONE),
  'an answer that a filter cuts': streams(says({ content: 'Hel' }), ends('content_filter'), DONE),
  'an answer that is too long': streams(says({ content: 'Hel' }), ends('length'), DONE),
  'a cited page': streams(
    says({ content: 'Rome is old.' }),
    says({
      annotations: [
        {
          type: 'url_citation',
          url_citation: { url: 'https://a.example/rome', title: 'Rome', start_index: 0, end_index: 12 },
        },
      ],
    }),
    ends('stop'),
    DONE,
  ),
  'usage with its details': streams(
    says({ content: 'Hello' }),
    ends('stop'),
    frame({
      choices: [],
      usage: {
        prompt_tokens: 20,
        completion_tokens: 10,
        total_tokens: 30,
        prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    }),
    DONE,
  ),
  'log probabilities': streams(
    says({ content: 'Hi' }, { logprobs: { content: [{ ...LOGPROB, top_logprobs: [LOGPROB] }] } }),
    ends('stop'),
    DONE,
  ),
  'the tier that served': streams(says({ content: 'Hi' }), ends('stop', { service_tier: 'default' }), DONE),
} satisfies Partial<Fixtures>

const OVERLOADED = frame({ error: { code: 503, message: 'Overloaded' }, choices: [] })

const FAILURES = {
  'a bad request': refusal(400, { message: 'No.', type: 'invalid_request_error' }),
  'a bad key': refusal(401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' }),
  'an unknown model': refusal(404, { message: 'No such model.', code: 'model_not_found' }),
  'a context that is too long': refusal(400, { message: 'Too long.', code: 'context_length_exceeded' }),
  'too many requests': refusal(429, { message: 'Slow down.' }, { 'retry-after': '7' }),
  overloaded: refusal(503, { message: 'Overloaded.' }),
  'a server error': refusal(500, { message: 'Oops.' }),
  'overloaded inside the stream, before a word': streams(OVERLOADED, DONE),
  'too many requests inside the stream': streams(frame({ error: { code: 429, message: 'Slow down.' } }), DONE),
  'an error after some words': streams(says({ content: 'Hel' }), OVERLOADED, DONE),
  'a stream that breaks off': streams(says({ content: 'Hel' }), says({ content: 'lo' })),
  'garbage inside the stream': streams(says({ content: 'Hel' }), 'data: {"choices"\n\n', DONE),
  'something else than its protocol': { answer: { contentType: 'text/html', pieces: ['<html>', 'Welcome'] } },
} satisfies Partial<Fixtures>

/** Chat Completions as OpenAI speaks it, in every scenario. */
export const conforming: Conforming = {
  name: 'openai-chat',
  family: openAiChat,
  setup: { dialect: 'openai' },
  model: 'gpt-4o',
  fixtures: { ...REQUESTS, ...ANSWERS, ...FAILURES },
}
