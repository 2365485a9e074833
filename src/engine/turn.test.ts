import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../core/model-event.ts'
import { UpstreamError, type UpstreamFault } from '../core/upstream-error.ts'
import type { PreparedCall } from '../providers/adapter.ts'
import { settled } from './testing/fake-clock.ts'
import { FINISH } from './testing/scripted-model.ts'
import { fault, HELLO, tries, turnStage, type TurnOptions } from './testing/turn-stage.ts'
import { retryWait } from './turn.ts'

/** Runs one turn in the background. */
function begin(call: PreparedCall, options: TurnOptions = {}) {
  const stage = turnStage(call, options)
  return { ...stage, again: stage.begin, ...stage.begin() }
}

const verdicts: readonly (readonly [UpstreamFault, boolean])[] = [
  ['auth', false],
  ['bad_request', false],
  ['invalid_response', false],
  ['model_not_found', false],
  ['timeout', false],
  ['rate_limited', true],
  ['unavailable', true],
]
for (const [name, isRetried] of verdicts) {
  test(`a call that fails as ${name} is ${isRetried ? 'tried again' : 'not tried again'}`, () => {
    assert.equal(retryWait(fault({ fault: name }), 1), isRetried ? 500 : undefined)
  })
}

test('a failure that is not the provider’s is not tried again', () => {
  assert.equal(retryWait(new Error('ours'), 1), undefined)
})

const waits: readonly (readonly [attempt: number, retryAfter_ms: number | undefined, wait_ms: number | undefined])[] = [
  [1, undefined, 500],
  [2, undefined, 1000],
  [3, undefined, undefined],
  [1, 0, 0],
  [1, 1, 1],
  [2, 9999, 9999],
  [1, 10_000, 10_000],
  [1, 10_001, undefined],
  [1, 3_600_000, undefined],
  [3, 1, undefined],
]
for (const [attempt, retryAfter_ms, wait_ms] of waits) {
  test(`after try ${attempt} with retry-after ${retryAfter_ms} ms comes ${wait_ms === undefined ? 'no other' : `another in ${wait_ms} ms`}`, () => {
    const error = fault(retryAfter_ms === undefined ? {} : { retryAfter_ms })
    assert.equal(retryWait(error, attempt), wait_ms)
  })
}

test('a third failure is the last: it is thrown as it is', async () => {
  const last = fault({ message: 'third' })
  const { call, sent } = tries([fault()], [fault()], [last], [[HELLO, FINISH]])
  const turn = begin(call)
  await turn.clock.pass(500)
  assert.equal(sent(), 2)
  await turn.clock.pass(999)
  assert.equal(sent(), 2, 'the wait doubles')
  await turn.clock.pass(1)
  await assert.rejects(turn.ended, last)
  assert.equal(sent(), 3)
  assert.deepEqual(turn.batches, [])
  const failed = 'failed: unavailable'
  assert.deepEqual(turn.told, ['sent 1', failed, 'sent 2', failed, 'sent 3', failed])
})

test('a call that succeeds at the second try says what the second try says, after the wait asked for', async () => {
  const { call, sent } = tries([[], fault({ retryAfter_ms: 7000 })], [[], [HELLO], [FINISH]])
  const turn = begin(call)
  await turn.clock.pass(6999)
  assert.equal(sent(), 1)
  await turn.clock.pass(1)
  await turn.ended
  assert.deepEqual(turn.batches, [[HELLO], [FINISH]])
  assert.deepEqual(
    turn.logger.lines.map(({ level, facts }) => [level, facts]),
    [['warn', { attempt: 1, wait_ms: 7000 }]],
  )
})

test('after the first event nothing is tried again: two answers are never spliced', async () => {
  const broken = fault()
  const { call, sent } = tries([[], [HELLO], broken], [[HELLO], [FINISH]])
  const turn = begin(call)
  await assert.rejects(turn.ended, broken)
  assert.deepEqual([sent(), turn.batches], [1, [[HELLO]]])
  assert.deepEqual(turn.told, ['sent 1', 'accepted', 'begun', 'failed: unavailable'])
  assert.deepEqual(turn.clock.sleepers(), [])
})

