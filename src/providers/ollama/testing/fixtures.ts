import type { JsonObject } from '../../../protocol/json.ts'
import { PARAMETERS, SCHEMA, USAGE } from '../../testing/conformance/scenarios.ts'
import { NOT_SUPPORTED, type Conforming, type Fixture, type Fixtures } from '../../testing/conformance/suite.ts'
import { ollama } from '../adapter.ts'

const REFERENCE = 'https://docs.ollama.com/api/chat'
const HI = { role: 'user', content: 'Hi' }
const GUARDS = { truncate: false, shift: false, stream: true }
const WEATHER = { name: 'weather', description: 'Tells the weather.', parameters: PARAMETERS }
const TOOLS = [{ type: 'function', function: WEATHER }]
const CLOCK = { type: 'function', function: { name: 'clock', parameters: { type: 'object', properties: {} } } }
const NOT_FORCED = ['tool_choice was left out: the provider cannot be made to call a tool']

/** The body of a streamed call with one question; `rest` is what the scenario adds, or replaces. */
function sent(rest: JsonObject, warnings: readonly string[] = []): Fixture {
  return { sent: { model: 'qwen3', messages: [HI], ...GUARDS, ...rest }, path: '/api/chat', warnings }
}

function dropped(name: string, why = 'the provider does not take it'): Fixture {
  return sent({}, [`${name} was left out: ${why}`])
}

function wireCall(index: number, id: string, args: JsonObject): JsonObject {
  return { id, type: 'function', function: { index, name: 'weather', arguments: args } }
}

function calling(...calls: readonly JsonObject[]): JsonObject {
  return { role: 'assistant', content: '', tool_calls: calls }
}

function result(id: string, content: string, rest: JsonObject = {}): JsonObject {
  return { role: 'tool', content, tool_name: 'weather', tool_call_id: id, ...rest }
}

const line = (fields: object) =>
  `${JSON.stringify({ model: 'qwen3', created_at: '2026-11-22T00:00:00Z', ...fields })}\n`
const says = (message: object, rest: object = {}) =>
  line({ message: { role: 'assistant', ...message }, done: false, ...rest })
