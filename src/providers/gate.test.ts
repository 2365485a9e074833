import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError, type UpstreamFault, type UpstreamProblem } from '../core/upstream-error.ts'
import { fakeClock } from '../engine/testing/fake-clock.ts'
import { COOL_DOWN_MS, FAILING_MS_MIN, FAILURES_MAX } from './breaker.ts'
import { createGate, REST_MS_MAX, RESTS_MAX, type GateOptions } from './gate.ts'
import type { Pass, Refusal } from './routing.ts'

const somebody = { signal: new AbortController().signal, isPatient: false }

function fault(problem: Partial<UpstreamProblem>): UpstreamError {
  return new UpstreamError({ fault: 'unavailable', message: 'It failed.', ...problem })
}

function begin(options: Partial<GateOptions> = {}) {
  const clock = fakeClock()
  const gate = createGate({ clock, ...options })
  const pass = (model = 'm'): Pass => {
    const entered = gate.enter(model, somebody)
    assert.ok(typeof entered === 'number')
    return entered
  }
  const refusal = (model = 'm'): Refusal => {
    const entered = gate.enter(model, somebody)
    assert.ok(typeof entered === 'object' && 'reason' in entered)
    return entered
  }
  /** Enough calls fail, one after the other. */
  const fail = async (problem: Partial<UpstreamProblem> = {}) => {
    for (let call = 0; call < FAILURES_MAX; call++) {
      if (call === 1) await clock.pass(FAILING_MS_MIN)
      gate.leave(pass(), 'm', fault(problem))
    }
  }
  return { clock, gate, pass, refusal, fail }
}

const verdicts: readonly (readonly [UpstreamFault, 'opens' | 'does not open'])[] = [
  ['unavailable', 'opens'],
  ['timeout', 'opens'],
  ['rate_limited', 'does not open'],
  ['auth', 'does not open'],
  ['model_not_found', 'does not open'],
  ['bad_request', 'does not open'],
  ['invalid_response', 'does not open'],
]
for (const [name, effect] of verdicts) {
  test(`a provider that fails as ${name} again and again ${effect} the breaker`, async () => {
    const { fail, pass, refusal } = begin()
    await fail({ fault: name })
    if (effect === 'opens') assert.deepEqual(refusal(), { reason: 'failing', wait_ms: COOL_DOWN_MS })
    else pass()
  })
}

test('a provider that has begun to answer works, however the answer goes on', async () => {
  const { gate, pass, clock } = begin()
  for (let call = 0; call < 2 * FAILURES_MAX; call++) {
    await clock.pass(FAILING_MS_MIN)
    const taken = pass()
    if (call % 2 === 0) gate.answered(taken)
    gate.leave(taken, 'm', call % 2 === 0 ? undefined : fault({}))
  }
  pass()
})

test('a try whose client has left leaves its place to the next', async () => {
  const { fail, gate, pass, refusal, clock } = begin()
  await fail()
  await clock.pass(COOL_DOWN_MS)
  const taken = pass()
  refusal()
  gate.leave(taken, 'm')
  pass()
})

test('U-19: a model that is limited rests for as long as the provider says, and no other rests with it', async () => {
  const { gate, pass, refusal, clock } = begin()
  gate.leave(pass('slow'), 'slow', fault({ fault: 'rate_limited', retryAfter_ms: 7000 }))
  gate.leave(pass('other'), 'other', fault({ fault: 'rate_limited' }))
  assert.deepEqual(refusal('slow'), { reason: 'limited', wait_ms: 7000 })
  pass('other')
  await clock.pass(6900)
  assert.deepEqual(refusal('slow'), { reason: 'limited', wait_ms: 100 })
  await clock.pass(99)
  pass('slow') // Whoever has waited for it is woken by a timer, and those come a millisecond early at times.
})

test('no rest is longer than what a client may be asked to wait', () => {
  const { gate, pass, refusal } = begin()
  gate.leave(pass(), 'm', fault({ fault: 'rate_limited', retryAfter_ms: 3_600_000 }))
  assert.deepEqual(refusal(), { reason: 'limited', wait_ms: REST_MS_MAX })
})

test('names that clients have made up do not fill the memory', async () => {
  const { gate, pass, refusal, clock } = begin()
  const limit = (model: string) => gate.leave(pass(model), model, fault({ fault: 'rate_limited', retryAfter_ms: 5000 }))
  for (let model = 0; model < RESTS_MAX; model++) limit(`m${model}`)
  limit('one too many')
  pass('one too many')
  await clock.pass(5000)
  limit('one more')
  refusal('one more')
})

test('calls beyond the concurrency wait for a turn, then are told that it is busy', async () => {
  const { gate, pass, clock } = begin({ concurrency: 1, queue_ms: 3000 })
  const first = pass()
  const [second, third] = [gate.enter('m', somebody), gate.enter('m', somebody)]
  gate.leave(first, 'm')
  assert.equal(typeof (await second), 'number')
  await clock.pass(3000)
  assert.deepEqual(await third, { reason: 'busy', wait_ms: 2000 })
})

test('a turn that comes when the provider is left alone is given up, and so are all that wait', async () => {
  const { gate, pass, clock } = begin({ concurrency: 2 })
  const calls = [pass(), pass()]
  const waiting = Array.from({ length: 20 }, () => Promise.resolve(gate.enter('m', somebody)))
  gate.leave(calls[0] ?? 0, 'm', fault({}))
  await clock.pass(FAILING_MS_MIN)
  gate.leave(calls[1] ?? 0, 'm', fault({}))
  const heard = waiting.map((entering) =>
    entering.then((entered) => {
      if (typeof entered === 'number') gate.leave(entered, 'm', fault({}))
      return entered
    }),
  )
  const told = await Promise.all(heard)
  const refused = told.filter((entered) => typeof entered !== 'number')
  assert.equal(refused.length, 22 - FAILURES_MAX)
  assert.deepEqual(refused[0], { reason: 'failing', wait_ms: COOL_DOWN_MS })
  await clock.pass(COOL_DOWN_MS)
  gate.answered(pass())
  pass()
  assert.ok(gate.enter('m', somebody) instanceof Promise, 'no place was lost')
})

test('a breaker that is open lets nobody wait for a turn', async () => {
  const { fail, refusal } = begin({ concurrency: 1 })
  await fail()
  assert.equal(refusal().reason, 'failing')
})

test('retries are a small share of the calls that were let through', () => {
  const { gate, pass } = begin()
  for (let call = 0; call < 1000; call++) gate.leave(pass(), 'm')
  let retries = 0
  while (gate.grantsRetry()) retries++
  assert.equal(retries, 100)
})
