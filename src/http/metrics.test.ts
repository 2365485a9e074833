import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../core/upstream-error.ts'
import { settled } from '../engine/testing/fake-clock.ts'
import { answerWith, FINISH } from '../engine/testing/scripted-model.ts'
import type { TestEngineOptions } from '../engine/testing/test-engine.ts'
import { createCatalogue } from '../providers/routing.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { createMetrics } from '../telemetry/prometheus.ts'
import { samplesOf } from '../telemetry/testing/samples.ts'
import { connectTo } from './testing/raw-client.ts'
import { AUTHORIZED, KEY, testApp } from './testing/test-app.ts'

/** An application that counts. */
function counting(options: TestEngineOptions = {}) {
  const metrics = createMetrics()
  const context = testApp(
    openMemoryStore(() => 0),
    { ...options, metrics },
  )
  /** The requests counted so far, as `METHOD route status`. */
  const requests = async () =>
    [...(await samplesOf(metrics))].flatMap(([name, count]) => {
      const [, method, route, status] =
        /^http_requests_total\{method="(.*)",route="(.*)",status="(.*)"\}$/.exec(name) ?? []
      return status === undefined ? [] : [[`${method} ${route} ${status}`, count]]
    })
  return { ...context, metrics, requests }
}

/** Goes on when something has become true; the test's time limit is the only other end. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await settled()
}

const routed = [
  { method: 'GET', url: '/live', counted: 'GET /live 200' },
  { method: 'HEAD', url: '/live', counted: 'HEAD /live 200' },
  { method: 'POST', url: '/v1/responses', counted: 'POST /v1/responses 200' },
  { method: 'POST', url: '/api/v1/responses?canary=1', counted: 'POST /api/v1/responses 200' },
  { method: 'GET', url: '/v1/responses/resp_canary', counted: 'GET /v1/responses/:response_id 404' },
  { method: 'GET', url: '/v1/models/canary', counted: 'GET /v1/models/* 404' },
  { method: 'GET', url: '/canary', counted: 'GET none 404' },
  { method: 'GET', url: '/v1/canary', counted: 'GET none 404' },
  { method: 'DELETE', url: '/v1/responses', counted: 'DELETE none 405' },
  { method: 'GET', url: '/%canary', counted: 'GET none 400' },
] as const
for (const { method, url, counted } of routed) {
  test(`${method} ${url} is counted as ${counted}`, async () => {
    const { send, requests } = counting({ answer: answerWith('Hello') })
    await send(method, url, method === 'POST' ? { model: 'model', input: 'Hello' } : undefined)
    assert.deepEqual(await requests(), [[counted, 1]])
  })
}

test('a request without a key is counted under its route', async () => {
  const { app, requests } = counting()
  await app.inject({ method: 'GET', url: '/v1/models' })
  assert.deepEqual(await requests(), [['GET /v1/models 401', 1]])
})

test('GET /metrics needs no key, and stands at the root alone', async () => {
  const { app, send } = counting()
  const answer = await app.inject({ method: 'GET', url: '/metrics' })
  assert.deepEqual(
    [answer.statusCode, answer.headers['content-type']],
    [200, 'text/plain; version=0.0.4; charset=utf-8'],
  )
  assert.match(answer.body, /^antiphon_responses_running 0$/m)
  assert.equal((await send('GET', '/v1/metrics')).statusCode, 404)
  const refused = await send('POST', '/metrics')
  assert.deepEqual([refused.statusCode, refused.headers['allow']], [405, 'GET'])
})

test('where metrics are off, /metrics is a path like any unknown one', async () => {
  const { send } = testApp(openMemoryStore(() => 0))
  const [answer, unknown] = [await send('GET', '/metrics'), await send('GET', '/unknown')]
  assert.equal(answer.statusCode, 404)
  assert.equal(answer.body, unknown.body)
})

test('the description of the API does not name /metrics: it is no part of it', async () => {
  const { send } = counting()
  assert.doesNotMatch((await send('GET', '/openapi.json')).body, /metrics/)
})

test('nothing that a client chooses is shown: no key, prompt, answer, model, account or path', async () => {
  const { send, app, metrics } = counting({ answer: answerWith('canary-answer') })
  const body = { model: 'model/canary-model', input: 'canary-prompt', metadata: { 'canary-name': 'canary-value' } }
  const created = await send('POST', '/v1/responses?canary-query', { ...body, user: 'canary-user' })
  assert.equal(created.statusCode, 200)
  const { id } = created.json<{ id: string }>()
  await send('GET', `/v1/responses/${id}`)
  await send('POST', '/v1/responses', { ...body, model: 'canary-unknown' })
  await send('POST', '/v1/chat/completions', { ...body, messages: [] })
  await send('GET', '/v1/models/canary-model')
  await send('GET', '/canary-path')
  await app.inject({ method: 'GET', url: '/v1/models', headers: { 'x-api-key': 'canary-key' } })
  const { text = '' } = (await metrics.expose?.()) ?? {}
  assert.match(text, /antiphon_responses_total\{provider="model",status="completed"\} 1\n/)
  for (const secret of ['canary', KEY, 'alice', id, 'Bearer']) assert.ok(!text.includes(secret), secret)
})

test('a stream is open until its client leaves', async () => {
  const { app, raw, model, metrics } = counting()
  const open = async () => (await samplesOf(metrics)).get('open_streams')
  const running = async () => (await samplesOf(metrics)).get('responses_running')
  const client = await connectTo(app)
  client.socket.write(raw('POST', '/v1/responses', JSON.stringify({ model: 'model', input: 'Hello', stream: true })))
  await until(async () => model.calls.length > 0)
  assert.deepEqual([await open(), await running()], [0, 1], 'nothing is sent before the provider answers')
  model.calls[0]?.say({ type: 'text', text: 'Hel' })
  await client.until(/"delta":"Hel"/)
  assert.deepEqual([await open(), await running()], [1, 1])
  client.socket.resetAndDestroy()
  await until(async () => (await open()) === 0 && (await running()) === 0)
  assert.equal((await samplesOf(metrics)).get('responses_total{provider="model",status="cancelled"}'), 1)
  await app.close()
})

test('a stream that is read to its end is closed, and its request counted once', async () => {
  const { send, metrics, requests } = counting({
    answer(call) {
      call.say({ type: 'text', text: 'Hello' }, FINISH)
    },
  })
  const answer = await send('POST', '/v1/responses', { model: 'model', input: 'Hello', stream: true })
  assert.match(answer.body, /data: \[DONE\]/)
  assert.equal((await samplesOf(metrics)).get('open_streams'), 0)
  assert.deepEqual(await requests(), [['POST /v1/responses 200', 1]])
})

test('a chat completion that its provider refuses is a failed call', async () => {
  const metrics = createMetrics()
  const store = openMemoryStore(() => 0)
  const { model } = testApp(store)
  const send = async () => {
    throw new UpstreamError({ fault: 'rate_limited', message: 'Slow down.' })
  }
  const catalogue = createCatalogue({
    adapters: [{ ...model.adapter, chat: { send } }],
    models: new Map(),
    defaultProvider: undefined,
  })
  const { app } = testApp(store, { metrics }, { catalogue })
  const payload = { model: 'model', messages: [] }
  const answer = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: AUTHORIZED, payload })
  assert.equal(answer.statusCode, 429)
  const samples = await samplesOf(metrics)
  assert.equal(samples.get('model_calls_failed_total{provider="model",fault="rate_limited"}'), 1)
})
