import assert from 'node:assert/strict'
import { test } from 'node:test'
import { USAGE } from '../engine/testing/scripted-model.ts'
import { NO_METRICS, type AnsweredRequest } from './metrics.ts'
import { createMetrics } from './prometheus.ts'
import { samplesOf } from './testing/samples.ts'

const REQUEST: AnsweredRequest = { method: 'POST', route: '/v1/responses', status: 200, duration_ms: 250 }
const REQUESTS = 'http_requests_total'
const DURATION = 'http_request_duration_seconds'

test('requests are counted by method, route and status, and their durations fall into buckets', async () => {
  const metrics = createMetrics()
  metrics.requestAnswered(REQUEST)
  metrics.requestAnswered({ ...REQUEST, duration_ms: 251 })
  metrics.requestAnswered({ ...REQUEST, status: 400, duration_ms: 0 })
  metrics.requestAnswered({ ...REQUEST, duration_ms: 900_001 })
  const samples = await samplesOf(metrics)
  const labels = 'method="POST",route="/v1/responses",status="200"'
  assert.equal(samples.get(`${REQUESTS}{${labels}}`), 3)
  assert.equal(samples.get(`${REQUESTS}{method="POST",route="/v1/responses",status="400"}`), 1)
  const buckets = ['0.1', '0.25', '0.5', '900', '+Inf'].map((bound) =>
    samples.get(`${DURATION}_bucket{le="${bound}",${labels}}`),
  )
  assert.deepEqual(buckets, [0, 1, 2, 2, 3], 'a bound belongs to its bucket')
  assert.equal(samples.get(`${DURATION}_count{${labels}}`), 3)
  assert.equal(samples.get(`${DURATION}_sum{${labels}}`), 0.25 + 0.251 + 900.001)
})

test('methods that hardly anybody uses share one name', async () => {
  const metrics = createMetrics()
  for (const method of ['PROPFIND', 'M-SEARCH', 'PROPFIND', 'canary']) {
    metrics.requestAnswered({ ...REQUEST, method, route: 'none', status: 404 })
  }
  const counted = [...(await samplesOf(metrics))].filter(([name]) => name.startsWith(REQUESTS))
  assert.deepEqual(counted, [[`${REQUESTS}{method="other",route="none",status="404"}`, 4]])
})

test('runs are counted by provider and outcome, and their tokens by provider', async () => {
  const metrics = createMetrics()
  for (let count = 0; count < 5; count++) metrics.runStarted()
  metrics.runEnded({ provider: 'a', outcome: 'completed', usage: USAGE })
  metrics.runEnded({ provider: 'a', outcome: 'completed', usage: USAGE })
  metrics.runEnded({ provider: 'a', outcome: 'failed', usage: null })
  metrics.runEnded({ provider: 'b\n"\\', outcome: 'completed', usage: USAGE })
  const samples = await samplesOf(metrics)
  assert.deepEqual(
    [...samples].filter(([name]) => /^(?:responses|input|output)_/.test(name)),
    [
      ['responses_running', 1],
      ['responses_total{provider="a",status="completed"}', 2],
      ['responses_total{provider="a",status="failed"}', 1],
      ['responses_total{provider="b\\n\\"\\\\",status="completed"}', 1],
      ['input_tokens_total{provider="a"}', 22],
      ['input_tokens_total{provider="b\\n\\"\\\\"}', 11],
      ['output_tokens_total{provider="a"}', 14],
      ['output_tokens_total{provider="b\\n\\"\\\\"}', 7],
    ],
  )
})

test('failed calls are counted by provider and fault, and streams while they are open', async () => {
  const metrics = createMetrics()
  metrics.callFailed('a', 'timeout')
  metrics.callFailed('a', 'timeout')
  metrics.callFailed('b', 'auth')
  metrics.streamOpened()
  metrics.streamOpened()
  metrics.streamClosed()
  const samples = await samplesOf(metrics)
  assert.equal(samples.get('model_calls_failed_total{provider="a",fault="timeout"}'), 2)
  assert.equal(samples.get('model_calls_failed_total{provider="b",fault="auth"}'), 1)
  assert.equal(samples.get('open_streams'), 1)
})

