import type { JsonObject } from '../../../protocol/json.ts'
import { PARAMETERS, SCHEMA } from '../../testing/conformance/scenarios.ts'
import { NOT_SUPPORTED, type Conforming, type Fixture, type Fixtures } from '../../testing/conformance/suite.ts'
import { bedrock } from '../adapter.ts'
import { callStart, delta, ending, event, exception, refused, START, stop, streamed, whole } from './frames.ts'

const MODEL = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const PATH = '/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream'
const API = 'https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html'

const text = (said: string): JsonObject => ({ text: said })
const user = (...content: readonly JsonObject[]): JsonObject => ({ role: 'user', content })
const assistant = (...content: readonly JsonObject[]): JsonObject => ({ role: 'assistant', content })
const use = (toolUseId: string, input: JsonObject): JsonObject => ({ toolUse: { toolUseId, name: 'weather', input } })
const result = (toolUseId: string, ...content: readonly JsonObject[]): JsonObject => ({
  toolResult: { toolUseId, content },
})
const HI = user(text('Hi'))
const IMAGE: JsonObject = { image: { format: 'png', source: { bytes: 'iVBORw0KGgo=' } } }
const WEATHER: JsonObject = {
  toolSpec: { name: 'weather', description: 'Tells the weather.', inputSchema: { json: PARAMETERS } },
}
const CLOCK: JsonObject = { toolSpec: { name: 'clock', inputSchema: { json: { type: 'object', properties: {} } } } }
const OFFERED: JsonObject = { toolConfig: { tools: [WEATHER] } }

/** The body of a call with one question; `rest` is what the scenario adds, or replaces. */
function sent(rest: JsonObject, warnings: readonly string[] = []): Fixture {
  return { sent: { messages: [HI], ...rest }, path: PATH, warnings }
}

const left = (...fields: readonly string[]) =>
  fields.map((field) => `${field} was left out: the provider does not take it`)

function streams(...pieces: readonly (string | Uint8Array)[]): Fixture {
  return { answer: streamed(...pieces) }
}

