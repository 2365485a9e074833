import type { JsonObject } from '../../../protocol/json.ts'
import { PARAMETERS, SCHEMA, USAGE } from '../../testing/conformance/scenarios.ts'
import type { Conforming, Fixture, Fixtures } from '../../testing/conformance/suite.ts'
import { gemini } from '../adapter.ts'
import { frame, part, says } from './answers.ts'

const MODEL = 'gemini-3-flash-preview'
const HI = { role: 'user', parts: [{ text: 'Hi' }] }
const WEATHER = { name: 'weather', description: 'Tells the weather.', parametersJsonSchema: PARAMETERS }
const TOOLS = { tools: [{ functionDeclarations: [WEATHER] }] }
const BOTH_TOOLS = { tools: [{ functionDeclarations: [WEATHER, { name: 'clock' }] }] }

/** The body of a streamed call with one question; `rest` is what the scenario adds, or replaces. */
function sent(rest: JsonObject, warnings: readonly string[] = []): Fixture {
  const path = `/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`
  return { sent: { contents: [HI], ...rest }, path, warnings }
}

function set(generationConfig: JsonObject, warnings: readonly string[] = []): Fixture {
  return sent({ generationConfig }, warnings)
}

function chosen(functionCallingConfig: JsonObject, tools: JsonObject = TOOLS): Fixture {
  return sent({ ...tools, toolConfig: { functionCallingConfig } })
}

function asks(...parts: readonly JsonObject[]): Fixture {
  return sent({ contents: [{ role: 'user', parts }] })
}

function leavesOut(...names: readonly string[]): Fixture {
  return sent(
    {},
    names.map((name) => `${name} was left out: the provider does not take it`),
  )
}

/** A call that another provider has made: it needs some signature. */
function foreignCall(id: string, args: JsonObject): JsonObject {
  return { functionCall: { id, name: 'weather', args }, thoughtSignature: 'skip_thought_signature_validator' }
}

function result(id: string, response: JsonObject, rest: JsonObject = {}): JsonObject {
  return { functionResponse: { id, name: 'weather', response, ...rest } }
}

function tells(said: readonly JsonObject[], heard: readonly JsonObject[]): Fixture {
  return sent({ ...TOOLS, contents: [HI, { role: 'model', parts: said }, { role: 'user', parts: heard }] })
}

function streams(...pieces: readonly string[]): Fixture {
  return { answer: { contentType: 'text/event-stream', pieces } }
}

function whole(...parts: readonly object[]): Fixture {
  return { answer: { pieces: [JSON.stringify({ candidates: [{ content: { parts }, finishReason: 'STOP' }] })] } }
}

function refusal(code: number, error: object): Fixture {
  return { answer: { status: code, pieces: [JSON.stringify({ error: { code, ...error } })] } }
}

const call = (place: string, rest: object = {}) => ({ functionCall: { name: 'weather', args: { place } }, ...rest })
const PNG = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }

