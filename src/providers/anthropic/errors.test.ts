import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import { readErrorAnswer } from '../error-answer.ts'
import { PARAM_NAMES } from './tables.ts'

const told = (type: string, message: string) => ({ type: 'error', error: { type, message }, request_id: 'req_1' })
const OVERLOADED =
  '{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}              }'

/** How Anthropic, Azure and Vertex AI word their errors, and what each means. */
const rows: readonly {
  readonly says: string
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly problem: Partial<UpstreamProblem>
}[] = [
  {
    says: 'overloaded',
    status: 529,
    body: OVERLOADED,
    problem: { fault: 'unavailable', status: 529, accepted: false },
  },
  {
    says: 'overloaded, for how long',
    status: 529,
    body: OVERLOADED,
    headers: { 'retry-after': '12' },
    problem: { fault: 'unavailable', retryAfter_ms: 12_000 },
  },
  { says: 'overloaded, from a proxy', status: 529, body: '<html>', problem: { fault: 'unavailable' } },
  {
    says: 'rate limited',
    status: 429,
    body: told('rate_limit_error', 'This request would exceed your rate limit of 50 requests per minute.'),
    headers: { 'retry-after': '3600', 'anthropic-ratelimit-requests-reset': '2026-11-22T17:00:00Z' },
    problem: { fault: 'rate_limited', retryAfter_ms: 3_600_000 },
  },
  {
    says: 'rate limited (Vertex AI)',
    status: 429,
    body: { error: { code: 429, message: 'Quota exceeded for base_model: claude.', status: 'RESOURCE_EXHAUSTED' } },
    problem: { fault: 'rate_limited' },
  },
  {
    says: 'rate limited (Azure)',
    status: 429,
    body: { error: { code: 'RateLimitReached', message: 'Please retry after 7 seconds.' } },
    headers: { 'retry-after': '7' },
    problem: { fault: 'rate_limited', retryAfter_ms: 7000 },
  },
  {
    says: 'a fault of its own',
    status: 500,
    body: told('api_error', 'Internal server error'),
    problem: { fault: 'unavailable' },
  },
  { says: 'too late', status: 504, body: told('timeout_error', 'Request timed out.'), problem: { fault: 'timeout' } },
  {
    says: 'a bad key',
    status: 401,
    body: told('authentication_error', 'invalid x-api-key'),
    problem: { fault: 'auth' },
  },
  {
    says: 'a bad key (Azure)',
    status: 401,
    body: { error: { code: '401', message: 'Access denied due to invalid subscription key.' } },
    problem: { fault: 'auth' },
  },
  { says: 'no permission', status: 403, body: told('permission_error', 'Not allowed.'), problem: { fault: 'auth' } },
  { says: 'no money', status: 402, body: told('billing_error', 'Please pay.'), problem: { fault: 'auth' } },
  {
    says: 'no money, as a bad request',
    status: 400,
    body: told('invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
    problem: {
      fault: 'auth',
      message: 'The model provider refused the credentials that this server is configured with.',
    },
  },
  {
    says: 'an unknown model',
    status: 404,
    body: told('not_found_error', 'model: claude-none'),
    problem: { fault: 'model_not_found', message: 'model: claude-none' },
  },
  {
    says: 'an unknown model (Vertex AI)',
    status: 404,
    body: { error: { code: 404, message: 'Publisher Model `claude-none` was not found.', status: 'NOT_FOUND' } },
    problem: { fault: 'model_not_found' },
  },
  {
    says: 'too much at once',
    status: 413,
    body: told('request_too_large', 'Request exceeds the maximum size'),
    problem: { fault: 'bad_request', status: 413, message: 'Request exceeds the maximum size' },
  },
  {
    says: 'a prompt that is too long',
    status: 400,
    body: told('invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum'),
    problem: { fault: 'bad_request', code: 'context_length_exceeded', param: 'input' },
  },
  {
    says: 'a prompt and an answer that are too long',
    status: 400,
    body: told('invalid_request_error', 'input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000'),
    problem: { fault: 'bad_request', code: 'context_length_exceeded', param: 'input' },
  },
  {
    says: 'a bad request',
    status: 400,
    body: told('invalid_request_error', 'max_tokens: 200000 > 128000, which is the maximum allowed.'),
    problem: { fault: 'bad_request', message: 'max_tokens: 200000 > 128000, which is the maximum allowed.' },
  },
]
for (const { says, status, body, headers = {}, problem } of rows) {
  test(`An error answer: ${says}`, () => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const found = readErrorAnswer({ status, headers, text }, { secrets: [], paramNames: PARAM_NAMES }).problem
    const named = Object.keys(problem) as (keyof UpstreamProblem)[]
    assert.deepEqual(Object.fromEntries(named.map((key) => [key, found[key]])), problem)
  })
}
