import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import { ALICE, cutEventsOf, eventsOf, idOf, testEngine, type TestEngineOptions } from './testing/test-engine.ts'

const GONE = { code: 'response_not_found', status: 404 }

function fresh(options: TestEngineOptions = {}) {
  const store = faultyStore(openMemoryStore(() => 0))
  const context = testEngine(store, options)
  const events = async (id: string) => eventsOf(await context.engine.events(ALICE, id, { after: -1 }))
  const cutEvents = async (id: string) => cutEventsOf(await context.engine.events(ALICE, id, { after: -1 }))
  return { ...context, store, events, cutEvents }
}

test('a deleted response is gone for every read at once, and for a second delete', async () => {
  const { create, engine, retrieve, events } = fresh({ answer: answerWith('Hello') })
  const id = idOf(await create())
  assert.equal(await engine.remove(ALICE, id), id)
  await assert.rejects(retrieve(id), GONE)
  await assert.rejects(events(id), GONE)
  await assert.rejects(engine.remove(ALICE, id), GONE)
  await assert.rejects(engine.cancel(ALICE, id), GONE)
})

for (const background of [false, true]) {
  test(`R-04: deleting a running ${background ? 'background' : 'foreground'} response stops its model and ends its readers`, async () => {
    const { create, engine, cutEvents, model, retrieve, stop } = fresh()
    await engine.start()
    const id = idOf(await create({ background }))
    model.calls[0]?.say({ type: 'text', text: 'half' })
    const reading = cutEvents(id)
    await settled()
    await engine.remove(ALICE, id)
    await settled()
    assert.equal(model.calls[0]?.isOver(), true)
    const seen = await reading
    assert.equal(seen.at(-1)?.type, 'response.output_text.delta', 'no terminal event: it did not end')
    await assert.rejects(retrieve(id), GONE)
    await stop()
  })
}

test('deleting a job that waits ends its readers, and nobody runs it', async () => {
  const { create, engine, cutEvents, model, stop } = fresh()
  const id = idOf(await create({ background: true }))
  const reading = cutEvents(id)
  await settled()
  await engine.remove(ALICE, id)
  assert.deepEqual(
    (await reading).map(({ type }) => type),
    ['response.created', 'response.queued'],
  )
  await engine.start()
  await settled()
  assert.equal(model.calls.length, 0)
  await stop()
})

test('deleting a job while it is being prepared keeps its model from being called', async () => {
  const { create, engine, model, store, stop } = fresh()
  const id = idOf(await create({ background: true }))
  const threadRead = Promise.withResolvers<void>()
  store.before('thread', () => threadRead.promise)
  await engine.start()
  await settled()
  await engine.remove(ALICE, id)
  threadRead.resolve()
  await settled()
  assert.equal(model.calls.length, 0)
  await stop()
})

test('R-04: a response that is deleted while its end is being stored does not come back', async () => {
  const { create, engine, model, store, retrieve } = fresh()
  const created = await create()
  assert.ok(created.kind === 'running')
  store.before('swap', async () => void (await engine.remove(ALICE, created.run.id)))
  model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  await created.run.ended
  await assert.rejects(retrieve(created.run.id), GONE)
  assert.equal(created.run.log.isEnded(), true)
})