const REQUESTS = {
  'a question': sent({}),
  instructions: sent({ systemInstruction: { parts: [{ text: 'Be brief.' }] } }),
  'a system message amid the thread': sent({
    contents: [
      HI,
      { role: 'model', parts: [{ text: 'Yes?' }] },
      { role: 'user', parts: [{ text: '<system>\nBe brief.\n</system>' }] },
    ],
  }),
  'sampling settings': set({ maxOutputTokens: 100, temperature: 0.5, topP: 0.9 }),
  'penalties and a seed': set({ presencePenalty: 0.1, frequencyPenalty: 0.2, seed: 7 }),
  'an image by data': asks({ text: 'See:' }, PNG),
  'an image by URL': { refused: { param: 'input', message: /takes no URLs of images here/ } },
  'the detail of an image': asks({ ...PNG, mediaResolution: { level: 'MEDIA_RESOLUTION_LOW' } }),
  'a file by data': asks({ inlineData: { mimeType: 'application/pdf', data: 'JVBERi0=' } }),
  'a file by URL': { refused: { param: 'input', message: /takes no URLs of files here/ } },
  tools: sent(BOTH_TOOLS),
  'a strict tool': chosen({ mode: 'VALIDATED' }),
  'no tool may be called': chosen({ mode: 'NONE' }),
  'some tool must be called': chosen({ mode: 'ANY' }),
  'one tool must be called': chosen({ mode: 'ANY', allowedFunctionNames: ['weather'] }, BOTH_TOOLS),
  'one of the tools may be called': chosen({ mode: 'AUTO' }),
  'one of the tools is allowed, and must be called': chosen(
    { mode: 'ANY', allowedFunctionNames: ['weather'] },
    BOTH_TOOLS,
  ),
  'one call at a time': sent(TOOLS, [
    'parallel_tool_calls was left out: the model itself decides how many calls it makes at once',
  ]),
  'a call and its result': tells(
    [{ text: 'Let me see.' }, foreignCall('call_1', { place: 'Rome' })],
    [result('call_1', { output: 'sunny' })],
  ),
  'two calls at once and their results': tells(
    [
      foreignCall('call_1', { place: 'Rome' }),
      { functionCall: { id: 'call_2', name: 'weather', args: { place: 'Oslo' } } },
    ],
    [result('call_1', { output: 'sunny' }), result('call_2', { output: 'snow' })],
  ),
  'a result with an image': tells(
    [foreignCall('call_1', {})],
    [result('call_1', { output: 'See:' }, { parts: [PNG] })],
  ),
  'a call id of foreign letters': tells([foreignCall('weather:0/é', {})], [result('weather:0/é', { output: 'sunny' })]),
  'a JSON schema': set({ responseMimeType: 'application/json', responseJsonSchema: SCHEMA }),
  'any JSON': set({ responseMimeType: 'application/json' }),
  'low effort': set({ maxOutputTokens: 8000, thinkingConfig: { thinkingLevel: 'LOW' } }),
  'high effort': set({ maxOutputTokens: 40_000, thinkingConfig: { thinkingLevel: 'HIGH' } }),
  'no effort': leavesOut('reasoning.effort none'),
  'reasoning of another provider': sent({
    contents: [HI, { role: 'model', parts: [{ text: 'Yes?' }] }, { role: 'user', parts: [{ text: 'Go on.' }] }],
  }),
  'a cache key': leavesOut('prompt_cache_key'),
  'who the user is': leavesOut('user', 'safety_identifier'),
  'a service tier': sent({ serviceTier: 'flex' }),
  'log probabilities wanted': set({ responseLogprobs: true, logprobs: 2 }),
  'a verbosity': leavesOut('text.verbosity'),
} satisfies Partial<Fixtures>

const TOKEN = { token: 'Hi', tokenId: 9, logProbability: -0.1 }