test('calls that were answered are counted by what it took, and those that were not made by why', async () => {
  const metrics = createMetrics()
  metrics.callServed('a', 'first')
  metrics.callServed('a', 'first')
  metrics.callServed('b', 'fallback')
  metrics.callRefused('a', 'failing')
  const samples = await samplesOf(metrics)
  assert.equal(samples.get('model_calls_served_total{provider="a",outcome="first"}'), 2)
  assert.equal(samples.get('model_calls_served_total{provider="b",outcome="fallback"}'), 1)
  assert.equal(samples.get('model_calls_refused_total{provider="a",reason="failing"}'), 1)
})

for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
  test(`${odd} tokens or milliseconds disturb neither the request nor the scrape`, async () => {
    const metrics = createMetrics()
    metrics.requestAnswered({ ...REQUEST, duration_ms: odd })
    metrics.runStarted()
    metrics.runEnded({
      provider: 'a',
      outcome: 'completed',
      usage: { ...USAGE, input_tokens: odd, output_tokens: odd },
    })
    const samples = await samplesOf(metrics)
    assert.equal(samples.get(`${DURATION}_sum{method="POST",route="/v1/responses",status="200"}`), 0)
    assert.equal(samples.get('input_tokens_total{provider="a"}'), 0)
    assert.equal(samples.get('output_tokens_total{provider="a"}'), 0)
  })
}

test('a scrape changes nothing, and each server has its own numbers', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.callFailed('a', 'timeout')
  const own = async () => (await samplesOf(one)).get('model_calls_failed_total{provider="a",fault="timeout"}')
  assert.deepEqual([await own(), await own()], [1, 1])
  assert.equal((await samplesOf(other)).has('model_calls_failed_total{provider="a",fault="timeout"}'), false)
})

test('figures of the process stand under the names that dashboards know', async () => {
  const { contentType = '', text = '' } = (await createMetrics().expose?.()) ?? {}
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8')
  const names = [
    'process_cpu_seconds_total',
    'process_start_time_seconds',
    'process_resident_memory_bytes',
    'nodejs_heap_size_used_bytes',
    'nodejs_external_memory_bytes',
  ]
  for (const name of names) assert.match(text, new RegExp(`^${name} [0-9.]+$`, 'm'))
  assert.match(text, /^antiphon_event_loop_active_seconds_total [0-9.e-]+$/m)
})

test('every metric says what it is, and has no labels but those of its kind', async () => {
  const metrics = createMetrics()
  metrics.requestAnswered(REQUEST)
  metrics.callFailed('a', 'timeout')
  metrics.callServed('a', 'first')
  metrics.callRefused('a', 'busy')
  metrics.runEnded({ provider: 'a', outcome: 'completed', usage: USAGE })
  const { text = '' } = (await metrics.expose?.()) ?? {}
  const described = [...text.matchAll(/^# HELP (\S+) .+\.$/gm)].map(([, name]) => name)
  assert.deepEqual(
    described,
    [...text.matchAll(/^# TYPE (\S+) (?:counter|gauge|histogram)$/gm)].map(([, name]) => name),
  )
  const labels = new Set([...text.matchAll(/[{,]([a-z]+)="/g)].map(([, label]) => label))
  assert.deepEqual([...labels].toSorted(), [
    'fault',
    'le',
    'method',
    'outcome',
    'provider',
    'reason',
    'route',
    'status',
  ])
})

test('where nothing is counted, nothing is shown', () => {
  NO_METRICS.requestAnswered(REQUEST)
  NO_METRICS.runStarted()
  NO_METRICS.runEnded({ provider: 'a', outcome: 'completed', usage: USAGE })
  NO_METRICS.callFailed('a', 'timeout')
  NO_METRICS.callServed('a', 'first')
  NO_METRICS.callRefused('a', 'busy')
  NO_METRICS.streamOpened()
  NO_METRICS.streamClosed()
  assert.equal(NO_METRICS.expose, undefined)
})
