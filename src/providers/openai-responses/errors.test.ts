import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { hear, providerSetup } from '../testing/chat-provider.ts'
import { OneAnswer } from '../testing/one-answer.ts'
import { openAiResponses } from './adapter.ts'
import { frame, message, stream } from './testing/events.ts'

const UNAVAILABLE = 'The model provider failed to answer.'
const AUTH = 'The model provider refused the credentials that this server is configured with.'

/** An error, as Responses words it: a code, and sometimes a type. */
interface OwnError {
  readonly type?: string
  readonly code: string | null
  readonly message: string
  readonly param?: string
}

/** What has gone wrong, and what it means: before an answer, and inside one. */
const rows: readonly { status: number; error: OwnError; problem: Partial<UpstreamProblem> }[] = [
  {
    status: 429,
    error: { type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached. Try again in 1s.' },
    problem: { fault: 'rate_limited', message: 'Rate limit reached. Try again in 1s.' },
  },
  {
    status: 429,
    error: { code: 'insufficient_quota', message: 'You exceeded your current quota.' },
    problem: { fault: 'rate_limited' },
  },
  {
    status: 429,
    error: { type: 'too_many_requests', code: null, message: 'Too Many Requests' },
    problem: { fault: 'rate_limited' },
  },
  {
    status: 503,
    error: { type: 'service_unavailable_error', code: 'server_is_overloaded', message: 'Overloaded.' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    status: 503,
    error: { code: 'slow_down', message: 'The engine is overloaded.' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    status: 529,
    error: { type: 'overloaded_error', code: null, message: 'Overloaded' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    status: 500,
    error: { type: 'server_error', code: 'server_error', message: 'Something went wrong.' },
    problem: { fault: 'unavailable', message: UNAVAILABLE },
  },
  {
    status: 401,
    error: {
      type: 'invalid_request_error',
      code: 'invalid_api_key',
      message: 'Incorrect API key provided: hush-hush.',
    },
    problem: { fault: 'auth', message: AUTH },
  },
  {
    status: 400,
    error: { code: 'model_not_found', message: 'The model does not exist.', param: 'model' },
    problem: { fault: 'model_not_found' },
  },
  {
    status: 400,
    error: { code: 'context_length_exceeded', message: 'Your input exceeds the window.', param: 'input' },
    problem: { fault: 'bad_request', code: 'context_length_exceeded', param: 'input' },
  },
  {
    status: 400,
    error: { code: 'invalid_image_url', message: 'hush-hush is odd.', param: 'input[2].content[0].image_url' },
    problem: { fault: 'bad_request', message: '[redacted] is odd.', param: 'input' },
  },
]

const created = frame({ type: 'response.created', response: { status: 'in_progress' } })
const words = stream([message(['Hel', 'lo'])])
  .slice(1, 5)
  .join('')

function failed(error: OwnError, usage?: JsonObject): string {
  const response = { status: 'failed', error: { ...error }, ...(usage && { usage }) }
  return frame({ type: 'response.failed', response })
}

/** Errors stand in an object of their own, flat in their event, or in the response that they have ended. */
const spellings: Readonly<Record<string, (error: OwnError) => string>> = {
  'an error event': (error) => frame({ type: 'error', error: { ...error } }),
  'a flat error event': (error) => frame({ ...error, type: 'error' }),
  'an error event, then response.failed': (error) => frame({ ...error, type: 'error' }) + failed(error),
  'response.failed': failed,
}

function ask(server: OneAnswer) {
  return hear(openAiResponses.create(providerSetup(server, { dialect: 'openai' })))
}

for (const { status, error, problem } of rows) {
  const what = error.code ?? error.type ?? ''
  test(`${what} with status ${status} is ${problem.fault}`, async () => {
    const heard = await ask(new OneAnswer(JSON.stringify({ error }), 'application/json', status))
    assert.deepEqual({ ...heard.problem, ...problem, accepted: false }, heard.problem)
    assert.doesNotMatch(JSON.stringify(heard.problem), /hush/)
  })

  for (const [spelling, say] of Object.entries(spellings)) {
    test(`${what} in ${spelling} is ${problem.fault}, before a word and after some`, async () => {
      for (const [before, said] of [
        ['', 0],
        [created, 0],
        [created + words, 2],
      ] as const) {
        const heard = await ask(new OneAnswer(before + say(error), 'text/event-stream'))
        assert.equal(heard.events.length, said)
        assert.deepEqual({ ...heard.problem, ...problem, accepted: true }, heard.problem)
        assert.doesNotMatch(JSON.stringify(heard.problem), /hush/)
      }
    })
  }
}

test('What a failed answer has cost is known, whichever of its two endings says so', async () => {
  const error = { code: 'server_error', message: 'Oops.' }
  const end = failed(error, { input_tokens: 5, output_tokens: 1, total_tokens: 6 })
  for (const text of [words + end, words + frame({ type: 'error', ...error }) + end]) {
    const { problem } = await ask(new OneAnswer(text, 'text/event-stream'))
    assert.equal(problem?.usage?.total_tokens, 6)
  }
})

test('An answer in one piece may have failed, or be none', async () => {
  const call = { fields: { canStream: false } }
  const adapter = (body: object) =>
    openAiResponses.create(providerSetup(new OneAnswer(JSON.stringify(body)), { dialect: 'openai' }))
  const error = { code: 'rate_limit_exceeded', message: 'Slow down.' }
  const answers = [{ status: 'failed', error, output: [] }, { error }, { status: 'cancelled', output: [] }, { id: 'x' }]
  const faults = await Promise.all(answers.map(async (body) => (await hear(adapter(body), call)).problem?.fault))
  assert.deepEqual(faults, ['rate_limited', 'rate_limited', 'unavailable', 'invalid_response'])
})

test('An answer that the provider still works on is none', async () => {
  const adapter = openAiResponses.create(
    providerSetup(new OneAnswer('{"status":"queued","output":[]}'), { dialect: 'openai' }),
  )
  const { problem } = await hear(adapter, { fields: { canStream: false } })
  assert.equal(problem?.fault, 'invalid_response')
})
