import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import { hear } from '../testing/chat-provider.ts'
import type { WireAnswer } from '../testing/conformance/suite.ts'
import { Answering, bedrockOver } from './testing/provider.ts'

const AUTH = 'The model provider refused the credentials that this server is configured with.'
const UNAVAILABLE = 'The model provider failed to answer.'

interface Row {
  readonly says: string
  readonly answer: WireAnswer
  readonly problem: Partial<UpstreamProblem>
}

const answered = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): WireAnswer => ({
  status,
  headers,
  pieces: [typeof body === 'string' ? body : JSON.stringify(body)],
})
const named = (type: string) => ({ 'x-amzn-errortype': `${type}:http://internal.amazon.com/` })

/** Answers that are errors, in every spelling there is. */
const refusals: readonly Row[] = [
  {
    says: 'credentials that have expired',
    answer: answered(
      403,
      { message: 'The security token included in the request is expired' },
      named('ExpiredTokenException'),
    ),
    problem: { fault: 'auth', message: AUTH, status: 403 },
  },
  {
    says: 'a model that the account may not use',
    answer: answered(403, { message: "You don't have access to the model." }, named('AccessDeniedException')),
    problem: { fault: 'auth', message: AUTH, status: 403 },
  },
  {
    says: 'a key that is none, with a capital Message',
    answer: answered(403, { Message: 'Authentication failed: hush-hush' }),
    problem: { fault: 'auth', message: AUTH, status: 403 },
  },
  {
    says: 'a signature that lacks something, as a 400',
    answer: answered(400, { message: 'Incomplete.' }, named('IncompleteSignatureException')),
    problem: { fault: 'auth', message: AUTH, status: 403 },
  },
  {
    says: 'a model that is none, as a 400',
    answer: answered(400, { message: 'The provided model identifier is invalid.' }, named('ValidationException')),
    problem: { fault: 'model_not_found', message: 'The provided model identifier is invalid.', status: 400 },
  },
  {
    says: 'a model that wants an inference profile',
    answer: answered(400, { message: 'Invocation of model ID x with on-demand throughput isn’t supported.' }),
    problem: { fault: 'model_not_found', status: 400 },
  },
  {
    says: 'a model that is gone',
    answer: answered(
      404,
      { message: 'This model version has reached the end of its life.' },
      named('ResourceNotFoundException'),
    ),
    problem: { fault: 'model_not_found', status: 404 },
  },
  {
    says: 'a request that is wrong, with our key in it',
    answer: answered(400, { message: 'Odd header hush-hush.' }, named('ValidationException')),
    problem: { fault: 'bad_request', message: 'Odd header [redacted].', status: 400 },
  },
  {
    says: 'a quota that is used up, as a 400',
    answer: answered(400, { message: 'Quota.' }, named('ServiceQuotaExceededException')),
    problem: { fault: 'rate_limited', message: 'Quota.', status: 429 },
  },
  {
    says: 'a model that is not ready',
    answer: answered(429, { message: 'Loading.' }, named('ModelNotReadyException')),
    problem: { fault: 'rate_limited', status: 429 },
  },
  {
    says: 'too many requests, named in the body',
    answer: answered(429, { __type: 'com.amazon.coral#ThrottlingException', message: 'Too many tokens, wait.' }),
    problem: { fault: 'rate_limited', message: 'Too many tokens, wait.', status: 429 },
  },
  {
    says: 'a model that took too long',
    answer: answered(408, { message: 'Timeout.' }, named('ModelTimeoutException')),
    problem: { fault: 'timeout', status: 408 },
  },
  {
    says: 'a model that failed',
    answer: answered(424, { message: 'Oops.', originalStatusCode: 500 }, named('ModelErrorException')),
    problem: { fault: 'unavailable', message: UNAVAILABLE, status: 424 },
  },
  {
    says: 'a service that is down, with a 503 that lies about its name',
    answer: answered(503, { message: 'Busy.' }, named('ValidationException')),
    problem: { fault: 'unavailable', message: UNAVAILABLE, status: 503 },
  },
  {
    says: 'a page of a proxy',
    answer: answered(502, '<html>at 10.0.0.7</html>'),
    problem: { fault: 'unavailable', message: UNAVAILABLE, status: 502 },
  },
  {
    says: 'a redirect, which is not followed',
    answer: answered(307, '', { location: 'https://elsewhere.example/' }),
    problem: { fault: 'invalid_response', status: 307 },
  },
  { says: 'an empty 204', answer: answered(204, ''), problem: { fault: 'unavailable', status: 204 } },
]
for (const { says, answer, problem } of refusals) {
  test(`An answer that says ${says} is ${problem.fault}, and asked for once`, async () => {
    const server = new Answering(answer)
    const heard = await hear(bedrockOver(server))
    assert.deepEqual(heard.batches, [])
    assert.deepEqual({ ...heard.problem, ...problem, accepted: false }, heard.problem)
    assert.equal(server.requests.length, 1)
  })
}
