import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  type ClientOptions,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai'
import { chunk, says, type Answer } from '../harness/upstream.ts'
import { MODEL, openClient, refusal, startStage } from './support.ts'

const stage = await startStage()
const { client } = stage
after(() => stage.close())

/** What a client sees of an error. */
interface Problem {
  readonly kind: new (...parts: never[]) => Error
  readonly status: number
  readonly type: string
  readonly code: string
  readonly param: string
  readonly message: RegExp
}

async function assertProblem(happens: Promise<unknown>, problem: Problem): Promise<void> {
  await assert.rejects(happens, (error: unknown) => {
    assert.ok(error instanceof APIError)
    assert.equal(error.constructor, problem.kind)
    const { status, type, code, param } = error
    assert.deepEqual(
      { status, type, code, param },
      { status: problem.status, type: problem.type, code: problem.code, param: problem.param },
    )
    assert.match(error.message, problem.message)
    assert.match(error.requestID ?? '', /^req_[0-9a-f]{24}$/)
    return true
  })
}

const invalid = { kind: BadRequestError, status: 400, type: 'invalid_request_error' } as const
const missing = { kind: NotFoundError, status: 404, type: 'not_found_error' } as const
const denied = { kind: AuthenticationError, status: 401, type: 'authentication_error' } as const

const ours: readonly (Problem & { what: string; ask: () => Promise<unknown> })[] = [
  {
    what: 'a missing model',
    ask: () => client.responses.create({ input: 'Go.' }),
    ...invalid,
    code: 'missing_required_parameter',
    param: 'model',
    message: /^400 model is required$/,
  },
  {
    what: 'a value out of range',
    ask: () => client.responses.create({ model: MODEL, input: 'Go.', temperature: 3 }),
    ...invalid,
    code: 'decimal_above_max_value',
    param: 'temperature',
    message: /temperature/,
  },
  {
    what: 'a hosted tool alone',
    ask: () => client.responses.create({ model: MODEL, input: 'Go.', tools: [{ type: 'web_search' }] }),
    ...invalid,
    code: 'unsupported_tool',
    param: 'tools[0].type',
    message: /web_search/,
  },
  {
    what: 'a response id of the wrong form',
    ask: () => client.responses.retrieve('no-such-form'),
    ...invalid,
    code: 'invalid_response_id',
    param: 'response_id',
    message: /resp_/,
  },
  {
    what: 'an unknown response',
    ask: () => client.responses.retrieve('resp_unknown'),
    ...missing,
    code: 'response_not_found',
    param: 'response_id',
    message: /not found/,
  },
  {
    what: 'an unknown path',
    ask: () => client.files.list(),
    ...missing,
    code: 'route_not_found',
    param: '',
    message: /nothing at this path/,
  },
  {
    what: 'a wrong key',
    ask: () => openClient(stage.server, { apiKey: 'wrong-key' }).responses.create({ model: MODEL, input: 'Go.' }),
    ...denied,
    code: 'invalid_api_key',
    param: '',
    message: /API key is invalid/,
  },
  {
    what: 'no key',
    ask: () =>
      openClient(stage.server, { defaultHeaders: { authorization: null } }).responses.create({
        model: MODEL,
        input: 'Go.',
      }),
    ...denied,
    code: 'authentication_required',
    param: '',
    message: /API key is required/,
  },
]
for (const { what, ask, ...problem } of ours) {
  test(`${what} throws ${problem.kind.name} with type, code, param and request id`, async () => {
    const seen = stage.script()
    await assertProblem(ask(), problem)
    assert.deepEqual(seen(), [])
  })
}

const busy = { kind: InternalServerError, status: 503, type: 'server_error' } as const

