import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { chunk, DONE, says, startUpstream, type Answer, type Upstream } from '../../../e2e/harness/upstream.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import { connect, hear, providerSetup, type ChatProviderOptions } from '../testing/chat-provider.ts'
import { OneAnswer } from '../testing/one-answer.ts'
import { openAiChat } from './adapter.ts'

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }
const USAGE = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }
const READ_USAGE = {
  input_tokens: 5,
  input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
  output_tokens: 3,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 8,
}
const STOP: ModelEvent = { type: 'finish', reason: 'stop' }
const UNFINISHED = 'The model provider ended its answer before it was finished.'
const NOT_ITS_PROTOCOL = 'The model provider answered with something other than its protocol.'
const BROKEN_OFF = 'The connection to the model provider broke off.'

async function upstreamOf(context: TestContext, answer: Answer): Promise<Upstream> {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  upstream.answer(() => answer)
  return upstream
}

/** The same, ended by a reset only when these events have been heard: a reset discards what was not read yet. */
function paced(answer: Answer, eventCount: number): { answer: Answer; onBatch: (heard: number) => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const onBatch = (heard: number) => (heard >= eventCount ? resolve() : undefined)
  const chunks = answer.end === 'reset' ? [...(answer.chunks ?? []), promise] : (answer.chunks ?? [])
  return { answer: { ...answer, chunks }, onBatch }
}

const hi: ModelEvent = { type: 'text', text: 'Hi' }
const error = (fields: object) => `data: ${JSON.stringify({ error: fields })}\n\n`
const whole = (fields: object) => JSON.stringify({ choices: [{ message: { content: 'Hi' }, ...fields }], usage: USAGE })

test('A call is one POST with the key, and its answer an empty batch, then what was said', async (context) => {
  const upstream = await upstreamOf(context, says('Hi'))
  const { batches, error } = await hear(connect(context, upstream.baseUrl), { fields: { temperature: 0 } })
  assert.equal(error, undefined)
  assert.deepEqual(batches[0], [])
  assert.ok(batches.slice(1).every((batch) => batch.length > 0))
  assert.deepEqual(batches.slice(1).flat(), [hi, { ...STOP, usage: READ_USAGE }])
  const [{ method, path, headers, body } = {}] = upstream.received
  assert.deepEqual({ method, path }, { method: 'POST', path: '/v1/chat/completions' })
  assert.equal(headers?.authorization, 'Bearer hush-hush')
  assert.equal(headers?.['content-type'], 'application/json')
  assert.deepEqual(body, {
    model: 'some-model',
    messages: [{ role: 'user', content: 'Hi' }],
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  })
})

