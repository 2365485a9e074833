import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { UpstreamFault } from '../core/upstream-error.ts'
import type { ModelEvent } from '../core/model-event.ts'
import type { PreparedCall } from '../providers/adapter.ts'
import { COOL_DOWN_MS, FAILING_MS_MIN, FAILURES_MAX } from '../providers/breaker.ts'
import { settled } from './testing/fake-clock.ts'
import { FINISH } from './testing/scripted-model.ts'
import { fault, HELLO, tries, turnStage, type TurnOptions, type TurnStage } from './testing/turn-stage.ts'
import { ATTEMPTS_MAX } from './turn.ts'

const ANSWER: readonly ModelEvent[] = [HELLO, FINISH]

/** Runs one turn in the background. */
function begin(call: PreparedCall, options: TurnOptions = {}) {
  const stage = turnStage(call, options)
  return { ...stage, again: stage.begin, ...stage.begin() }
}

const faults: readonly (readonly [UpstreamFault, boolean])[] = [
  ['unavailable', true],
  ['rate_limited', true],
  ['timeout', true],
  ['auth', true],
  ['model_not_found', true],
  ['bad_request', false],
  ['invalid_response', false],
]
for (const [name, isHelped] of faults) {
  test(`after ${name} another model is ${isHelped ? 'asked, at once' : 'not asked'}`, async () => {
    const failure = fault({ fault: name, retryAfter_ms: 3_600_000 })
    const other = tries([ANSWER])
    const turn = begin(tries([[], failure]).call, { others: [other.call] })
    if (isHelped) await turn.ended
    else await assert.rejects(turn.ended, failure)
    assert.equal(other.sent(), isHelped ? 1 : 0)
    const told = ['sent 1', 'accepted', `failed: ${name}`]
    assert.deepEqual(turn.told, isHelped ? [...told, 'sent 2', 'begun'] : told)
  })
}

test('after the first event no other model is asked', async () => {
  const other = tries([ANSWER])
  const turn = begin(tries([[HELLO], fault()]).call, { others: [other.call] })
  await assert.rejects(turn.ended, fault())
  assert.deepEqual([other.sent(), turn.batches], [0, [[HELLO]]])
})

test('at most three calls are made for one request, and the client is told of the model that it asked for', async () => {
  const first = tries([fault({ fault: 'rate_limited', message: 'Slow down.', retryAfter_ms: 9000 })])
  const others = [tries([fault({ fault: 'auth' })]), tries([fault({ fault: 'model_not_found', accepted: true })])]
  const fourth = tries([ANSWER])
  const turn = begin(first.call, { others: [...others.map(({ call }) => call), fourth.call] })
  await assert.rejects(turn.ended, {
    name: 'ApiError',
    type: 'rate_limit_error',
    message: 'Slow down.',
    headers: { 'retry-after': '9', 'x-should-retry': 'false' },
  })
  assert.equal(fourth.sent(), 0)
  assert.deepEqual(
    turn.logger.lines.map(({ level, facts }) => [level, facts['attempt'], facts['fault']]),
    [
      ['warn', 1, 'rate_limited'],
      ['warn', 2, 'auth'],
      ['warn', 3, 'model_not_found'],
    ],
  )
})

test('the last model is tried again, and its answer is the answer', async () => {
  const last = tries([fault()], [ANSWER])
  const turn = begin(tries([fault()]).call, { others: [last.call] })
  await turn.clock.pass(1000)
  await turn.ended
  assert.deepEqual([last.sent(), turn.batches], [2, [ANSWER]])
})

/** A call that fails until its provider is left alone. */
function failing(): PreparedCall {
  return tries(...Array.from({ length: FAILURES_MAX }, () => [fault({ fault: 'timeout' })]), [ANSWER]).call
}

/** Runs turns until the provider is left alone. */
async function leaveAlone(stage: TurnStage): Promise<void> {
  for (let turn = 0; turn < FAILURES_MAX; turn++) {
    if (turn === 1) await stage.clock.pass(FAILING_MS_MIN)
    await stage.begin().ended.catch(() => {})
  }
}

