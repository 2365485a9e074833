import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ModelEvent } from '../../core/model-event.ts'
import { delta, finish, readAll } from '../testing/chat-chunks.ts'
import type { WireChunk } from './wire.ts'

const STOP: ModelEvent = { type: 'finish', reason: 'stop' }

const junk: readonly unknown[] = ['text', 7, true, [], [null], ['text'], [[]], {}, { length: 2 }, { constructor: null }]
const fields = [
  'content',
  'refusal',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'annotations',
  'tool_calls',
  'function_call',
]
for (const field of fields) {
  test(`Junk in ${field} is neither thrown at nor told as anything but text`, () => {
    for (const value of junk) {
      const events = readAll([delta({ [field]: value }), delta({ content: 'Hi' }), finish('stop')])
      assert.deepEqual(events.slice(-2), [{ type: 'text', text: 'Hi' }, STOP], JSON.stringify(value))
      for (const event of events) if ('text' in event) assert.equal(typeof event.text, 'string')
    }
  })
}

test('Junk in place of choices is an answer without words', () => {
  for (const choices of [...junk, 'text', null]) {
    // A provider may send anything.
    assert.deepEqual(readAll([{ choices } as WireChunk, finish('stop')]), [STOP])
  }
})

const calls = [
  { junk: 'an id that is a number', call: { index: 0, id: 7, function: { name: 'f', arguments: '{}' } } },
  { junk: 'an index that is text', call: { index: 'x', id: '', function: { name: 'f', arguments: '{}' } } },
]
for (const { junk, call } of calls) {
  test(`A call with ${junk} gets an id of ours`, () => {
    assert.deepEqual(readAll([delta({ tool_calls: [call] })]), [
      { type: 'tool_call', callId: 'call_made_0', name: 'f' },
      { type: 'tool_arguments', callId: 'call_made_0', delta: '{}' },
      STOP,
    ])
  })
}

test('Log probabilities go with the text of their chunk', () => {
  const hi = { token: 'Hi', logprob: -0.25, bytes: [72, 105] }
  const hey = { token: 'Hey', logprob: -2, bytes: null }
  const logprobs = { content: [{ ...hi, top_logprobs: [hi, hey] }], refusal: null }
  assert.deepEqual(readAll([delta({ content: 'Hi' }, { logprobs }), finish('stop')], 'openai'), [
    { type: 'text', text: 'Hi', logprobs: [{ ...hi, top_logprobs: [hi, { ...hey, bytes: [] }] }] },
    STOP,
  ])
})

const silentLogprobs = [null, { content: null }, { content: [] }, { refusal: [{ token: 'No' }] }]
for (const logprobs of silentLogprobs) {
  test(`logprobs ${JSON.stringify(logprobs)} add nothing to the text`, () => {
    assert.deepEqual(readAll([delta({ content: 'Hi' }, { logprobs })]), [{ type: 'text', text: 'Hi' }, STOP])
  })
}

test('Log probabilities of two texts at once are told of neither', () => {
  const content = ['a', 'b'].map((text) => ({ type: 'text', text }))
  assert.deepEqual(readAll([delta({ content }, { logprobs: { content: [{ token: 'a' }, { token: 'b' }] } })]), [
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
    STOP,
  ])
})

test('Log probabilities with holes in them are filled with nothing', () => {
  const logprobs = { content: [{ top_logprobs: null }, null, { token: 5, logprob: '1', bytes: 3 }] }
  const nothing = { token: '', logprob: 0, bytes: [], top_logprobs: [] }
  assert.deepEqual(readAll([delta({ content: 'Hi' }, { logprobs })]), [
    { type: 'text', text: 'Hi', logprobs: [nothing, nothing] },
    STOP,
  ])
})

test('Whatever JSON a provider sends in a chunk, the reader does not throw and ends with one finish', () => {
  const keys = fc.constantFrom('choices', 'delta', 'message', 'usage', 'error', 'x_groq', 'index', ...fields)
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 6 }, fc.constantFrom(null, '', 'x', 0, 1, true), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    object: fc.dictionary(fc.oneof(keys, fc.constantFrom('text', 'id', 'function', 'name', 'logprobs')), tie('value')),
  }))
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value)), (pairs) => {
      const chunks = pairs.map(([says, rest]) => delta(says, { logprobs: rest }, { service_tier: rest, usage: rest }))
      const events = readAll(chunks)
      assert.equal(events.filter(({ type }) => type === 'finish').length, 1)
      for (const event of events) if ('text' in event) assert.equal(typeof event.text, 'string')
    }),
    { numRuns: 500 },
  )
})
