import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { histories, step, system } from './testing/histories.ts'
import { assistant, functionCall, functionOutput, user } from './testing/model-call.ts'
import { alternate, gatherTurns, type Turn } from './turns.ts'

/** The ids of calls, and of results, in the order of the turns. */
function idsOf(turns: readonly Turn[]): { calls: string[]; results: string[] } {
  return {
    calls: turns.flatMap((turn) =>
      turn.role === 'assistant'
        ? turn.said.flatMap((item) => (item.type === 'function_call' ? [item.callId] : []))
        : [],
    ),
    results: turns.flatMap((turn) => (turn.role === 'tool' ? turn.results.map(({ callId }) => callId) : [])),
  }
}

test('Every result stands right after the turn of its call, every call id is used once, no text is lost', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const turns = gatherTurns(history)
      const { calls, results } = idsOf(turns)
      assert.deepEqual(results, calls)
      assert.equal(new Set(calls).size, calls.length)
      for (const [index, turn] of turns.entries()) {
        if (turn.role === 'tool') assert.equal(turns[index - 1]?.role, 'assistant')
      }
      const texts = (role: string) =>
        history.filter((item) => item.type === 'message' && item.role === role).map((item) => JSON.stringify(item))
      const kept = turns.flatMap((turn) =>
        turn.role === 'assistant'
          ? turn.said.filter(({ type }) => type === 'message').map((item) => JSON.stringify(item))
          : [],
      )
      assert.deepEqual(kept, texts('assistant'))
      const users = turns.flatMap((turn) =>
        turn.role === 'user' ? [JSON.stringify({ type: 'message', ...turn })] : [],
      )
      assert.deepEqual(users, texts('user'))
    }),
  )
})

test('A longer thread begins with the turns of the shorter one', () => {
  fc.assert(
    fc.property(histories, fc.array(step, { maxLength: 3 }), (history, more) => {
      const before = gatherTurns([...history, user('and?')])
      const after = gatherTurns([...history, user('and?'), ...more.flat()])
      assert.deepEqual(after.slice(0, before.length), before)
    }),
  )
})

test('Two sides speak by turns, the user first, and nobody says nothing', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { turns } = alternate(gatherTurns(history))
      for (const [index, turn] of turns.entries()) {
        assert.equal(turn.role, index % 2 === 0 ? 'user' : 'assistant')
        if (turn.role === 'user') assert.ok(turn.parts.length + turn.results.length > 0)
        else assert.ok(turn.said.length > 0)
      }
    }),
  )
})

test('A call id that comes again belongs to the result after it', () => {
  const turns = gatherTurns([
    functionCall('1', 'f'),
    functionOutput('1', 'one'),
    functionCall('1', 'f'),
    functionOutput('1', 'two'),
  ])
  assert.deepEqual(
    turns.flatMap((turn) => (turn.role === 'tool' ? turn.results : [])),
    [
      { callId: '1', name: 'f', output: 'one' },
      { callId: '1_2', name: 'f', output: 'two' },
    ],
  )
})

test('What the system says first stands apart, what it says later in its place', () => {
  const { system: first, turns } = alternate(
    gatherTurns([system('Be brief.'), user('Hi'), assistant('Yes?'), system('Now be long.')]),
  )
  assert.deepEqual(first, ['Be brief.'])
  assert.deepEqual(turns.at(-1), {
    role: 'user',
    results: [],
    parts: [{ type: 'input_text', text: '<system>\nNow be long.\n</system>' }],
  })
})
