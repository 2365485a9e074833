import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, settled } from '../engine/testing/fake-clock.ts'
import { drain, type StopOptions } from './drain.ts'
import { createStage } from './stage.ts'

/** A server of fakes that is being stopped, and all that was done to it, in order. */
async function stopping(options: StopOptions, { answers = 0, runsEnd = true } = {}) {
  const clock = fakeClock()
  const stage = createStage()
  const done: string[] = []
  const [runs, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const note =
    <Result>(what: string, result: Result) =>
    () => {
      done.push(`${what} while ${stage.phase()}`)
      return result
    }
  if (runsEnd) runs.resolve()
  if (answers === 0) answered.resolve()
  const connections = {
    announceEnd: note('announce', undefined),
    hangUp: note('hang up', undefined),
    cut: note('cut', undefined),
    answered: () => answered.promise,
  }
  const engine = {
    pause: note('pause', undefined),
    drain: (ms: number) => {
      done.push(`drain ${ms}`)
      void clock.sleep(ms, new AbortController().signal).then(runs.resolve)
      return runs.promise
    },
  }
  const app = { close: note('close', Promise.resolve()) }
  const over = drain({ app, connections, stage, engine, clock, drain_ms: 10_000 }, options).then(() =>
    done.push('over'),
  )
  await settled()
  return { clock, stage, done, over, runs, answered }
}

const QUIET = ['pause while lame-duck', 'announce while lame-duck']
const CLOSED = ['close while draining', 'hang up while draining']

test('requests are taken for a while, then nothing is taken, then nothing is left', async () => {
  const { clock, done, over } = await stopping({ lameDuck_ms: 5000 })
  await clock.pass(4999)
  assert.deepEqual(done, QUIET)
  await clock.pass(1)
  await over
  assert.deepEqual(done, [...QUIET, ...CLOSED, 'drain 10000', 'cut while stopped', 'over'])
})

test('without a lame duck, a server with nothing to do stops at once', async () => {
  const { clock, done, over } = await stopping({})
  await clock.pass(0)
  await over
  assert.equal(done.at(-1), 'over')
})

test('what is passed on without a run has the drain time, and then the time of its last words', async () => {
  const { clock, done, stage, over } = await stopping({}, { answers: 1 })
  await clock.pass(0)
  await clock.pass(9999)
  assert.equal(stage.phase(), 'draining')
  await clock.pass(1)
  assert.equal(stage.phase(), 'stopped')
  await clock.pass(1499)
  assert.ok(!done.includes('cut while stopped'))
  await clock.pass(1)
  await over
  assert.deepEqual(done.slice(-2), ['cut while stopped', 'over'])
})

test('nobody is cut before the last words are written, and nobody is waited for longer', async () => {
  const { clock, done, over, answered } = await stopping({}, { answers: 1, runsEnd: false })
  await clock.pass(0)
  await clock.pass(10_500)
  answered.resolve()
  await over
  assert.deepEqual(done.slice(-2), ['cut while stopped', 'over'])
  assert.deepEqual(clock.sleepers(), [])
})

for (const { when, wait_ms } of [
  { when: 'as a lame duck', wait_ms: 1000 },
  { when: 'while it drains', wait_ms: 6000 },
]) {
  test(`in a hurry ${when}, what runs is ended at once, and its last words are written`, async () => {
    const hurry = new AbortController()
    const options = { lameDuck_ms: 5000, hurry: hurry.signal }
    const { clock, done, stage, over, answered } = await stopping(options, { answers: 1, runsEnd: false })
    await clock.pass(wait_ms)
    hurry.abort(new Error('A second signal.'))
    await settled()
    await clock.pass(0)
    assert.equal(stage.phase(), 'stopped')
    assert.ok(done.includes('drain 0'))
    answered.resolve()
    await over
    assert.deepEqual(done.slice(-2), ['cut while stopped', 'over'])
  })
}
