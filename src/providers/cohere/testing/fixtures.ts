import type { JsonObject } from '../../../protocol/json.ts'
import { IMAGE_URL, PARAMETERS, PIXEL, SCHEMA, USAGE } from '../../testing/conformance/scenarios.ts'
import { NOT_SUPPORTED, type Conforming, type Fixture, type Fixtures } from '../../testing/conformance/suite.ts'
import { cohere } from '../adapter.ts'

const REFERENCE = 'https://docs.cohere.com/reference/chat'
const HI = { role: 'user', content: 'Hi' }
const WEATHER = { name: 'weather', description: 'Tells the weather.', parameters: PARAMETERS }
const TOOLS = [{ type: 'function', function: WEATHER }]
const CLOCK = { type: 'function', function: { name: 'clock', parameters: { type: 'object', properties: {} } } }

/** The body of a streamed call with one question; `rest` is what the scenario adds, or replaces. */
function sent(rest: JsonObject, warnings: readonly string[] = []): Fixture {
  return { sent: { model: 'command-a', messages: [HI], stream: true, ...rest }, path: '/v2/chat', warnings }
}

function asks(content: readonly JsonObject[]): Fixture {
  return sent({ messages: [{ role: 'user', content }] })
}

function dropped(name: string, why = 'the provider does not take it'): Fixture {
  return sent({}, [`${name} was left out: ${why}`])
}

function wireCall(id: string, args: string): JsonObject {
  return { id, type: 'function', function: { name: 'weather', arguments: args } }
}

function result(id: string, content: string | readonly JsonObject[]): JsonObject {
  return { role: 'tool', tool_call_id: id, content }
}

const frame = (event: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
const event = (type: string, message: object, rest: object = {}) => frame({ type, ...rest, delta: { message } })
const START = event('message-start', { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] })
const ends = (reason: string, rest: object = {}) =>
  frame({ type: 'message-end', delta: { finish_reason: reason, ...rest } })
const DONE = 'data: [DONE]\n\n'

const opens = (index: number, type: 'text' | 'thinking') =>
  event('content-start', { content: { type, [type]: '' } }, { index })
const says = (text: string, rest: object = {}) => event('content-delta', { content: { text } }, { index: 0, ...rest })
const thinks = (thinking: string) => event('content-delta', { content: { thinking } }, { index: 0 })
const plans = (plan: string) => event('tool-plan-delta', { tool_plan: plan })
const calls = (index: number, id = `weather_${index}`) =>
  event(
    'tool-call-start',
    { tool_calls: { id, type: 'function', function: { name: 'weather', arguments: '' } } },
    { index },
  )
const fragment = (index: number, text: string) =>
  event('tool-call-delta', { tool_calls: { function: { arguments: text } } }, { index })
const called = (index: number) => frame({ type: 'tool-call-end', index })

function streams(...pieces: readonly string[]): Extract<Fixture, { answer: unknown }> {
  return { answer: { contentType: 'text/event-stream', pieces: [START, ...pieces] } }
}

function whole(message: object, reason = 'COMPLETE'): Fixture {
  const answer = { id: 'a-1', message: { role: 'assistant', ...message }, finish_reason: reason }
  return { answer: { pieces: [JSON.stringify(answer)] } }
}

