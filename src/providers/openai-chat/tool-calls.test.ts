import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ModelEvent } from '../../core/model-event.ts'
import { delta, finish, readAll } from '../testing/chat-chunks.ts'
import { createCallTracker } from './tool-calls.ts'
import type { WireChunk, WireToolCall } from './wire.ts'

const STOP: ModelEvent = { type: 'finish', reason: 'stop' }

function opens(callId: string, name: string): ModelEvent {
  return { type: 'tool_call', callId, name }
}

function args(callId: string, ...deltas: string[]): ModelEvent[] {
  return deltas.map((piece) => ({ type: 'tool_arguments', callId, delta: piece }))
}

/** A fragment as most providers send it. */
function fragment(index: number | null, id: string | null, name: string | null, text: unknown): WireToolCall {
  return { index, id, function: { name, arguments: text } }
}

/** Fragments of calls as they arrive, one in each chunk, and what they mean. */
const streams: readonly { quirk: string; fragments: readonly WireToolCall[]; events: readonly ModelEvent[] }[] = [
  {
    quirk: 'arguments in fragments after the id and the name (OpenAI)',
    fragments: [fragment(0, 'call_a', 'add', ''), fragment(0, null, null, '{"a"'), fragment(0, null, null, ':1}')],
    events: [opens('call_a', 'add'), ...args('call_a', '{"a"', ':1}')],
  },
  {
    quirk: 'arguments that begin in the opening fragment (llama.cpp)',
    fragments: [fragment(0, 'a', 'add', '{'), fragment(0, null, null, '}')],
    events: [opens('a', 'add'), ...args('a', '{', '}')],
  },
  {
    quirk: 'arguments whole in one fragment (Groq, xAI)',
    fragments: [fragment(0, 'a', 'add', '{"a":1}'), fragment(1, 'b', 'multiply', '{"a":2}')],
    events: [opens('a', 'add'), ...args('a', '{"a":1}'), opens('b', 'multiply'), ...args('b', '{"a":2}')],
  },
  {
    quirk: 'two calls whose fragments come in turns',
    fragments: [
      fragment(0, 'a', 'add', ''),
      fragment(1, 'b', 'multiply', ''),
      fragment(1, null, null, '{"b":1}'),
      fragment(0, null, null, '{"a":1}'),
    ],
    events: [opens('a', 'add'), opens('b', 'multiply'), ...args('b', '{"b":1}'), ...args('a', '{"a":1}')],
  },
  {
    quirk: 'no index (Mistral)',
    fragments: [
      { id: 'Abc123Xyz', function: { name: 'add', arguments: '{"a":1}' } },
      { id: 'Def456Uvw', function: { name: 'add', arguments: '{"a":2}' } },
    ],
    events: [
      opens('Abc123Xyz', 'add'),
      ...args('Abc123Xyz', '{"a":1}'),
      opens('Def456Uvw', 'add'),
      ...args('Def456Uvw', '{"a":2}'),
    ],
  },
  {
    quirk: 'no index, and fragments told apart by their ids',
    fragments: [
      { id: 'a', function: { name: 'add', arguments: '{' } },
      { id: 'b', function: { name: 'add', arguments: '{' } },
      { id: 'a', function: { arguments: '}' } },
      { function: { arguments: '}' } },
    ],
    events: [opens('a', 'add'), ...args('a', '{'), opens('b', 'add'), ...args('b', '{'), ...args('a', '}', '}')],
  },
  {
    quirk: 'index -1 for every call (z.ai)',
    fragments: [fragment(-1, 'a', 'add', '{"a":1}'), fragment(-1, 'b', 'add', '{"a":2}')],
    events: [opens('a', 'add'), ...args('a', '{"a":1}'), opens('b', 'add'), ...args('b', '{"a":2}')],
  },
  {
    quirk: 'index -1, and fragments told apart by their ids',
    fragments: [fragment(-1, 'a', 'add', '{'), fragment(-1, 'b', 'add', '{'), fragment(-1, 'a', null, '}')],
    events: [opens('a', 'add'), ...args('a', '{'), opens('b', 'add'), ...args('b', '{'), ...args('a', '}')],
  },
  {
    quirk: 'one index reused with a new id for another call (Gemini by OpenRouter)',
    fragments: [fragment(0, 'a', 'add', '{"a":1}'), fragment(0, 'b', 'add', '{"a":2}'), fragment(0, '', null, ' ')],
    events: [opens('a', 'add'), ...args('a', '{"a":1}'), opens('b', 'add'), ...args('b', '{"a":2}', ' ')],
  },
  {
    quirk: 'an empty id, so that one must be made (Google)',
    fragments: [fragment(0, '', 'now', '{}'), fragment(1, '', 'add', '{"a":1}')],
    events: [
      opens('call_made_0', 'now'),
      ...args('call_made_0', '{}'),
      opens('call_made_1', 'add'),
      ...args('call_made_1', '{"a":1}'),
    ],
  },
  {
    quirk: 'empty ids, and one index for two whole calls',
    fragments: [fragment(0, '', 'now', '{}'), fragment(0, '', 'now', '{"z":1}')],
    events: [
      opens('call_made_0', 'now'),
      ...args('call_made_0', '{}'),
      opens('call_made_1', 'now'),
      ...args('call_made_1', '{"z":1}'),
    ],
  },
  {
    quirk: 'an empty id on continuations (Alibaba)',
    fragments: [fragment(0, 'a', 'add', ''), fragment(0, '', '', '{"a"'), fragment(0, '', '', ':1}')],
    events: [opens('a', 'add'), ...args('a', '{"a"', ':1}')],
  },
  {
    quirk: 'the id and the name on every fragment (kimi-k2 by Novita)',
    fragments: [fragment(0, '0', 'add', '{"a"'), fragment(0, '0', 'add', ':1}'), fragment(0, '0', 'add', '')],
    events: [opens('0', 'add'), ...args('0', '{"a"', ':1}')],
  },
  {
    quirk: 'the name on every fragment, without any id',
    fragments: [fragment(0, null, 'add', '{"a"'), fragment(0, null, 'add', ':1}')],
    events: [opens('call_made_0', 'add'), ...args('call_made_0', '{"a"', ':1}')],
  },
  {
    quirk: 'another id on every fragment (older vLLM)',
    fragments: [fragment(0, 'x1', 'add', ''), fragment(0, 'x2', null, '{"a"'), fragment(0, 'x3', null, ':1}')],
    events: [opens('x1', 'add'), ...args('x1', '{"a"', ':1}')],
  },
  {
    quirk: 'the same id for two calls: the second gets one of its own',
    fragments: [fragment(0, '0', 'add', '{}'), fragment(1, '0', 'add', '{}'), fragment(1, '0', null, ' ')],
    events: [opens('0', 'add'), ...args('0', '{}'), opens('call_made_1', 'add'), ...args('call_made_1', '{}', ' ')],
  },
  {
    quirk: 'a call without arguments: none, empty or null (Databricks)',
    fragments: [fragment(0, 'a', 'now', ''), fragment(0, null, null, ''), fragment(1, 'b', 'now', null)],
    events: [opens('a', 'now'), opens('b', 'now')],
  },
  {
    quirk: 'arguments as an object (Ollama)',
    fragments: [fragment(0, 'a', 'add', { a: 1, b: [2] })],
    events: [opens('a', 'add'), ...args('a', '{"a":1,"b":[2]}')],
  },
  {
    quirk: 'a fragment without a name before any call: there is nothing to call',
    fragments: [fragment(0, 'a', null, '{}'), fragment(1, null, '', ''), { index: 2 }, { function: null }],
    events: [],
  },
]
for (const { quirk, fragments, events } of streams) {
  test(`Tool calls: ${quirk}`, () => {
    const chunks = fragments.map((call) => delta({ tool_calls: [call] }))
    assert.deepEqual(readAll([...chunks, finish('tool_calls')]), [...events, STOP])
  })
  test(`Tool calls, all in the chunk that finishes: ${quirk}`, () => {
    assert.deepEqual(readAll([delta({ tool_calls: fragments }, { finish_reason: 'stop' })]), [...events, STOP])
  })
}

