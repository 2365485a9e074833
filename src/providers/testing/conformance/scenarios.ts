import type { HistoryItem, ModelCall } from '../../../core/model-call.ts'
import type { ModelEvent } from '../../../core/model-event.ts'
import type { UpstreamProblem } from '../../../core/upstream-error.ts'
import type { UrlCitation } from '../../../protocol/part.ts'
import { assistant, functionCall, functionOutput, user } from '../model-call.ts'

/** A PNG of one pixel's header: enough to be one. */
export const PIXEL = 'data:image/png;base64,iVBORw0KGgo='
/** A PDF of a few bytes. */
export const PDF = 'data:application/pdf;base64,JVBERi0='
export const IMAGE_URL = 'https://a.example/cat.png'
export const FILE_URL = 'https://a.example/paper.pdf'
export const SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
} as const
export const PARAMETERS = {
  type: 'object',
  properties: { place: { type: 'string' } },
  required: ['place'],
} as const
const TOOL = { name: 'weather', description: 'Tells the weather.', parameters: PARAMETERS, strict: undefined }
const OTHER_TOOL = { name: 'clock', description: undefined, parameters: undefined, strict: undefined }

/** Counts that every usage of a scenario has: of the input, 4 tokens were cached, 2 written; of the output, 3 thought. */
export const USAGE = {
  input_tokens: 20,
  input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
  output_tokens: 10,
  output_tokens_details: { reasoning_tokens: 3 },
  total_tokens: 30,
}

/** A source that a text cites. */
const CITATION: UrlCitation = {
  type: 'url_citation',
  url: 'https://a.example/rome',
  title: 'Rome',
  start_index: 0,
  end_index: 12,
}

/** What must be true of every provider, or be written down as lacking. */
interface Scenario {
  /** What is asked beyond `Hi`; for answers it hardly matters. */
  readonly call?: Partial<ModelCall>
  /**
   * What the adapter must say: joined, the finish without its usage unless the scenario is about usage. Calls are
   * numbered `#1`, `#2` by their order, states are `STATE`.
   */
  readonly said?: readonly ModelEvent[]
  /** What must be thrown, as far as it is named here. */
  readonly problem?: Partial<UpstreamProblem>
}

const STOP: ModelEvent = { type: 'finish', reason: 'stop' }
const scenario = (value: Scenario): Scenario => value
const ask = (call: Partial<ModelCall>): Scenario => scenario({ call })
const said = (...events: readonly ModelEvent[]): Scenario => scenario({ said: events })
const fails = (problem: Partial<UpstreamProblem>): Scenario => scenario({ problem })
const message = (...parts: Extract<HistoryItem, { role: 'user' | 'system' | 'developer' }>['parts']): HistoryItem => ({
  type: 'message',
  role: 'user',
  parts,
})
const call = (id: string, args: string): ModelEvent[] => [
  { type: 'tool_call', callId: id, name: 'weather' },
  { type: 'tool_arguments', callId: id, delta: args },
]

