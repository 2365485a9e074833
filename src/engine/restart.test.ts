import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grammarFaults } from '../core/grammar.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import { scratchFiles } from '../store/testing/scratch.ts'
import { settled } from './testing/fake-clock.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import { ALICE, eventsOf, idOf, testEngine, type TestEngine, type TestEngineOptions } from './testing/test-engine.ts'

const fresh = scratchFiles()

/** One process after the other on one database. */
async function inProcess<Result>(
  path: string,
  act: (context: TestEngine) => Promise<Result>,
  options: TestEngineOptions = {},
): Promise<Result> {
  const store = await openSqliteStore(path)
  try {
    return await act(testEngine(store, options))
  } finally {
    await store.close() // As a crash leaves it: nothing was drained.
  }
}

/** Waits for a response to be in a state. The store is a thread of its own, so turns of the loop are not enough. */
async function reach({ retrieve }: TestEngine, id: string, status: string) {
  for (;;) {
    const response = await retrieve(id)
    if (response.status === status) return response
    assert.notEqual(response.status, 'failed')
  }
}

async function callsOf({ model, store }: TestEngine, count: number): Promise<void> {
  while (model.calls.length < count) {
    await store.ping()
    await settled()
  }
}

test('a foreground response that was running when the process died has failed, for reads and streams', async () => {
  const path = fresh('foreground.db')
  const id = await inProcess(path, async ({ create, model, store }) => {
    const created = await create()
    model.calls[0]?.say({ type: 'text', text: 'half' })
    await store.ping()
    return idOf(created)
  })
  await inProcess(path, async ({ engine, retrieve, model }) => {
    await engine.start()
    const final = await retrieve(id)
    assert.deepEqual(
      [final.status, final.output, final.error?.message],
      ['failed', [], 'The server stopped while it was working on this response.'],
    )
    const events = await eventsOf(await engine.events(ALICE, id, { after: -1 }))
    assert.deepEqual(grammarFaults(events), [])
    assert.equal(events.at(-1)?.type, 'response.failed')
    assert.equal(model.calls.length, 0, 'it is not run again')
  })
})

test('a job that waited when the process died is run by the next one, with its request as it was', async () => {
  const path = fresh('queued.db')
  const id = await inProcess(path, async ({ create }) =>
    idOf(await create({ background: true, input: 'Work', temperature: 0.5, metadata: { team: 'a' } })),
  )
  await inProcess(
    path,
    async (context) => {
      await context.engine.start()
      const final = await reach(context, id, 'completed')
      assert.deepEqual([final.output_text, final.temperature, final.metadata], ['Done', 0.5, { team: 'a' }])
      const [call] = context.model.calls
      assert.equal(call?.call.temperature, 0.5)
      assert.deepEqual(call?.call.history, [
        { type: 'message', role: 'user', parts: [{ type: 'input_text', text: 'Work' }] },
      ])
    },
    { answer: answerWith('Done') },
  )
})

test('a job that was running when the process died is run again at once: one answer, not two', async () => {
  const path = fresh('running.db')
  const id = await inProcess(path, async (context) => {
    const created = await context.create({ background: true })
    await context.engine.start()
    await callsOf(context, 1)
    context.model.calls[0]?.say({ type: 'text', text: 'half' })
    return idOf(created)
  })
  await inProcess(path, async (context) => {
    const { engine, model, clock } = context
    await engine.start()
    await callsOf(context, 1)
    assert.equal(clock.now(), 1_700_000_000_000, 'no lease had to end')
    model.calls[0]?.say({ type: 'text', text: 'whole' }, FINISH)
    const final = await reach(context, id, 'completed')
    assert.equal(final.output_text, 'whole')
    const events = await eventsOf(await engine.events(ALICE, id, { after: -1 }))
    assert.deepEqual(grammarFaults(events), [])
  })
})

test('a job that kills every process that runs it is given up, and does not hold up the others', async () => {
  const path = fresh('poison.db')
  const one = { background: { concurrency: 1 } }
  const poison = await inProcess(path, async ({ create }) => idOf(await create({ background: true })))
  for (let crash = 0; crash < 3; crash++) {
    await inProcess(
      path,
      async (context) => {
        await context.engine.start()
        await callsOf(context, 1)
      },
      one,
    )
  }
  await inProcess(
    path,
    async (context) => {
      const other = idOf(await context.create({ background: true }))
      await context.engine.start()
      assert.equal((await reach(context, other, 'completed')).output_text, 'Done')
      const final = await context.retrieve(poison)
      assert.equal(final.status, 'failed')
      assert.match(final.error?.message ?? '', /stopped while it worked on this response \(3 times\)/)
      assert.equal(context.model.calls.length, 1)
      const events = await eventsOf(await context.engine.events(ALICE, poison, { after: -1 }))
      const error = events.find((event) => event.type === 'error')
      assert.equal(error?.code, 'attempts_exhausted')
    },
    { ...one, answer: answerWith('Done') },
  )
})

test('with on_crash "fail" a job is not run a second time', async () => {
  const path = fresh('fail.db')
  const options = { background: { onCrash: 'fail' as const } }
  const id = await inProcess(
    path,
    async (context) => {
      const created = await context.create({ background: true })
      await context.engine.start()
      await callsOf(context, 1)
      return idOf(created)
    },
    options,
  )
  await inProcess(
    path,
    async (context) => {
      await context.engine.start()
      while ((await context.retrieve(id)).status !== 'failed') await context.store.ping()
      assert.equal(context.model.calls.length, 0)
    },
    options,
  )
})

test('what had ended before a crash is the same afterwards, byte for byte', async () => {
  const path = fresh('ended.db')
  const before = await inProcess(
    path,
    async (context) => {
      const created = await context.create()
      assert.ok(created.kind === 'running')
      await created.run.ended
      const events = await eventsOf(await context.engine.events(ALICE, created.run.id, { after: -1 }))
      return { id: created.run.id, text: await context.engine.retrieve(ALICE, created.run.id), events }
    },
    { answer: answerWith('Hello 👋') },
  )
  await inProcess(path, async ({ engine }) => {
    await engine.start()
    assert.equal(await engine.retrieve(ALICE, before.id), before.text)
    assert.deepEqual(await eventsOf(await engine.events(ALICE, before.id, { after: -1 })), before.events)
  })
})