const styles = ['call_9pw1', 'toolu_01AbC', 'chatcmpl-tool-9f', 'fc_1', 'EscTeQY62', 'g2KOIWzn722hzEaZQmNVP4ro', '0']
for (const id of [...styles, 'functions.add:0']) {
  test(`A call keeps the id ${id} that its provider gave it`, () => {
    assert.deepEqual(createCallTracker('made_').read(fragment(0, id, 'add', '')), [opens(id, 'add')])
  })
}

test('Text and calls of one chunk come in the order text, call', () => {
  const chunk = delta({ content: 'I look.', tool_calls: [fragment(0, 'a', 'look', '{}')] })
  assert.deepEqual(readAll([chunk]), [{ type: 'text', text: 'I look.' }, opens('a', 'look'), ...args('a', '{}'), STOP])
})

test('Text that waited for the rest of a tag is told before the call that follows it', () => {
  const chunks = [delta({ content: '<th' }), delta({ tool_calls: [fragment(0, 'a', 'look', '{}')] })]
  assert.deepEqual(readAll(chunks), [{ type: 'text', text: '<th' }, opens('a', 'look'), ...args('a', '{}'), STOP])
})

test('function_call, the tool call of before 2024, is a call with an id of ours', () => {
  const chunks = [
    delta({ function_call: { name: 'add', arguments: '{"a"' } }),
    delta({ function_call: { arguments: ':1}' } }),
    finish('function_call'),
  ]
  assert.deepEqual(readAll(chunks), [opens('call_made_0', 'add'), ...args('call_made_0', '{"a"', ':1}'), STOP])
})

