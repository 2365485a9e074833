import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreUnavailable } from '../store/store.ts'
import { faultyStore } from './testing/faulty-store.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import { ALICE, eventsOf, testEngine, type TestEngineOptions } from './testing/test-engine.ts'

/** A storage that does what it is asked and whose connection then breaks, so that nobody is told. */
function stage(options: TestEngineOptions = {}) {
  const store = faultyStore(openMemoryStore(() => 0))
  const unheard = (operation: 'insert' | 'swap') =>
    store.after(operation, () => Promise.reject(new StoreUnavailable('The connection is gone.')))
  return { ...testEngine(store, options), store, unheard }
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