function refusal(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Fixture {
  return { answer: { status, headers, pieces: [JSON.stringify({ id: 'a-1', message })] } }
}

const REQUESTS = {
  'a question': sent({}),
  instructions: sent({ messages: [{ role: 'system', content: 'Be brief.' }, HI] }),
  'a system message amid the thread': sent({
    messages: [HI, { role: 'assistant', content: 'Yes?' }, { role: 'user', content: '<system>\nBe brief.\n</system>' }],
  }),
  'sampling settings': sent({ temperature: 0.5, p: 0.9, max_tokens: 100 }),
  'penalties and a seed': sent({ presence_penalty: 0.1, frequency_penalty: 0.2, seed: 7 }),
  'an image by data': asks([
    { type: 'text', text: 'See:' },
    { type: 'image_url', image_url: { url: PIXEL } },
  ]),
  'an image by URL': asks([{ type: 'image_url', image_url: { url: IMAGE_URL } }]),
  'the detail of an image': asks([{ type: 'image_url', image_url: { url: PIXEL, detail: 'low' } }]),
  'a file by data': { refused: { param: 'input', message: /takes no files/ } },
  'a file by URL': { refused: { param: 'input', message: /takes no files/ } },
  tools: sent({ tools: [...TOOLS, CLOCK] }),
  'a strict tool': sent({ tools: TOOLS, strict_tools: true }),
  'no tool may be called': sent({ tools: TOOLS, tool_choice: 'NONE' }),
  'some tool must be called': sent({ tools: TOOLS, tool_choice: 'REQUIRED' }),
  'one tool must be called': sent({ tools: TOOLS, tool_choice: 'REQUIRED' }),
  'one of the tools may be called': sent({ tools: TOOLS }),
  'one of the tools is allowed, and must be called': sent({ tools: TOOLS, tool_choice: 'REQUIRED' }),
  'one call at a time': sent({ tools: TOOLS }, ['parallel_tool_calls was left out: the provider does not take it']),
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
      { role: 'assistant', tool_calls: [wireCall('call_1', '{}')] },
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
    messages: [HI, { role: 'assistant', tool_calls: [wireCall('weather:0/é', '{}')] }, result('weather:0/é', 'sunny')],
  }),
  'a JSON schema': sent({ response_format: { type: 'json_object', json_schema: SCHEMA } }),
  'any JSON': sent({ response_format: { type: 'json_object' } }),
  'low effort': sent({ thinking: { type: 'enabled', token_budget: 2048 }, max_tokens: 8000 }),
  'high effort': sent({ thinking: { type: 'enabled' }, max_tokens: 40_000 }),
  'no effort': sent({ thinking: { type: 'disabled' } }),
  'reasoning of another provider': sent({
    messages: [HI, { role: 'assistant', content: 'Yes?' }, { role: 'user', content: 'Go on.' }],
  }),
  'a cache key': dropped('prompt_cache_key', 'the provider caches by itself'),
  'who the user is': sent({}, [
    'user was left out: the provider does not take it',
    'safety_identifier was left out: the provider does not take it',
  ]),
  'a service tier': dropped('service_tier'),
  'log probabilities wanted': sent({ logprobs: true }, [
    'top_logprobs was left out: the provider tells the probability of its own tokens alone',
  ]),
  'a verbosity': dropped('text.verbosity'),
} satisfies Partial<Fixtures>

const STOP = { type: 'finish', reason: 'stop' } as const
const MUST_COME_BACK = 'All thinking must come back: nothing else tells whose it was.'