/** Answers that are whole, in all the ways that providers end them. */
const answers: readonly { how: string; answer: Answer; events: readonly ModelEvent[]; canStream?: boolean }[] = [
  { how: 'with [DONE] and no finish', answer: { chunks: [chunk({ content: 'Hi' }), DONE] }, events: [hi, STOP] },
  {
    how: 'with a finish and no [DONE]',
    answer: { chunks: [chunk({ content: 'Hi' }, { finish_reason: 'stop' })] },
    events: [hi, STOP],
  },
  {
    how: 'with a finish and then a reset of the connection',
    answer: { chunks: [chunk({ content: 'Hi' }, { finish_reason: 'length' })], end: 'reset' },
    events: [hi, { type: 'finish', reason: 'max_output_tokens' }],
  },
  {
    how: 'with usage after the finish',
    answer: {
      chunks: [chunk({ content: 'Hi' }, { finish_reason: 'stop' }), chunk({ content: '' }, { usage: USAGE }), DONE],
    },
    events: [hi, { ...STOP, usage: READ_USAGE }],
  },
  {
    how: 'with more after [DONE]',
    answer: { chunks: [chunk({ content: 'Hi' }), `${DONE}${chunk({ content: 'again' })}`, chunk({ content: '!' })] },
    events: [hi, STOP],
  },
  {
    how: 'with garbage and usage after the finish',
    answer: {
      chunks: [chunk({ content: 'Hi' }, { finish_reason: 'stop' }), 'data: bye\n\n', chunk({}, { usage: USAGE }), DONE],
    },
    events: [hi, { ...STOP, usage: READ_USAGE }],
  },
  {
    how: 'with JSON in answer to a stream',
    answer: { headers: JSON_TYPE, chunks: [whole({ finish_reason: 'stop' })] },
    events: [hi, { ...STOP, usage: READ_USAGE }],
  },
  {
    how: 'with JSON whose finish_reason is null',
    answer: { headers: JSON_TYPE, chunks: [whole({ finish_reason: null })] },
    events: [hi, { ...STOP, usage: READ_USAGE }],
  },
  {
    how: 'with JSON, as it cannot stream',
    answer: { headers: JSON_TYPE, chunks: [whole({})] },
    events: [hi, { ...STOP, usage: READ_USAGE }],
    canStream: false,
  },
  {
    how: 'with JSON that has no type, as it cannot stream',
    answer: { headers: {}, chunks: [whole({})] },
    events: [hi, { ...STOP, usage: READ_USAGE }],
    canStream: false,
  },
  {
    how: 'with a stream although none was asked for',
    answer: says('Hi'),
    events: [hi, { ...STOP, usage: READ_USAGE }],
    canStream: false,
  },
]
for (const { how, answer, events, canStream = true } of answers) {
  test(`An answer that ends ${how} is whole`, async (context) => {
    const { answer: script, onBatch } = paced(answer, 1)
    const upstream = await upstreamOf(context, script)
    const heard = await hear(connect(context, upstream.baseUrl), { fields: { canStream }, onBatch })
    assert.equal(heard.error, undefined)
    assert.deepEqual(heard.events, events)
    assert.equal(upstream.received[0]?.body?.['stream'], canStream ? true : undefined)
  })
}

interface FailureRow {
  readonly how: string
  readonly answer: Answer
  /** What was said before. */
  readonly events?: readonly ModelEvent[]
  readonly problem: Partial<UpstreamProblem>
  readonly options?: ChatProviderOptions
}

const INVALID = { fault: 'invalid_response', accepted: true } as const
const LOST = { fault: 'unavailable', message: BROKEN_OFF, accepted: true } as const

