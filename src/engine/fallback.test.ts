import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { grammarFaults } from '../core/grammar.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { Adapter } from '../providers/adapter.ts'
import { createCatalogue, type ModelEntry } from '../providers/routing.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { createMetrics } from '../telemetry/prometheus.ts'
import { samplesOf } from '../telemetry/testing/samples.ts'
import { fallbacksOf } from './fallback.ts'
import { settled } from './testing/fake-clock.ts'
import { FINISH, scriptedModel } from './testing/scripted-model.ts'
import { ALICE, idOf, LIMITS, testEngine, type TestEngineOptions } from './testing/test-engine.ts'

const DOWN = new UpstreamError({ fault: 'unavailable', message: 'Down.' })

const IMAGE = 'data:image/png;base64,iVBORw0KGgo='

/** `main` is of the provider `model` and falls back to `spare`, of the provider `rival`. */
const MODELS: NonNullable<TestEngineOptions['models']> = {
  main: { fallback: ['spare'] },
  spare: { provider: 'rival', upstreamModel: 'rival-2' },
}

/** A response of `main`, whose provider is down. */
async function begin(request: Partial<CreateRequest> = {}, options: TestEngineOptions = {}) {
  const metrics = createMetrics()
  const context = testEngine(
    openMemoryStore(() => 0),
    { models: MODELS, metrics, ...options },
  )
  if (request.background === true) await context.engine.start()
  const created = await context.create({ model: 'main', ...request })
  context.model.calls.at(-1)?.fail(DOWN)
  await settled()
  const run = created.kind === 'running' ? created.run : undefined
  return { ...context, run, id: idOf(created), counted: () => samplesOf(metrics) }
}

for (const kind of [{}, { stream: true }, { background: true }] as const) {
  test(`U-27: a fallback answers ${JSON.stringify(kind)} under the name that was asked for, and is told of`, async () => {
    const { rival, run, id, retrieve, logger, counted, engine, clock } = await begin(kind)
    const [call] = rival.calls
    assert.equal(call?.call.model, 'rival-2')
    call?.accept()
    call?.say(
      { type: 'reasoning', text: 'Hm.' },
      { type: 'reasoning_state', state: 1 },
      { type: 'text', text: 'Hello' },
    )
    call?.say(FINISH)
    await clock.pass(0)
    const final = await retrieve(id)
    assert.deepEqual([final.status, final.model, final.output_text], ['completed', 'main', 'Hello'])
    const [reasoning] = final.output
    assert.equal(
      reasoning?.type === 'reasoning' && reasoning.encrypted_content,
      '["alice","rival"]:1',
      'sealed for its maker',
    )
    const events: unknown[] = []
    await (await engine.events(ALICE, id, { after: -1 })).each((batch) => void events.push(...batch))
    assert.deepEqual(grammarFaults(events as Parameters<typeof grammarFaults>[0]), [])
    if (run !== undefined) {
      const warnings = ['spare was asked in place of main']
      assert.deepEqual(run.served(), { provider: 'rival', model: 'rival-2', attempt: 2, warnings })
    }
    const { responseId, provider, model, attempt } = logger.lines.at(-1)?.facts ?? {}
    assert.deepEqual([responseId, provider, model, attempt], [id, 'rival', 'rival-2', 2])
    const samples = await counted()
    assert.equal(samples.get('model_calls_failed_total{provider="model",fault="unavailable"}'), 1)
    assert.equal(samples.get('model_calls_served_total{provider="rival",outcome="fallback"}'), 1)
    assert.equal(samples.get('responses_total{provider="rival",status="completed"}'), 1)
  })
}

