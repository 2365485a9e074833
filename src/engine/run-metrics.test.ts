import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../core/upstream-error.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreUnavailable } from '../store/store.ts'
import { createMetrics } from '../telemetry/prometheus.ts'
import { samplesOf } from '../telemetry/testing/samples.ts'
import { settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { FINISH } from './testing/scripted-model.ts'
import { ALICE, LIMITS, testEngine } from './testing/test-engine.ts'

/** A response whose model waits for the test, on an engine that counts. */
async function begin(request: { readonly background?: boolean } = {}) {
  const metrics = createMetrics()
  const store = faultyStore(openMemoryStore(() => 0))
  const context = testEngine(store, { metrics })
  await context.engine.start()
  const created = await context.create(request)
  const [call] = context.model.calls
  assert.ok(call !== undefined)
  const id = created.kind === 'running' ? created.run.id : created.response.id
  /** What has been counted of runs and calls, without what is zero. */
  const counted = async () => {
    await settled()
    const samples = [...(await samplesOf(metrics))]
    return Object.fromEntries(samples.filter(([name, value]) => /^(?:responses|model)_/.test(name) && value > 0))
  }
  return { ...context, store, id, call, counted, metrics }
}

const ENDED = (status: string) => `responses_total{provider="model",status="${status}"}`
const SERVED = (outcome: string) => `model_calls_served_total{provider="model",outcome="${outcome}"}`
const FAILED = (fault: string) => `model_calls_failed_total{provider="model",fault="${fault}"}`

test('a response is in hand until it has ended, and is counted by its status', async () => {
  const { call, counted, metrics } = await begin()
  assert.deepEqual(await counted(), { responses_running: 1 })
  call.say({ type: 'text', text: 'Hello' }, FINISH)
  assert.deepEqual(await counted(), { [SERVED('first')]: 1, [ENDED('completed')]: 1 })
  const samples = await samplesOf(metrics)
  assert.deepEqual(
    [samples.get('input_tokens_total{provider="model"}'), samples.get('output_tokens_total{provider="model"}')],
    [11, 7],
  )
})

test('a job is counted like any other response', async () => {
  const { call, counted } = await begin({ background: true })
  assert.deepEqual(await counted(), { responses_running: 1 })
  call.say({ ...FINISH, reason: 'max_output_tokens' })
  assert.deepEqual(await counted(), { [SERVED('first')]: 1, [ENDED('incomplete')]: 1 })
})

test('every failed call is counted once: those that were tried again, and the last', async () => {
  const { clock, model, call, counted } = await begin()
  call.fail(new UpstreamError({ fault: 'unavailable', message: 'Down.' }))
  await clock.pass(500)
  model.calls[1]?.fail(new UpstreamError({ fault: 'rate_limited', message: 'Slow down.' }))
  await clock.pass(1000)
  model.calls[2]?.fail(new UpstreamError({ fault: 'unavailable', message: 'Down.' }))
  assert.deepEqual(await counted(), { [FAILED('unavailable')]: 2, [FAILED('rate_limited')]: 1, [ENDED('failed')]: 1 })
})

test('a call that is answered at a second try says so', async () => {
  const { clock, model, call, counted } = await begin()
  call.fail(new UpstreamError({ fault: 'unavailable', message: 'Down.' }))
  await clock.pass(500)
  model.calls[1]?.say(FINISH)
  assert.deepEqual(await counted(), { [FAILED('unavailable')]: 1, [SERVED('retry')]: 1, [ENDED('completed')]: 1 })
})

test('a provider that does not keep to its protocol has failed', async () => {
  const { call, counted } = await begin()
  call.say({ type: 'tool_arguments', callId: 'unknown', delta: '{}' })
  assert.deepEqual(await counted(), {
    [SERVED('first')]: 1,
    [FAILED('invalid_response')]: 1,
    [ENDED('failed')]: 1,
  })
})

test('a provider that does not stop has failed', async () => {
  const { call, counted } = await begin()
  call.say({ type: 'text', text: 'x'.repeat(LIMITS.outputBytesMax + 1) })
  assert.deepEqual(await counted(), {
    [SERVED('first')]: 1,
    [FAILED('invalid_response')]: 1,
    [ENDED('failed')]: 1,
  })
})

test('a cancelled response is no failed call', async () => {
  const { engine, id, counted } = await begin({ background: true })
  await engine.cancel(ALICE, id)
  assert.deepEqual(await counted(), { [ENDED('cancelled')]: 1 })
})

test('a response that takes too long has failed, its calls have not', async () => {
  const { clock, counted } = await begin()
  await clock.pass(LIMITS.response_ms)
  assert.deepEqual(await counted(), { [ENDED('failed')]: 1 })
})

test('a response that is deleted while it runs is abandoned, not cancelled', async () => {
  const { engine, id, counted } = await begin()
  await engine.remove(ALICE, id)
  assert.deepEqual(await counted(), { [ENDED('abandoned')]: 1 })
})

test('a job whose end cannot be stored before its process stops is abandoned: it will run again', async () => {
  const { engine, store, clock, call, counted } = await begin({ background: true })
  store.breakDown('swap', new StoreUnavailable('Down.'), 3)
  call.say(FINISH)
  await settled()
  const drained = engine.drain(100)
  await clock.pass(60_000)
  await drained
  assert.equal((await counted())[ENDED('completed')], undefined)
  assert.equal((await counted())[ENDED('abandoned')], 1)
})