const REQUESTS = {
  'a question': sent({}),
  instructions: sent({ system: [text('Be brief.')] }),
  'a system message amid the thread': sent({
    messages: [HI, assistant(text('Yes?')), user(text('<system>\nBe brief.\n</system>'))],
  }),
  'sampling settings': sent({ inferenceConfig: { maxTokens: 100, temperature: 0.5 } }, [
    'top_p was left out: the model takes it or temperature, not both',
  ]),
  'penalties and a seed': sent({}, left('presence_penalty', 'frequency_penalty', 'seed')),
  'an image by data': sent({ messages: [user(text('See:'), IMAGE)] }),
  'an image by URL': { refused: { param: 'input', message: /takes no URLs of images here/ } },
  'the detail of an image': sent({ messages: [user(IMAGE)] }, [
    'the detail of images was left out: the provider does not take it',
  ]),
  'a file by data': sent({
    messages: [
      user(
        { document: { format: 'pdf', name: 'paper', source: { bytes: 'JVBERi0=' } } },
        text('(See what is attached.)'),
      ),
    ],
  }),
  'a file by URL': { refused: { param: 'input', message: /takes no URLs of files here/ } },
  tools: sent({ toolConfig: { tools: [WEATHER, CLOCK] } }),
  'a strict tool': sent({
    toolConfig: {
      tools: [
        {
          toolSpec: {
            name: 'weather',
            description: 'Tells the weather.',
            inputSchema: { json: { ...PARAMETERS, additionalProperties: false } },
            strict: true,
          },
        },
      ],
    },
  }),
  'no tool may be called': sent({}),
  'some tool must be called': sent({ toolConfig: { tools: [WEATHER], toolChoice: { any: {} } } }),
  'one tool must be called': sent({
    toolConfig: { tools: [WEATHER, CLOCK], toolChoice: { tool: { name: 'weather' } } },
  }),
  'one of the tools may be called': sent({ toolConfig: { tools: [WEATHER], toolChoice: { auto: {} } } }),
  'one of the tools is allowed, and must be called': sent({
    toolConfig: { tools: [WEATHER], toolChoice: { any: {} } },
  }),
  'one call at a time': sent({
    ...OFFERED,
    additionalModelRequestFields: { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
  }),
  'a call and its result': sent({
    ...OFFERED,
    messages: [
      HI,
      assistant(text('Let me see.'), use('call_1', { place: 'Rome' })),
      user(result('call_1', text('sunny'))),
    ],
  }),
  'two calls at once and their results': sent({
    ...OFFERED,
    messages: [
      HI,
      assistant(use('call_1', { place: 'Rome' }), use('call_2', { place: 'Oslo' })),
      user(result('call_1', text('sunny')), result('call_2', text('snow'))),
    ],
  }),
  'a result with an image': sent({
    ...OFFERED,
    messages: [HI, assistant(use('call_1', {})), user(result('call_1', text('See:'), IMAGE))],
  }),
  'a call id of foreign letters': sent({
    ...OFFERED,
    messages: [
      HI,
      assistant(use('aiFBFX9eMLHiJ9U6f7bcmp0NMy2Nhrpk', {})),
      user(result('aiFBFX9eMLHiJ9U6f7bcmp0NMy2Nhrpk', text('sunny'))),
    ],
  }),
  'a JSON schema': sent({
    outputConfig: {
      textFormat: {
        type: 'json_schema',
        structure: { jsonSchema: { schema: JSON.stringify(SCHEMA), name: 'place' } },
      },
    },
  }),
  'any JSON': sent({ system: [text('Write nothing but a single JSON object: it is read by a program.')] }, [
    'text.format json_object was sent as an instruction: the provider has no such format',
  ]),
  'low effort': sent({
    inferenceConfig: { maxTokens: 8000 },
    additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 4096 } },
  }),
  'high effort': sent({
    inferenceConfig: { maxTokens: 40_000 },
    additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 24_576 } },
  }),
  'no effort': sent({}),
  'reasoning of another provider': sent({ messages: [HI, assistant(text('Yes?')), user(text('Go on.'))] }),
  'a cache key': sent({ messages: [user(text('Hi'), { cachePoint: { type: 'default' } })] }),
  'who the user is': sent({}, left('user', 'safety_identifier')),
  'a service tier': sent({ serviceTier: { type: 'flex' } }),
  'log probabilities wanted': sent({}, left('top_logprobs')),
  'a verbosity': sent({}, left('text.verbosity')),
} satisfies Partial<Fixtures>

const USED = {
  inputTokens: 14,
  outputTokens: 10,
  totalTokens: 30,
  cacheReadInputTokens: 4,
  cacheWriteInputTokens: 2,
}
const ROME = { location: { web: { url: 'https://a.example/rome', domain: 'a.example' } }, title: 'Rome' }
const call = (index: number, id: string, ...args: readonly string[]) => [
  callStart(index, { toolUseId: id, name: 'weather' }),
  ...args.map((input) => delta(index, { toolUse: { input } })),
  stop(index),
]
const thinks = (index: number, ...pieces: readonly JsonObject[]) => [
  ...pieces.map((reasoningContent) => delta(index, { reasoningContent })),
  stop(index),
]
const says = (index: number, ...pieces: readonly string[]) => [
  ...pieces.map((piece) => delta(index, text(piece))),
  stop(index),
]

