import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { RetryBudget, RETRIES_MIN, RETRY_SHARE, WINDOW_MS } from './retry-budget.ts'

/** How many retries there still are at a time. */
function left(budget: RetryBudget, now_ms: number): number {
  let taken = 0
  while (budget.take(now_ms)) taken++
  return taken
}

test('a server without traffic may retry a few times in each window', () => {
  const budget = new RetryBudget()
  assert.equal(left(budget, 0), RETRIES_MIN)
  assert.equal(left(budget, WINDOW_MS - 5000), 0)
  assert.equal(left(budget, WINDOW_MS), RETRIES_MIN)
})

for (const { calls, retries } of [
  { calls: 600, retries: 60 },
  { calls: 609, retries: 60 },
  { calls: 610, retries: 61 },
  { calls: 1000, retries: 100 },
]) {
  test(`${calls} calls allow ${retries} retries`, () => {
    const budget = new RetryBudget()
    for (let call = 0; call < calls; call++) budget.count(call)
    assert.equal(left(budget, calls), retries)
  })
}

test('calls count until the window has passed over them', () => {
  const budget = new RetryBudget()
  for (let call = 0; call < 1000; call++) budget.count(0)
  assert.equal(left(new RetryBudget(), WINDOW_MS), RETRIES_MIN)
  for (let retry = 0; retry < 99; retry++) assert.ok(budget.take(WINDOW_MS - 1))
  assert.ok(budget.take(WINDOW_MS - 1))
  assert.ok(!budget.take(WINDOW_MS - 1))
  assert.ok(!budget.take(WINDOW_MS), 'the calls are forgotten, the retries not yet')
  assert.equal(left(budget, 2 * WINDOW_MS), RETRIES_MIN)
})

test('a clock that is set back gives nothing twice', () => {
  const budget = new RetryBudget()
  assert.equal(left(budget, 10 * WINDOW_MS), RETRIES_MIN)
  assert.equal(left(budget, 0), 0)
})

test('whenever a retry is granted, those of the window are few, or a small share of its calls', () => {
  const moments = fc.array(fc.record({ pass: fc.nat(7000), calls: fc.nat(300), retries: fc.nat(60) }), {
    size: 'large',
    maxLength: 80,
  })
  // The window slides in steps: at least so much of it is looked back on, and never more than the whole.
  const within = (times: readonly number[], now: number, ms: number) => times.filter((at) => at > now - ms).length
  fc.assert(
    fc.property(moments, (script) => {
      const budget = new RetryBudget()
      const [calls, retries] = [[] as number[], [] as number[]]
      let now = 0
      for (const moment of script) {
        now += moment.pass
        for (let call = 0; call < moment.calls; call++) {
          budget.count(now)
          calls.push(now)
        }
        const granted = Array.from({ length: moment.retries }, () => budget.take(now)).filter(Boolean)
        retries.push(...granted.map(() => now))
        if (granted.length === 0) continue
        const allowed = Math.max(RETRIES_MIN, RETRY_SHARE * within(calls, now, WINDOW_MS))
        assert.ok(within(retries, now, WINDOW_MS - 5000) <= allowed)
      }
    }),
    { numRuns: 200 },
  )
})