test('An empty function_call beside real calls is none (Snowflake)', () => {
  const message = { function_call: { name: '', arguments: '' }, tool_calls: [fragment(0, 'a', 'add', '{}')] }
  const whole: WireChunk = { choices: [{ message }] }
  assert.deepEqual(readAll([whole]), [opens('a', 'add'), ...args('a', '{}'), STOP])
})

test('A signed call is preceded by what must come back with it (Google)', () => {
  const signature = { google: { thought_signature: 'c2ln' } }
  const calls = [
    { ...fragment(0, '', 'now', '{}'), extra_content: signature },
    { ...fragment(1, '', 'add', '{}'), extra_content: null },
  ]
  assert.deepEqual(readAll([delta({ tool_calls: calls })]), [
    { type: 'reasoning_state', state: { call_id: 'call_made_0', extra_content: signature } },
    opens('call_made_0', 'now'),
    ...args('call_made_0', '{}'),
    opens('call_made_1', 'add'),
    ...args('call_made_1', '{}'),
    STOP,
  ])
})

test('However the arguments of two calls are cut and mixed, each call gets its own', () => {
  const pieces = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 8 })
  fc.assert(
    fc.property(pieces, pieces, fc.infiniteStream(fc.boolean()), (first, second, order) => {
      const left = [[...first], [...second]]
      const tracker = createCallTracker('made_')
      const events = [0, 1].flatMap((index) => tracker.read(fragment(index, `id${index}`, 'f', '')))
      while (left.some((queue) => queue.length > 0)) {
        const wanted = order.next().value === true ? 1 : 0
        const index = left[wanted]?.length === 0 ? 1 - wanted : wanted
        events.push(...tracker.read(fragment(index, null, null, left[index]?.shift())))
      }
      const told = (callId: string) =>
        events.map((event) => (event.type === 'tool_arguments' && event.callId === callId ? event.delta : '')).join('')
      assert.equal(told('id0'), first.join(''))
      assert.equal(told('id1'), second.join(''))
      assert.equal(events.filter(({ type }) => type === 'tool_call').length, 2)
    }),
  )
})
