import type { JsonObject, JsonValue } from '../../../protocol/json.ts'
import { FILE_URL, IMAGE_URL, PARAMETERS, PDF, PIXEL, SCHEMA } from '../../testing/conformance/scenarios.ts'
import type { Conforming, Fixture, Fixtures } from '../../testing/conformance/suite.ts'
import { openAiResponses } from '../adapter.ts'
import { call, completed, frame, message, reasoning, stream } from './events.ts'

const MODEL = 'gpt-5.5'
const HI = { type: 'message', role: 'user', content: 'Hi' }
const WEATHER = { type: 'function', name: 'weather', description: 'Tells the weather.', parameters: PARAMETERS }
const CLOCK = { type: 'function', name: 'clock', parameters: { type: 'object', properties: {} } }
const SEALED = { include: ['reasoning.encrypted_content'] }

/** The body of a streamed call with one question; `rest` is what the scenario adds, or replaces. */
function sent(rest: JsonObject, warnings: readonly string[] = []): Fixture {
  const body = { model: MODEL, store: false, stream: true, ...SEALED, input: [HI], ...rest }
  return { sent: body, path: '/v1/responses', warnings }
}

function asks(content: JsonValue): Fixture {
  return sent({ input: [{ type: 'message', role: 'user', content }] })
}

function tells(...items: readonly JsonObject[]): Fixture {
  return sent({ tools: [WEATHER], input: [HI, ...items] })
}

function said(text: string): JsonObject {
  return { type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }
}

function called(call_id: string, args: string): JsonObject {
  return { type: 'function_call', call_id, name: 'weather', arguments: args }
}

function result(call_id: string, output: JsonValue): JsonObject {
  return { type: 'function_call_output', call_id, output }
}

function streams(...pieces: readonly string[]): Fixture {
  return { answer: { contentType: 'text/event-stream', pieces } }
}

/** A stream of items, ended well. */
function answers(...items: readonly (readonly JsonObject[])[]): Fixture {
  return streams(...stream(items))
}

function whole(...output: readonly JsonObject[]): Fixture {
  return { answer: { pieces: [JSON.stringify({ object: 'response', status: 'completed', error: null, output })] } }
}

function refusal(status: number, error: object, headers: Readonly<Record<string, string>> = {}): Fixture {
  return { answer: { status, headers, pieces: [JSON.stringify({ error })] } }
}

/** The choice that leaves the weather alone. */
const allowed = (mode: string) => ({ type: 'allowed_tools', mode, tools: [{ type: 'function', name: 'weather' }] })

const HASHED = 'aiFBFX9eMLHiJ9U6f7bcmp0NMy2Nhrpk'
const LOGPROB = { token: 'Hi', logprob: -0.1, bytes: [72, 105] }

const REQUESTS = {
  'a question': sent({}),
  instructions: sent({ instructions: 'Be brief.' }),
  'a system message amid the thread': sent({
    input: [HI, said('Yes?'), { type: 'message', role: 'system', content: 'Be brief.' }],
  }),
  'sampling settings': sent({ temperature: 0.5, top_p: 0.9, max_output_tokens: 100 }),
  'penalties and a seed': sent(
    {},
    ['presence_penalty', 'frequency_penalty', 'seed'].map(
      (name) => `${name} was left out: the provider does not take it`,
    ),
  ),
  'an image by data': asks([
    { type: 'input_text', text: 'See:' },
    { type: 'input_image', image_url: PIXEL },
  ]),
  'an image by URL': asks([{ type: 'input_image', image_url: IMAGE_URL }]),
  'the detail of an image': asks([{ type: 'input_image', image_url: PIXEL, detail: 'low' }]),
  'a file by data': asks([{ type: 'input_file', filename: 'paper.pdf', file_data: PDF }]),
  'a file by URL': asks([{ type: 'input_file', file_url: FILE_URL }]),
  tools: sent({ tools: [WEATHER, CLOCK] }),
  'a strict tool': sent({ tools: [{ ...WEATHER, strict: true }] }),
  'no tool may be called': sent({ tools: [WEATHER], tool_choice: 'none' }),
  'some tool must be called': sent({ tools: [WEATHER], tool_choice: 'required' }),
  'one tool must be called': sent({ tools: [WEATHER, CLOCK], tool_choice: { type: 'function', name: 'weather' } }),
  'one of the tools may be called': sent({ tools: [WEATHER, CLOCK], tool_choice: allowed('auto') }),
  'one of the tools is allowed, and must be called': sent({
    tools: [WEATHER, CLOCK],
    tool_choice: allowed('required'),
  }),
  'one call at a time': sent({ tools: [WEATHER], parallel_tool_calls: false }),
  'a call and its result': tells(said('Let me see.'), called('call_1', '{"place":"Rome"}'), result('call_1', 'sunny')),
  'two calls at once and their results': tells(
    called('call_1', '{"place":"Rome"}'),
    called('call_2', '{"place":"Oslo"}'),
    result('call_1', 'sunny'),
    result('call_2', 'snow'),
  ),
  'a result with an image': tells(
    called('call_1', '{}'),
    result('call_1', [
      { type: 'input_text', text: 'See:' },
      { type: 'input_image', image_url: PIXEL },
    ]),
  ),
  'a call id of foreign letters': tells(called(HASHED, '{}'), result(HASHED, 'sunny')),
  'a JSON schema': sent({ text: { format: { type: 'json_schema', name: 'place', schema: SCHEMA, strict: true } } }),
  'any JSON': sent({ text: { format: { type: 'json_object' } } }),
  'low effort': sent({ reasoning: { effort: 'low' }, max_output_tokens: 8000 }),
  'high effort': sent({ reasoning: { effort: 'high' }, max_output_tokens: 40_000 }),
  'no effort': sent({ reasoning: { effort: 'none' } }),
  'reasoning of another provider': sent({
    input: [HI, said('Yes?'), { type: 'message', role: 'user', content: 'Go on.' }],
  }),
  'a cache key': sent({ prompt_cache_key: 'thread-1' }),
  'who the user is': sent({ user: 'u1', safety_identifier: 's1' }),
  'a service tier': sent({ service_tier: 'flex' }),
  'log probabilities wanted': sent({
    include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
    top_logprobs: 2,
  }),
  'a verbosity': sent({ text: { format: { type: 'text' }, verbosity: 'low' } }),
} satisfies Partial<Fixtures>