const ANSWERS = {
  text: streams(opens(0, 'text'), says('Hello,'), says(' world'), ends('COMPLETE'), DONE),
  'text in one piece': whole({ content: [{ type: 'text', text: 'Hello, world' }] }),
  'thinking, then text': {
    ...streams(
      opens(0, 'thinking'),
      thinks('Let me '),
      thinks('think.'),
      opens(1, 'text'),
      says('Hello'),
      ends('COMPLETE'),
    ),
    said: [
      { type: 'reasoning', text: 'Let me think.' },
      { type: 'reasoning_state', state: 'STATE' },
      { type: 'text', text: 'Hello' },
      STOP,
    ],
    because: MUST_COME_BACK,
  },
  'thinking that must come back': streams(thinks('Let me think.'), says('Hello'), ends('COMPLETE'), DONE),
  'thinking without a word': NOT_SUPPORTED('Thinking is text.', 'https://docs.cohere.com/docs/reasoning'),
  'a call': streams(calls(0), fragment(0, '{"place"'), fragment(0, ':"Rome"}'), called(0), ends('TOOL_CALL'), DONE),
  'a call in one piece': whole({ tool_calls: [wireCall('weather_0', '{"place":"Rome"}')] }, 'TOOL_CALL'),
  'two calls': streams(
    calls(0),
    fragment(0, '{"place":"Rome"}'),
    called(0),
    calls(1),
    fragment(1, '{"place":"Oslo"}'),
    called(1),
    ends('TOOL_CALL'),
  ),
  'a call without arguments': streams(calls(0), called(0), ends('TOOL_CALL'), DONE),
  'text, then a call': {
    ...streams(plans('Let me'), plans(' see.'), calls(0), fragment(0, '{"place":"Rome"}'), ends('TOOL_CALL')),
    said: [
      { type: 'reasoning', text: 'Let me see.' },
      { type: 'reasoning_state', state: 'STATE' },
      { type: 'tool_call', callId: '#1', name: 'weather' },
      { type: 'tool_arguments', callId: '#1', delta: '{"place":"Rome"}' },
      STOP,
    ],
    because: 'What it says before a call is its plan, told apart from text.',
  },
  'a refusal': NOT_SUPPORTED('A refusal is text like any other.', REFERENCE),
  'an answer that a filter cuts': NOT_SUPPORTED('No finish_reason says so.', REFERENCE),
  'an answer that is too long': streams(says('Hel'), ends('MAX_TOKENS'), DONE),
  'a cited page': streams(
    says('Rome is old.'),
    event(
      'citation-start',
      {
        citations: {
          start: 0,
          end: 12,
          text: 'Rome is old.',
          type: 'TEXT_CONTENT',
          content_index: 0,
          sources: [{ type: 'document', id: 'doc:0', document: { url: 'https://a.example/rome', title: 'Rome' } }],
        },
      },
      { index: 0 },
    ),
    ends('COMPLETE'),
  ),
  'usage with its details': {
    ...streams(
      says('Hello'),
      ends('COMPLETE', {
        usage: {
          billed_units: { input_tokens: 3, output_tokens: 2 },
          tokens: { input_tokens: 20, output_tokens: 10, reasoning_tokens: 3 },
          cached_tokens: 4,
        },
      }),
    ),
    said: [
      { type: 'text', text: 'Hello' },
      { ...STOP, usage: { ...USAGE, input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 } } },
    ],
    because: 'It does not count what it writes to its cache.',
  },
  'log probabilities': {
    ...streams(says('Hi', { logprobs: { text: 'Hi', token_ids: [7], logprobs: [-0.1] } }), ends('COMPLETE')),
    said: [
      { type: 'text', text: 'Hi', logprobs: [{ token: 'Hi', logprob: -0.1, bytes: [72, 105], top_logprobs: [] }] },
      STOP,
    ],
    because: 'It tells of no rivals.',
  },
  'the tier that served': NOT_SUPPORTED('It has no tiers.', REFERENCE),
} satisfies Partial<Fixtures>

const failed = (error: string) => ends('ERROR', { error })

const ERRORS = {
  'a bad request': refusal(400, 'invalid request: message must be at least 1 token long.'),
  'a bad key': refusal(401, 'Incorrect API key provided: hush-hush.'),
  'an unknown model': refusal(404, "model 'command-9' not found, make sure the correct model ID was used."),
  'a context that is too long': {
    answer: {
      status: 400,
      pieces: [JSON.stringify({ error_type: 'TOO_MANY_TOKENS', message: 'size limit exceeded by 12 tokens.' })],
    },
  },
  'too many requests': refusal(429, 'trial token rate limit exceeded, limit is 100000 tokens per minute', {
    'retry-after': '7',
  }),
  overloaded: refusal(503, 'service unavailable'),
  'a server error': refusal(500, 'internal server error'),
  'overloaded inside the stream, before a word': streams(failed('the service is overloaded'), DONE),
  'too many requests inside the stream': streams(failed('too many requests, please wait'), DONE),
  'an error after some words': streams(says('Hel'), failed('internal error'), DONE),
  'a stream that breaks off': streams(says('Hel')),
  'garbage inside the stream': streams(says('Hel'), 'data: {"type":\n\n', ends('COMPLETE')),
  'something else than its protocol': { answer: { contentType: 'text/html', pieces: ['<html>Hello</html>'] } },
} satisfies Partial<Fixtures>

const fixtures: Fixtures = { ...REQUESTS, ...ANSWERS, ...ERRORS }

/** Cohere, put to the test. */
export const conforming: Conforming = {
  name: 'cohere',
  family: cohere,
  setup: { dialect: 'cohere' },
  model: 'command-a',
  fixtures,
}
