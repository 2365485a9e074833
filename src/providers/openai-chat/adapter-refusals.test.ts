import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DONE, says, startUpstream, type Answer } from '../../../e2e/harness/upstream.ts'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import type { Adapter } from '../adapter.ts'
import { connect, hear, problemOf } from '../testing/chat-provider.ts'

const SSE_TYPE = { 'content-type': 'text/event-stream' }
const JSON_TYPE = { 'content-type': 'application/json' }
const AUTH = 'The model provider refused the credentials that this server is configured with.'
const REDIRECTED = 'The model provider redirects elsewhere, or answers what it was not asked.'
const UNAVAILABLE = 'The model provider failed to answer.'

const live = () => new AbortController().signal

/** Answers that are no success, and what they mean. */
const refusals: readonly { how: string; answer: Answer; problem: Partial<UpstreamProblem> }[] = [
  {
    how: 'a 400 in the type of a stream (Google)',
    answer: { status: 400, headers: SSE_TYPE, chunks: ['{"error":{"message":"No.","param":"messages"}}'] },
    problem: { fault: 'bad_request', message: 'No.', param: 'input', status: 400 },
  },
  {
    how: 'a 401 that names our key',
    answer: { status: 401, headers: JSON_TYPE, chunks: ['{"error":{"message":"Bad key hush-hush."}}'] },
    problem: { fault: 'auth', message: AUTH, status: 401 },
  },
  {
    how: 'a 400 that names our key',
    answer: { status: 400, headers: JSON_TYPE, chunks: ['{"error":{"message":"Odd header hush-hush."}}'] },
    problem: { fault: 'bad_request', message: 'Odd header [redacted].', status: 400 },
  },
  {
    how: 'a 404 for the model',
    answer: { status: 404, headers: JSON_TYPE, chunks: ['{"error":{"message":"No such model."}}'] },
    problem: { fault: 'model_not_found', message: 'No such model.', status: 404 },
  },
  {
    how: 'a 429 with a wait',
    answer: {
      status: 429,
      headers: { ...JSON_TYPE, 'retry-after': '7' },
      chunks: ['{"error":{"message":"Slow down."}}'],
    },
    problem: { fault: 'rate_limited', message: 'Slow down.', status: 429, retryAfter_ms: 7000 },
  },
  {
    how: 'a page of a CDN',
    answer: { status: 503, headers: { 'content-type': 'text/html' }, chunks: ['<html>at 10.0.0.7</html>'] },
    problem: { fault: 'unavailable', message: UNAVAILABLE, status: 503 },
  },
  {
    how: 'an error that is very long',
    answer: { status: 500, chunks: ['x'.repeat(100_000)] },
    problem: { fault: 'unavailable', message: UNAVAILABLE, status: 500 },
  },
  {
    how: 'an error whose body breaks off',
    answer: {
      status: 429,
      headers: { connection: 'close', 'content-length': '99', 'retry-after': '1' },
      chunks: ['{"error'],
    },
    problem: {
      fault: 'rate_limited',
      message: 'The model provider refused the request without a reason.',
      status: 429,
      retryAfter_ms: 1000,
    },
  },
  {
    how: 'a redirect, which is not followed',
    answer: { status: 307, headers: { location: '/v1/elsewhere' } },
    problem: { fault: 'invalid_response', message: REDIRECTED, status: 307 },
  },
  {
    how: 'an empty 204',
    answer: { status: 204, headers: {} },
    problem: { fault: 'unavailable', message: UNAVAILABLE, status: 204 },
  },
]