const [added = {}, , ...inside] = message(['Hi'])

const ANSWERS = {
  text: answers(message(['Hello,', ' world'])),
  'text in one piece': whole({ type: 'message', content: [{ type: 'output_text', text: 'Hello, world' }] }),
  'thinking, then text': answers(reasoning(['Let me think.']), message(['Hello'])),
  'thinking that must come back': answers(reasoning(['Let me think.'], 'UmVzcG9uc2Vz'), message(['Hello'])),
  'thinking without a word': answers(reasoning([], 'UmVzcG9uc2Vz'), message(['Hello'])),
  'a call': answers(call('call_a', ['{"place":', '"Rome"}'])),
  'a call in one piece': whole({
    type: 'function_call',
    call_id: 'call_a',
    name: 'weather',
    arguments: '{"place":"Rome"}',
  }),
  'two calls': answers(call('call_a', ['{"place":"Rome"}']), call('call_b', ['{"place":"Oslo"}'])),
  'a call without arguments': answers(call('call_a', [])),
  'text, then a call': answers(message(['Let me see.']), call('call_a', ['{"place":"Rome"}'])),
  'a refusal': answers([
    { type: 'response.output_item.added', item: { type: 'message', id: 'msg_1', content: [] } },
    { type: 'response.refusal.delta', item_id: 'msg_1', content_index: 0, delta: 'I cannot help' },
    { type: 'response.refusal.delta', item_id: 'msg_1', content_index: 0, delta: ' with that.' },
    { type: 'response.refusal.done', item_id: 'msg_1', content_index: 0, refusal: 'I cannot help with that.' },
  ]),
  'an answer that a filter cuts': streams(
    ...stream([message(['Hel'])]).slice(0, -1),
    frame({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'content_filter' } },
    }),
  ),
  'an answer that is too long': streams(
    ...stream([message(['Hel'])]).slice(0, -1),
    frame({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    }),
  ),
  'a cited page': answers([
    ...message(['Rome is old.']).slice(0, -1),
    {
      type: 'response.output_text.annotation.added',
      item_id: 'msg_1',
      content_index: 0,
      annotation_index: 0,
      annotation: {
        type: 'url_citation',
        url: 'https://a.example/rome',
        title: 'Rome',
        start_index: 0,
        end_index: 12,
      },
    },
  ]),
  'usage with its details': streams(
    ...stream([message(['Hello'])], {
      usage: {
        input_tokens: 20,
        input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
        output_tokens: 10,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 30,
      },
    }),
  ),
  'log probabilities': answers([
    added,
    ...inside.map((event) =>
      event['type'] === 'response.output_text.delta'
        ? { ...event, logprobs: [{ ...LOGPROB, top_logprobs: [LOGPROB] }] }
        : event,
    ),
  ]),
  'the tier that served': streams(...stream([message(['Hi'])], { service_tier: 'default' })),
} satisfies Partial<Fixtures>

const WORDS = stream([message(['Hel', 'lo'])]).slice(0, 4)
const OVERLOADED = frame({
  type: 'error',
  error: { type: 'server_error', code: 'server_is_overloaded', message: 'Overloaded.', param: null },
})

const FAILURES = {
  'a bad request': refusal(400, { message: 'No.', type: 'invalid_request_error' }),
  'a bad key': refusal(401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' }),
  'an unknown model': refusal(400, { message: 'No such model.', code: 'model_not_found', param: 'model' }),
  'a context that is too long': refusal(400, { message: 'Too long.', code: 'context_length_exceeded', param: 'input' }),
  'too many requests': refusal(429, { message: 'Slow down.', code: 'rate_limit_exceeded' }, { 'retry-after': '7' }),
  overloaded: refusal(503, { message: 'Overloaded.', code: 'server_is_overloaded' }),
  'a server error': refusal(500, { message: 'Oops.', code: 'server_error' }),
  'overloaded inside the stream, before a word': streams(
    frame({ type: 'response.created', response: { status: 'in_progress' } }),
    OVERLOADED,
  ),
  'too many requests inside the stream': streams(
    frame({ type: 'error', code: 'rate_limit_exceeded', message: 'Slow down.', param: null }),
    frame({ type: 'response.failed', response: { status: 'failed', error: { code: 'rate_limit_exceeded' } } }),
  ),
  'an error after some words': streams(
    ...WORDS,
    frame({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error', message: 'Oops.' } },
    }),
  ),
  'a stream that breaks off': streams(...WORDS),
  'garbage inside the stream': streams(...WORDS, 'data: {"type"\n\n', frame(completed())),
  'something else than its protocol': { answer: { contentType: 'text/html', pieces: ['<html>', 'Welcome'] } },
} satisfies Partial<Fixtures>

/** Responses as OpenAI speaks it, in every scenario. */
export const conforming: Conforming = {
  name: 'openai-responses',
  family: openAiResponses,
  setup: { dialect: 'openai' },
  model: MODEL,
  fixtures: { ...REQUESTS, ...ANSWERS, ...FAILURES },
}
