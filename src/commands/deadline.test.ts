import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, settled } from '../engine/testing/fake-clock.ts'
import { isInTime } from './deadline.ts'

function fresh() {
  const [clock, hurry, stop] = [fakeClock(), new AbortController(), Promise.withResolvers<void>()]
  const inTime = isInTime(stop.promise, { given_ms: 10_000, hurry: hurry.signal, clock })
  let answer: boolean | undefined
  void inTime.then(
    (isWhole) => (answer = isWhole),
    () => {},
  )
  return { clock, hurry, stop, inTime, answer: () => answer }
}

test('a stop that is over is in time, and leaves no timer behind', async () => {
  const { clock, stop, inTime } = fresh()
  await clock.pass(14_499)
  stop.resolve()
  assert.equal(await inTime, true)
  await settled()
  assert.deepEqual(clock.sleepers(), [])
})

test('a stop that hangs is waited for 4.5 seconds longer than it may take', async () => {
  const { clock, answer } = fresh()
  await clock.pass(14_499)
  assert.equal(answer(), undefined)
  await clock.pass(1)
  assert.equal(answer(), false)
})

test('in a hurry it is waited for 4.5 seconds', async () => {
  const { clock, hurry, answer } = fresh()
  await clock.pass(1000)
  hurry.abort()
  await clock.pass(4499)
  assert.equal(answer(), undefined)
  await clock.pass(1)
  assert.equal(answer(), false)
})

test('a stop that fails has failed', async () => {
  const { stop, inTime } = fresh()
  stop.reject(new Error('The disk is gone.'))
  await assert.rejects(inTime, /disk is gone/)
})
