import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isTerminal, RESPONSE_STATUSES } from '../protocol/response.ts'
import { accepted, checkStep, isDue, transition, type Command, type Lifecycle } from './lifecycle.ts'

const NOW = 1_000_000
const LEASE_MS = 15_000

const claimBy = (owner: string, now_ms = NOW): Command => ({ type: 'claim', owner, now_ms, lease_ms: LEASE_MS })

/** What a row of commands makes of a response; a refused one leaves it as it is. */
function after(state: Lifecycle, ...commands: readonly Command[]): Lifecycle {
  return commands.reduce((current, command) => transition(current, command) ?? current, state)
}

const waiting = accepted(true, 'boot')
const running = after(waiting, claimBy('one'))

test('a job is claimed, and ended by its holder', () => {
  assert.deepEqual(running, {
    ...waiting,
    status: 'in_progress',
    version: 1,
    attempt: 1,
    leaseOwner: 'one',
    leaseUntil_ms: NOW + LEASE_MS,
  })
  const ended = after(running, { type: 'end', attempt: 1, status: 'completed' })
  assert.deepEqual([ended.status, ended.version, ended.leaseUntil_ms], ['completed', 2, 0])
})

test('a job whose lease is over goes to the next, and its first holder is fenced off', () => {
  assert.equal(transition(running, claimBy('two', NOW + LEASE_MS - 1)), undefined)
  const again = after(running, claimBy('two', NOW + LEASE_MS))
  assert.deepEqual([again.attempt, again.crashes, again.leaseOwner], [2, 1, 'two'])
  assert.equal(transition(again, { type: 'end', attempt: 1, status: 'completed' }), undefined)
  assert.equal(transition(again, { type: 'extend', owner: 'one', now_ms: NOW, lease_ms: LEASE_MS }), undefined)
  assert.equal(transition(again, { type: 'release', attempt: 1 }), undefined)
})

test('what is seized can be ended by nobody who worked on it, and is not lost where nobody ends it', () => {
  for (const state of [running, accepted(false, 'boot')]) {
    const seized = after(state, { type: 'seize' })
    assert.deepEqual(seized, { ...state, version: state.version + 1, attempt: state.attempt + 1, leaseOwner: '' })
    assert.equal(transition(seized, { type: 'end', attempt: state.attempt, status: 'completed' }), undefined)
    assert.equal(after(seized, { type: 'close', status: 'failed' }).status, 'failed')
  }
  assert.equal(transition(waiting, { type: 'seize' }), undefined, 'nobody works on it')
})

test('a job that was given back is due at once, and that is no crash', () => {
  const released = after(running, { type: 'release', attempt: 1 })
  assert.equal(isDue(released, NOW), true)
  assert.deepEqual(after(released, claimBy('two')).crashes, 0)
})

test('foreground is ended by its process, and never claimed', () => {
  const foreground = accepted(false, 'boot')
  assert.equal(transition(foreground, claimBy('one')), undefined)
  assert.equal(transition(foreground, { type: 'release', attempt: 0 }), undefined)
  assert.equal(after(foreground, { type: 'end', attempt: 0, status: 'incomplete' }).status, 'incomplete')
  assert.equal(after(foreground, { type: 'close', status: 'failed' }).status, 'failed')
})

test('a job that waits can be closed, and has no holder to end it', () => {
  assert.equal(transition(waiting, { type: 'end', attempt: 0, status: 'completed' }), undefined)
  assert.equal(after(waiting, { type: 'close', status: 'cancelled' }).status, 'cancelled')
})

const arbitraryCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    type: fc.constantFrom('claim' as const, 'extend' as const),
    owner: fc.constantFrom('one', 'two', 'three'),
    now_ms: fc.integer({ min: NOW, max: NOW + 3 * LEASE_MS }),
    lease_ms: fc.constantFrom(0, LEASE_MS),
  }),
  fc.record({ type: fc.constant('release' as const), attempt: fc.nat(3) }),
  fc.record({
    type: fc.constant('end' as const),
    attempt: fc.nat(3),
    status: fc.constantFrom('completed' as const, 'incomplete' as const, 'failed' as const, 'cancelled' as const),
  }),
  fc.record({ type: fc.constant('close' as const), status: fc.constantFrom('cancelled' as const, 'failed' as const) }),
  fc.record({ type: fc.constant('remove' as const) }),
)

test('law: whatever is asked, statuses never go back, ends are final, and only the holder of a fence ends', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(arbitraryCommand, { maxLength: 12 }), (background, commands) => {
      let state = accepted(background, 'one')
      for (const command of commands) {
        const next = transition(state, command)
        if (next === undefined) continue
        checkStep(state, next)
        assert.ok(!state.isDeleted, 'nothing is done to what was deleted')
        if (isTerminal(state.status)) assert.deepEqual(next, { ...state, version: state.version + 1, isDeleted: true })
        if (command.type === 'end') assert.equal(command.attempt, state.attempt)
        if (command.type !== 'extend') assert.equal(next.version, state.version + 1)
        state = next
      }
    }),
    { numRuns: 2000 },
  )
})

test('law: a job is never held by two, and is due again as soon as nobody holds it', () => {
  fc.assert(
    fc.property(fc.array(arbitraryCommand, { maxLength: 12 }), (commands) => {
      const state = after(waiting, ...commands)
      const isOpen = !isTerminal(state.status) && !state.isDeleted
      assert.equal(isDue(state, NOW + 10 * LEASE_MS), isOpen)
      if (isOpen && state.leaseUntil_ms > NOW) assert.equal(transition(state, claimBy('another')), undefined)
    }),
    { numRuns: 2000 },
  )
})

test('steps that no command makes are refused', () => {
  const ended = after(running, { type: 'end', attempt: 1, status: 'completed' })
  for (const status of RESPONSE_STATUSES.filter((other) => other !== 'completed')) {
    assert.throws(() => checkStep(ended, { ...ended, status, version: 9 }), /cannot go/)
  }
  assert.throws(() => checkStep(running, { ...running, status: 'queued', version: 9 }), /cannot go/)
  assert.throws(() => checkStep(running, { ...running, attempt: 0, version: 9 }), /cannot go/)
  assert.throws(() => checkStep(running, { ...running, attempt: 2 }), /cannot go/, 'with the version it had')
  assert.throws(() => checkStep(running, { ...running, version: 0 }), /cannot go/)
})
