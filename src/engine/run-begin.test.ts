import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../core/upstream-error.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreUnavailable } from '../store/store.ts'
import type { Created } from './engine.ts'
import type { Run } from './run.ts'
import { settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { FINISH } from './testing/scripted-model.ts'
import { LIMITS, testEngine, type TestEngineOptions } from './testing/test-engine.ts'

/** Begins a foreground response whose model has not said anything yet. */
async function begin(options: TestEngineOptions & { store?: boolean } = {}) {
  const faults = faultyStore(openMemoryStore(() => 0))
  const context = testEngine(faults, options)
  const created = await context.create({ store: options.store ?? true })
  const [call] = context.model.calls
  assert.ok(call !== undefined)
  return { ...context, faults, call, run: runOf(created) }
}

function runOf(created: Created): Run {
  assert.ok(created.kind === 'running')
  return created.run
}

/** `begun`, `refused` or `waiting`, as it stands now. */
async function stateOf({ begun }: Run): Promise<string> {
  let state = 'waiting'
  void begun.then(
    () => (state = 'begun'),
    () => (state = 'refused'),
  )
  await settled()
  return state
}

test('begun waits for the first event, and comes with it', async () => {
  const { run, call } = await begin()
  assert.equal(await stateOf(run), 'waiting')
  call.accept()
  assert.equal(await stateOf(run), 'waiting', 'acceptance alone is not an answer')
  call.say({ type: 'text', text: 'Hello' })
  assert.equal(await stateOf(run), 'begun')
})

test('begun comes after the keepalive time once the provider has accepted the call', async () => {
  const { run, call, clock } = await begin()
  await clock.pass(100_000)
  assert.equal(await stateOf(run), 'waiting', 'nobody has accepted it')
  call.accept()
  await clock.pass(LIMITS.keepalive_ms - 1)
  assert.equal(await stateOf(run), 'waiting')
  await clock.pass(1)
  assert.equal(await stateOf(run), 'begun')
})

test('begun does not come by silence before the row is stored', async () => {
  const stored = Promise.withResolvers<void>()
  const faults = faultyStore(openMemoryStore(() => 0))
  faults.before('insert', () => stored.promise)
  const { create, model, clock } = testEngine(faults)
  const run = runOf(await create())
  model.calls[0]?.accept()
  await clock.pass(LIMITS.keepalive_ms)
  assert.equal(await stateOf(run), 'waiting')
  stored.resolve()
  assert.equal(await stateOf(run), 'begun')
})

test('no event is shown before the row is stored', async () => {
  const stored = Promise.withResolvers<void>()
  const faults = faultyStore(openMemoryStore(() => 0))
  faults.before('insert', () => stored.promise)
  const { create, model } = testEngine(faults)
  const run = runOf(await create({ stream: true }))
  model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  assert.equal(await stateOf(run), 'waiting')
  assert.equal(run.snapshot().output.length, 0)
  stored.resolve()
  assert.equal(await stateOf(run), 'begun')
  assert.equal((await run.ended).output_text, 'Hello')
})

test('a whole answer, which nobody watches, has no end before its end is stored', async () => {
  const { run, call, faults } = await begin()
  const stored = Promise.withResolvers<void>()
  faults.before('swap', () => stored.promise)
  let hasEnded = false
  void run.ended.then(() => (hasEnded = true))
  call.say({ type: 'text', text: 'Hello' }, FINISH)
  await settled()
  assert.equal(hasEnded, false)
  stored.resolve()
  assert.equal((await run.ended).output_text, 'Hello')
})

test('a failure before the first event refuses with the error that the client is to see', async () => {
  const { run, call } = await begin()
  call.accept()
  call.fail(new UpstreamError({ fault: 'bad_request', message: 'Too hot.', param: 'temperature' }))
  await assert.rejects(run.begun, {
    type: 'invalid_request_error',
    code: 'upstream_rejected',
    message: 'Too hot.',
    param: 'temperature',
  })
  assert.equal(run.failure()?.message, 'Too hot.')
  assert.equal((await run.ended).status, 'failed')
})

test('a first word that outgrows the limit has been said: its failure is told with it, and refuses nothing', async () => {
  const { run, call } = await begin({ limits: { outputBytesMax: 10 } })
  call.say({ type: 'text', text: 'x'.repeat(11) })
  assert.equal(await stateOf(run), 'begun')
  const final = await run.ended
  assert.deepEqual([final.status, final.output_text.length, run.failure()], ['failed', 11, undefined])
})

test('a failure after the first event refuses nothing: it is told in the stream', async () => {
  const { run, call } = await begin()
  call.say({ type: 'text', text: 'Hello' })
  await settled()
  call.fail(new UpstreamError({ fault: 'invalid_response', message: 'It broke off.' }))
  assert.equal((await run.ended).status, 'failed')
  assert.equal(await stateOf(run), 'begun')
  assert.equal(run.failure(), undefined)
})

test('K-20: a failure that is ours says nothing of the inside', async () => {
  const { run, call, logger } = await begin()
  call.fail(new Error('secret detail'))
  await assert.rejects(run.begun, { type: 'api_error', code: 'internal_error', message: /^The server failed/ })
  assert.equal(logger.lines.find(({ level }) => level === 'error')?.facts['reason'], 'secret detail')
})

test('a storage that refuses the row refuses the request, and nothing is shown', async () => {
  const faults = faultyStore(openMemoryStore(() => 0))
  faults.breakDown('insert', new StoreUnavailable('full'), 1)
  const { create, model, retrieve } = testEngine(faults)
  const run = runOf(await create())
  model.calls[0]?.say({ type: 'text', text: 'Hello' })
  await assert.rejects(run.begun, { type: 'server_error', code: 'storage_unavailable', status: 503 })
  const final = await run.ended
  assert.deepEqual([final.status, final.output], ['failed', []])
  assert.equal(model.calls[0]?.isOver(), true, 'the model is not left talking')
  await assert.rejects(retrieve(run.id), { code: 'response_not_found' })
  assert.equal(faults.count('swap'), 0)
})

test('a storage that refuses the row when the model has already answered refuses the request', async () => {
  const faults = faultyStore(openMemoryStore(() => 0))
  const full = Promise.withResolvers<void>()
  for (const operation of ['insert', 'swap'] as const) {
    faults.breakDown(operation, new StoreUnavailable('full'))
    faults.before(operation, () => full.promise)
  }
  const { create, model, retrieve, clock } = testEngine(faults)
  const run = runOf(await create())
  model.calls[0]?.say({ type: 'text', text: 'Hello' })
  model.calls[0]?.say(FINISH)
  await settled()
  assert.equal(faults.count('swap'), 1, 'the end goes to the store together with the row')
  full.resolve()
  const final = await run.ended
  assert.equal(final.status, 'failed')
  assert.deepEqual(
    [run.failure()?.code, run.failure()?.type, run.failure()?.status],
    ['storage_unavailable', 'server_error', 503],
  )
  assert.equal(run.log.all().at(-1)?.type, 'response.failed')
  faults.heal()
  await clock.pass(60_000)
  assert.equal(faults.count('swap'), 2, 'whether there is a row after all is looked at once')
  await assert.rejects(retrieve(run.id), { code: 'response_not_found' })
})

test('a cancelled run refuses nothing', async () => {
  const { run } = await begin()
  run.cancel()
  assert.equal((await run.ended).status, 'cancelled')
  assert.equal(await stateOf(run), 'begun')
})
