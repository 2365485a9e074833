import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../store/store.ts'
import { createLogger } from '../telemetry/log.ts'
import { forget, type Retention } from './forget.ts'
import { fakeClock } from './testing/fake-clock.ts'

type Sweep = Store['upkeep']['sweep']

const RETENTION: Retention = { responses_days: 2, deleted_ms: 90_000, sweep_ms: 1000 }

/** Lets a store that sweeps as given be swept. */
function sweeping(sweep: Sweep) {
  const clock = fakeClock()
  const steps: Parameters<Sweep>[0][] = []
  const upkeep = {
    check: () => assert.fail('Nothing was to be checked.'),
    sweep: (options: Parameters<Sweep>[0]) => {
      steps.push(options)
      return sweep(options)
    },
  }
  const stop = new AbortController()
  let points = 0
  const ended = forget(
    { store: { upkeep }, clock, checkpoint: () => void points++, retention: RETENTION },
    { clock, logger: createLogger('silent'), signal: stop.signal },
  )
  return { clock, steps, points: () => points, stop: () => stop.abort(), ended }
}

test('every sweep_ms, what is older than its time is forgotten, in steps until none is left', async () => {
  const left = [200, 3, 0, 0]
  const { clock, steps, points } = sweeping(async () => left.shift() ?? assert.fail('one step too many'))
  await clock.pass(RETENTION.sweep_ms - 1)
  assert.equal(steps.length, 0)
  await clock.pass(1)
  const now_s = Math.floor(clock.now() / 1000)
  assert.deepEqual(steps, [{ createdBefore: now_s - 2 * 86_400, deletedBefore: now_s - 90, limit: 200 }])
  await clock.pass(100)
  assert.equal(steps.length, 3)
  assert.equal(points(), 2)
  await clock.pass(RETENTION.sweep_ms)
  assert.equal(steps.length, 4)
})

test('a sweep that fails is tried again in its time, and one that is stopped ends between two steps', async () => {
  let isFailing = true
  const { clock, steps, stop, ended } = sweeping(async () => {
    if (isFailing) throw new Error('The disk is gone.')
    return 200
  })
  await clock.pass(RETENTION.sweep_ms)
  isFailing = false
  await clock.pass(RETENTION.sweep_ms)
  assert.equal(steps.length, 2)
  stop()
  await ended
  assert.equal(steps.length, 2)
})