/** All scenarios. Those with `said` or `problem` are about answers, the others about what is sent. */
export const SCENARIOS = {
  'a question': ask({}),
  instructions: ask({ instructions: 'Be brief.' }),
  'a system message amid the thread': ask({
    history: [
      user('Hi'),
      assistant('Yes?'),
      { type: 'message', role: 'system', parts: [{ type: 'input_text', text: 'Be brief.' }] },
    ],
  }),
  'sampling settings': ask({ temperature: 0.5, topP: 0.9, maxOutputTokens: 100 }),
  'penalties and a seed': ask({ presencePenalty: 0.1, frequencyPenalty: 0.2, seed: 7 }),
  'an image by data': ask({
    history: [message({ type: 'input_text', text: 'See:' }, { type: 'input_image', image_url: PIXEL })],
  }),
  'an image by URL': ask({ history: [message({ type: 'input_image', image_url: IMAGE_URL })] }),
  'the detail of an image': ask({ history: [message({ type: 'input_image', image_url: PIXEL, detail: 'low' })] }),
  'a file by data': ask({ history: [message({ type: 'input_file', file_data: PDF, filename: 'paper.pdf' })] }),
  'a file by URL': ask({ history: [message({ type: 'input_file', file_url: FILE_URL })] }),
  tools: ask({ tools: [TOOL, OTHER_TOOL] }),
  'a strict tool': ask({ tools: [{ ...TOOL, strict: true }] }),
  'no tool may be called': ask({ tools: [TOOL], toolChoice: 'none' }),
  'some tool must be called': ask({ tools: [TOOL], toolChoice: 'required' }),
  'one tool must be called': ask({ tools: [TOOL, OTHER_TOOL], toolChoice: { name: 'weather' } }),
  'one of the tools may be called': ask({ tools: [TOOL], allTools: [TOOL, OTHER_TOOL], toolChoice: 'auto' }),
  'one of the tools is allowed, and must be called': ask({
    tools: [TOOL],
    allTools: [TOOL, OTHER_TOOL],
    toolChoice: 'required',
  }),
  'one call at a time': ask({ tools: [TOOL], parallelToolCalls: false }),
  'a call and its result': ask({
    tools: [TOOL],
    history: [
      user('Hi'),
      assistant('Let me see.'),
      functionCall('call_1', 'weather', '{"place":"Rome"}'),
      functionOutput('call_1', 'sunny'),
    ],
  }),
  'two calls at once and their results': ask({
    tools: [TOOL],
    history: [
      user('Hi'),
      functionCall('call_1', 'weather', '{"place":"Rome"}'),
      functionCall('call_2', 'weather', '{"place":"Oslo"}'),
      functionOutput('call_2', 'snow'),
      functionOutput('call_1', 'sunny'),
    ],
  }),
  'a result with an image': ask({
    tools: [TOOL],
    history: [
      user('Hi'),
      functionCall('call_1', 'weather', '{}'),
      {
        type: 'function_call_output',
        callId: 'call_1',
        output: [
          { type: 'input_text', text: 'See:' },
          { type: 'input_image', image_url: PIXEL },
        ],
      },
    ],
  }),
  'a call id of foreign letters': ask({
    tools: [TOOL],
    history: [user('Hi'), functionCall('weather:0/é', 'weather', '{}'), functionOutput('weather:0/é', 'sunny')],
  }),
  'a JSON schema': ask({ format: { type: 'json_schema', name: 'place', schema: SCHEMA, strict: true } }),
  'any JSON': ask({ format: { type: 'json_object' } }),
  'low effort': ask({ effort: 'low', maxOutputTokens: 8000 }),
  'high effort': ask({ effort: 'high', maxOutputTokens: 40_000 }),
  'no effort': ask({ effort: 'none' }),
  'reasoning of another provider': ask({
    history: [user('Hi'), { type: 'reasoning', text: 'Hm.', state: undefined }, assistant('Yes?'), user('Go on.')],
  }),
  'a cache key': ask({ promptCacheKey: 'thread-1' }),
  'who the user is': ask({ user: 'u1', safetyIdentifier: 's1' }),
  'a service tier': ask({ serviceTier: 'flex' }),
  'log probabilities wanted': ask({ topLogprobs: 2 }),
  'a verbosity': ask({ verbosity: 'low' }),

  text: said({ type: 'text', text: 'Hello, world' }, STOP),
  'text in one piece': scenario({ call: { canStream: false }, said: [{ type: 'text', text: 'Hello, world' }, STOP] }),
  'thinking, then text': said({ type: 'reasoning', text: 'Let me think.' }, { type: 'text', text: 'Hello' }, STOP),
  'thinking that must come back': said(
    { type: 'reasoning', text: 'Let me think.' },
    { type: 'reasoning_state', state: 'STATE' },
    { type: 'text', text: 'Hello' },
    STOP,
  ),
  'thinking without a word': said({ type: 'reasoning_state', state: 'STATE' }, { type: 'text', text: 'Hello' }, STOP),
  'a call': said(...call('#1', '{"place":"Rome"}'), STOP),
  'a call in one piece': scenario({ call: { canStream: false }, said: [...call('#1', '{"place":"Rome"}'), STOP] }),
  'two calls': said(...call('#1', '{"place":"Rome"}'), ...call('#2', '{"place":"Oslo"}'), STOP),
  'a call without arguments': said({ type: 'tool_call', callId: '#1', name: 'weather' }, STOP),
  'text, then a call': said({ type: 'text', text: 'Let me see.' }, ...call('#1', '{"place":"Rome"}'), STOP),
  'a refusal': said({ type: 'refusal', text: 'I cannot help with that.' }, STOP),
  'an answer that a filter cuts': said({ type: 'text', text: 'Hel' }, { type: 'finish', reason: 'content_filter' }),
  'an answer that is too long': said({ type: 'text', text: 'Hel' }, { type: 'finish', reason: 'max_output_tokens' }),
  'a cited page': said(
    { type: 'text', text: 'Rome is old.' },
    {
      type: 'annotation',
      annotation: CITATION,
    },
    STOP,
  ),
  'usage with its details': said({ type: 'text', text: 'Hello' }, { type: 'finish', reason: 'stop', usage: USAGE }),
  'log probabilities': said(
    {
      type: 'text',
      text: 'Hi',
      logprobs: [
        {
          token: 'Hi',
          logprob: -0.1,
          bytes: [72, 105],
          top_logprobs: [{ token: 'Hi', logprob: -0.1, bytes: [72, 105] }],
        },
      ],
    },
    STOP,
  ),
  'the tier that served': said(
    { type: 'text', text: 'Hi' },
    { type: 'finish', reason: 'stop', serviceTier: 'default' },
  ),

  'a bad request': fails({ fault: 'bad_request', status: 400 }),
  'a bad key': fails({ fault: 'auth' }),
  'an unknown model': fails({ fault: 'model_not_found' }),
  'a context that is too long': fails({ fault: 'bad_request', code: 'context_length_exceeded', param: 'input' }),
  'too many requests': fails({ fault: 'rate_limited', retryAfter_ms: 7000 }),
  overloaded: fails({ fault: 'unavailable' }),
  'a server error': fails({ fault: 'unavailable', status: 500 }),
  'overloaded inside the stream, before a word': fails({ fault: 'unavailable', accepted: true }),
  'too many requests inside the stream': fails({ fault: 'rate_limited', accepted: true }),
  'an error after some words': fails({ fault: 'unavailable', accepted: true }),
  'a stream that breaks off': fails({ fault: 'invalid_response', accepted: true }),
  'garbage inside the stream': fails({ fault: 'invalid_response', accepted: true }),
  'something else than its protocol': fails({ fault: 'invalid_response', accepted: true }),
} as const satisfies Record<string, Scenario>

/** The name of a scenario. */
export type ScenarioName = keyof typeof SCENARIOS

/** One scenario by its name. */
export function scenarioOf(name: ScenarioName): Scenario {
  return SCENARIOS[name]
}
