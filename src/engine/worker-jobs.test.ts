import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grammarFaults } from '../core/grammar.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { parseResponseId } from '../protocol/id.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { end } from '../store/testing/rows.ts'
import { StoreUnavailable } from '../store/store.ts'
import { fakeClock, settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import {
  ALICE,
  BACKGROUND,
  BOB,
  cutEventsOf,
  eventsOf,
  idOf,
  LIMITS,
  testEngine,
  type TestEngineOptions,
} from './testing/test-engine.ts'

/** An engine at work, with background responses that last until the test ends them. */
async function fresh(options: TestEngineOptions = {}) {
  const clock = options.clock ?? fakeClock()
  const store = faultyStore(openMemoryStore(clock.now))
  const context = testEngine(store, { ...options, clock })
  await context.engine.start()
  return {
    ...context,
    store,
    send: async (request: Partial<CreateRequest> = {}) => idOf(await context.create({ background: true, ...request })),
    events: async (id: string) => eventsOf(await context.engine.events(ALICE, id, { after: -1 })),
    cutEvents: async (id: string) => cutEventsOf(await context.engine.events(ALICE, id, { after: -1 })),
  }
}

test('a background response is accepted as queued, runs, and ends like any other', async () => {
  const { send, model, retrieve, events, stop } = await fresh()
  const id = await send({ input: 'Work' })
  assert.equal((await retrieve(id)).status, 'in_progress')
  const reading = events(id)
  model.calls[0]?.say({ type: 'text', text: 'Done' }, FINISH)
  const seen = await reading
  assert.deepEqual(grammarFaults(seen), [])
  assert.deepEqual(
    seen.slice(0, 3).map(({ type }) => type),
    ['response.created', 'response.queued', 'response.in_progress'],
  )
  const final = await retrieve(id)
  assert.deepEqual([final.status, final.output_text, final.background], ['completed', 'Done', true])
  assert.deepEqual(await events(id), seen, 'the stored log is what was streamed')
  await stop()
})

test('the queue takes as many as it may hold, and refuses the next before it is accepted', async () => {
  const { send, store, model, stop } = await fresh({ background: { concurrency: 1, queueMax: 2 } })
  for (let count = 0; count < 3; count++) await send()
  const before = store.count('insert')
  await assert.rejects(send(), {
    type: 'server_error',
    code: 'queue_full',
    status: 503,
    message: '2 background responses are waiting already. Try again later.',
    headers: { 'retry-after': '30' },
  })
  assert.equal(store.count('insert'), before)
  model.calls[0]?.say(FINISH)
  await settled()
  await send()
  await stop()
})

test('a storage that refuses a job refuses the request, and leaves nothing behind', async () => {
  const { send, store, model, stop } = await fresh()
  store.breakDown('insert', new StoreUnavailable('full'), 1)
  await assert.rejects(send(), StoreUnavailable)
  await settled()
  assert.equal(model.calls.length, 0)
  await send()
  assert.equal(model.calls.length, 1)
  await stop()
})

test('a job that is claimed before its insertion was reported is streamed all the same', async () => {
  const { engine, store, model, clock, stop } = await fresh({ background: { streaming: true } })
  const reported = Promise.withResolvers<void>()
  store.after('insert', () => reported.promise)
  const creating = engine.create(ALICE, { model: 'model', input: 'x', background: true, stream: true })
  await clock.pass(BACKGROUND.sweep_ms)
  assert.equal(model.calls.length, 1, 'it runs already')
  reported.resolve()
  const created = await creating
  assert.ok(created.kind === 'queued')
  const reading = eventsOf(created.events)
  model.calls[0]?.say({ type: 'text', text: 'Done' }, FINISH)
  assert.deepEqual(grammarFaults(await reading), [])
  await stop()
})

test('a job whose model is gone fails for its readers and for the store alike', async () => {
  const clock = fakeClock()
  const store = faultyStore(openMemoryStore(clock.now))
  const { create, engine, retrieve, stop } = testEngine(store, { clock })
  const id = idOf(await create({ background: true }))
  const reading = engine.events(ALICE, id, { after: -1 }).then(eventsOf)
  store.breakDown('thread', new Error('a bug'))
  await engine.start()
  await settled()
  const seen = await reading
  assert.deepEqual(
    seen.map(({ type }) => type),
    ['response.created', 'response.queued', 'response.in_progress', 'error', 'response.failed'],
  )
  assert.deepEqual(grammarFaults(seen), [])
  const final = await retrieve(id)
  assert.deepEqual([final.status, final.error?.code], ['failed', 'server_error'])
  assert.ok(!JSON.stringify(final).includes('a bug'))
  assert.deepEqual(await eventsOf(await engine.events(ALICE, id, { after: -1 })), seen)
  await stop()
})

test('a job that fails after another has ended it lets its readers go', async () => {
  const clock = fakeClock()
  const store = faultyStore(openMemoryStore(clock.now))
  const { create, engine, stop } = testEngine(store, { clock })
  const created = await create({ background: true })
  assert.ok(created.kind === 'queued')
  const reading = cutEventsOf(created.events)
  const ending = { response: '{}', output: '[]', log: '[]', calls: '[]' }
  store.before('thread', async () => {
    assert.equal(
      await end(store.forAccount(ALICE), parseResponseId(created.response.id) ?? assert.fail(), { attempt: 1, ending }),
      true,
    )
    throw new Error('a bug')
  })
  await engine.start()
  const seen = await reading
  assert.deepEqual(
    seen.map(({ type }) => type),
    ['response.created', 'response.queued'],
  )
  await stop()
})

test('a job whose model cannot be reached fails, with the tries that any call has', async () => {
  const { send, model, retrieve, clock, stop } = await fresh({
    answer: (call) => call.fail(new UpstreamError({ fault: 'unavailable', message: 'Nobody is there.' })),
  })
  const id = await send()
  await clock.pass(1500)
  assert.equal(model.calls.length, 3)
  assert.equal((await retrieve(id)).error?.message, 'Nobody is there.')
  await stop()
})

test('the deadline of a job counts from its claim, not from its acceptance', async () => {
  const { send, model, retrieve, clock, stop } = await fresh({ background: { concurrency: 1 } })
  await send()
  const waiting = await send()
  await clock.pass(LIMITS.response_ms - 1)
  model.calls[0]?.say(FINISH)
  await clock.pass(LIMITS.response_ms - 1)
  assert.equal((await retrieve(waiting)).status, 'in_progress')
  await clock.pass(2)
  const late = await retrieve(waiting)
  assert.deepEqual(
    [late.status, late.error?.message],
    ['failed', 'The response took longer than 800 s, the limit of this server.'],
  )
  await stop()
})

test('D-02: the answer of a job is kept until it can be stored, and told to nobody before', async () => {
  const { send, model, store, retrieve, events, clock, stop } = await fresh()
  const id = await send()
  const seen = events(id)
  store.breakDown('swap', new StoreUnavailable('full'))
  model.calls[0]?.say({ type: 'text', text: 'first' }, FINISH)
  await clock.pass(BACKGROUND.lease_ms * 4)
  assert.equal((await retrieve(id)).status, 'in_progress')
  store.heal()
  await clock.pass(1000)
  const final = await retrieve(id)
  assert.deepEqual([final.status, final.output_text, model.calls.length], ['completed', 'first', 1])
  assert.equal(JSON.stringify(await seen), JSON.stringify(await events(id)))
  assert.deepEqual(grammarFaults(await events(id)), [])
  await stop()
})

test('a job whose answer cannot be stored before its process stops is run again by the next', async () => {
  const { send, model, store, clock, engine } = await fresh()
  const id = await send()
  store.breakDown('swap', new StoreUnavailable('full'), 3)
  model.calls[0]?.say({ type: 'text', text: 'first' }, FINISH)
  await settled()
  const drained = engine.drain(100)
  await clock.pass(10_000)
  await drained
  const next = testEngine(store, { clock, answer: answerWith('second') })
  await next.engine.start()
  await settled()
  assert.equal((await next.retrieve(id)).output_text, 'second')
  await next.stop()
})

test('jobs of every account are run, each in its own', async () => {
  const { send, engine, model, retrieve, stop } = await fresh({ answer: answerWith('Done') })
  const mine = await send()
  const theirs = await engine.create(BOB, { model: 'model', input: 'x', background: true })
  await settled()
  assert.equal(model.calls.length, 2)
  assert.equal((await retrieve(mine)).status, 'completed')
  await assert.rejects(retrieve(idOf(theirs)), { code: 'response_not_found' })
  assert.match(await engine.retrieve(BOB, idOf(theirs)), /"status":"completed"/)
  await stop()
})
