import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grammarFaults } from '../core/grammar.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { memoryTables, openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreDamaged, StoreUnavailable } from '../store/store.ts'
import { LOOK_MS } from './changes.ts'
import { TRAIL_MS } from './log-keeper.ts'
import { fakeClock, settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { FINISH } from './testing/scripted-model.ts'
import { ALICE, BACKGROUND, cutEventsOf, eventsOf, idOf, testEngine } from './testing/test-engine.ts'

/** Two processes on one storage, neither of which hears of the other. */
function two() {
  const clock = fakeClock()
  const tables = memoryTables()
  const open = (instance: string) => {
    const store = faultyStore({ ...openMemoryStore(clock.now, tables), onChange: () => {} })
    return { ...testEngine(store, { clock, instance }), store }
  }
  return { clock, tables, first: open('one:1'), second: open('two:1') }
}

test('a job that is cancelled just as its run begins tells its readers of one beginning', async () => {
  const clock = fakeClock()
  const store = faultyStore(openMemoryStore(clock.now))
  const { engine, create, stop } = testEngine(store, { clock })
  const id = idOf(await create({ background: true }))
  const reading = eventsOf(await engine.events(ALICE, id, { after: -1 }))
  const prepared = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  store.before('thread', () => prepared.promise)
  await engine.start()
  await settled()
  // The row is cancelled while its worker prepares the run; the run begins before anybody knows.
  store.after('findEvents', () => told.promise)
  const cancelling = engine.cancel(ALICE, id)
  await settled()
  prepared.resolve()
  await settled()
  told.resolve()
  assert.equal((JSON.parse(await cancelling) as { status: string }).status, 'cancelled')
  const stored = await eventsOf(await engine.events(ALICE, id, { after: -1 }))
  assert.deepEqual(grammarFaults(stored), [])
  assert.deepEqual(await reading, stored)
  await stop()
})

test('a job that is cancelled over the head of its worker keeps its calls, and all that was read of it', async () => {
  const { clock, tables, first, second } = two()
  await first.engine.start()
  const id = idOf(await first.create({ background: true }))
  const seen: ResponseEvent[] = []
  void (await first.engine.events(ALICE, id, { after: -1 })).each((batch) => void seen.push(...batch)).catch(() => {})
  first.model.calls[0]?.say({ type: 'text', text: 'One' })
  await settled()
  // What the worker says between the last look at it and its end must not be lost, or must not be read.
  second.store.after('findEvents', async () => {
    first.model.calls[0]?.say({ type: 'text', text: ' two' })
    await settled()
  })
  const cancelling = second.engine.cancel(ALICE, id)
  for (let look = 0; look < 4; look++) await clock.pass(LOOK_MS)
  await cancelling
  const stored = await eventsOf(await second.engine.events(ALICE, id, { after: -1 }))
  assert.deepEqual(grammarFaults(stored), [])
  assert.deepEqual(seen, stored.slice(0, seen.length))
  const [row] = tables.rows.values()
  assert.equal((JSON.parse(row?.calls ?? '[]') as unknown[]).length, 1)
  await first.stop()
})

test('a response that somebody seized and did not end is ended by the next who looks', async () => {
  const { clock, first, second } = two()
  await first.engine.start()
  const id = idOf(await first.create())
  for (const operation of ['heartbeat', 'orphans'] as const) {
    first.store.breakDown(operation, new StoreUnavailable('away'))
  }
  await clock.pass(20_000)
  // The first of the two is back in time to look alive, and the second is not told that it has seized.
  second.store.after('swap', () => {
    first.store.heal()
    throw new StoreUnavailable('away')
  })
  const starting = second.engine.start()
  await clock.pass(30_000)
  await starting
  assert.equal((await first.retrieve(id)).status, 'failed')
  await first.stop()
})

test('a job that another process has taken writes nothing more here, and has a log of its own there', async () => {
  const { clock, first, second } = two()
  await first.engine.start()
  const id = idOf(await first.create({ background: true }))
  first.model.calls[0]?.say({ type: 'text', text: 'first' })
  first.store.breakDown('heartbeat', new StoreUnavailable('away'))
  await clock.pass(BACKGROUND.lease_ms)
  await second.engine.start()
  first.store.heal()
  await clock.pass(BACKGROUND.heartbeat_ms)
  assert.equal(first.model.calls[0]?.isOver(), true)
  const reading = second.engine.events(ALICE, id, { after: -1 }).then(eventsOf)
  second.model.calls[0]?.say({ type: 'text', text: 'second' }, FINISH)
  const seen = await reading
  assert.deepEqual(grammarFaults(seen), [])
  assert.ok(!JSON.stringify(seen).includes('first'))
  assert.equal((await second.retrieve(id)).output_text, 'second')
  assert.equal((await first.retrieve(id)).output_text, 'second')
  await second.stop()
  await first.stop()
})

test('after an outage longer than a lease nobody takes the work of those who are still there', async () => {
  const { clock, first, second } = two()
  await first.engine.start()
  const job = idOf(await first.create({ background: true }))
  const stream = idOf(await first.create({ stream: true }))
  await clock.pass(1000) // The second looks after each round of the first.
  await second.engine.start()
  await clock.pass(BACKGROUND.lease_ms)
  for (const { store } of [first, second]) {
    for (const operation of ['heartbeat', 'claim', 'orphans'] as const) {
      store.breakDown(operation, new StoreUnavailable('away'))
    }
  }
  await clock.pass(2 * BACKGROUND.lease_ms)
  second.store.heal()
  second.store.before('claim', () => first.store.heal())
  await clock.pass(BACKGROUND.sweep_ms)
  first.store.heal()
  await clock.pass(2 * BACKGROUND.lease_ms)
  for (const call of first.model.calls) call.say(FINISH)
  await settled()
  for (const id of [job, stream]) assert.equal((await second.retrieve(id)).status, 'completed')
  assert.deepEqual([first.model.calls.length, second.model.calls.length], [2, 0])
  await first.engine.drain(0)
  await clock.pass(2 * BACKGROUND.lease_ms)
  await second.stop()
})

test('damaged events keep neither a server from starting nor what they belong to from ending', async () => {
  const { clock, first, second } = two()
  await first.engine.start()
  const ids = [idOf(await first.create({ stream: true })), idOf(await first.create({ stream: true }))]
  const job = idOf(await first.create({ background: true }))
  await clock.pass(TRAIL_MS)
  for (const operation of ['heartbeat', 'swap'] as const) first.store.breakDown(operation, new StoreUnavailable('away'))
  await clock.pass(BACKGROUND.lease_ms)
  second.store.breakDown('findEvents', new StoreDamaged('bits'))
  await second.engine.start()
  await settled()
  for (const id of [...ids, job]) assert.equal((await second.retrieve(id)).status, 'failed')
  assert.equal(second.model.calls.length, 0)
  await second.stop()
})

test('two who cancel a job over the head of its worker agree', async () => {
  const { clock, first, second } = two()
  await first.engine.start()
  const id = idOf(await first.create({ background: true }))
  const texts = Promise.all([second.engine.cancel(ALICE, id), second.engine.cancel(ALICE, id)])
  for (let look = 0; look < 8; look++) await clock.pass(LOOK_MS)
  const [one, other] = await texts
  assert.equal(one, other)
  assert.equal((JSON.parse(one) as { status: string }).status, 'cancelled')
  await first.stop()
})

for (const stream of [true, false]) {
  test(`what another process has ended has failed here too (stream: ${stream})`, async () => {
    const { clock, first, second } = two()
    await first.engine.start()
    const created = await first.create({ stream })
    assert.ok(created.kind === 'running')
    const { run } = created
    const reading = stream ? eventsOf(run.log.read({ after: -1 })) : undefined
    first.model.calls[0]?.say({ type: 'text', text: 'Hello' })
    await clock.pass(TRAIL_MS)
    first.store.breakDown('heartbeat', new StoreUnavailable('away'))
    await clock.pass(20_000)
    await second.engine.start()
    first.model.calls[0]?.say(FINISH)
    await settled()
    await run.ended
    assert.deepEqual([run.failure()?.status, run.failure()?.headers], [503, { 'x-should-retry': 'false' }])
    const stored = await second.retrieve(run.id)
    assert.equal(stored.status, 'failed')
    if (stream)
      assert.deepEqual(await reading, await eventsOf(await second.engine.events(ALICE, run.id, { after: -1 })))
    await second.stop()
    await first.stop()
  })
}

test('a stream that has said more than was kept hears of its end elsewhere, and ends as the stored one', async () => {
  const { clock, first, second } = two()
  await first.engine.start()
  const created = await first.create({ stream: true })
  assert.ok(created.kind === 'running')
  const reading = eventsOf(created.run.log.read({ after: -1 }))
  first.model.calls[0]?.say({ type: 'text', text: 'Hello' })
  await settled()
  first.store.breakDown('heartbeat', new StoreUnavailable('away'))
  first.store.breakDown('append', new StoreUnavailable('away'))
  await clock.pass(20_000)
  await second.engine.start()
  first.store.heal()
  await clock.pass(1000)
  const end = (await reading).at(-1)
  assert.ok(end?.type === 'response.failed')
  assert.deepEqual(end.response, await second.retrieve(created.run.id))
  await second.stop()
  await first.stop()
})

test('a stream whose response is deleted elsewhere is cut', async () => {
  const { clock, first, second } = two()
  await first.engine.start()
  const created = await first.create({ stream: true })
  assert.ok(created.kind === 'running')
  const reading = cutEventsOf(created.run.log.read({ after: -1 }))
  await second.engine.remove(ALICE, created.run.id)
  first.model.calls[0]?.say({ type: 'text', text: 'Hello' })
  await clock.pass(TRAIL_MS)
  assert.equal((await reading).at(-1)?.type, 'response.output_text.delta')
  await first.stop()
})

test('a stream whose row is refused late is refused, and not begun', async () => {
  const clock = fakeClock()
  const store = faultyStore(openMemoryStore(clock.now))
  const { create } = testEngine(store, { clock })
  const refused = Promise.withResolvers<void>()
  store.before('insert', () => refused.promise)
  store.breakDown('insert', new StoreUnavailable('full'), 1)
  const created = await create({ stream: true })
  assert.ok(created.kind === 'running')
  await clock.pass(4 * TRAIL_MS) // Its events are to be kept by now, and there is no row.
  refused.resolve()
  await assert.rejects(created.run.begun, { code: 'storage_unavailable', status: 503 })
})

test('who reads a job that could not be prepared here is sent to look for it elsewhere', async () => {
  const { clock, first, second } = two()
  await first.engine.start()
  first.store.breakDown('thread', new StoreUnavailable('away'), 1)
  const prepared = Promise.withResolvers<void>()
  first.store.before('thread', () => prepared.promise)
  const id = idOf(await first.create({ background: true }))
  await clock.pass(0)
  const reading = cutEventsOf(await first.engine.events(ALICE, id, { after: -1 }))
  prepared.resolve()
  assert.equal((await reading).at(-1)?.type, 'response.queued')
  await first.engine.drain(0)
  await clock.pass(20_000)
  await second.engine.start()
  await settled()
  second.model.calls[0]?.say(FINISH)
  await settled()
  assert.equal((await second.retrieve(id)).status, 'completed')
  await second.stop()
})
