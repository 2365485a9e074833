import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamProblem } from '../core/upstream-error.ts'
import { readErrorAnswer } from './error-answer.ts'
import { PARAM_NAMES } from './openai-chat/tables.ts'

const RETELLING = { secrets: ['hush-hush'], paramNames: PARAM_NAMES }

const AUTH = 'The model provider refused the credentials that this server is configured with.'
const REDIRECTED = 'The model provider redirects elsewhere, or answers what it was not asked.'
const UNAVAILABLE = 'The model provider failed to answer.'
const TIMEOUT = 'The model provider did not answer in time.'
const NO_REASON = 'The model provider refused the request without a reason.'

type Headers = Readonly<Record<string, string>>

function read(status: number, body: unknown, headers: Headers = {}): UpstreamProblem {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return readErrorAnswer({ status, headers, text }, RETELLING).problem
}

const error = (fields: object) => ({ error: fields })

interface Row {
  readonly says: string
  readonly status: number
  readonly body: unknown
  readonly problem: Partial<UpstreamProblem>
}

/** How providers word their errors, and what each means. */
const rows: readonly Row[] = [
  {
    says: 'an unknown model (OpenAI)',
    status: 404,
    body: error({
      message: 'The model `x` does not exist.',
      type: 'invalid_request_error',
      param: null,
      code: 'model_not_found',
    }),
    problem: { fault: 'model_not_found', message: 'The model `x` does not exist.', code: 'model_not_found' },
  },
  {
    says: 'an unknown model as a 400',
    status: 400,
    body: error({ message: "Model 'x' does not exist.", param: 'model', code: 'model_not_found' }),
    problem: {
      fault: 'model_not_found',
      message: "Model 'x' does not exist.",
      code: 'model_not_found',
      param: 'model',
    },
  },
  {
    says: 'an unknown model as plain text in error (Ollama)',
    status: 404,
    body: { error: "model 'x' not found" },
    problem: { fault: 'model_not_found', message: "model 'x' not found" },
  },
  {
    says: 'an unknown model in a list of one (Google)',
    status: 404,
    body: [error({ code: 404, message: 'models/x is not found', status: 'NOT_FOUND' })],
    problem: { fault: 'model_not_found', message: 'models/x is not found' },
  },
  {
    says: 'a page of a proxy as a 404: the URL is wrong, not the model',
    status: 404,
    body: '<html>not here</html>',
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    says: 'a field that is missing (OpenAI)',
    status: 400,
    body: error({ message: "Missing 'x'.", param: 'messages[1].content[0].type', code: 'missing_required_parameter' }),
    problem: { fault: 'bad_request', message: "Missing 'x'.", code: 'missing_required_parameter', param: 'input' },
  },
  {
    says: 'a field that is not taken, under a name that we share',
    status: 400,
    body: error({ message: 'No.', param: 'temperature', code: 'unsupported_parameter' }),
    problem: { fault: 'bad_request', message: 'No.', code: 'unsupported_parameter', param: 'temperature' },
  },
  {
    says: 'a path of its own that we have no name for',
    status: 400,
    body: error({ message: 'No.', param: 'tools[0].function.parameters' }),
    problem: { fault: 'bad_request', message: 'No.' },
  },
  {
    says: 'a param that is a word of the language',
    status: 400,
    body: error({ message: 'No.', param: 'constructor' }),
    problem: { fault: 'bad_request', message: 'No.', param: 'constructor' },
  },
  {
    says: 'a code that is a number (OpenRouter, llama.cpp)',
    status: 400,
    body: error({ message: 'No.', code: 400 }),
    problem: { fault: 'bad_request', message: 'No.' },
  },
  {
    says: 'a code that is a number in a string, and a bad key (Azure)',
    status: 401,
    body: error({ code: '401', message: 'Access denied due to invalid subscription key.' }),
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'detail as text, and a bad key (Mistral)',
    status: 401,
    body: { detail: 'Invalid API Key' },
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'detail as a list (servers built on FastAPI)',
    status: 422,
    body: { detail: [{ loc: ['body', 'tools'], msg: 'Field required' }, { msg: 'Input should be a list' }, null] },
    problem: { fault: 'bad_request', message: 'Field required; Input should be a list' },
  },
  {
    says: 'error as text beside a code of words (xAI)',
    status: 400,
    body: {
      code: 'Client specified an invalid argument',
      error: 'Model x does not support parameter reasoningEffort.',
    },
    problem: { fault: 'bad_request', message: 'Model x does not support parameter reasoningEffort.' },
  },
  {
    says: 'a bad key as a 400 (xAI)',
    status: 400,
    body: { code: 'invalid-argument', error: 'Incorrect API key provided: abc. You can get one from us.' },
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'an operator in a country without service (Google)',
    status: 400,
    body: error({ message: 'User location is not supported for the API use.', status: 'FAILED_PRECONDITION' }),
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'a field at fault among the details (Google)',
    status: 400,
    body: error({
      message: 'No.',
      status: 'INVALID_ARGUMENT',
      details: [{ '@type': 'Help' }, { fieldViolations: [{ field: 'messages[0].parts[1]', description: 'No.' }] }],
    }),
    problem: { fault: 'bad_request', message: 'No.', param: 'input' },
  },
  {
    says: 'a bad key as a 400 (Google)',
    status: 400,
    body: [
      error({ code: 400, message: 'API key not valid. Please pass a valid API key.', status: 'INVALID_ARGUMENT' }),
    ],
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'a message alone (Bedrock, Cohere)',
    status: 400,
    body: { message: 'The provided model identifier is invalid.' },
    problem: { fault: 'bad_request', message: 'The provided model identifier is invalid.' },
  },
  {
    says: 'type and error (Anthropic)',
    status: 400,
    body: { type: 'error', error: { type: 'invalid_request_error', message: 'No.' }, request_id: 'req_1' },
    problem: { fault: 'bad_request', message: 'No.' },
  },
  {
    says: 'what another provider said, nested (OpenRouter)',
    status: 429,
    body: error({ code: 429, message: 'Provider returned error', metadata: { raw: 'x is limited upstream.' } }),
    problem: { fault: 'rate_limited', message: 'x is limited upstream.' },
  },
  {
    says: 'an account without money',
    status: 402,
    body: error({ message: 'Insufficient credits. You owe us 12 €.' }),
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'a key without the right',
    status: 403,
    body: error({ message: 'No.' }),
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'a tool call that did not fit (Groq)',
    status: 400,
    body: error({
      message: 'No tool was called.',
      type: 'invalid_request_error',
      code: 'tool_use_failed',
      failed_generation: 'x',
    }),
    problem: { fault: 'bad_request', message: 'No tool was called.', code: 'tool_use_failed' },
  },
  {
    says: 'tools with stream as a 500 (older llama.cpp)',
    status: 500,
    body: error({ code: 500, message: 'Cannot use tools with stream', type: 'server_error' }),
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  { says: 'too slow', status: 408, body: '', problem: { fault: 'timeout', message: TIMEOUT } },
  {
    says: 'a gateway that waited too long',
    status: 504,
    body: '<html>',
    problem: { fault: 'timeout', message: TIMEOUT },
  },
  {
    says: 'a page of a CDN',
    status: 502,
    body: '<html>502</html>',
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  { says: 'overload (Anthropic)', status: 529, body: {}, problem: { fault: 'unavailable', message: UNAVAILABLE } },
  { says: 'a redirect', status: 307, body: '', problem: { fault: 'invalid_response', message: REDIRECTED } },
  { says: 'nothing', status: 400, body: '', problem: { fault: 'bad_request', message: NO_REASON } },
  { says: 'null', status: 400, body: 'null', problem: { fault: 'bad_request', message: NO_REASON } },
  { says: 'an empty list', status: 400, body: [], problem: { fault: 'bad_request', message: NO_REASON } },
  {
    says: 'one of our secrets',
    status: 400,
    body: error({ message: 'Header hush-hush is odd, and so is sk-abcdefgh1234.' }),
    problem: { fault: 'bad_request', message: 'Header [redacted] is odd, and so is [redacted].' },
  },
]
for (const { says, status, body, problem } of rows) {
  test(`A ${status} that says ${says} is ${problem.fault}`, () => {
    assert.deepEqual(read(status, body), { param: '', status, accepted: false, ...problem })
  })
}

/** The input is too long, in the words of many providers. */
const overflows: readonly (readonly [status: number, fields: object])[] = [
  [400, { message: "This model's maximum context length is 8 tokens.", code: 'invalid_request_error' }],
  [400, { message: 'Your input exceeds the context window.', code: 'context_length_exceeded', param: 'messages' }],
  [400, { message: 'prompt too long; exceeded max context length by 9 tokens' }],
  [400, { message: 'prompt is too long: 9 tokens > 8 maximum' }],
  [400, { message: 'The input token count (9) exceeds the maximum number of tokens allowed (8).' }],
  [400, { message: 'too many tokens: size limit exceeded by 9 tokens.' }],
  [400, { message: 'No.', type: 'too_many_prompt_tokens' }],
  [400, { message: 'the request exceeds the available context size', type: 'exceed_context_size_error' }],
  [413, { message: "This endpoint's maximum context length is 8 tokens." }],
  [429, { message: 'Requested tokens exceed the maximum context length of 8.' }],
]
for (const [status, fields] of overflows) {
  test(`${status} ${JSON.stringify(fields)} is an input that is too long`, () => {
    const { fault, code, param } = read(status, error(fields))
    assert.deepEqual({ fault, code, param }, { fault: 'bad_request', code: 'context_length_exceeded', param: 'input' })
  })
}

test('A quota of tokens per minute is a limit of rate, not of length', () => {
  const message = 'You exceeded your current quota. Quota exceeded for metric: generate_content_input_token_count.'
  assert.equal(read(429, error({ code: 429, message })).fault, 'rate_limited')
})

const params = [
  ['max_tokens', 'max_output_tokens'],
  ['max_completion_tokens', 'max_output_tokens'],
  ['messages', 'input'],
  ['messages.3', 'input'],
  ['response_format', 'text.format'],
  ['response_format.json_schema.schema', 'text.format'],
  ['reasoning_effort', 'reasoning.effort'],
  ['top_p', 'top_p'],
  ['', ''],
] as const
for (const [theirs, ours] of params) {
  test(`Their param ${JSON.stringify(theirs)} is our ${JSON.stringify(ours)}`, () => {
    assert.equal(read(400, error({ message: 'No.', param: theirs })).param, ours)
  })
}

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0)
const delays = { details: [{ '@type': 'Help' }, null, { '@type': 'RetryInfo', retryDelay: '48.5s' }] }
const waits: readonly { given: string; headers: Headers; body?: object; wait_ms: number | undefined }[] = [
  { given: 'nothing', headers: {}, wait_ms: undefined },
  { given: 'whole seconds', headers: { 'retry-after': '7' }, wait_ms: 7000 },
  { given: 'parts of a second', headers: { 'retry-after': '0.5' }, wait_ms: 500 },
  { given: 'zero', headers: { 'retry-after': '0' }, wait_ms: 0 },
  { given: 'less than nothing', headers: { 'retry-after': '-3' }, wait_ms: 0 },
  { given: 'an hour', headers: { 'retry-after': '3600' }, wait_ms: 3_600_000 },
  { given: 'milliseconds', headers: { 'retry-after-ms': '1250' }, wait_ms: 1250 },
  { given: 'both', headers: { 'retry-after-ms': '1250', 'retry-after': '9' }, wait_ms: 1250 },
  {
    given: 'both, of which one is zero (Azure)',
    headers: { 'retry-after-ms': '0', 'retry-after': '1' },
    wait_ms: 1000,
  },
  { given: 'a date', headers: { 'retry-after': 'Thu, 01 Jan 2026 12:00:30 GMT' }, wait_ms: 30_000 },
  { given: 'a date in the past', headers: { 'retry-after': 'Thu, 01 Jan 2026 11:00:00 GMT' }, wait_ms: 0 },
  { given: 'garbage', headers: { 'retry-after': 'soon', 'retry-after-ms': 'now' }, wait_ms: undefined },
  { given: 'the body (Google)', headers: {}, body: delays, wait_ms: 48_500 },
  { given: 'a header and the body', headers: { 'retry-after': '2' }, body: delays, wait_ms: 2000 },
]
for (const { given, headers, body, wait_ms } of waits) {
  test(`The wait that is given as ${given} is ${wait_ms} ms`, (context) => {
    context.mock.timers.enable({ apis: ['Date'], now: NOW })
    const { retryAfter_ms } = read(429, error({ message: 'Slow down.', ...body }), headers)
    assert.equal(retryAfter_ms, wait_ms)
  })
}