test('a provider that is left alone is passed over, and such a call is no attempt', async () => {
  const other = tries(...Array.from({ length: FAILURES_MAX + 1 }, () => [ANSWER]))
  const stage = turnStage(failing(), { others: [other.call] })
  await leaveAlone(stage)
  const before = stage.told.length
  await stage.begin().ended
  assert.deepEqual(stage.told.slice(before), ['refused: failing', 'sent 1', 'begun'])
})

test('where nobody else can be asked, a provider that is left alone is a 503 that says until when', async () => {
  const stage = turnStage(failing())
  await leaveAlone(stage)
  await stage.clock.pass(4000)
  await assert.rejects(stage.begin().ended, {
    status: 503,
    code: 'upstream_unavailable',
    message: /has failed again and again/,
    headers: { 'retry-after': '6' },
  })
  await stage.clock.pass(6000)
  await stage.begin().ended
})

test('a provider that has begun to answer is let have other calls, and is not left alone for breaking off', async () => {
  const time = Promise.withResolvers<void>()
  const breaking = Array.from({ length: FAILURES_MAX + 1 }, () => [[HELLO], fault()])
  const broken = turnStage(tries(...breaking).call)
  await leaveAlone(broken)
  assert.ok(!broken.told.includes('refused: failing'))
  await assert.rejects(broken.begin().ended, fault())
  assert.equal(broken.told.at(-2), 'begun')

  const recovering = turnStage(failing(), { say: () => time.promise })
  await leaveAlone(recovering)
  await recovering.clock.pass(COOL_DOWN_MS)
  recovering.begin()
  await settled()
  recovering.begin()
  await settled()
  assert.deepEqual(recovering.told.slice(-3), ['sent 1', 'begun', 'sent 1'])
  time.resolve()
})

test('that another model could not be asked is no news to the client', async () => {
  const limited = fault({ fault: 'rate_limited', message: 'Slow down.' })
  const stage = turnStage(tries([limited]).call, { others: [failing()] })
  const [, other] = stage.gates
  const somebody = { signal: new AbortController().signal, isPatient: false }
  for (let call = 0; call < FAILURES_MAX; call++) {
    if (call === 1) await stage.clock.pass(FAILING_MS_MIN)
    other?.leave(Number(other.enter('other 1', somebody)), 'other 1', fault())
  }
  await assert.rejects(stage.begin().ended, { type: 'rate_limit_error', message: 'Slow down.' })
  assert.equal(stage.told.at(-1), 'refused: failing')
})

test('a rest that is prolonged again and again is waited for twice', async () => {
  const stage = turnStage(tries().call)
  const [gate] = stage.gates
  const limited = fault({ fault: 'rate_limited', retryAfter_ms: 3000 })
  const pass = Number(gate?.enter('model', { signal: new AbortController().signal, isPatient: false }))
  const rest = () => gate?.leave(pass, 'model', limited)
  rest()
  const turn = stage.begin()
  for (let wait = 0; wait < 3; wait++) {
    await stage.clock.pass((stage.clock.sleepers()[0] ?? 1) - 1)
    rest()
    await stage.clock.pass(1)
  }
  await assert.rejects(turn.ended, { type: 'rate_limit_error', headers: { 'retry-after': '3' } })
  assert.equal(stage.told.filter((line) => line === 'refused: limited').length, 3)
})

test('a job waits for a provider that is left alone, as long as it has time', async () => {
  const stage = turnStage(failing(), { response_ms: COOL_DOWN_MS })
  await leaveAlone(stage)
  await stage.clock.pass(1)
  const [job, late] = [stage.begin({ isPatient: true }), stage.begin({ isPatient: true })]
  await stage.clock.pass(COOL_DOWN_MS - 1)
  await job.ended
  await late.ended
})

const rests = [
  { retryAfter_ms: 9000, isWaitedFor: true },
  { retryAfter_ms: 10_001, isWaitedFor: false },
]
for (const { retryAfter_ms, isWaitedFor } of rests) {
  test(`a model that rests for ${retryAfter_ms} ms is ${isWaitedFor ? '' : 'not '}waited for by others`, async () => {
    const limited = fault({ fault: 'rate_limited', retryAfter_ms })
    const stage = turnStage(tries([limited], [ANSWER], [ANSWER]).call)
    const [first, second] = [stage.begin(), stage.begin()]
    await settled()
    const third = stage.begin()
    await stage.clock.pass(retryAfter_ms)
    if (isWaitedFor) await Promise.all([first.ended, second.ended, third.ended])
    else await assert.rejects(third.ended, { status: 429, headers: { 'retry-after': '11' } })
    assert.ok(stage.told.includes('refused: limited'))
  })
}