/** Both ways to ask: a call of ours, and one that is passed on. */
const ways: readonly { way: string; ask: (adapter: Adapter) => Promise<UpstreamProblem | undefined> }[] = [
  {
    way: 'A call',
    ask: async (adapter) => {
      const { batches, problem } = await hear(adapter)
      assert.deepEqual(batches, [])
      return problem
    },
  },
  {
    way: 'A passed-on call',
    ask: async (adapter) => {
      assert.ok(adapter.chat)
      return adapter.chat.send({ model: 'm' }, live()).then(() => assert.fail('It was answered.'), problemOf)
    },
  },
]
for (const { way, ask } of ways) {
  for (const { how, answer, problem } of refusals) {
    if (answer.status === 204 && way === 'A passed-on call') continue // A success, for those who speak HTTP.
    test(`${way} that is answered with ${how} is ${problem.fault}`, async (context) => {
      const upstream = await startUpstream()
      context.after(() => upstream.close())
      upstream.answer(() => answer)
      assert.deepEqual(await ask(connect(context, upstream.baseUrl)), { param: '', accepted: false, ...problem })
      assert.equal(upstream.received.length, 1)
    })
  }
}

test('A passed-on call is sent as it is, and answered byte for byte', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  const bytes = [': comment\r\n\r\n', 'data: {"odd":1}\n', '\n', DONE]
  upstream.answer(() => ({ headers: { 'content-type': 'text/event-stream; charset=utf-8' }, chunks: bytes }))
  const body = { model: 'm', messages: [], unknown: { deep: [null] }, stream: true }
  const answer = await connect(context, upstream.baseUrl).chat?.send(body, live())
  assert.deepEqual(
    { status: answer?.status, contentType: answer?.contentType },
    {
      status: 200,
      contentType: 'text/event-stream; charset=utf-8',
    },
  )
  const parts: Uint8Array[] = []
  for await (const part of answer?.body ?? []) parts.push(part)
  assert.equal(Buffer.concat(parts).toString(), bytes.join(''))
  const [{ path, headers, body: sent } = {}] = upstream.received
  assert.equal(path, '/v1/chat/completions')
  assert.equal(headers?.authorization, 'Bearer hush-hush')
  assert.deepEqual(sent, body)
})

test('An aborted pass-through throws the reason and closes the connection', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  const arrived = Promise.withResolvers<void>()
  upstream.answer(() => {
    arrived.resolve()
    return new Promise(() => {})
  })
  const control = new AbortController()
  const sending = connect(context, upstream.baseUrl).chat?.send({ model: 'm' }, control.signal)
  await arrived.promise
  const reason = new Error('The client went away.')
  control.abort(reason)
  await assert.rejects(Promise.resolve(sending), (error) => error === reason)
  await upstream.received[0]?.closed
})

const lists = [
  { body: '{"object":"list","data":[{"id":"a"},{"id":"b","object":"model"}]}', models: ['a', 'b'] },
  { body: '{"data":[null,{},{"id":7},"a",{"id":"b"}]}', models: ['b'] },
  { body: '{"data":{}}', models: [] },
  { body: '[]', models: [] },
  { body: '<html>', models: [] },
]
for (const { body, models } of lists) {
  test(`The models of ${body} are ${JSON.stringify(models)}`, async (context) => {
    const upstream = await startUpstream()
    context.after(() => upstream.close())
    upstream.answer(() => ({ headers: JSON_TYPE, chunks: [body] }))
    assert.deepEqual(await connect(context, upstream.baseUrl).listModels(live()), models)
    const [{ method, path, headers } = {}] = upstream.received
    assert.deepEqual(
      { method, path, key: headers?.authorization },
      {
        method: 'GET',
        path: '/v1/models',
        key: 'Bearer hush-hush',
      },
    )
  })
}

test('A provider that refuses to list its models offers none', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  assert.deepEqual(await connect(context, upstream.baseUrl).listModels(live()), [])
})

test('A call can be sent again: each time it is one request with the same bytes', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  upstream.answer((_, index) => (index === 0 ? { status: 503 } : says('Hi')))
  const adapter = connect(context, upstream.baseUrl)
  assert.equal((await hear(adapter)).problem?.fault, 'unavailable')
  assert.equal((await hear(adapter)).error, undefined)
  assert.deepEqual(upstream.received[0]?.body, upstream.received[1]?.body)
})
