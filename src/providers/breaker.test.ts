import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Breaker, COOL_DOWN_MS, FAILING_MS_MIN, FAILURES_MAX, type Verdict } from './breaker.ts'

/** A breaker whose calls have all failed, the first of them a while ago. */
function failing(times: number, now_ms: number): Breaker {
  const breaker = new Breaker()
  breaker.judge(breaker.begin(now_ms), 'fails', now_ms - FAILING_MS_MIN)
  for (let call = 1; call < times; call++) breaker.judge(breaker.begin(now_ms), 'fails', now_ms)
  return breaker
}

test('it opens after so many failures in a row, and not one before', () => {
  assert.equal(failing(FAILURES_MAX - 1, 5).wait_ms(5), 0)
  assert.equal(failing(FAILURES_MAX, 5).wait_ms(5), COOL_DOWN_MS)
})

test('it does not open for what has lasted a moment only, however much that has broken off', () => {
  const breaker = new Breaker()
  const fail = (now_ms: number) => breaker.judge(breaker.begin(now_ms), 'fails', now_ms)
  for (let call = 0; call < 10 * FAILURES_MAX; call++) fail(call % FAILING_MS_MIN)
  assert.equal(breaker.wait_ms(FAILING_MS_MIN - 1), 0)
  fail(FAILING_MS_MIN)
  assert.equal(breaker.wait_ms(FAILING_MS_MIN), COOL_DOWN_MS)
})

test('an answer in between starts the count anew; silence does not', () => {
  for (const [verdict, wait_ms] of [
    ['works', 0],
    ['silent', COOL_DOWN_MS],
  ] as const) {
    const breaker = failing(FAILURES_MAX - 1, 5)
    breaker.judge(breaker.begin(5), verdict)
    breaker.judge(breaker.begin(5), 'fails', 5)
    assert.equal(breaker.wait_ms(5), wait_ms, verdict)
  }
})

test('after the cool-down one call tries, and no other until it has told', () => {
  const breaker = failing(FAILURES_MAX, 0)
  assert.equal(breaker.wait_ms(COOL_DOWN_MS - 1), 1)
  assert.equal(breaker.wait_ms(COOL_DOWN_MS), 0)
  const probe = breaker.begin(COOL_DOWN_MS)
  assert.equal(breaker.wait_ms(COOL_DOWN_MS), COOL_DOWN_MS)
  breaker.judge(probe, 'works')
  assert.equal(breaker.wait_ms(COOL_DOWN_MS), 0)
  breaker.judge(breaker.begin(COOL_DOWN_MS), 'fails', COOL_DOWN_MS)
  assert.equal(breaker.wait_ms(COOL_DOWN_MS), 0, 'the count has started anew')
})

test('a try that fails starts the cool-down anew, from when it failed', () => {
  const breaker = failing(FAILURES_MAX, 0)
  breaker.judge(breaker.begin(COOL_DOWN_MS), 'fails', COOL_DOWN_MS + 3000)
  assert.equal(breaker.wait_ms(COOL_DOWN_MS + 3000), COOL_DOWN_MS)
})

test('a try that tells nothing, as its client has left, leaves its place to the next', () => {
  const breaker = failing(FAILURES_MAX, 0)
  breaker.judge(breaker.begin(COOL_DOWN_MS), 'silent')
  assert.equal(breaker.wait_ms(COOL_DOWN_MS), 0)
})

test('a try that hangs is followed by another, and what it tells then counts no more', () => {
  const breaker = failing(FAILURES_MAX, 0)
  const hung = breaker.begin(COOL_DOWN_MS)
  const second = breaker.begin(2 * COOL_DOWN_MS)
  breaker.judge(hung, 'works')
  assert.equal(breaker.wait_ms(2 * COOL_DOWN_MS), COOL_DOWN_MS)
  breaker.judge(second, 'works')
  assert.equal(breaker.wait_ms(2 * COOL_DOWN_MS), 0)
})

test('calls from before it opened tell nothing new', () => {
  const breaker = new Breaker()
  const early = breaker.begin(0)
  const late = Array.from({ length: FAILURES_MAX }, () => breaker.begin(0))
  for (const [index, call] of late.entries()) breaker.judge(call, 'fails', index === 0 ? -FAILING_MS_MIN : 0)
  breaker.judge(early, 'works')
  assert.equal(breaker.wait_ms(0), COOL_DOWN_MS)
  breaker.judge(early, 'fails', 5000)
  assert.equal(breaker.wait_ms(COOL_DOWN_MS), 0, 'nor is the cool-down any longer for them')
})

