import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from './clock.ts'

test('sleep() rejects with the reason of a signal that fired before, without a timer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const reason = new Error('gone')
  await assert.rejects(systemClock.sleep(1, AbortSignal.abort(reason)), reason)
  await assert.rejects(systemClock.sleep(1, AbortSignal.abort('no error')), /Aborted/)
})

test('sleep() ends at its time, neither sooner nor for a signal that fires later', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const control = new AbortController()
  let isAwake = false
  const sleep = systemClock.sleep(1000, control.signal).then(() => {
    isAwake = true
  })
  t.mock.timers.tick(999)
  await Promise.resolve()
  assert.equal(isAwake, false)
  t.mock.timers.tick(1)
  await sleep
  control.abort()
  assert.equal(isAwake, true)
})

test('sleep() wakes at once when its signal fires', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const control = new AbortController()
  const reason = new Error('stop')
  const sleep = systemClock.sleep(1000, control.signal)
  control.abort(reason)
  await assert.rejects(sleep, reason)
})

test('after() acts once at its time, and not at all where it was called off', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const acts: string[] = []
  systemClock.after(1000, () => acts.push('kept'))
  const callOff = systemClock.after(1000, () => acts.push('called off'))
  t.mock.timers.tick(999)
  assert.deepEqual(acts, [])
  callOff()
  t.mock.timers.tick(5000)
  assert.deepEqual(acts, ['kept'])
  callOff()
})

test('now() is Unix time in milliseconds', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_123 })
  assert.equal(systemClock.now(), 1_700_000_000_123)
})
