import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grammarFaults } from '../core/grammar.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { fakeClock, settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import { ALICE, cutEventsOf, eventsOf, idOf, testEngine, type TestEngineOptions } from './testing/test-engine.ts'

async function fresh(options: TestEngineOptions = {}) {
  const clock = fakeClock()
  const context = testEngine(openMemoryStore(clock.now), { ...options, clock })
  await context.engine.start()
  const events = async (id: string) => eventsOf(await context.engine.events(ALICE, id, { after: -1 }))
  const cutEvents = async (id: string) => cutEventsOf(await context.engine.events(ALICE, id, { after: -1 }))
  return { ...context, clock, events, cutEvents }
}

test('a server with nothing to do stops at once', async () => {
  const { engine, clock } = await fresh()
  await engine.drain(120_000)
  assert.deepEqual(clock.sleepers(), [])
})

test('what runs may end within the drain time, and the server stops when it has', async () => {
  const { engine, create, model, clock, retrieve } = await fresh()
  const [front, back] = [idOf(await create()), idOf(await create({ background: true }))]
  const drained = engine.drain(120_000)
  await clock.pass(60_000)
  for (const call of model.calls) call.say({ type: 'text', text: 'Done' }, FINISH)
  await drained
  for (const id of [front, back]) assert.equal((await retrieve(id)).status, 'completed')
  assert.deepEqual(clock.sleepers(), [])
})

for (const { drain_ms, status } of [
  { drain_ms: 120_000, status: 'completed' },
  { drain_ms: 1000, status: 'failed' },
]) {
  test(`a request that is still being prepared has a drain time of ${drain_ms} ms, too: it has ${status}`, async () => {
    const clock = fakeClock()
    const store = faultyStore(openMemoryStore(clock.now))
    const { engine, create, model, retrieve } = testEngine(store, { clock })
    await engine.start()
    const earlier = idOf(await create())
    model.calls[0]?.say(FINISH)
    await settled()
    const prepared = Promise.withResolvers<void>()
    store.before('thread', () => prepared.promise)
    const creating = create({ previous_response_id: earlier })
    await settled()
    let isDrained = false
    const drained = engine.drain(drain_ms).then(() => (isDrained = true))
    await clock.pass(10_000)
    assert.equal(isDrained, false)
    prepared.resolve()
    const created = await creating
    await settled()
    model.calls[1]?.say({ type: 'text', text: 'Done' }, FINISH)
    await drained
    assert.equal((await retrieve(idOf(created))).status, status)
    assert.deepEqual(clock.sleepers(), [])
  })
}

test('a foreground response that outlasts the drain time fails, with what it has said, for every reader', async () => {
  const { engine, create, model, clock, retrieve, events } = await fresh()
  const id = idOf(await create())
  model.calls[0]?.say({ type: 'text', text: 'half' })
  const reading = events(id)
  const drained = engine.drain(1000)
  await clock.pass(999)
  assert.equal((await retrieve(id)).status, 'in_progress')
  await clock.pass(1)
  await drained
  const final = await retrieve(id)
  assert.deepEqual([final.status, final.output_text], ['failed', 'half'])
  assert.deepEqual(grammarFaults(await reading), [])
  assert.equal(model.calls[0]?.isOver(), true)
})

test('a job that outlasts the drain time is given back, and run by the next process at once', async () => {
  const { engine, create, model, clock, retrieve, store } = await fresh()
  const id = idOf(await create({ background: true }))
  model.calls[0]?.say({ type: 'text', text: 'half' })
  const drained = engine.drain(1000)
  await clock.pass(1000)
  await drained
  assert.equal((await retrieve(id)).status, 'in_progress')
  assert.equal(model.calls[0]?.isOver(), true)
  const next = testEngine(store, { clock, answer: answerWith('Done'), instance: 'elsewhere:1' })
  await next.engine.start()
  await settled()
  assert.equal((await next.retrieve(id)).output_text, 'Done')
  await next.stop()
})

test('a job of which a part was read is not begun again: what was read stays, and it has failed', async () => {
  const { engine, create, model, clock, cutEvents, store } = await fresh()
  const id = idOf(await create({ background: true }))
  model.calls[0]?.say({ type: 'text', text: 'half' })
  const reading = cutEvents(id)
  await settled()
  const drained = engine.drain(1000)
  await clock.pass(1000)
  await drained
  const seen = await reading
  assert.equal(seen.at(-1)?.type, 'response.output_text.delta')
  const next = testEngine(store, { clock, answer: answerWith('Done') })
  await next.engine.start()
  await settled()
  const final = await next.retrieve(id)
  assert.deepEqual([final.status, final.output_text, next.model.calls.length], ['failed', 'half', 0])
  const all = await eventsOf(await next.engine.events(ALICE, id, { after: -1 }))
  assert.deepEqual(JSON.stringify(all.slice(0, seen.length)), JSON.stringify(seen))
  assert.deepEqual(grammarFaults(all), [])
  await next.stop()
})

test('a job that waits is not begun while the server stops, and its readers are let go', async () => {
  const { engine, create, model, clock, retrieve, cutEvents } = await fresh({ background: { concurrency: 1 } })
  await create({ background: true })
  const waiting = idOf(await create({ background: true }))
  const reading = cutEvents(waiting)
  const drained = engine.drain(1000)
  model.calls[0]?.say(FINISH)
  await clock.pass(1000)
  await drained
  assert.equal(model.calls.length, 1)
  assert.deepEqual(
    (await reading).map(({ type }) => type),
    ['response.created', 'response.queued'],
  )
  assert.equal((await retrieve(waiting)).status, 'queued')
})

test('a job that the server has let go of can still be cancelled', async () => {
  const { engine, create, clock, retrieve } = await fresh({ background: { concurrency: 1 } })
  await create({ background: true })
  const waiting = idOf(await create({ background: true }))
  const drained = engine.drain(0)
  await clock.pass(0)
  await drained
  const cancelled = JSON.parse(await engine.cancel(ALICE, waiting)) as { status: string }
  assert.equal(cancelled.status, 'cancelled')
  assert.deepEqual(await retrieve(waiting), cancelled)
})

test('a request that still comes while the server stops has the rest of the drain time', async () => {
  const { engine, create, model, clock, retrieve } = await fresh()
  await create()
  const drained = engine.drain(1000)
  const [quick, slow] = [idOf(await create()), idOf(await create())]
  model.calls[0]?.say(FINISH)
  await clock.pass(500)
  model.calls[1]?.say(FINISH)
  await clock.pass(500)
  await drained
  assert.equal((await retrieve(quick)).status, 'completed')
  assert.equal((await retrieve(slow)).status, 'failed')
  assert.deepEqual(clock.sleepers(), [])
})
