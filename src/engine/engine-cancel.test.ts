import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grammarFaults } from '../core/grammar.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import { ALICE, eventsOf, idOf, testEngine, type TestEngineOptions } from './testing/test-engine.ts'
import type { Response } from '../protocol/response.ts'

function fresh(options: TestEngineOptions = {}) {
  const store = faultyStore(openMemoryStore(() => 0))
  const context = testEngine(store, options)
  return {
    ...context,
    store,
    cancel: async (id: string) => JSON.parse(await context.engine.cancel(ALICE, id)) as Response,
    events: async (id: string) => eventsOf(await context.engine.events(ALICE, id, { after: -1 })),
  }
}

for (const isEnded of [false, true]) {
  test(`R-03: a foreground response cannot be cancelled, ${isEnded ? 'ended' : 'running'}`, async () => {
    const { create, engine, retrieve } = fresh({ answer: isEnded ? answerWith('Hello') : () => {} })
    const id = idOf(await create())
    const before = await retrieve(id)
    await assert.rejects(engine.cancel(ALICE, id), {
      code: 'not_cancellable',
      status: 400,
      message: 'Cannot cancel a synchronous response.',
    })
    assert.deepEqual(await retrieve(id), before)
  })
}

test('R-03: a job that waits is cancelled at once: its readers are told, and nobody runs it', async () => {
  const { create, cancel, events, engine, model, store, stop } = fresh()
  const id = idOf(await create({ background: true }))
  const reading = events(id)
  await settled()
  const cancelled = await cancel(id)
  assert.deepEqual([cancelled.status, cancelled.output, cancelled.usage], ['cancelled', [], null])
  const seen = await reading
  assert.deepEqual(grammarFaults(seen), [])
  assert.deepEqual(
    seen.map(({ type }) => type),
    ['response.created', 'response.queued', 'response.in_progress', 'response.incomplete'],
  )
  assert.deepEqual(await events(id), seen, 'a later reader is told the same')
  await engine.start()
  await settled()
  assert.equal(model.calls.length, 0)
  assert.equal(await store.jobs.countQueued(), 0)
  await stop()
})

test('a job that runs is cancelled with what it has said', async () => {
  const { create, cancel, events, retrieve, engine, model, stop } = fresh()
  await engine.start()
  const id = idOf(await create({ background: true }))
  const reading = events(id)
  model.calls[0]?.say({ type: 'text', text: 'half' })
  await settled()
  const cancelled = await cancel(id)
  assert.deepEqual([cancelled.status, cancelled.output_text], ['cancelled', 'half'])
  assert.equal(model.calls[0]?.isOver(), true)
  assert.deepEqual(await retrieve(id), cancelled)
  const seen = await reading
  assert.deepEqual(grammarFaults(seen), [])
  const last = seen.at(-1)
  assert.deepEqual(last?.type === 'response.incomplete' && last.response, cancelled)
  await stop()
})

test('R-03: cancelling twice, at once or later, gives the same object', async () => {
  const { create, cancel, engine, stop } = fresh()
  await engine.start()
  const id = idOf(await create({ background: true }))
  const both = await Promise.all([cancel(id), cancel(id)])
  assert.deepEqual(both[0], both[1])
  assert.deepEqual(await cancel(id), both[0])
  await stop()
})

test('a job that has ended is given back as it is', async () => {
  const { create, cancel, retrieve, engine, stop } = fresh({ answer: answerWith('Hello') })
  await engine.start()
  const id = idOf(await create({ background: true }))
  const final = await retrieve(id)
  assert.equal(final.status, 'completed')
  assert.deepEqual(await cancel(id), final)
  await stop()
})

test('R-02: of a cancel and an end at the same moment one wins, for everybody', async () => {
  for (let turns = 0; turns < 12; turns++) {
    const { create, cancel, events, retrieve, engine, model, stop } = fresh()
    await engine.start()
    const id = idOf(await create({ background: true }))
    const reading = events(id)
    model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    const answered = await cancel(id)
    const seen = await reading
    assert.deepEqual(grammarFaults(seen), [], `after ${turns} turns`)
    const last = seen.at(-1)
    assert.deepEqual(last !== undefined && 'response' in last && last.response, answered)
    assert.deepEqual(await retrieve(id), answered)
    await stop()
  }
})

test('a cancel that comes while a worker claims the job still cancels it', async () => {
  const { create, cancel, events, engine, model, store, stop } = fresh()
  const id = idOf(await create({ background: true }))
  const reading = events(id)
  await settled()
  // The worker claims between the two steps of the cancel.
  store.before('swap', async () => {
    await engine.start()
    await settled()
  })
  const cancelled = await cancel(id)
  assert.equal(cancelled.status, 'cancelled')
  await settled()
  assert.ok(model.calls.every((call) => call.isOver()))
  assert.deepEqual(grammarFaults(await reading), [])
  await stop()
})

test('a cancel that comes while the job is being prepared keeps its model from being called', async () => {
  const { create, cancel, events, engine, model, store, retrieve, stop } = fresh()
  const id = idOf(await create({ background: true }))
  const reading = events(id)
  const threadRead = Promise.withResolvers<void>()
  store.before('thread', () => threadRead.promise)
  await engine.start()
  await settled()
  const cancelled = await cancel(id)
  threadRead.resolve()
  await settled()
  assert.equal(cancelled.status, 'cancelled')
  assert.equal(model.calls.length, 0)
  assert.deepEqual(await retrieve(id), cancelled)
  assert.deepEqual(grammarFaults(await reading), [])
  await stop()
})

test('a cancel that cannot be stored is refused, and may be tried again', async () => {
  const { create, cancel, engine, store } = fresh()
  const id = idOf(await create({ background: true }))
  store.breakDown('swap', new Error('full'), 1)
  await assert.rejects(engine.cancel(ALICE, id), /full/)
  assert.equal((await cancel(id)).status, 'cancelled')
})
