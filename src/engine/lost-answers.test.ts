import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../core/upstream-error.ts'
import { memoryTables, openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreUnavailable } from '../store/store.ts'
import type { Submission } from './joining.ts'
import { settled } from './testing/fake-clock.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import { ALICE, eventsOf, idOf, testEngine, type TestEngineOptions } from './testing/test-engine.ts'

/** A storage that does what it is asked and whose connection then breaks, so that nobody is told. */
function stage(options: TestEngineOptions = {}) {
  const tables = memoryTables()
  const store = faultyStore(openMemoryStore(() => 0, tables))
  const unheard = (operation: 'insert' | 'swap') =>
    store.after(operation, () => Promise.reject(new StoreUnavailable('The connection is gone.')))
  return { ...testEngine(store, options), store, tables, unheard }
}

for (const stream of [true, false]) {
  test(`a row that was taken although nobody heard of it fails, as was told (stream: ${stream})`, async () => {
    const { create, retrieve, clock, unheard } = stage()
    unheard('insert')
    const created = await create({ stream })
    assert.ok(created.kind === 'running')
    const { run } = created
    assert.equal((await run.ended).status, 'failed')
    assert.equal(run.failure()?.code, 'storage_unavailable')
    await clock.pass(10_000)
    const stored = await retrieve(run.id)
    assert.deepEqual([stored.status, stored.error?.message], ['failed', run.failure()?.message])
  })
}

const KEYED: Submission = { kind: 'keyed', key: 'key:a', bodyHash: 'hash' }

for (const kind of ['keyed', 'retry'] as const) {
  for (const background of [false, true]) {
    test(`a row of a ${kind} request that was taken although nobody heard of it fails, and frees its key (background: ${background})`, async () => {
      const { engine, model, clock, unheard, tables } = stage()
      const submission = { ...KEYED, kind }
      const request = { model: 'model', input: 'Hello', background }
      unheard('insert')
      await assert.rejects(engine.create(ALICE, request, submission), StoreUnavailable)
      await clock.pass(5000)
      const [first] = tables.rows.values()
      assert.equal(first?.lifecycle.status, 'failed')
      const again = await engine.create(ALICE, request, submission)
      assert.notEqual(idOf(again), first.id)
      assert.equal(model.calls.length, background ? 0 : 1)
    })
  }
}

test('a key is freed also where the failure that says to try again can only be stored later', async () => {
  const { engine, model, clock, store } = stage()
  const request = { model: 'model', input: 'Hello', stream: true }
  const created = await engine.create(ALICE, request, KEYED)
  assert.ok(created.kind === 'running')
  await settled()
  store.breakDown('swap', new StoreUnavailable('full'))
  model.calls[0]?.fail(new UpstreamError({ fault: 'unavailable', message: 'busy', retryAfter_ms: 3_600_000 }))
  await clock.pass(10_000)
  await assert.rejects(created.run.begun, { status: 503 })
  store.heal()
  await clock.pass(10_000)
  const again = await engine.create(ALICE, request, KEYED)
  assert.notEqual(idOf(again), created.run.id)
})

test('an end that was stored although nobody heard of it is told as it is stored', async () => {
  const { create, model, engine, clock, retrieve, unheard } = stage()
  const created = await create({ stream: true })
  assert.ok(created.kind === 'running')
  const { run } = created
  const reading = eventsOf(run.log.read({ after: -1 }))
  unheard('swap')
  model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  await clock.pass(10_000)
  const final = await run.ended
  assert.deepEqual([final.status, run.failure()], ['completed', undefined])
  assert.deepEqual(await retrieve(run.id), final)
  assert.deepEqual(await reading, await eventsOf(await engine.events(ALICE, run.id, { after: -1 })))
})

test('a job whose end was stored although nobody heard of it is not run again', async () => {
  const { create, model, engine, clock, retrieve, stop, unheard } = stage({ answer: answerWith('Hello') })
  await engine.start()
  unheard('swap')
  const created = await create({ background: true })
  assert.ok(created.kind === 'queued')
  await clock.pass(60_000)
  assert.equal((await retrieve(created.response.id)).output_text, 'Hello')
  assert.equal(model.calls.length, 1)
  await stop()
})
