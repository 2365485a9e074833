import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import { hear, providerSetup } from '../testing/chat-provider.ts'
import { OneAnswer } from '../testing/one-answer.ts'
import { gemini } from './adapter.ts'
import { frame } from './testing/answers.ts'

const info = (fields: object) => [{ '@type': 'type.googleapis.com/google.rpc.Help' }, fields]
const UNAVAILABLE = 'The model provider failed to answer.'
const AUTH = 'The model provider refused the credentials that this server is configured with.'

/** An error as Google words it. */
interface GoogleError {
  readonly code: number
  readonly message: string
  readonly status: string
  readonly details?: readonly object[]
}

/** How Google words what has gone wrong, and what it means: before an answer, and inside one. */
const rows: readonly { says: string; error: GoogleError; problem: Partial<UpstreamProblem> }[] = [
  {
    says: 'a key that is none',
    error: { code: 400, message: 'API key not valid. Please pass a valid API key.', status: 'INVALID_ARGUMENT' },
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'a key that has expired',
    error: { code: 400, message: 'API key expired. Please renew the API key.', status: 'INVALID_ARGUMENT' },
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'no permission (Vertex)',
    error: { code: 403, message: "Permission 'x' denied on resource '//y'.", status: 'PERMISSION_DENIED' },
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'a token that has expired (Vertex)',
    error: { code: 401, message: 'Request had invalid authentication credentials.', status: 'UNAUTHENTICATED' },
    problem: { fault: 'auth', message: AUTH },
  },
  {
    says: 'a model that is not there (Vertex)',
    error: { code: 404, message: 'Publisher Model `x` not found.', status: 'NOT_FOUND', details: [] },
    problem: { fault: 'model_not_found', message: 'Publisher Model `x` not found.' },
  },
  {
    says: 'a quota, and when it is over',
    error: {
      code: 429,
      message: 'You exceeded your current quota. Please retry in 4.5s.',
      status: 'RESOURCE_EXHAUSTED',
      details: info({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '4.5s' }),
    },
    problem: { fault: 'rate_limited', retryAfter_ms: 4500 },
  },
  {
    says: 'resources that are used up (Vertex)',
    error: { code: 429, message: 'Resource exhausted. Please try again later.', status: 'RESOURCE_EXHAUSTED' },
    problem: { fault: 'rate_limited' },
  },
  {
    says: 'an overload',
    error: { code: 503, message: 'The model is overloaded. Please try again later.', status: 'UNAVAILABLE' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    says: 'an internal error',
    error: { code: 500, message: 'An internal error has occurred.', status: 'INTERNAL' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    says: 'a call that was given up',
    error: { code: 499, message: 'The operation was cancelled.', status: 'CANCELLED' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    says: 'too much time',
    error: { code: 504, message: 'Deadline expired.', status: 'DEADLINE_EXCEEDED' },
    problem: { fault: 'timeout' },
  },
  {
    says: 'a setting out of range',
    error: {
      code: 400,
      message: 'Invalid value.',
      status: 'INVALID_ARGUMENT',
      details: info({ fieldViolations: [{ field: 'generation_config.temperature', description: 'Invalid value.' }] }),
    },
    problem: { fault: 'bad_request', message: 'Invalid value.', param: 'temperature' },
  },
  {
    says: 'a question that cannot be read, with the key in it',
    error: {
      code: 400,
      message: 'hush-hush is odd.',
      status: 'INVALID_ARGUMENT',
      details: info({ fieldViolations: [{ field: 'contents[1].parts[0].function_call' }] }),
    },
    problem: { fault: 'bad_request', message: '[redacted] is odd.', param: 'input' },
  },
]
for (const { says, error, problem } of rows) {
  const text = JSON.stringify({ error }, null, 2)
  const ways = [
    {
      where: 'before an answer',
      transport: new OneAnswer(text, 'application/json; charset=UTF-8', error.code),
      accepted: false,
    },
    {
      where: 'in place of a stream, as if it were one',
      transport: new OneAnswer(text, 'text/event-stream', error.code),
      accepted: false,
    },
    { where: 'inside a stream', transport: new OneAnswer(frame({ error }), 'text/event-stream'), accepted: true },
  ]
  for (const { where, transport, accepted } of ways) {
    test(`${says} ${where} is ${problem.fault}`, async () => {
      const heard = await hear(gemini.create(providerSetup(transport, { dialect: 'ai-studio' })))
      const found = Object.fromEntries(
        Object.keys(problem).map((key) => [key, heard.problem?.[key as keyof UpstreamProblem]]),
      )
      assert.deepEqual([found, heard.problem?.accepted, heard.problem?.status], [problem, accepted, error.code])
    })
  }
}
