import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { remove } from '../store/testing/rows.ts'
import { StoreUnavailable } from '../store/store.ts'
import { STORE_TRIES_MAX } from './ending.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { FINISH } from './testing/scripted-model.ts'
import { ALICE, cutEventsOf, eventsOf, testEngine } from './testing/test-engine.ts'

const FULL = new StoreUnavailable('database or disk is full')

/** A stored foreground response whose model has said a word. */
async function begin() {
  const store = faultyStore(openMemoryStore(() => 0))
  const context = testEngine(store)
  const created = await context.create()
  assert.ok(created.kind === 'running')
  const [call] = context.model.calls
  assert.ok(call !== undefined)
  call.say({ type: 'text', text: 'Hello' })
  return { ...context, store, run: created.run, call }
}

test('the end is told only after it is stored', async () => {
  const { store, run, call, clock } = await begin()
  const stored = Promise.withResolvers<void>()
  store.before('swap', () => stored.promise)
  call.say(FINISH)
  await clock.pass(60_000)
  assert.notEqual(run.log.all().at(-1)?.type, 'response.completed')
  assert.equal(run.snapshot().status, 'in_progress')
  stored.resolve()
  assert.equal((await run.ended).status, 'completed')
})

test('a storage that is full for a moment costs the client only time', async () => {
  const { store, run, call, clock, retrieve } = await begin()
  store.breakDown('swap', FULL, 2)
  call.say(FINISH)
  await clock.pass(599)
  assert.equal(store.count('swap'), 2)
  assert.equal(run.log.isEnded(), false)
  await clock.pass(1)
  const final = await run.ended
  assert.equal(final.status, 'completed')
  assert.deepEqual(await retrieve(run.id), final)
})

test('an answer that could not be stored is never called complete', async () => {
  const { store, run, call, clock, model } = await begin()
  store.breakDown('swap', FULL)
  call.say(FINISH)
  await clock.pass(200 + 400 + 800 + 1600)
  assert.equal(store.count('swap'), STORE_TRIES_MAX)
  const final = await run.ended
  assert.deepEqual(
    [final.status, final.output_text, final.error?.message],
    ['failed', 'Hello', 'The answer could not be stored: the storage is not available right now.'],
  )
  assert.equal(run.log.all().at(-1)?.type, 'response.failed')
  assert.equal(model.calls.length, 1, 'the model is not asked again')
})

test('what was told of an answer that could not be stored is stored as soon as there is room', async () => {
  const { store, run, call, clock, retrieve, engine } = await begin()
  store.breakDown('swap', FULL)
  call.say(FINISH)
  await clock.pass(30_000)
  const told = await run.ended
  store.heal()
  await clock.pass(10_000)
  assert.deepEqual(await retrieve(run.id), told)
  const replayed = await eventsOf(await engine.events(ALICE, run.id, { after: -1 }))
  assert.deepEqual(replayed, run.log.all())
  assert.deepEqual(clock.sleepers(), [])
})

test('a cancelled answer that could not be stored stays cancelled', async () => {
  const { store, run, clock, retrieve } = await begin()
  store.breakDown('swap', FULL)
  run.cancel()
  await clock.pass(30_000)
  assert.equal((await run.ended).status, 'cancelled')
  store.heal()
  await clock.pass(10_000)
  assert.equal((await retrieve(run.id)).status, 'cancelled')
})

test('a fault of the store that time does not mend is not tried again at once', async () => {
  const { store, run, call, logger } = await begin()
  store.breakDown('swap', new Error('a bug'), 1)
  call.say(FINISH)
  assert.equal((await run.ended).status, 'failed')
  assert.equal(store.count('swap'), 1)
  assert.equal(logger.lines.find(({ level }) => level === 'error')?.facts['reason'], 'a bug')
})

test('a response that was deleted while it ran ends its readers without a terminal event', async () => {
  const { store, run, call } = await begin()
  const reading = cutEventsOf(run.log.read({ after: -1 }))
  await remove(store.forAccount(ALICE), run.id)
  call.say(FINISH)
  await run.ended
  assert.ok((await reading).every(({ type }) => type !== 'response.completed'))
})

test('store: false writes nothing and reads nothing, from beginning to end', async () => {
  const store = faultyStore(openMemoryStore(() => 0))
  const { create, model, engine } = testEngine(store)
  const created = await create({ store: false })
  assert.ok(created.kind === 'running')
  model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  const final = await created.run.ended
  assert.deepEqual([final.status, final.store, final.output_text], ['completed', false, 'Hello'])
  for (const operation of ['insert', 'swap', 'find', 'findInput', 'thread', 'findItemOwner', 'countQueued'] as const) {
    assert.equal(store.count(operation), 0, operation)
  }
  await assert.rejects(engine.retrieve(ALICE, final.id), { code: 'response_not_found' })
  await assert.rejects(create({ previous_response_id: final.id }), { code: 'previous_response_not_found' })
})

test('store: false reads the thread it goes on with, and leaves it as it was', async () => {
  const store = faultyStore(openMemoryStore(() => 0))
  const { create, model } = testEngine(store)
  const first = await create()
  assert.ok(first.kind === 'running')
  model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  await first.run.ended
  const second = await create({ store: false, previous_response_id: first.run.id })
  assert.ok(second.kind === 'running')
  assert.equal(model.calls[1]?.call.history.length, 3)
  second.run.cancel()
  await second.run.ended
  assert.deepEqual([store.count('insert'), store.count('swap')], [1, 1])
})
