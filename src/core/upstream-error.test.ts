import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, badRequest } from '../protocol/error.ts'
import { internalError, toApiError, toErrorDetail, UpstreamError, type UpstreamFault } from './upstream-error.ts'

const answers: Record<
  UpstreamFault,
  { status: number; type: string; code: string; param: string; wait: string | undefined }
> = {
  unavailable: { status: 503, type: 'server_error', code: 'upstream_unavailable', param: '', wait: '2' },
  timeout: { status: 503, type: 'server_error', code: 'upstream_timeout', param: '', wait: '2' },
  invalid_response: { status: 503, type: 'server_error', code: 'upstream_invalid_response', param: '', wait: '2' },
  auth: { status: 503, type: 'server_error', code: 'upstream_auth_failed', param: '', wait: '2' },
  rate_limited: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded', param: '', wait: '2' },
  model_not_found: { status: 404, type: 'not_found_error', code: 'model_not_found', param: 'model', wait: undefined },
  bad_request: { status: 400, type: 'invalid_request_error', code: 'upstream_rejected', param: '', wait: undefined },
}

for (const [fault, { wait, ...answer }] of Object.entries(answers)) {
  test(`a provider's ${fault} is told as ${answer.status} ${answer.code}`, () => {
    // The keys of the table are the faults.
    const upstream = new UpstreamError({ fault: fault as UpstreamFault, message: 'It failed.' })
    const { status, type, code, param, message, headers, cause } = toApiError(upstream)
    assert.deepEqual({ status, type, code, param }, answer)
    assert.equal(message, 'It failed.')
    assert.deepEqual(headers, wait === undefined ? {} : { 'retry-after': wait })
    assert.equal(cause, upstream)
  })
}

const waits = [
  { retryAfter_ms: -1000, seconds: '1' },
  { retryAfter_ms: 0, seconds: '1' },
  { retryAfter_ms: 17, seconds: '1' },
  { retryAfter_ms: 1000, seconds: '1' },
  { retryAfter_ms: 1001, seconds: '2' },
  { retryAfter_ms: 60_000, seconds: '60' },
  { retryAfter_ms: 60_001, seconds: '60' },
  { retryAfter_ms: 86_400_000, seconds: '60' },
]
for (const { retryAfter_ms, seconds } of waits) {
  test(`a provider that asks for ${retryAfter_ms} ms makes us ask for ${seconds} s`, () => {
    const { headers } = toApiError(new UpstreamError({ fault: 'rate_limited', message: 'Slow down.', retryAfter_ms }))
    assert.equal(headers['retry-after'], seconds)
  })
}

test('a wait is not asked of a client whose request was wrong, even where the provider asks', () => {
  const { headers } = toApiError(new UpstreamError({ fault: 'bad_request', message: 'No.', retryAfter_ms: 5000 }))
  assert.deepEqual(headers, {})
})

const paid = [
  { accepted: true, retry: 'false' },
  { accepted: false, retry: undefined },
  { accepted: undefined, retry: undefined },
]
for (const { accepted, retry } of paid) {
  test(`SDKs are told not to try again where the call was accepted: ${accepted}`, () => {
    const problem = {
      fault: 'invalid_response' as const,
      message: 'Broken.',
      ...(accepted === undefined ? {} : { accepted }),
    }
    assert.equal(toApiError(new UpstreamError(problem)).headers['x-should-retry'], retry)
  })
}

test("the provider's own code and field reach the client for a bad request", () => {
  const upstream = new UpstreamError({
    fault: 'bad_request',
    message: 'Too long.',
    code: 'context_length_exceeded',
    param: 'input',
  })
  const { code, param } = toApiError(upstream)
  assert.deepEqual({ code, param }, { code: 'context_length_exceeded', param: 'input' })
})

for (const fault of ['auth', 'unavailable', 'rate_limited', 'model_not_found'] as const) {
  test(`the provider's own code stays inside for ${fault}`, () => {
    assert.equal(toApiError(new UpstreamError({ fault, message: 'No.', code: 'their_code' })).code, answers[fault].code)
  })
}

test('an unknown model is blamed on model, whatever the provider calls its field', () => {
  const upstream = new UpstreamError({ fault: 'model_not_found', message: 'No such model.', param: 'deployment' })
  assert.equal(toApiError(upstream).param, 'model')
})

test('UpstreamError keeps its cause and its problem', () => {
  const cause = new Error('socket closed')
  const error = new UpstreamError({ fault: 'unavailable', message: 'It failed.', cause, status: 502 })
  assert.equal(error.cause, cause)
  assert.equal(error.message, 'It failed.')
  assert.equal(error.problem.status, 502)
})

const SECRET = 'the password is hunter2'
const details: readonly { name: string; error: unknown; detail: object }[] = [
  {
    name: 'an ApiError as it is',
    error: badRequest('invalid_value', 'seed', 'seed must be an integer.'),
    detail: {
      type: 'invalid_request_error',
      message: 'seed must be an integer.',
      param: 'seed',
      code: 'invalid_value',
    },
  },
  {
    name: 'an UpstreamError translated',
    error: new UpstreamError({ fault: 'auth', message: 'The provider refused our key.' }),
    detail: { type: 'server_error', message: 'The provider refused our key.', param: '', code: 'upstream_auth_failed' },
  },
  ...[new Error(SECRET), new TypeError(SECRET), SECRET, undefined, null, { message: SECRET }].map((error) => ({
    name: `nothing of ${error instanceof Error ? error.name : JSON.stringify(error)}`,
    error,
    detail: {
      type: 'api_error',
      message: 'The server failed to handle this request. The request id names it in the server log.',
      param: '',
      code: 'internal_error',
    },
  })),
]
for (const { name, error, detail } of details) {
  test(`toErrorDetail() shows ${name}`, () => assert.deepEqual(toErrorDetail(error), detail))
}

test('internalError() is a 500 that keeps its cause for the log alone', () => {
  const cause = new Error(SECRET)
  const error = internalError(cause)
  assert.ok(error instanceof ApiError)
  assert.equal(error.status, 500)
  assert.equal(error.cause, cause)
  assert.doesNotMatch(JSON.stringify(error.toDetail()), /hunter2/)
})