/** Answers with status 200 that are none. */
const failures: readonly FailureRow[] = [
  {
    how: 'with a page of HTML',
    answer: { headers: { 'content-type': 'text/html' }, chunks: ['<html>\n\nWelcome\n\n</html>'] },
    problem: { ...INVALID, message: NOT_ITS_PROTOCOL },
  },
  { how: 'with nothing', answer: { chunks: [] }, problem: { ...INVALID, message: NOT_ITS_PROTOCOL } },
  { how: 'with [DONE] alone', answer: { chunks: [DONE] }, problem: { ...INVALID, message: NOT_ITS_PROTOCOL } },
  {
    how: 'with comments alone',
    answer: { chunks: [': PROCESSING\n\n'] },
    problem: { ...INVALID, message: NOT_ITS_PROTOCOL },
  },
  {
    how: 'with empty JSON',
    answer: { headers: JSON_TYPE, chunks: [''] },
    problem: { ...INVALID, message: NOT_ITS_PROTOCOL },
  },
  {
    how: 'with JSON of another kind',
    answer: { headers: JSON_TYPE, chunks: ['{"object":"list","data":[]}'] },
    problem: { ...INVALID, message: NOT_ITS_PROTOCOL },
  },
  {
    how: 'with JSON without a choice',
    answer: { headers: JSON_TYPE, chunks: ['{"choices":[]}'] },
    problem: { ...INVALID, message: NOT_ITS_PROTOCOL },
  },
  {
    how: 'with JSON that is too long',
    answer: { headers: JSON_TYPE, chunks: [whole({}), ' '.repeat(2000)] },
    options: { limits: { outputBytesMax: 50 } },
    problem: { ...INVALID, message: NOT_ITS_PROTOCOL },
  },
  {
    how: 'with JSON that is cut',
    answer: { headers: { ...JSON_TYPE, 'content-length': '99' }, chunks: ['{"choices":'], end: 'reset' },
    problem: LOST,
  },
  {
    how: 'with an error in JSON',
    answer: { headers: JSON_TYPE, chunks: ['{"error":{"code":429,"message":"Slow down."},"choices":[]}'] },
    problem: { fault: 'rate_limited', message: 'Slow down.', status: 429, param: '', accepted: true },
  },
  {
    how: 'with an error for a first event (Groq)',
    answer: {
      chunks: [`event: error\n${error({ message: 'No tool was called.', status_code: 400, code: 'tool_use_failed' })}`],
    },
    problem: {
      fault: 'bad_request',
      message: 'No tool was called.',
      status: 400,
      code: 'tool_use_failed',
      param: '',
      accepted: true,
    },
  },
  {
    how: 'with an error after a chunk that only names the role',
    answer: { chunks: [chunk({ role: 'assistant', content: '' }), error({ code: 503, message: 'x' }), DONE] },
    problem: {
      fault: 'unavailable',
      message: 'The model provider failed to answer.',
      status: 503,
      param: '',
      accepted: true,
    },
  },
  {
    how: 'with an error amid the words and usage after it (OpenRouter)',
    answer: {
      chunks: [
        chunk({ content: 'Hi' }),
        chunk({}, { finish_reason: 'length' }),
        error({ code: 400, message: 'Token limit reached' }),
        chunk({ content: 'lost' }, { usage: USAGE }),
        DONE,
      ],
    },
    events: [hi],
    problem: {
      fault: 'bad_request',
      message: 'Token limit reached',
      status: 400,
      param: '',
      accepted: true,
      usage: READ_USAGE,
    },
  },
  {
    how: 'with an error amid the words, and the end of the connection',
    answer: { chunks: [chunk({ content: 'Hi' }) + error({ code: 400, message: 'No.' })], end: 'reset' },
    events: [hi],
    problem: { fault: 'bad_request', message: 'No.', status: 400, param: '', accepted: true },
  },
  {
    how: 'early, without a finish',
    answer: { chunks: [chunk({ content: 'Hi' })] },
    events: [hi],
    problem: { ...INVALID, message: UNFINISHED },
  },
  {
    how: 'with a reset of the connection, without a finish',
    answer: { chunks: [chunk({ content: 'Hi' })], end: 'reset' },
    events: [hi],
    problem: LOST,
  },
  { how: 'with a reset of the connection before the first word', answer: { end: 'reset' }, problem: LOST },
  {
    how: 'with garbage amid the words, in the same read',
    answer: { chunks: [`${chunk({ content: 'Hi' })}data: {"choices":\n\n${chunk({ content: 'lost' })}${DONE}`] },
    events: [hi],
    problem: { ...INVALID, message: NOT_ITS_PROTOCOL },
  },
  {
    how: 'with an event that is too long',
    answer: { chunks: [chunk({ content: 'Hi' }), chunk({ content: 'x'.repeat(5000) }), DONE] },
    options: { limits: { eventBytesMax: 1000 } },
    events: [hi],
    problem: { ...INVALID, message: 'The model provider sent an event of more than 1000 bytes.' },
  },
]
for (const { how, answer, events = [], problem, options } of failures) {
  test(`An answer with status 200 that ends ${how} is ${problem.fault}`, async (context) => {
    const { answer: script, onBatch } = paced(answer, events.length)
    const upstream = await upstreamOf(context, script)
    const heard = await hear(connect(context, upstream.baseUrl, options), { onBatch })
    assert.deepEqual(heard.batches[0], [])
    assert.deepEqual(heard.events, events)
    assert.deepEqual(heard.problem, problem)
  })
}

test('A version of the API, as deployments of Azure want it, is named wherever the provider is asked', async () => {
  const server = new OneAnswer(whole({ finish_reason: 'stop' }))
  const baseUrl = 'https://acme.openai.azure.com/openai/deployments/gpt-4o'
  const own = { api_version: '2024-10-21' }
  const adapter = openAiChat.create(providerSetup(server, { dialect: 'azure', baseUrl, own }))
  const { signal } = new AbortController()
  assert.deepEqual((await hear(adapter)).error, undefined)
  await adapter.chat?.send({ model: 'gpt-4o' }, signal)
  await adapter.listModels(signal)
  assert.deepEqual(
    server.requests.map(({ url }) => url.href),
    ['/chat/completions', '/chat/completions', '/models'].map((path) => `${baseUrl}${path}?api-version=2024-10-21`),
  )
})
