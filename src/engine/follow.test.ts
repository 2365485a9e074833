import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grammarFaults } from '../core/grammar.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { memoryTables, openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreUnavailable } from '../store/store.ts'
import { LOOK_MS } from './changes.ts'
import { LogAbandoned } from './event-log.ts'
import { TRAIL_MS } from './log-keeper.ts'
import { fakeClock, settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { FINISH } from './testing/scripted-model.ts'
import { ALICE, BACKGROUND, cutEventsOf, eventsOf, idOf, testEngine } from './testing/test-engine.ts'

/** Two processes that share what is stored; what the second hears of the first may be lost. */
async function two({ isDeaf = false } = {}) {
  const clock = fakeClock()
  const tables = memoryTables()
  const open = (isHeard: boolean) => {
    const store = openMemoryStore(clock.now, tables)
    return isHeard ? store : { ...store, onChange: () => {} }
  }
  const background = { concurrency: 0 } // The first alone runs jobs.
  const first = testEngine(open(!isDeaf), { clock, instance: 'one:1' })
  const faults = faultyStore(open(!isDeaf))
  const second = testEngine(faults, { clock, instance: 'two:1', background })
  for (const { engine } of [first, second]) await engine.start()
  const create = async (request: Partial<CreateRequest>) => {
    const id = idOf(await first.create(request))
    await settled()
    return id
  }
  const stop = async () => {
    for (const engine of [first, second]) await engine.stop()
  }
  return { clock, first, second, faults, create, stop }
}

function textIn(events: readonly ResponseEvent[]): string {
  return events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')
}

for (const request of [{ stream: true }, { background: true }] as const) {
  for (const isDeaf of [false, true]) {
    const how = `${JSON.stringify(request)}${isDeaf ? ', though nothing is heard of it' : ''}`
    test(`O-13: another process reads ${how} as it is said, byte for byte`, async () => {
      const { clock, first, second, create, stop } = await two({ isDeaf })
      const id = await create(request)
      const here = eventsOf(await first.engine.events(ALICE, id, { after: -1 }))
      const seen: ResponseEvent[] = []
      const there = (await second.engine.events(ALICE, id, { after: -1 })).each((batch) => void seen.push(...batch))
      // What was asked of the first is heard with its next heartbeat at the latest.
      await clock.pass(BACKGROUND.heartbeat_ms)
      for (const word of ['One', ' two', ' three']) {
        first.model.calls[0]?.say({ type: 'text', text: word })
        await clock.pass(TRAIL_MS + LOOK_MS)
        assert.ok(textIn(seen).endsWith(word), `${word} has come before the end`)
      }
      first.model.calls[0]?.say(FINISH)
      await clock.pass(LOOK_MS)
      await there
      assert.equal(JSON.stringify(seen), JSON.stringify(await here))
      assert.deepEqual(grammarFaults(seen), [])
      await stop()
    })
  }
}

test('a follower begins after the number that it names, also beyond what there is yet', async () => {
  const { clock, first, second, create, stop } = await two()
  const id = await create({ stream: true })
  const all = eventsOf(await first.engine.events(ALICE, id, { after: -1 }))
  const afters = [0, 1, 2, 5, 99]
  const flows = await Promise.all(afters.map((after) => second.engine.events(ALICE, id, { after })))
  const readings = flows.map(eventsOf)
  first.model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  await clock.pass(LOOK_MS)
  const expected = await all
  for (const [index, after] of afters.entries()) {
    assert.equal(JSON.stringify(await readings[index]), JSON.stringify(expected.slice(after + 1)), `after ${after}`)
  }
  await stop()
})

test('a follower is told that there will be no end where the response is deleted', async () => {
  const { clock, second, create, stop, first } = await two()
  const id = await create({ background: true })
  const reading = cutEventsOf(await second.engine.events(ALICE, id, { after: -1 }))
  await second.engine.remove(ALICE, id)
  await clock.pass(LOOK_MS)
  assert.deepEqual(
    (await reading).map(({ type }) => type),
    ['response.created', 'response.queued'],
  )
  await clock.pass(BACKGROUND.heartbeat_ms)
  assert.equal(first.model.calls[0]?.isOver(), true, 'its model is not left talking')
  await stop()
})

for (const operation of ['ask', 'find', 'findEvents', 'findLog'] as const) {
  test(`a follower waits for a storage that is away (${operation}), and misses nothing`, async () => {
    const { clock, first, second, faults, create, stop } = await two()
    const id = await create({ stream: true })
    const here = eventsOf(await first.engine.events(ALICE, id, { after: -1 }))
    const flow = await second.engine.events(ALICE, id, { after: -1 })
    faults.breakDown(operation, new StoreUnavailable('away'), 3)
    const there = eventsOf(flow)
    first.model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
    await clock.pass(LOOK_MS * 4)
    assert.equal(JSON.stringify(await there), JSON.stringify(await here))
    await stop()
  })
}

test('a follower that leaves asks for nothing more', async () => {
  const { clock, second, create, stop } = await two()
  const id = await create({ background: true })
  const flow = await second.engine.events(ALICE, id, { after: -1 })
  const reading = flow.each(() => undefined)
  await settled()
  flow.leave()
  await reading
  const before = clock.sleepers().length
  await clock.pass(0)
  assert.equal(clock.sleepers().length, before)
  await stop()
})

test('a job is cancelled by another process through the one that runs it, with what it has said', async () => {
  const { clock, first, second, create, stop } = await two()
  const id = await create({ background: true })
  first.model.calls[0]?.say({ type: 'text', text: 'half' })
  await settled()
  const cancelled = second.engine.cancel(ALICE, id)
  await clock.pass(LOOK_MS)
  const final = JSON.parse(await cancelled) as { status: string; output_text: string; usage: unknown }
  assert.deepEqual([final.status, final.output_text], ['cancelled', 'half'])
  assert.ok(final.usage !== null)
  assert.equal(first.model.calls[0]?.isOver(), true)
  await stop()
})

test('a job whose process does not answer is cancelled over its head, and stays cancelled', async () => {
  const { clock, first, second, create } = await two({ isDeaf: true })
  const id = await create({ background: true })
  first.store.jobs.heartbeat = async () => [] // It is cut off from all others.
  const cancelled = second.engine.cancel(ALICE, id)
  await clock.pass(LOOK_MS * 4)
  assert.equal((JSON.parse(await cancelled) as { status: string }).status, 'cancelled')
  first.model.calls[0]?.say({ type: 'text', text: 'late' }, FINISH)
  await settled()
  const final = await second.retrieve(id)
  assert.deepEqual([final.status, final.output_text], ['cancelled', ''])
})

test('a foreground stream that another process deletes is stopped, and its reader let go', async () => {
  const { clock, first, second, create, stop } = await two()
  const id = await create({ stream: true })
  const reading = (await first.engine.events(ALICE, id, { after: -1 })).each(() => undefined)
  first.model.calls[0]?.say({ type: 'text', text: 'half' })
  await settled()
  await second.engine.remove(ALICE, id)
  await assert.rejects(reading, LogAbandoned)
  await clock.pass(0)
  assert.equal(first.model.calls[0]?.isOver(), true)
  await stop()
})

test('a process whose heartbeats are not heard does not end its own streams', async () => {
  const { clock, first, faults, create } = await two()
  const id = await create({ stream: true })
  const down = new StoreUnavailable('down')
  first.store.jobs.heartbeat = () => Promise.reject(down)
  faults.breakDown('orphans', down) // The other process does not look.
  first.model.calls[0]?.say({ type: 'text', text: 'still here' })
  await clock.pass(BACKGROUND.lease_ms * 2)
  assert.equal((await first.retrieve(id)).status, 'in_progress')
  faults.heal()
  await clock.pass(BACKGROUND.sweep_ms)
  assert.equal((await first.retrieve(id)).status, 'failed', 'for others it is gone')
})
