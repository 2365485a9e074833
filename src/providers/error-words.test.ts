import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamProblem } from '../core/upstream-error.ts'
import { readErrorAnswer, readErrorChunk } from './error-answer.ts'

const RETELLING = { secrets: [], paramNames: new Map() }

/** Errors inside a stream that say what they are in words alone. */
const chunks: readonly { says: string; error: unknown; problem: Partial<UpstreamProblem> }[] = [
  {
    says: 'too many requests',
    error: 'Too many requests, slow down.',
    problem: { fault: 'rate_limited', accepted: true, message: 'Too many requests, slow down.' },
  },
  {
    says: 'a usage limit (Ollama)',
    error: 'you have reached your hourly usage limit',
    problem: { fault: 'rate_limited', accepted: true },
  },
  {
    says: 'a rate limit',
    error: { message: 'trial token rate limit exceeded, limit is 100000 tokens per minute' },
    problem: { fault: 'rate_limited', accepted: true },
  },
  {
    says: 'a context that is too long',
    error: 'the input length exceeds the context length',
    problem: { fault: 'bad_request', accepted: true, code: 'context_length_exceeded', param: 'input' },
  },
  {
    says: 'too many tokens (Cohere)',
    error: { error_type: 'TOO_MANY_TOKENS', message: 'size limit exceeded by 12.' },
    problem: { fault: 'bad_request', accepted: true, code: 'context_length_exceeded', param: 'input' },
  },
  { says: 'a timeout', error: 'upstream timed out', problem: { fault: 'timeout', accepted: true } },
  { says: 'nothing known', error: 'model runner has stopped', problem: { fault: 'unavailable', accepted: true } },
  {
    says: 'a status that beats the words',
    error: { status_code: 500, message: 'rate limit' },
    problem: { fault: 'unavailable', status: 500 },
  },
]
for (const { says, error, problem } of chunks) {
  test(`an error inside a stream in words alone: ${says}`, () => {
    const read: Partial<UpstreamProblem> = readErrorChunk(error, RETELLING).problem
    assert.deepEqual(pick(read, problem), problem)
  })
}

test('a request that Cohere says was cancelled is its own failure, not the client’s', () => {
  const text = JSON.stringify({ message: 'request cancelled' })
  const { problem } = readErrorAnswer({ status: 499, headers: {}, text }, RETELLING)
  assert.equal(problem.fault, 'unavailable')
})

/** Answers of Groq and of Amazon Bedrock, by their status and the name of their exception. */
const answers: readonly { says: string; status: number; error: object; problem: Partial<UpstreamProblem> }[] = [
  {
    says: 'no room for a call of its tier, by a status of its own',
    status: 498,
    error: { type: 'capacity_exceeded', message: 'Flex tier capacity exceeded.' },
    problem: { fault: 'rate_limited', status: 498 },
  },
  {
    says: 'too many tokens a minute',
    status: 429,
    error: { type: 'ThrottlingException', message: 'Too many tokens, please wait before trying again.' },
    problem: { fault: 'rate_limited', status: 429 },
  },
  {
    says: 'a model that failed',
    status: 424,
    error: { type: 'ModelErrorException', message: 'The system encountered an unexpected error.' },
    problem: { fault: 'unavailable', status: 424 },
  },
  ...[
    'Input is too long for requested model.',
    'Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.',
    'input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000',
  ].map((message) => ({
    says: message.slice(0, 30),
    status: 400,
    error: { type: 'ValidationException', message },
    problem: { fault: 'bad_request', code: 'context_length_exceeded', param: 'input' } as const,
  })),
]
for (const { says, status, error, problem } of answers) {
  test(`an error answer of Bedrock: ${says}`, () => {
    const text = JSON.stringify({ error })
    const read: Partial<UpstreamProblem> = readErrorAnswer({ status, headers: {}, text }, RETELLING).problem
    assert.deepEqual(pick(read, problem), problem)
  })
}

const CODES = [
  { codes: ['rate_limit_exceeded', 'insufficient_quota'], fault: 'rate_limited' },
  { codes: ['server_is_overloaded', 'slow_down', 'server_error', 'unheard_of', ''], fault: 'unavailable' },
  { codes: ['invalid_api_key'], fault: 'auth' },
  { codes: ['model_not_found'], fault: 'model_not_found' },
  { codes: ['vector_store_timeout'], fault: 'timeout' },
  {
    codes: [
      'invalid_prompt',
      'unsupported_image_media_type',
      'image_too_large',
      'bio_policy',
      'context_length_exceeded',
    ],
    fault: 'bad_request',
  },
] as const
for (const { codes, fault } of CODES) {
  for (const code of codes) {
    test(`the code ${code} alone, as a failed response of OpenAI has it, is ${fault}`, () => {
      assert.equal(readErrorChunk({ code, message: 'So it is.' }, RETELLING).problem.fault, fault)
    })
  }
}

function pick(found: Partial<UpstreamProblem>, named: Partial<UpstreamProblem>): object {
  const keys = Object.keys(named) as (keyof UpstreamProblem)[]
  return Object.fromEntries(keys.map((key) => [key, found[key]]))
}
