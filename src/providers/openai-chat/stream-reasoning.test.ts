import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import { delta, finish, readAll } from '../testing/chat-chunks.ts'

const STOP: ModelEvent = { type: 'finish', reason: 'stop' }

function thinks(...pieces: string[]): ModelEvent[] {
  return pieces.map((text) => ({ type: 'reasoning', text }))
}

const detail = (text: string) => ({ type: 'reasoning.text', text, index: 0, format: null })

/** Spellings of one thought, `Hm.`, in one delta. */
const spellings = [
  { spelling: 'reasoning_content (DeepSeek, xAI, z.ai, llama.cpp)', says: { reasoning_content: 'Hm.' } },
  { spelling: 'reasoning (Groq, Cerebras, Ollama, newer vLLM)', says: { reasoning: 'Hm.', channel: 'analysis' } },
  { spelling: 'reasoning_details alone (Snowflake)', says: { reasoning_details: [detail('H'), detail('m.')] } },
  {
    spelling: 'a summary in reasoning_details',
    says: { reasoning_details: [{ type: 'reasoning.summary', summary: 'Hm.' }] },
  },
  {
    spelling: 'reasoning and reasoning_details (OpenRouter)',
    says: { reasoning: 'Hm.', reasoning_details: [detail('Hm.')] },
  },
  { spelling: 'reasoning_content and reasoning', says: { reasoning_content: 'Hm.', reasoning: 'Hm.' } },
  {
    spelling: 'all three at once',
    says: { reasoning_content: 'Hm.', reasoning: 'Hm.', reasoning_details: [detail('Hm.')] },
  },
  { spelling: 'reasoning beside an empty reasoning_content', says: { reasoning_content: '', reasoning: 'Hm.' } },
  {
    spelling: 'reasoning beside null and an empty list',
    says: { reasoning_content: null, reasoning: 'Hm.', reasoning_details: [] },
  },
  { spelling: 'reasoning beside empty content', says: { reasoning: 'Hm.', content: '' } },
]
for (const { spelling, says } of spellings) {
  test(`A thought is read once from ${spelling}`, () => {
    assert.deepEqual(readAll([delta(says), finish('stop')]), [...thinks('Hm.'), STOP])
  })
}

test('Deltas that think nothing say nothing', () => {
  const silent = [
    { reasoning: null },
    { reasoning_content: '' },
    { reasoning_details: [] },
    { reasoning_details: null },
  ]
  assert.deepEqual(readAll([...silent.map((says) => delta(says)), finish('stop')]), [STOP])
})

test('A thought comes before the words and the call of its own chunk', () => {
  const call = { index: 0, id: 'a', function: { name: 'look', arguments: '{}' } }
  assert.deepEqual(readAll([delta({ tool_calls: [call], content: 'So.', reasoning: 'Hm.' })]), [
    ...thinks('Hm.'),
    { type: 'text', text: 'So.' },
    { type: 'tool_call', callId: 'a', name: 'look' },
    { type: 'tool_arguments', callId: 'a', delta: '{}' },
    STOP,
  ])
})

test('Signed details are joined and come back before the text that they led to', () => {
  const chunks = [
    delta({ reasoning_details: [{ type: 'reasoning.text', index: 0, id: 'r1', text: 'Let ' }] }),
    delta({ reasoning_details: [{ type: 'reasoning.text', index: 0, id: 'r1', text: 'me see.', signature: null }] }),
    delta({ reasoning_details: [{ type: 'reasoning.text', index: 0, signature: 'c2ln' }] }),
    delta({ reasoning_details: [{ type: 'reasoning.text', index: 0, signature: null }] }),
    delta({ content: 'Two.' }),
    finish('stop'),
  ]
  assert.deepEqual(readAll(chunks), [
    ...thinks('Let ', 'me see.'),
    {
      type: 'reasoning_state',
      state: {
        reasoning_details: [{ type: 'reasoning.text', index: 0, id: 'r1', text: 'Let me see.', signature: 'c2ln' }],
      },
    },
    { type: 'text', text: 'Two.' },
    STOP,
  ])
})

test('Encrypted details come back whole, before the call that they led to', () => {
  const chunks = [
    delta({ reasoning_details: [{ type: 'reasoning.summary', index: 0, summary: 'Hm.' }] }),
    delta({ reasoning_details: [{ type: 'reasoning.encrypted', index: 1, data: 'QU' }] }),
    delta({ reasoning_details: [{ type: 'reasoning.encrypted', index: 1, data: 'JD' }] }),
    delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '{' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: '}' } }] }),
    finish('tool_calls'),
  ]
  assert.deepEqual(readAll(chunks), [
    ...thinks('Hm.'),
    {
      type: 'reasoning_state',
      state: {
        reasoning_details: [
          { type: 'reasoning.summary', index: 0, summary: 'Hm.' },
          { type: 'reasoning.encrypted', index: 1, data: 'QUJD' },
        ],
      },
    },
    { type: 'tool_call', callId: 'a', name: 'look' },
    { type: 'tool_arguments', callId: 'a', delta: '{' },
    { type: 'tool_arguments', callId: 'a', delta: '}' },
    STOP,
  ])
})

test('Details that come amid the arguments of a call wait until it is whole', () => {
  const chunks = [
    delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '{' } }] }),
    delta({ reasoning_details: [{ type: 'reasoning.encrypted', data: 'QQ' }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: '}' } }] }),
    finish('tool_calls'),
  ]
  assert.deepEqual(
    readAll(chunks).map(({ type }) => type),
    ['tool_call', 'tool_arguments', 'tool_arguments', 'reasoning_state', 'finish'],
  )
})

test('Details without an index are kept apart', () => {
  const details = [
    { type: 'reasoning.encrypted', data: 'QQ' },
    { type: 'reasoning.encrypted', data: 'Qg' },
  ]
  assert.deepEqual(readAll([delta({ reasoning_details: details })]), [
    { type: 'reasoning_state', state: { reasoning_details: details } },
    STOP,
  ])
})

test('Details of two types under one index are kept apart', () => {
  const details = [
    { type: 'reasoning.text', index: 0, text: 'Hm.' },
    { type: 'reasoning.encrypted', index: 0, data: 'Qg' },
  ]
  assert.deepEqual(readAll([delta({ reasoning_details: details })]), [
    ...thinks('Hm.'),
    { type: 'reasoning_state', state: { reasoning_details: details } },
    STOP,
  ])
})

test('Details that are neither signed nor encrypted need not come back', () => {
  assert.deepEqual(readAll([delta({ reasoning_details: [detail('Hm.')] }), delta({ content: 'Two.' })]), [
    ...thinks('Hm.'),
    { type: 'text', text: 'Two.' },
    STOP,
  ])
})

test('A signature on the message itself comes back as it was (Google)', () => {
  const extra_content = { google: { thought: true, thought_signature: 'c2ln' } }
  assert.deepEqual(readAll([{ choices: [{ message: { content: 'Two.', extra_content } }] }], 'google'), [
    { type: 'text', text: 'Two.' },
    { type: 'reasoning_state', state: { extra_content } },
    STOP,
  ])
})