const ANSWERS = {
  text: streams(START, ...says(0, 'Hello,', ' world'), ...ending()),
  'text in one piece': { answer: whole([text('Hello, world')]) },
  'thinking, then text': streams(
    START,
    ...says(0, ''),
    ...thinks(1, { text: 'Let me ' }, { text: 'think.' }),
    ...says(2, 'Hello'),
    ...ending(),
  ),
  'thinking that must come back': streams(
    START,
    ...thinks(0, { text: 'Let me think.' }, { signature: 'QmVkcm9jaw==' }),
    ...says(1, 'Hello'),
    ...ending(),
  ),
  'thinking without a word': streams(
    START,
    ...thinks(0, { redactedContent: 'c2VjcmV0' }),
    ...says(1, 'Hello'),
    ...ending(),
  ),
  'a call': streams(START, ...call(0, 'tooluse_1', '{"place', '":"Rome"}'), ...ending('tool_use')),
  'a call in one piece': { answer: whole([use('tooluse_1', { place: 'Rome' })], 'tool_use') },
  'two calls': streams(
    START,
    ...call(0, 'tooluse_1', '{"place":"Rome"}'),
    ...call(1, 'tooluse_2', '{"place":"Oslo"}'),
    ...ending('tool_use'),
  ),
  'a call without arguments': streams(START, ...call(0, 'tooluse_1', ''), ...ending('tool_use')),
  'text, then a call': streams(
    START,
    ...says(0, 'Let me see.'),
    ...call(1, 'tooluse_1', '{"place":"Rome"}'),
    ...ending('tool_use'),
  ),
  'a refusal': NOT_SUPPORTED('A refusal is text, with the stop reason content_filtered.', API),
  'an answer that a filter cuts': streams(START, ...says(0, 'Hel'), ...ending('guardrail_intervened')),
  'an answer that is too long': streams(START, ...says(0, 'Hel'), ...ending('max_tokens')),
  'a cited page': streams(START, delta(0, { citation: ROME }), ...says(0, 'Rome is old.'), ...ending()),
  'usage with its details': {
    answer: streamed(START, ...says(0, 'Hello'), ...ending('end_turn', USED)),
    said: [
      { type: 'text', text: 'Hello' },
      {
        type: 'finish',
        reason: 'stop',
        usage: {
          input_tokens: 20,
          input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
          output_tokens: 10,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: 30,
        },
      },
    ],
    because: 'Converse counts reasoning as output, and does not say how much of it was reasoning.',
  },
  'log probabilities': NOT_SUPPORTED('Converse has no log probabilities.', API),
  'the tier that served': streams(
    START,
    ...says(0, 'Hi'),
    event('messageStop', { stopReason: 'end_turn' }),
    event('metadata', { usage: USED, serviceTier: { type: 'default' } }),
  ),
} satisfies Partial<Fixtures>

const TOO_LONG = 'The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum'

const FAILURES = {
  'a bad request': {
    answer: refused(400, ['ValidationException', 'Malformed input request: required key not found.']),
  },
  'a bad key': {
    answer: refused(403, ['UnrecognizedClientException', 'The security token included in the request is invalid.']),
  },
  'an unknown model': { answer: refused(400, ['ValidationException', 'The provided model identifier is invalid.']) },
  'a context that is too long': { answer: refused(400, ['ValidationException', TOO_LONG]) },
  'too many requests': {
    answer: refused(429, ['ThrottlingException', 'Too many tokens, please wait.'], { 'retry-after': '7' }),
  },
  overloaded: { answer: refused(503, ['ServiceUnavailableException', 'Bedrock is unable to process your request.']) },
  'a server error': {
    answer: refused(500, ['InternalServerException', 'The system encountered an unexpected error.']),
  },
  'overloaded inside the stream, before a word': streams(START, exception('serviceUnavailableException', 'Busy.')),
  'too many requests inside the stream': streams(START, exception('throttlingException', 'Too many requests.')),
  'an error after some words': streams(START, delta(0, text('Hel')), exception('modelStreamErrorException', 'Oops.')),
  'a stream that breaks off': streams(START, delta(0, text('Hel')), stop(0)),
  'garbage inside the stream': streams(START, delta(0, text('Hel')), Buffer.from('data: {"odd":1}\n\n')),
  'something else than its protocol': { answer: { contentType: 'text/html', pieces: ['<html>', 'Welcome'] } },
} satisfies Partial<Fixtures>

/** Converse with a Claude behind it, in every scenario. */
export const conforming: Conforming = {
  name: 'bedrock',
  family: bedrock,
  setup: { dialect: 'converse', own: { region: 'us-east-1' } },
  model: MODEL,
  fixtures: { ...REQUESTS, ...ANSWERS, ...FAILURES },
}
