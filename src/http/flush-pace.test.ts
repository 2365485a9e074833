import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test, type TestContext } from 'node:test'
import { createFlushPace, type FlushPace } from './flush-pace.ts'
import { fakeTimers } from './testing/fake-timers.ts'

/** For how long after a delta the next one may be held, in milliseconds: found out by asking. */
function holdOf(pace: FlushPace): number {
  const now_ms = performance.now()
  let gap_ms = 0
  while (pace.mayHold(now_ms - gap_ms, now_ms)) gap_ms += 0.5
  return gap_ms
}

/** A pace over a process that is as busy as the test says, with time that stands still. */
function begin(t: TestContext) {
  const timers = fakeTimers(t)
  const busy = { share: 0, looks: 0 }
  const pace = createFlushPace(() => {
    busy.looks++
    return busy.share
  })
  /** The hold once the process has been that busy. */
  const holdAt = (share: number) => {
    timers.tick(50)
    busy.share = share
    return holdOf(pace)
  }
  return { ...timers, busy, pace, holdAt }
}

const holds: readonly (readonly [share: number, hold_ms: number])[] = [
  [0, 0],
  [0.25, 0],
  [0.5, 0],
  [0.55, 11],
  [0.7, 14],
  [0.85, 17],
  [1, 20],
]
for (const [share, hold_ms] of holds) {
  test(`a process that is busy ${share * 100} % of its time holds deltas for ${hold_ms} ms`, (t) => {
    const { holdAt } = begin(t)
    assert.equal(holdAt(share), hold_ms)
  })
}

test('a process that holds goes on until it is calm: holding is what has made it less busy', (t) => {
  const { holdAt } = begin(t)
  assert.deepEqual([0.45, 0.55, 0.45, 0.3, 0.25, 0.45].map(holdAt), [0, 11, 9, 6, 0, 0])
})

test('a delta that comes later than the hold after the one before it is never held', (t) => {
  const { pace, holdAt } = begin(t)
  holdAt(1)
  const now_ms = performance.now()
  assert.equal(pace.mayHold(now_ms - 20, now_ms), false)
  assert.equal(pace.mayHold(now_ms - 19.9, now_ms), true)
  assert.equal(pace.mayHold(Number.NEGATIVE_INFINITY, now_ms), false, 'the first of a stream')
})

test('a look is good for 50 ms, however often it is asked for', (t) => {
  const { pace, busy, tick } = begin(t)
  busy.share = 1
  assert.equal(holdOf(pace), 20, 'the first look')
  busy.share = 0
  for (let ms = 1; ms < 50; ms++) {
    tick(1)
    assert.equal(holdOf(pace), 20)
  }
  assert.equal(busy.looks, 1)
  tick(1)
  assert.equal(holdOf(pace), 0)
  assert.equal(busy.looks, 2)
})

test('all that waits goes out at one tick, in the order in which it came', (t) => {
  const { pace, holdAt, tick, count } = begin(t)
  assert.equal(holdAt(1), 20)
  const acts: string[] = []
  pace.later(() => acts.push('a'))
  tick(15)
  pace.later(() => acts.push('b'))
  assert.equal(count(), 1, 'one timer for all')
  tick(4)
  assert.deepEqual(acts, [])
  tick(1)
  assert.deepEqual(acts, ['a', 'b'])
  tick(1000)
  assert.deepEqual([acts, count()], [['a', 'b'], 0])
})

test('what comes amid a tick waits for the next one', (t) => {
  const { pace, holdAt, tick } = begin(t)
  holdAt(1)
  const acts: string[] = []
  pace.later(() => {
    acts.push('a')
    pace.later(() => acts.push('b'))
  })
  pace.later(() => acts.push('c'))
  tick(20)
  assert.deepEqual(acts, ['a', 'c'])
  tick(19)
  assert.deepEqual(acts, ['a', 'c'])
  tick(1)
  assert.deepEqual(acts, ['a', 'c', 'b'])
})

test('the tick comes after the hold that was last told, and after 5 ms where nothing need be held any more', (t) => {
  const { pace, holdAt, tick } = begin(t)
  for (const { share, wait_ms } of [
    { share: 0.85, wait_ms: 17 },
    { share: 0, wait_ms: 5 },
  ]) {
    holdAt(share)
    let isOut = false
    pace.later(() => (isOut = true))
    tick(wait_ms - 0.1)
    assert.equal(isOut, false)
    tick(0.2)
    assert.equal(isOut, true)
  }
})

test('without another measure it is the share of the event loop since the last look', (t) => {
  const { tick } = fakeTimers(t)
  const loop = { active: 1000, idle: 9000 }
  const measure = (...[now, last]: readonly (typeof loop)[]) => {
    const active = (now ?? loop).active - (last?.active ?? 0)
    const idle = (now ?? loop).idle - (last?.idle ?? 0)
    return { active, idle, utilization: active / (active + idle) }
  }
  t.mock.method(performance, 'eventLoopUtilization', measure)
  const pace = createFlushPace()
  const holds = [
    { active: 100, idle: 0, hold_ms: 20 },
    { active: 20, idle: 80, hold_ms: 0 },
    { active: 85, idle: 15, hold_ms: 17 },
  ]
  for (const { active, idle, hold_ms } of holds) {
    tick(50)
    loop.active += active
    loop.idle += idle
    assert.equal(holdOf(pace), hold_ms)
  }
})