test('U-25: what another provider has sealed is left out of a fallback’s call, and said so', async () => {
  const { rival, model, run } = await begin({
    input: [
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: '["alice","model"]:{"signature":"abc"}' },
      { role: 'user', content: 'Go on' },
    ],
  })
  const stateOf = (scripted: typeof model) => {
    const item = scripted.calls[0]?.call.history[0]
    return item?.type === 'reasoning' && item.state
  }
  assert.deepEqual([stateOf(model), stateOf(rival)], [{ signature: 'abc' }, undefined])
  assert.deepEqual(run?.served()?.warnings, [
    'spare was asked in place of main',
    'sealed reasoning was left out: another provider or account made it',
  ])
})

const incapable: readonly { what: string; request: Partial<CreateRequest>; entry: Partial<ModelEntry> }[] = [
  { what: 'cannot stream', request: { stream: true }, entry: { streaming: false } },
  { what: 'takes no temperature', request: { temperature: 1 }, entry: { reasoning: true } },
  {
    what: 'reads text only',
    request: { input: [{ role: 'user', content: [{ type: 'input_image', image_url: IMAGE, detail: 'auto' }] }] },
    entry: { input: ['text'] },
  },
  { what: 'has too small a window', request: { input: 'x'.repeat(5000) }, entry: { contextWindow: 100 } },
]
for (const { what, request, entry } of incapable) {
  test(`a fallback that ${what} is passed over, and its own is asked`, async () => {
    const { rival, logger } = await begin(request, {
      models: {
        main: { fallback: ['small', 'last'] },
        small: { provider: 'rival', fallback: ['large'], ...entry },
        large: { provider: 'rival' },
        last: { provider: 'rival' },
      },
    })
    assert.deepEqual(
      rival.calls.map(({ call }) => call.model),
      ['large'],
    )
    const left = logger.lines.find(({ message }) => message.startsWith('a fallback cannot'))
    assert.deepEqual([left?.facts['fallback'], typeof left?.facts['code']], ['small', 'string'])
  })
}

test('where no fallback can do it, the model is tried again as if it had none', async () => {
  const models = { ...MODELS, spare: { provider: 'rival', streaming: false } }
  const { model, rival, run, clock } = await begin({ stream: true }, { models })
  await clock.pass(500)
  model.calls[1]?.fail(DOWN)
  await clock.pass(1000)
  model.calls[2]?.fail(DOWN)
  await assert.rejects(run?.begun ?? Promise.resolve(), { code: 'upstream_unavailable', message: 'Down.' })
  assert.deepEqual([model.calls.length, rival.calls.length], [3, 0])
})

test('a fallback that fails too is no news to the client: it is told of the model that it asked for', async () => {
  const { rival, run, counted } = await begin()
  rival.calls[0]?.fail(new UpstreamError({ fault: 'model_not_found', message: 'No such model.' }))
  await assert.rejects(run?.begun ?? Promise.resolve(), { code: 'upstream_unavailable', message: 'Down.' })
  const samples = await counted()
  assert.equal(samples.get('model_calls_failed_total{provider="model",fault="unavailable"}'), 1)
  assert.equal(samples.get('model_calls_failed_total{provider="rival",fault="model_not_found"}'), 1)
})

test('jobs beyond the concurrency of their provider wait for their turn, however long it takes', async () => {
  const { engine, create, model, clock, retrieve } = testEngine(
    openMemoryStore(() => 0),
    { concurrency: 1, background: { concurrency: 3 } },
  )
  await engine.start()
  const jobs = [
    await create({ background: true }),
    await create({ background: true }),
    await create({ background: true }),
  ]
  const [first = '', second = '', third = ''] = jobs.map(idOf)
  await clock.pass(60_000)
  assert.equal(model.calls.length, 1)
  await engine.cancel(ALICE, second)
  model.calls[0]?.say(FINISH)
  await settled()
  assert.equal(model.calls.length, 2, 'whoever was cancelled has left the queue')
  model.calls[1]?.say(FINISH)
  await settled()
  const statuses = await Promise.all([first, second, third].map(async (id) => (await retrieve(id)).status))
  assert.deepEqual(statuses, ['completed', 'cancelled', 'completed'])
})

