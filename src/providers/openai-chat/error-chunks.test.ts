import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import { readErrorChunk } from '../error-answer.ts'
import { PARAM_NAMES } from './tables.ts'

const UNAVAILABLE = 'The model provider failed to answer.'

/** Errors inside a stream whose status was 200, and what each means. */
const rows: readonly { says: string; error: unknown; problem: Partial<UpstreamProblem> }[] = [
  {
    says: 'a status_code and what was generated (Groq)',
    error: {
      message: 'No tool was called.',
      type: 'invalid_request_error',
      code: 'tool_use_failed',
      failed_generation: 'secret prompt',
      status_code: 400,
    },
    problem: { fault: 'bad_request', message: 'No tool was called.', code: 'tool_use_failed', status: 400 },
  },
  {
    says: 'a code of 400 (OpenRouter)',
    error: { code: 400, message: 'Token limit reached' },
    problem: { fault: 'bad_request', message: 'Token limit reached', status: 400 },
  },
  {
    says: 'a code of 502 and what the provider behind it said (OpenRouter)',
    error: { code: 502, message: 'Provider returned error', metadata: { raw: 'Malformed function call' } },
    problem: { fault: 'unavailable', message: UNAVAILABLE, status: 502 },
  },
  {
    says: 'a code of 429',
    error: { code: 429, message: 'Slow down.' },
    problem: { fault: 'rate_limited', message: 'Slow down.', status: 429 },
  },
  {
    says: 'a code of 401 in a string',
    error: { code: '401', message: 'Key sk-abcdefgh1234 is off.' },
    problem: {
      fault: 'auth',
      message: 'The model provider refused the credentials that this server is configured with.',
      status: 401,
    },
  },
  {
    says: 'a code that is no status',
    error: { code: 7, message: 'Odd.' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    says: 'a word in place of a status, and how long to wait (Google)',
    error: { message: 'Slow down.', status: 'RESOURCE_EXHAUSTED', details: [{ retryDelay: '7s' }] },
    problem: { fault: 'rate_limited', message: 'Slow down.', retryAfter_ms: 7000 },
  },
  { says: 'only words', error: 'over capacity', problem: { fault: 'unavailable', message: UNAVAILABLE } },
  { says: 'nothing we know', error: {}, problem: { fault: 'unavailable', message: UNAVAILABLE } },
  { says: 'a number', error: 5, problem: { fault: 'unavailable', message: UNAVAILABLE } },
  {
    says: 'a type in place of a status: invalid_request_error',
    error: { type: 'invalid_request_error', message: 'Header hush-hush is odd.' },
    problem: { fault: 'bad_request', message: 'Header [redacted] is odd.' },
  },
  {
    says: 'a type in place of a status: rate_limit_error',
    error: { type: 'rate_limit_error', message: 'Slow down.' },
    problem: { fault: 'rate_limited', message: 'Slow down.' },
  },
  {
    says: 'a type in place of a status: overloaded_error',
    error: { type: 'overloaded_error', message: 'Overloaded' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    says: 'a context that is too long, by its type alone',
    error: { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' },
    problem: {
      fault: 'bad_request',
      message: 'prompt is too long: 9 tokens > 8 maximum',
      code: 'context_length_exceeded',
      param: 'input',
    },
  },
]
for (const { says, error, problem } of rows) {
  test(`An error in a stream that says ${says} is ${problem.fault}`, () => {
    assert.deepEqual(readErrorChunk(error, { secrets: ['hush-hush'], paramNames: PARAM_NAMES }).problem, {
      param: '',
      accepted: true,
      ...problem,
    })
  })
}
