import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { fakeClock, settled } from './testing/fake-clock.ts'
import { FINISH } from './testing/scripted-model.ts'
import { BACKGROUND, idOf, LIMITS, testEngine } from './testing/test-engine.ts'

const HOUR_MS = 3_600_000

/** An engine at work on a machine whose date can be set, while its timers go on as they did. */
async function fresh() {
  const steady = fakeClock()
  let shift_ms = 0
  const clock = { ...steady, now: () => steady.now() + shift_ms }
  const context = testEngine(openMemoryStore(clock.now), { clock })
  await context.engine.start()
  return {
    ...context,
    setDate(by_ms: number) {
      shift_ms += by_ms
    },
  }
}

const JUMPS = [
  { what: 'forward by a day', by_ms: 24 * HOUR_MS },
  { what: 'back by four hours', by_ms: -4 * HOUR_MS },
] as const

for (const { what, by_ms } of JUMPS) {
  test(`T-01: a date that is set ${what} ends nothing that runs, and nothing is begun twice`, async () => {
    const { create, clock, model, retrieve, setDate, stop } = await fresh()
    const job = idOf(await create({ background: true }))
    const foreground = idOf(await create({ stream: true }))
    for (const call of model.calls) call.say({ type: 'text', text: 'Half' })
    await settled()
    setDate(by_ms)
    await clock.pass(BACKGROUND.lease_ms * 4)
    assert.equal(model.calls.length, 2)
    for (const call of model.calls) call.say({ type: 'text', text: ' and half' }, FINISH)
    await settled()
    for (const id of [job, foreground]) {
      const { status, output_text } = await retrieve(id)
      assert.deepEqual([status, output_text], ['completed', 'Half and half'])
    }
    await stop()
  })

  test(`T-01: a date that is set ${what} makes no job immortal: it has the time that it had`, async () => {
    const { create, clock, retrieve, setDate, stop } = await fresh()
    const job = idOf(await create({ background: true }))
    await clock.pass(LIMITS.response_ms / 2)
    setDate(by_ms)
    await clock.pass(LIMITS.response_ms / 2 - 1)
    assert.equal((await retrieve(job)).status, 'in_progress')
    await clock.pass(1)
    await settled()
    assert.equal((await retrieve(job)).status, 'failed')
    await stop()
  })

  test(`T-01: a job that is accepted after the date was set ${what} runs`, async () => {
    const { create, clock, model, retrieve, setDate, stop } = await fresh()
    setDate(by_ms)
    const job = idOf(await create({ background: true }))
    await clock.pass(BACKGROUND.sweep_ms)
    model.calls[0]?.say({ type: 'text', text: 'Done' }, FINISH)
    await settled()
    assert.equal((await retrieve(job)).status, 'completed')
    await stop()
  })
}
