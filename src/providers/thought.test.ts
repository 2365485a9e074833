import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createThought, thoughtIn } from './thought.ts'

test('a thought is said piece by piece, and kept as a whole', () => {
  const thought = createThought()
  assert.deepEqual(thought.add('thinking', 'Hm'), [{ type: 'reasoning', text: 'Hm' }])
  assert.deepEqual(thought.add('thinking', ''), [])
  assert.deepEqual(thought.add('thinking', '. '), [{ type: 'reasoning', text: '. ' }])
  assert.deepEqual(thought.settle(), [{ type: 'reasoning_state', state: { thinking: 'Hm. ' } }])
  assert.deepEqual(thought.settle(), [])
})

test('a plan after a thought is another thought', () => {
  const thought = createThought()
  thought.add('thinking', 'Hm.')
  assert.deepEqual(thought.add('tool_plan', 'I look.'), [
    { type: 'reasoning_state', state: { thinking: 'Hm.' } },
    { type: 'reasoning', text: 'I look.' },
  ])
  assert.deepEqual(thought.settle(), [{ type: 'reasoning_state', state: { tool_plan: 'I look.' } }])
})

test('thoughtIn() gives back what the provider itself thought, and nothing else', () => {
  const said = [
    { type: 'reasoning', text: 'shown', state: { thinking: 'Hm. ' } },
    { type: 'reasoning', text: 'of another provider', state: undefined },
    { type: 'reasoning', text: 'not signed', state: {} },
    { type: 'reasoning', text: 'tampered with', state: { thinking: 5 } },
    { type: 'reasoning', text: 'planned', state: { tool_plan: 'I look.' } },
    { type: 'reasoning', text: 'again', state: { thinking: 'So.' } },
  ] as const
  assert.equal(thoughtIn(said, 'thinking'), 'Hm. \n\nSo.')
  assert.equal(thoughtIn(said, 'tool_plan'), 'I look.')
})