test('beyond the concurrency a call waits for its turn, then turns to another model, or is told so', async () => {
  const time = Promise.withResolvers<void>()
  const slow: PreparedCall = { warnings: [], send: () => time.promise }
  const other = tries([ANSWER])
  const stage = turnStage(slow, { others: [other.call], concurrency: 1, queue_ms: 3000 })
  stage.begin()
  const second = stage.begin()
  await stage.clock.pass(2999)
  assert.equal(other.sent(), 0)
  await stage.clock.pass(1)
  await second.ended
  const alone = turnStage(slow, { concurrency: 1, queue_ms: 0 })
  alone.begin()
  await assert.rejects(alone.begin().ended, {
    status: 503,
    code: 'upstream_unavailable',
    message: /as many calls/,
    headers: { 'retry-after': '2' },
  })
})

test('a call that is stopped while it waits for its turn leaves the queue', async () => {
  const time = Promise.withResolvers<void>()
  const { call, sent } = tries([ANSWER])
  let calls = 0
  const slow: PreparedCall = {
    warnings: [],
    send: (signal, say) => (calls++ === 0 ? time.promise : call.send(signal, say)),
  }
  const stage = turnStage(slow, { concurrency: 1 })
  const first = stage.begin()
  const [left, next] = [stage.begin(), stage.begin()]
  const reason = new Error('The client has left.')
  left.control.abort(reason)
  await assert.rejects(left.ended, reason)
  time.resolve()
  await Promise.all([first.ended, next.ended])
  assert.equal(sent(), 1)
})

test('a call is in flight until its answer has ended', async () => {
  const time = Promise.withResolvers<void>()
  const stage = turnStage(tries([ANSWER], [ANSWER]).call, { concurrency: 1, say: () => time.promise })
  const [first, second] = [stage.begin(), stage.begin()]
  await settled()
  assert.deepEqual(stage.told, ['sent 1', 'begun'])
  time.resolve()
  await Promise.all([first.ended, second.ended])
})

test('whatever happens at three providers: few calls, one answer, and no place is lost', async () => {
  const outcome = fc.constantFrom('answer', 'unavailable', 'rate_limited', 'timeout', 'auth', 'bad_request', 'broken')
  const script = fc.array(outcome, { minLength: 12, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(fc.tuple(script, script, script), fc.nat(9000), async (scripts, retryAfter_ms) => {
      const calls = scripts.map((outcomes) =>
        tries(
          ...outcomes.map((name) => {
            if (name === 'answer') return [[], ANSWER]
            if (name === 'broken') return [[HELLO], fault()]
            return [fault({ fault: name as UpstreamFault, retryAfter_ms })] // All others are faults.
          }),
        ),
      )
      const [first, ...others] = calls.map(({ call }) => call)
      assert.ok(first !== undefined)
      const stage = turnStage(first, { others, concurrency: 1 })
      for (let turn = 0; turn < 4; turn++) {
        const [from, heard] = [stage.told.length, stage.batches.length]
        const { ended } = stage.begin()
        await stage.clock.pass(40_000)
        const isAnswered = await ended.then(
          () => true,
          () => false,
        )
        const told = stage.told.slice(from)
        const sent = told.filter((line) => line.startsWith('sent')).length
        assert.ok(sent <= ATTEMPTS_MAX)
        assert.equal(told.filter((line) => line === 'begun').length, stage.batches.length - heard)
        assert.equal(told.filter((line) => line.startsWith('failed')).length, isAnswered ? sent - 1 : sent)
      }
      assert.deepEqual(stage.clock.sleepers(), [])
      await stage.clock.pass(60_000)
      for (const gate of stage.gates) {
        const entered = gate.enter('fresh', { signal: new AbortController().signal, isPatient: false })
        assert.equal(typeof entered, 'number', 'its only place is free')
      }
    }),
    { numRuns: 300 },
  )
})