test('whoever hears a batch and asks for time holds the provider up', async () => {
  const time = Promise.withResolvers<void>()
  const heard: (readonly ModelEvent[])[] = []
  const { call } = tries([[], [HELLO], [FINISH]])
  const turn = begin(call, { say: (batch) => (heard.push(batch), time.promise) })
  await settled()
  assert.deepEqual(heard, [[HELLO]])
  time.resolve()
  await turn.ended
  assert.deepEqual(heard, [[HELLO], [FINISH]])
})

test('acceptance is told once, however often the provider says so and the call is tried', async () => {
  const { call } = tries([[], [], fault({ retryAfter_ms: 0 })], [[], [HELLO], [], [FINISH]])
  const turn = begin(call)
  await turn.clock.pass(0)
  await turn.ended
  assert.deepEqual(turn.told, ['sent 1', 'accepted', 'failed: unavailable', 'sent 2', 'begun'])
  assert.deepEqual(turn.batches, [[HELLO], [FINISH]], 'empty batches go no further')
})

test('where any of several calls may have been paid, the client is told not to ask again', async () => {
  const { call } = tries([fault({ accepted: true })], [fault()], [fault({ message: 'last' })])
  const turn = begin(call)
  await turn.clock.pass(5000)
  await assert.rejects(
    turn.ended,
    (error) => error instanceof UpstreamError && error.problem.accepted === true && error.message === 'last',
  )
})

test('a call that never gets anywhere is never called accepted', async () => {
  const turn = begin(tries([fault({ fault: 'auth' })]).call)
  await assert.rejects(turn.ended)
  assert.deepEqual(turn.told, ['sent 1', 'failed: auth'])
})

test('a stop while waiting for another try ends the turn with its reason', async () => {
  const { call, sent } = tries([fault()], [[HELLO]])
  const turn = begin(call)
  await settled()
  const reason = new Error('cancelled')
  turn.control.abort(reason)
  await assert.rejects(turn.ended, reason)
  await turn.clock.pass(60_000)
  assert.equal(sent(), 1)
})

test('a call that fails because it was stopped is not tried again, and tells nothing of its provider', async () => {
  const control = { abort: () => {} }
  const last = fault()
  const call: PreparedCall = {
    warnings: [],
    async send() {
      await Promise.resolve()
      control.abort()
      throw last
    },
  }
  const turn = begin(call)
  control.abort = () => turn.control.abort()
  await assert.rejects(turn.ended, last)
  assert.deepEqual([turn.told, turn.clock.sleepers()], [['sent 1'], []])
})

for (const { response_ms, isTried } of [
  { response_ms: 7000, isTried: true },
  { response_ms: 6999, isTried: false },
]) {
  test(`with ${response_ms} ms left, a retry-after of 7000 ms is ${isTried ? '' : 'not '}waited for`, async () => {
    const limited = fault({ fault: 'rate_limited', retryAfter_ms: 7000 })
    const turn = begin(tries([limited], [[HELLO, FINISH]]).call, { response_ms })
    await turn.clock.pass(7000)
    if (isTried) await turn.ended
    else await assert.rejects(turn.ended, limited)
  })
}

test('where too much has been tried again of late, a failure is the last at once', async () => {
  const turn = begin(tries([fault()]).call)
  while (turn.gates[0]?.grantsRetry() === true);
  await assert.rejects(turn.ended, fault())
  assert.deepEqual(turn.told, ['sent 1', 'failed: unavailable', 'refused: budget'])
})

test('whoever waits for nothing is told at once', async () => {
  const failure = fault({ retryAfter_ms: 0 })
  const turn = begin(tries([failure], [[HELLO]]).call, { isHasty: true })
  await assert.rejects(turn.ended, failure)
})