test('a job that has a fallback does not wait for long', async () => {
  const context = testEngine(
    openMemoryStore(() => 0),
    { models: MODELS, concurrency: 1 },
  )
  await context.engine.start()
  await context.create({ model: 'main' })
  await context.create({ model: 'main', background: true })
  await context.clock.pass(9999)
  assert.equal(context.rival.calls.length, 0)
  await context.clock.pass(1)
  assert.equal(context.rival.calls.length, 1)
})

test('a stream that has begun by silence goes on with what the fallback says', async () => {
  const { create, model, rival, clock } = testEngine(
    openMemoryStore(() => 0),
    { models: MODELS },
  )
  const created = await create({ model: 'main', stream: true })
  assert.ok(created.kind === 'running')
  const { run } = created
  model.calls[0]?.accept()
  await clock.pass(LIMITS.keepalive_ms)
  await run.begun
  assert.equal(run.served()?.provider, 'model')
  model.calls[0]?.fail(new UpstreamError({ fault: 'timeout', message: 'Silent.', accepted: true }))
  await settled()
  rival.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  assert.deepEqual([(await run.ended).output_text, run.served()?.provider], ['Hello', 'rival'])
  assert.deepEqual(grammarFaults(run.log.all()), [])
})

test('a server that stops does not wait for whoever waits for a turn', async () => {
  const { engine, create, clock } = testEngine(
    openMemoryStore(() => 0),
    { concurrency: 1 },
  )
  await create()
  const waiting = await create()
  assert.ok(waiting.kind === 'running')
  const drained = engine.drain(0)
  await clock.pass(0)
  await drained
  assert.equal((await waiting.run.ended).status, 'failed')
  assert.deepEqual(clock.sleepers(), [])
})

/** Adapters that must not be asked to translate anything. */
function untouched(id: string): Adapter {
  return { ...scriptedModel(id).adapter, prepare: () => assert.fail('Nobody needs it.') }
}

test('a fallback is translated only when its turn has come', async () => {
  const own = testEngine(
    openMemoryStore(() => 0),
    { models: MODELS },
  )
  const { adapter } = own.rival
  Object.assign(adapter, untouched('rival'))
  const created = await own.create({ model: 'main' })
  own.model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  assert.ok(created.kind === 'running')
  assert.equal((await created.run.ended).status, 'completed')
})

test('fallbacks come in order, each before its own, none twice, and none that leads nowhere', () => {
  const entry = (fallback: readonly string[]): ModelEntry => ({
    provider: 'a',
    upstreamModel: undefined,
    streaming: undefined,
    reasoning: undefined,
    input: undefined,
    contextWindow: undefined,
    maxOutputTokens: undefined,
    fallback,
  })
  const walk = (fallbacks: Readonly<Record<string, readonly string[]>>) => {
    const models = new Map(Object.entries(fallbacks).map(([id, names]) => [id, entry(names)]))
    const catalogue = createCatalogue({ adapters: [untouched('a')], models, defaultProvider: undefined })
    const route = catalogue.resolve('m')
    assert.ok(route !== undefined)
    return [...fallbacksOf(catalogue, 'm', route)].map(({ id }) => id)
  }
  const order = walk({ m: ['b', 'ghost', 'c', 'a/x'], b: ['d', 'c'], c: ['e'], d: ['m'], e: [] })
  assert.deepEqual(order, ['b', 'd', 'c', 'e', 'a/x'])
  const name = fc.constantFrom('m', 'b', 'c', 'd', 'ghost')
  const names = fc.array(name, { maxLength: 4 })
  fc.assert(
    fc.property(fc.record({ m: names, b: names, c: names, d: names }), (fallbacks) => {
      const walked = walk(fallbacks)
      assert.equal(new Set(walked).size, walked.length)
      assert.ok(!walked.includes('m') && !walked.includes('ghost'))
    }),
  )
})