test('a clock that is set back keeps nobody out for longer than the cool-down', () => {
  assert.equal(failing(FAILURES_MAX, 3_600_000).wait_ms(0), 0)
})

/** One thing that happens: time, a call that begins where one may, or a call that tells. */
type Step = { pass: number } | { begin: true } | { call: number; verdict: Verdict }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.record({ pass: fc.integer({ min: 0, max: COOL_DOWN_MS }) }) },
    { weight: 5, arbitrary: fc.constant({ begin: true } as const) },
    {
      weight: 5,
      arbitrary: fc.record({
        call: fc.nat(40),
        verdict: fc.constantFrom<Verdict>('fails', 'fails', 'fails', 'fails', 'silent', 'works'),
      }),
    },
  ),
  { size: 'large', maxLength: 200 },
)

/** What became of a call. */
interface Seen {
  readonly era: number
  readonly at: number
  told?: Verdict
}

/** Plays the steps. `look` is called after each of them. */
function play(script: readonly Step[], look: (state: Readonly<Played>) => void): void {
  const state: Played = { breaker: new Breaker(), now: 0, calls: [], failures: [], isOpen: false, probes: [] }
  for (const step of script) {
    if ('pass' in step) state.now += step.pass
    else if ('begin' in step) beginCall(state)
    else tell(state, step)
    state.isOpen ||= state.breaker.wait_ms(state.now) > 0
    look(state)
  }
}

interface Played {
  readonly breaker: Breaker
  readonly calls: Seen[]
  /** Calls that began while it was open. */
  readonly probes: Seen[]
  now: number
  /** When calls have failed since the last answer. */
  failures: number[]
  isOpen: boolean
}

function beginCall(state: Played): void {
  if (state.breaker.wait_ms(state.now) > 0) return
  const call = { era: state.breaker.begin(state.now), at: state.now }
  state.calls.push(call)
  if (state.isOpen) state.probes.push(call)
}

function tell(state: Played, step: { call: number; verdict: Verdict }): void {
  const call = state.calls[step.call]
  if (call === undefined || call.told !== undefined) return
  call.told = step.verdict
  state.breaker.judge(call.era, step.verdict, state.now)
  if (step.verdict === 'fails') state.failures.push(state.now)
  const isProbe = state.probes.at(-1) === call
  if (step.verdict === 'works' && (!state.isOpen || isProbe)) {
    state.failures = []
    if (isProbe) state.isOpen = false
  }
}

test('whatever happens: it opens only after enough failures, and then lets one call through at a time', () => {
  fc.assert(
    fc.property(steps, (script) => {
      let wasOpen = false
      play(script, ({ breaker, now, failures, isOpen, probes }) => {
        assert.ok(breaker.wait_ms(now) <= COOL_DOWN_MS)
        if (isOpen && !wasOpen) {
          assert.ok(failures.length >= FAILURES_MAX)
          assert.ok(now - (failures[0] ?? now) >= FAILING_MS_MIN)
        }
        wasOpen = isOpen
        const [last, earlier] = [probes.at(-1), probes.at(-2)]
        if (last === undefined || earlier === undefined || (earlier.told !== undefined && earlier.told !== 'fails'))
          return
        assert.ok(last.at - earlier.at >= COOL_DOWN_MS)
      })
    }),
    { numRuns: 500 },
  )
})

test('whatever has happened: after the cool-down a call is let through, and its answer lets all others through', () => {
  fc.assert(
    fc.property(steps, (script) => {
      let last: Readonly<Played> | undefined
      play(script, (state) => (last = state))
      if (last === undefined) return
      const { breaker, now } = last
      assert.equal(breaker.wait_ms(now + COOL_DOWN_MS), 0)
      breaker.judge(breaker.begin(now + COOL_DOWN_MS), 'works')
      for (let call = 0; call < 3; call++) {
        assert.equal(breaker.wait_ms(now + COOL_DOWN_MS), 0)
        breaker.begin(now + COOL_DOWN_MS)
      }
    }),
    { numRuns: 500 },
  )
})
