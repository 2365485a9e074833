import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grammarFaults } from '../core/grammar.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { parseResponseId } from '../protocol/id.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreUnavailable } from '../store/store.ts'
import { TRAIL_MS } from './log-keeper.ts'
import { fakeClock, settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { FINISH } from './testing/scripted-model.ts'
import { ALICE, eventsOf, idOf, testEngine } from './testing/test-engine.ts'

async function fresh() {
  const clock = fakeClock()
  const store = faultyStore(openMemoryStore(clock.now))
  const context = testEngine(store, { clock })
  await context.engine.start()
  /** What a client has been told so far. */
  const listen = async (id: string): Promise<ResponseEvent[]> => {
    const seen: ResponseEvent[] = []
    const flow = await context.engine.events(ALICE, id, { after: -1 })
    flow.each((batch) => void seen.push(...batch)).catch(() => {})
    await settled()
    return seen
  }
  return { ...context, clock, store, listen }
}

test('K-17: a stream whose process is gone has failed with what was kept of it, as its client has seen it', async () => {
  const { create, model, listen, store, clock } = await fresh()
  const id = idOf(await create({ stream: true }))
  const seen = await listen(id)
  model.calls[0]?.say({ type: 'text', text: 'Hel' }, { type: 'text', text: 'lo' })
  await clock.pass(TRAIL_MS * 2)
  const next = testEngine(store, { clock })
  await next.engine.start()
  const final = await next.retrieve(id)
  assert.deepEqual([final.status, final.output_text], ['failed', 'Hello'])
  const all = await eventsOf(await next.engine.events(ALICE, id, { after: -1 }))
  assert.equal(JSON.stringify(all.slice(0, seen.length)), JSON.stringify(seen))
  assert.deepEqual(grammarFaults(all), [])
  model.calls[0]?.say({ type: 'text', text: ' there' }, FINISH)
  await clock.pass(TRAIL_MS)
  assert.deepEqual(await next.retrieve(id), final, 'the first process, where it lives on, changes nothing')
  await next.stop()
})

test('a stream that is over in a moment keeps nothing but its end', async () => {
  const { create, model, store, clock, stop } = await fresh()
  await create({ stream: true })
  await clock.pass(TRAIL_MS - 1)
  model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  await clock.pass(TRAIL_MS * 4)
  assert.equal(store.count('append'), 0)
  await stop()
})

test('a stream is kept in rounds, and not at all while it is silent', async () => {
  const { create, model, store, clock, stop } = await fresh()
  await create({ stream: true })
  for (let word = 0; word < 40; word++) {
    model.calls[0]?.say({ type: 'text', text: 'word ' })
    await clock.pass(TRAIL_MS / 10)
  }
  const rounds = store.count('append')
  assert.ok(rounds >= 3 && rounds <= 5, `${rounds}`)
  await clock.pass(TRAIL_MS * 20)
  assert.ok(store.count('append') <= rounds + 1)
  model.calls[0]?.say(FINISH)
  await settled()
  await stop()
})

test('a stream goes on while nothing can be kept of it, and is kept again when it can', async () => {
  const { create, model, store, listen, clock, stop } = await fresh()
  const id = idOf(await create({ stream: true }))
  const seen = await listen(id)
  store.breakDown('append', new StoreUnavailable('full'))
  model.calls[0]?.say({ type: 'text', text: 'Hello' })
  await clock.pass(5000)
  assert.equal(seen.at(-1)?.type, 'response.output_text.delta')
  store.heal()
  await clock.pass(1000)
  const batches = await store.forAccount(ALICE).findEvents(parseResponseId(id) ?? assert.fail(), -1)
  assert.equal(batches.at(-1)?.last, seen.length - 1)
  model.calls[0]?.say(FINISH)
  await settled()
  await stop()
})

test('of a job nothing is kept as long as nobody reads it', async () => {
  const { create, model, store, clock, stop, retrieve } = await fresh()
  const id = idOf(await create({ background: true }))
  model.calls[0]?.say({ type: 'text', text: 'Hello' })
  await clock.pass(1000)
  model.calls[0]?.say(FINISH)
  await settled()
  assert.equal((await retrieve(id)).output_text, 'Hello')
  assert.equal(store.count('append'), 0)
  await stop()
})

test('nobody is told of an event of a job before it is durable', async () => {
  const { create, model, store, listen, clock, stop } = await fresh()
  const id = idOf(await create({ background: true }))
  model.calls[0]?.say({ type: 'text', text: 'Hel' })
  const written = Promise.withResolvers<void>()
  store.before('append', () => written.promise)
  const seen = await listen(id)
  const types = () => seen.map(({ type }) => type)
  assert.deepEqual(types(), ['response.created', 'response.queued'], 'these follow from its row')
  model.calls[0]?.say({ type: 'text', text: 'lo' })
  await clock.pass(1000)
  assert.equal(seen.length, 2)
  written.resolve()
  await settled()
  assert.equal(seen.filter(({ type }) => type === 'response.output_text.delta').length, 2)
  model.calls[0]?.say(FINISH)
  await settled()
  assert.equal(types().at(-1), 'response.completed')
  assert.deepEqual(grammarFaults(seen), [])
  await stop()
})

test('a second reader of a job is told at once what the first was', async () => {
  const { create, model, listen, stop } = await fresh()
  const id = idOf(await create({ background: true }))
  const one = await listen(id)
  model.calls[0]?.say({ type: 'text', text: 'Hello' })
  await settled()
  const other = await listen(id)
  assert.equal(JSON.stringify(other), JSON.stringify(one))
  assert.equal(other.at(-1)?.type, 'response.output_text.delta')
  model.calls[0]?.say(FINISH)
  await settled()
  await stop()
})

test('a run whose events are not its own to keep any more stops', async () => {
  const { create, model, listen, store, clock, stop } = await fresh()
  const id = idOf(await create({ background: true }))
  const seen = await listen(id)
  await clock.pass(0)
  // Another process has claimed it meanwhile, and this one has not heard of it.
  const [job] = await store.jobs.claim({ owner: 'other', lease_ms: 60_000, limit: 1 })
  assert.equal(job, undefined, 'its lease holds')
  store.before('append', async () => {
    clock.jump(20_000).catch(() => {})
    await store.jobs.claim({ owner: 'other', lease_ms: 60_000, limit: 1 })
  })
  model.calls[0]?.say({ type: 'text', text: 'Hello' })
  await settled()
  await settled()
  assert.ok(
    seen.every(({ type }) => type !== 'response.output_text.delta'),
    'nobody was told of it',
  )
  assert.equal(model.calls[0]?.isOver(), true)
  await stop()
})
