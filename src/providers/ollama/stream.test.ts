import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import { createOllamaReader } from './stream.ts'
import type { WireAnswer, WireMessage } from './wire.ts'

const STOP: ModelEvent = { type: 'finish', reason: 'stop' }

const reader = () => createOllamaReader({ callIdPrefix: 'call_made_', secrets: ['hush-hush'] })
const says = (message: WireMessage): WireAnswer => ({ message, done: false })
const ends = (rest: WireAnswer = {}): WireAnswer => ({ message: { content: '' }, done: true, ...rest })

/** Everything that a stream of lines says. */
function readAll(...lines: readonly WireAnswer[]): ModelEvent[] {
  const lineReader = reader()
  return [...lines.flatMap((line) => lineReader.read(line)), ...lineReader.end()]
}

test('Thinking is told as it comes, and handed over for the next turn before what it led to', () => {
  assert.deepEqual(readAll(says({ thinking: 'Hm', content: '' }), says({ thinking: '.\n', content: 'Yes' }), ends()), [
    { type: 'reasoning', text: 'Hm' },
    { type: 'reasoning', text: '.\n' },
    { type: 'reasoning_state', state: { thinking: 'Hm.\n' } },
    { type: 'text', text: 'Yes' },
    STOP,
  ])
})

test('Thinking that led to nothing is handed over at the end', () => {
  assert.deepEqual(readAll(says({ thinking: 'Hm.' }), ends({ done_reason: 'length' })), [
    { type: 'reasoning', text: 'Hm.' },
    { type: 'reasoning_state', state: { thinking: 'Hm.' } },
    { type: 'finish', reason: 'max_output_tokens' },
  ])
})

test('Thinking in the text, of a model whose template the server does not know, is thinking', () => {
  assert.deepEqual(readAll(says({ content: '<thi' }), says({ content: 'nk>Hm.</think>\n\nYes' }), ends()), [
    { type: 'reasoning', text: 'Hm.' },
    { type: 'reasoning_state', state: { thinking: 'Hm.' } },
    { type: 'text', text: 'Yes' },
    STOP,
  ])
})

const calls: readonly { says: string; id?: string; called: unknown; events: readonly ModelEvent[] }[] = [
  {
    says: 'an object for arguments',
    id: 'call_a',
    called: { index: 0, name: 'f', arguments: { a: [1], b: '"' } },
    events: [
      { type: 'tool_call', callId: 'call_a', name: 'f' },
      { type: 'tool_arguments', callId: 'call_a', delta: '{"a":[1],"b":"\\""}' },
    ],
  },
  {
    says: 'no id',
    called: { name: 'f', arguments: {} },
    events: [
      { type: 'tool_call', callId: 'call_made_0', name: 'f' },
      { type: 'tool_arguments', callId: 'call_made_0', delta: '{}' },
    ],
  },
  {
    says: 'arguments as text',
    called: { name: 'f', arguments: '{"a":1}' },
    events: [
      { type: 'tool_call', callId: 'call_made_0', name: 'f' },
      { type: 'tool_arguments', callId: 'call_made_0', delta: '{"a":1}' },
    ],
  },
  {
    says: 'no arguments',
    called: { name: 'f' },
    events: [{ type: 'tool_call', callId: 'call_made_0', name: 'f' }],
  },
  { says: 'no name', called: { arguments: {} }, events: [] },
]
for (const { says: what, id, called, events } of calls) {
  test(`A call with ${what}`, () => {
    const call = { function: called as object, ...(id === undefined ? {} : { id }) }
    assert.deepEqual(readAll(says({ tool_calls: [call] }), ends()), [...events, STOP])
  })
}

test('Calls that share an id are told apart, in one line and in two', () => {
  const call = { id: 'call_a', function: { name: 'f', arguments: {} } }
  const events = readAll(says({ tool_calls: [call, call] }), says({ tool_calls: [call] }), ends())
  const ids = events.flatMap((event) => (event.type === 'tool_call' ? [event.callId] : []))
  assert.deepEqual(ids, ['call_a', 'call_made_1', 'call_made_2'])
})

for (const { word, reason } of [
  { word: 'stop', reason: 'stop' },
  { word: 'length', reason: 'max_output_tokens' },
  { word: 'load', reason: 'stop' },
  { word: 'constructor', reason: 'stop' },
  { word: '', reason: 'stop' },
]) {
  test(`done_reason ${word} is ${reason}`, () => {
    assert.deepEqual(readAll(says({ content: 'Hi' }), ends({ done_reason: word })).at(-1), { type: 'finish', reason })
  })
}

const usages: readonly { says: string; counts: WireAnswer; cached?: number }[] = [
  { says: 'without the cache', counts: { prompt_eval_count: 5, eval_count: 3 }, cached: 0 },
  {
    says: 'with the cache',
    counts: { prompt_eval_count: 5, prompt_eval_cached_count: 4, eval_count: 3 },
    cached: 4,
  },
  {
    says: 'with more in the cache than there was',
    counts: { prompt_eval_count: 5, prompt_eval_cached_count: 9, eval_count: 3 },
    cached: 5,
  },
  { says: 'without the prompt', counts: { eval_count: 3 } },
  { says: 'that are none', counts: { prompt_eval_count: -1, eval_count: 3 } },
]
for (const { says: what, counts, cached } of usages) {
  test(`Counts ${what}`, () => {
    const usage = {
      input_tokens: 5,
      input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 8,
    }
    const finish = cached === undefined ? STOP : { ...STOP, usage }
    assert.deepEqual(readAll(says({ content: 'Hi' }), ends(counts)).at(-1), finish)
  })
}

test('Log probabilities go with the text of their line', () => {
  const hi = { token: 'Hi', logprob: -0.25, bytes: [72, 105] }
  const hey = { token: 'Hey', logprob: -2 }
  const logprobs = [{ ...hi, top_logprobs: [hi, hey] }]
  assert.deepEqual(readAll({ ...says({ content: 'Hi' }), logprobs }, ends()), [
    { type: 'text', text: 'Hi', logprobs: [{ ...hi, top_logprobs: [hi, { ...hey, bytes: [] }] }] },
    STOP,
  ])
})

test('An error ends the answer, whatever comes after it, and shows no key', () => {
  const lineReader = reader()
  lineReader.read(says({ content: 'Hel' }))
  assert.deepEqual(lineReader.read({ error: 'usage limit of hush-hush reached' }), [])
  assert.deepEqual(lineReader.read(says({ content: 'lo' })), [])
  assert.equal(lineReader.hasFinished(), false)
  assert.deepEqual(lineReader.failure()?.problem, {
    fault: 'rate_limited',
    message: 'usage limit of [redacted] reached',
    param: '',
    accepted: true,
  })
})

test('An answer in one piece that is not done is none', () => {
  assert.equal(reader().readWhole({ message: { content: 'Hi' }, done: false }), undefined)
  assert.deepEqual(reader().readWhole(ends({ message: { content: 'Hi' } })), [{ type: 'text', text: 'Hi' }])
})