const ANSWERS = {
  text: streams(says('Hello,'), says(' world'), part({ text: '' }, { finishReason: 'STOP' })),
  'text in one piece': whole({ text: 'Hello, world' }),
  'thinking, then text': streams(
    part({ text: 'Let me ', thought: true }),
    part({ text: 'think.', thought: true }),
    says('Hello', { finishReason: 'STOP' }),
  ),
  'thinking that must come back': streams(
    part({ text: 'Let me ', thought: true }),
    part({ text: 'think.', thought: true, thoughtSignature: 'R2VtaW5p' }),
    says('Hello', { finishReason: 'STOP' }),
  ),
  'thinking without a word': streams(
    part({ thought: true, thoughtSignature: 'R2VtaW5p' }),
    says('Hello', { finishReason: 'STOP' }),
  ),
  'a call': streams(part(call('Rome'), { finishReason: 'STOP' })),
  'a call in one piece': whole(call('Rome')),
  'two calls': streams(part(call('Rome')), part(call('Oslo'), { finishReason: 'STOP' })),
  'a call without arguments': streams(part({ functionCall: { name: 'weather' } }, { finishReason: 'STOP' })),
  'text, then a call': streams(says('Let me see.'), part(call('Rome'), { finishReason: 'STOP' })),
  'a refusal': {
    answer: {
      contentType: 'text/event-stream',
      pieces: [frame({ promptFeedback: { blockReason: 'SAFETY', blockReasonMessage: 'I cannot help with that.' } })],
    },
    said: [
      { type: 'refusal', text: 'I cannot help with that.' },
      { type: 'finish', reason: 'content_filter' },
    ],
    because: 'What Google refuses, a filter has refused.',
  },
  'an answer that a filter cuts': streams(says('Hel'), frame({ candidates: [{ finishReason: 'SAFETY' }] })),
  'an answer that is too long': streams(says('Hel', { finishReason: 'MAX_TOKENS' })),
  'a cited page': streams(
    says('Rome is old.'),
    part(
      { text: '' },
      {
        finishReason: 'STOP',
        groundingMetadata: {
          groundingChunks: [{ web: { uri: 'https://a.example/rome', title: 'Rome' } }],
          groundingSupports: [{ segment: { endIndex: 12 }, groundingChunkIndices: [0] }],
        },
      },
    ),
  ),
  'usage with its details': {
    answer: {
      contentType: 'text/event-stream',
      pieces: [
        says('Hello', { finishReason: 'STOP' }),
        frame({
          usageMetadata: {
            promptTokenCount: 20,
            cachedContentTokenCount: 4,
            candidatesTokenCount: 7,
            thoughtsTokenCount: 3,
            totalTokenCount: 30,
          },
        }),
      ],
    },
    said: [
      { type: 'text', text: 'Hello' },
      {
        type: 'finish',
        reason: 'stop',
        usage: { ...USAGE, input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 } },
      },
    ],
    because: 'Google caches by itself, and counts no writes.',
  },
  'log probabilities': streams(
    says('Hi', {
      finishReason: 'STOP',
      logprobsResult: { chosenCandidates: [TOKEN], topCandidates: [{ candidates: [TOKEN] }] },
    }),
  ),
  'the tier that served': streams(
    says('Hi', { finishReason: 'STOP' }),
    frame({ usageMetadata: { promptTokenCount: 1, serviceTier: 'standard' } }),
  ),
} satisfies Partial<Fixtures>

const OVERLOADED = { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' }
const SLOW_DOWN = {
  message: 'Resource has been exhausted.',
  status: 'RESOURCE_EXHAUSTED',
  details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '7s' }],
}

const FAILURES = {
  'a bad request': refusal(400, { message: 'No.', status: 'INVALID_ARGUMENT' }),
  'a bad key': refusal(400, { message: 'API key not valid. Please pass a valid API key.', status: 'INVALID_ARGUMENT' }),
  'an unknown model': refusal(404, { message: 'models/x is not found.', status: 'NOT_FOUND' }),
  'a context that is too long': refusal(400, {
    message: 'The input token count (9) exceeds the maximum number of tokens allowed (8).',
    status: 'INVALID_ARGUMENT',
  }),
  'too many requests': refusal(429, SLOW_DOWN),
  overloaded: refusal(503, OVERLOADED),
  'a server error': refusal(500, { message: 'An internal error has occurred.', status: 'INTERNAL' }),
  'overloaded inside the stream, before a word': streams(frame({ error: OVERLOADED })),
  'too many requests inside the stream': streams(frame({ error: SLOW_DOWN })),
  'an error after some words': streams(says('Hel'), JSON.stringify({ error: OVERLOADED }, null, 2)),
  'a stream that breaks off': streams(says('Hel'), says('lo')),
  'garbage inside the stream': streams(says('Hel'), 'data: {"candidates"\r\n\r\n', says('lo')),
  'something else than its protocol': { answer: { contentType: 'text/html', pieces: ['<html>', 'Welcome'] } },
} satisfies Partial<Fixtures>

/** generateContent as AI Studio speaks it, in every scenario. */
export const conforming: Conforming = {
  name: 'gemini',
  family: gemini,
  setup: { dialect: 'ai-studio' },
  model: MODEL,
  fixtures: { ...REQUESTS, ...ANSWERS, ...FAILURES },
}