const theirs: readonly (Problem & { what: string; answer: Answer; tries: number })[] = [
  {
    what: '400 with a code of its own',
    answer: refusal(400, 'Image too blurry.', { code: 'image_blurry', param: 'messages.0' }),
    tries: 1,
    ...invalid,
    code: 'image_blurry',
    param: 'input',
    message: /Image too blurry\./,
  },
  {
    what: '422',
    answer: refusal(422, 'top_p must be positive.', { param: 'top_p' }),
    tries: 1,
    ...invalid,
    code: 'upstream_rejected',
    param: 'top_p',
    message: /top_p must be positive/,
  },
  {
    what: '400 because the thread is too long',
    answer: refusal(400, "This model's maximum context length is 8192 tokens."),
    tries: 1,
    ...invalid,
    code: 'context_length_exceeded',
    param: 'input',
    message: /maximum context length/,
  },
  {
    what: '401, which is the operator’s affair',
    answer: refusal(401, 'Incorrect API key provided: key-of-the-provider.'),
    tries: 1,
    ...busy,
    code: 'upstream_auth_failed',
    param: '',
    message: /refused the credentials that this server/,
  },
  {
    what: '403, likewise',
    answer: refusal(403, 'Country not supported.'),
    tries: 1,
    ...busy,
    code: 'upstream_auth_failed',
    param: '',
    message: /refused the credentials that this server/,
  },
  {
    what: '404',
    answer: refusal(404, 'The model scripted does not exist.'),
    tries: 1,
    ...missing,
    code: 'model_not_found',
    param: 'model',
    message: /does not exist/,
  },
  {
    what: '429',
    answer: refusal(429, 'Slow down.'),
    tries: 3,
    kind: RateLimitError,
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    param: '',
    message: /Slow down\./,
  },
  {
    what: '500',
    answer: refusal(500, 'Traceback in /srv/app.py'),
    tries: 3,
    ...busy,
    code: 'upstream_unavailable',
    param: '',
    message: /^503 The model provider failed to answer\.$/,
  },
  {
    what: '200 with something other than its protocol',
    answer: { headers: { 'content-type': 'application/json' }, chunks: ['{"hello":"there"}'] },
    tries: 1,
    ...busy,
    code: 'upstream_invalid_response',
    param: '',
    message: /other than its protocol/,
  },
]
for (const { what, answer, tries, ...problem } of theirs) {
  for (const stream of [false, true]) {
    test(`an upstream ${what}, after ${tries} tries, throws ${problem.kind.name} (stream: ${stream})`, async () => {
      const seen = stage.script(...Array.from({ length: tries }, () => answer))
      await assertProblem(client.responses.create({ model: MODEL, input: 'Go.', stream }), problem)
      assert.equal(seen().length, tries)
    })
  }
}

/** The client's own retries, without their waiting: the answer's `retry-after` is replaced. */
function impatient(log: number[]): ClientOptions {
  return {
    maxRetries: 2,
    async fetch(url, init) {
      const { status, headers, body } = await fetch(url, init)
      log.push(status)
      return new Response(body, { status, headers: { ...Object.fromEntries(headers), 'retry-after-ms': '1' } })
    },
  }
}

const overloads = [
  { status: 429, answered: 429 },
  { status: 500, answered: 503 },
]
for (const { status, answered } of overloads) {
  const failures = (count: number) => Array.from({ length: count }, () => refusal(status, 'Not now.'))

  test(`upstream ${status}: the server tries three times, then the client again, and it ends well`, async () => {
    const log: number[] = []
    const seen = stage.script(...failures(4), says('At last.'))
    const response = await openClient(stage.server, impatient(log)).responses.create({ model: MODEL, input: 'Go.' })
    assert.equal(response.output_text, 'At last.')
    assert.deepEqual(log, [answered, 200])
    assert.equal(seen().length, 5)
  })

  test(`upstream ${status} for ever: three times three tries, then the error`, async () => {
    const log: number[] = []
    const seen = stage.script(...failures(9))
    const asked = openClient(stage.server, impatient(log)).responses.create({ model: MODEL, input: 'Go.' })
    await assert.rejects(asked, { status: answered })
    assert.deepEqual(log, [answered, answered, answered])
    assert.equal(seen().length, 9)
  })
}

test('a failure after the provider has accepted the call is not retried: it may have been paid for', async () => {
  const log: number[] = []
  const seen = stage.script({ chunks: [chunk({ role: 'assistant', content: '' })] })
  const asked = openClient(stage.server, impatient(log)).responses.create({ model: MODEL, input: 'Go.' })
  await assert.rejects(asked, { status: 503, code: 'upstream_invalid_response' })
  assert.deepEqual(log, [503])
  assert.equal(seen().length, 1)
})