const ends = (rest: object = {}) =>
  line({ message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop', ...rest })

function streams(...pieces: readonly string[]): Extract<Fixture, { answer: unknown }> {
  return { answer: { contentType: 'application/x-ndjson', pieces } }
}

function whole(message: object): Fixture {
  return { answer: { pieces: [line({ message: { role: 'assistant', ...message }, done: true, done_reason: 'stop' })] } }
}

function refusal(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Fixture {
  return { answer: { status, headers, pieces: [JSON.stringify({ error })] } }
}

const call = (place: string, rest: object = {}) => ({ ...rest, function: { name: 'weather', arguments: { place } } })
const ROME = call('Rome', { id: 'call_a' })

const REQUESTS = {
  'a question': sent({}),
  instructions: sent({ messages: [{ role: 'system', content: 'Be brief.' }, HI] }),
  'a system message amid the thread': sent({
    messages: [HI, { role: 'assistant', content: 'Yes?' }, { role: 'system', content: 'Be brief.' }],
  }),
  'sampling settings': sent({ options: { temperature: 0.5, top_p: 0.9, num_predict: 100 } }),
  'penalties and a seed': sent({ options: { presence_penalty: 0.1, frequency_penalty: 0.2, seed: 7 } }),
  'an image by data': sent({ messages: [{ role: 'user', content: 'See:', images: ['iVBORw0KGgo='] }] }),
  'an image by URL': { refused: { param: 'input', message: /takes no URLs of images here/ } },
  'the detail of an image': sent({ messages: [{ role: 'user', content: '', images: ['iVBORw0KGgo='] }] }, [
    'the detail of images was left out: the provider does not take it',
  ]),
  'a file by data': { refused: { param: 'input', message: /takes no files/ } },
  'a file by URL': { refused: { param: 'input', message: /takes no files/ } },
  tools: sent({ tools: [...TOOLS, CLOCK] }),
  'a strict tool': sent({ tools: TOOLS }, ['strict of tools was left out: the provider does not take it']),
  'no tool may be called': sent({}),
  'some tool must be called': sent({ tools: TOOLS }, NOT_FORCED),
  'one tool must be called': sent({ tools: TOOLS }, NOT_FORCED),
  'one of the tools may be called': sent({ tools: TOOLS }),
  'one of the tools is allowed, and must be called': sent({ tools: TOOLS }, NOT_FORCED),
  'one call at a time': sent({ tools: TOOLS }, ['parallel_tool_calls was left out: the provider does not take it']),
  'a call and its result': sent({
    tools: TOOLS,
    messages: [
      HI,
      { role: 'assistant', content: 'Let me see.', tool_calls: [wireCall(0, 'call_1', { place: 'Rome' })] },
      result('call_1', 'sunny'),
    ],
  }),
  'two calls at once and their results': sent({
    tools: TOOLS,
    messages: [
      HI,
      calling(wireCall(0, 'call_1', { place: 'Rome' }), wireCall(1, 'call_2', { place: 'Oslo' })),
      result('call_1', 'sunny'),
      result('call_2', 'snow'),
    ],
  }),
  'a result with an image': sent({
    tools: TOOLS,
    messages: [HI, calling(wireCall(0, 'call_1', {})), result('call_1', 'See:', { images: ['iVBORw0KGgo='] })],
  }),
  'a call id of foreign letters': sent({
    tools: TOOLS,
    messages: [HI, calling(wireCall(0, 'weather:0/é', {})), result('weather:0/é', 'sunny')],
  }),
  'a JSON schema': sent({ format: SCHEMA }),
  'any JSON': sent({ format: 'json' }),
  'low effort': sent({ think: 'low', options: { num_predict: 8000 } }),
  'high effort': sent({ think: 'high', options: { num_predict: 40_000 } }),
  'no effort': sent({ think: false }),
  'reasoning of another provider': sent({
    messages: [HI, { role: 'assistant', content: 'Yes?' }, { role: 'user', content: 'Go on.' }],
  }),
  'a cache key': dropped('prompt_cache_key', 'the provider caches by itself'),
  'who the user is': sent({}, [
    'user was left out: the provider does not take it',
    'safety_identifier was left out: the provider does not take it',
  ]),
  'a service tier': dropped('service_tier'),
  'log probabilities wanted': sent({ logprobs: true, top_logprobs: 2 }),
  'a verbosity': dropped('text.verbosity'),
} satisfies Partial<Fixtures>

const LOGPROB = { token: 'Hi', logprob: -0.1, bytes: [72, 105] }

const ANSWERS = {
  text: streams(says({ content: 'Hello,' }), says({ content: ' world' }), ends()),
  'text in one piece': whole({ content: 'Hello, world' }),
  'thinking, then text': {
    ...streams(
      says({ content: '', thinking: 'Let me ' }),
      says({ thinking: 'think.' }),
      says({ content: 'Hello' }),
      ends(),
    ),
    said: [
      { type: 'reasoning', text: 'Let me think.' },
      { type: 'reasoning_state', state: 'STATE' },
      { type: 'text', text: 'Hello' },
      { type: 'finish', reason: 'stop' },
    ],
    because: 'All thinking must come back: the templates of models decide what of it they use.',
  },
  'thinking that must come back': streams(says({ thinking: 'Let me think.' }), says({ content: 'Hello' }), ends()),
  'thinking without a word': NOT_SUPPORTED('Thinking is text.', REFERENCE),
  'a call': streams(says({ content: '', tool_calls: [ROME] }), ends()),
  'a call in one piece': whole({ content: '', tool_calls: [ROME] }),
  'two calls': streams(says({ content: '', tool_calls: [call('Rome')] }), says({ tool_calls: [call('Oslo')] }), ends()),
  'a call without arguments': streams(says({ tool_calls: [{ function: { name: 'weather', arguments: {} } }] }), ends()),
  'text, then a call': streams(says({ content: 'Let me see.' }), says({ content: '', tool_calls: [ROME] }), ends()),
  'a refusal': NOT_SUPPORTED('A refusal is text like any other.', REFERENCE),
  'an answer that a filter cuts': NOT_SUPPORTED('It has no filter.', REFERENCE),
  'an answer that is too long': streams(says({ content: 'Hel' }), ends({ done_reason: 'length' })),
  'a cited page': NOT_SUPPORTED('Answers cite nothing.', REFERENCE),
  'usage with its details': {
    ...streams(
      says({ content: 'Hello' }),
      ends({ prompt_eval_count: 20, prompt_eval_cached_count: 4, eval_count: 10, total_duration: 5 }),
    ),
    said: [
      { type: 'text', text: 'Hello' },
      {
        type: 'finish',
        reason: 'stop',
        usage: {
          ...USAGE,
          input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
          output_tokens_details: { reasoning_tokens: 0 },
        },
      },
    ],
    because: 'It counts neither what it writes to its cache nor what was thought.',
  },
  'log probabilities': streams(
    says({ content: 'Hi' }, { logprobs: [{ ...LOGPROB, top_logprobs: [LOGPROB] }] }),
    ends(),
  ),
  'the tier that served': NOT_SUPPORTED('It has no tiers.', REFERENCE),
} satisfies Partial<Fixtures>

const ERRORS = {
  'a bad request': refusal(400, 'invalid option: num_predict'),
  'a bad key': refusal(401, 'unauthorized'),
  'an unknown model': refusal(404, "model 'qwen9' not found"),
  'a context that is too long': refusal(400, 'the input length exceeds the context length'),
  'too many requests': refusal(429, 'you have reached your hourly usage limit', { 'retry-after': '7' }),
  overloaded: refusal(503, 'server busy, please try again. maximum pending requests exceeded'),
  'a server error': refusal(500, 'model runner has unexpectedly stopped'),
  'overloaded inside the stream, before a word': streams('{"error":"server busy, please try again."}\n'),
  'too many requests inside the stream': streams('{"error":"too many requests"}\n'),
  'an error after some words': streams(
    says({ content: 'Hel' }),
    '{"error":"an error was encountered while running the model"}\n',
  ),
  'a stream that breaks off': streams(says({ content: 'Hel' })),
  'garbage inside the stream': streams(says({ content: 'Hel' }), '{"message":\n', ends()),
  'something else than its protocol': streams('<html>Hello</html>\n'),
} satisfies Partial<Fixtures>

const fixtures: Fixtures = { ...REQUESTS, ...ANSWERS, ...ERRORS }

/** Ollama, put to the test. */
export const conforming: Conforming = {
  name: 'ollama',
  family: ollama,
  setup: { dialect: 'ollama' },
  model: 'qwen3',
  fixtures,
}
