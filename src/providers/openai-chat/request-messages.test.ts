import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HistoryItem } from '../../core/model-call.ts'
import { assistant, functionCall, functionOutput, modelCall, user } from '../testing/model-call.ts'
import { chatRequest } from '../testing/chat-request.ts'
import { DIALECTS, type DialectName } from './tables.ts'

function messages(history: readonly HistoryItem[], dialect: DialectName = 'generic', instructions?: string): unknown {
  return chatRequest(modelCall({ history, instructions }), dialect).body['messages']
}

function told(role: 'system' | 'developer', text: string): HistoryItem {
  return { type: 'message', role, parts: [{ type: 'input_text', text }] }
}

function thought(text: string, state?: Extract<HistoryItem, { type: 'reasoning' }>['state']): HistoryItem {
  return { type: 'reasoning', text, state }
}

function wireCall(id: string, name: string, args = '{}') {
  return { id, type: 'function', function: { name, arguments: args } }
}

const roles = [
  { dialect: 'generic', role: 'developer', wire: 'system' },
  { dialect: 'generic', role: 'system', wire: 'system' },
  { dialect: 'openai', role: 'developer', wire: 'developer' },
  { dialect: 'openai', role: 'system', wire: 'system' },
  { dialect: 'azure', role: 'developer', wire: 'system' },
] as const
for (const { dialect, role, wire } of roles) {
  test(`A message of the role ${role} is sent to ${dialect} as ${wire}, where it stands`, () => {
    assert.deepEqual(messages([user('a'), told(role, 'b')], dialect), [
      { role: 'user', content: 'a' },
      { role: wire, content: 'b' },
    ])
  })
}

test('Instructions come first, in the role of the dialect', () => {
  assert.deepEqual(messages([user('a')], 'generic', 'Be kind.'), [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'a' },
  ])
  assert.deepEqual(messages([user('a')], 'openai', 'Be kind.'), [
    { role: 'developer', content: 'Be kind.' },
    { role: 'user', content: 'a' },
  ])
})

/** Threads, and the messages that they become. */
const threads: readonly { thread: string; history: readonly HistoryItem[]; wire: readonly unknown[] }[] = [
  {
    thread: 'two questions',
    history: [user('a'), assistant('b'), user('c')],
    wire: [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ],
  },
  {
    thread: 'words and two calls of one turn',
    history: [
      assistant('Let me see.'),
      functionCall('1', 'add', '{"a":1}'),
      functionCall('2', 'now', ''),
      functionOutput('1', 'one'),
      functionOutput('2', ''),
    ],
    wire: [
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [wireCall('1', 'add', '{"a":1}'), wireCall('2', 'now', '{}')],
      },
      { role: 'tool', tool_call_id: '1', content: 'one' },
      { role: 'tool', tool_call_id: '2', content: '' },
    ],
  },
  {
    thread: 'a call without words',
    history: [functionCall('1', 'now'), functionOutput('1', 'noon'), assistant('It is noon.')],
    wire: [
      { role: 'assistant', content: null, tool_calls: [wireCall('1', 'now')] },
      { role: 'tool', tool_call_id: '1', content: 'noon' },
      { role: 'assistant', content: 'It is noon.' },
    ],
  },
  {
    thread: 'calls in two turns',
    history: [
      functionCall('1', 'now'),
      functionOutput('1', 'noon'),
      functionCall('2', 'now'),
      functionOutput('2', 'night'),
    ],
    wire: [
      { role: 'assistant', content: null, tool_calls: [wireCall('1', 'now')] },
      { role: 'tool', tool_call_id: '1', content: 'noon' },
      { role: 'assistant', content: null, tool_calls: [wireCall('2', 'now')] },
      { role: 'tool', tool_call_id: '2', content: 'night' },
    ],
  },
  {
    thread: 'words after a call: another turn, after its result',
    history: [functionCall('1', 'now'), assistant('One moment.'), functionOutput('1', 'noon')],
    wire: [
      { role: 'assistant', content: null, tool_calls: [wireCall('1', 'now')] },
      { role: 'tool', tool_call_id: '1', content: 'noon' },
      { role: 'assistant', content: 'One moment.' },
    ],
  },
  {
    thread: 'two messages of the assistant in a row',
    history: [assistant('a'), assistant('b'), user('c')],
    wire: [
      { role: 'assistant', content: 'ab' },
      { role: 'user', content: 'c' },
    ],
  },
  {
    thread: 'a refusal',
    history: [{ type: 'message', role: 'assistant', parts: [{ type: 'refusal', refusal: 'I will not.' }] }, user('a')],
    wire: [
      { role: 'assistant', content: 'I will not.' },
      { role: 'user', content: 'a' },
    ],
  },
  {
    thread: 'a turn in which nothing was said',
    history: [user('a'), assistant(''), thought('Hm.'), user('b')],
    wire: [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
    ],
  },
]
for (const { thread, history, wire } of threads) {
  test(`${thread} becomes messages in order`, () => {
    assert.deepEqual(messages(history), wire)
  })
}

const replays = [
  { dialect: 'generic', field: undefined },
  { dialect: 'openai', field: undefined },
  { dialect: 'vllm', field: 'reasoning' },
  { dialect: 'openrouter', field: 'reasoning' },
  { dialect: 'deepseek', field: 'reasoning_content' },
  { dialect: 'llama.cpp', field: 'reasoning_content' },
] as const
for (const { dialect, field } of replays) {
  test(`Earlier reasoning is sent back to ${dialect} ${field === undefined ? 'not at all' : `as ${field}`}`, () => {
    const own = (text: string) => thought(text, field === undefined ? undefined : { [field]: text })
    const history = [own('Hm.'), thought('What another provider thought.'), own('So.'), assistant('a')]
    assert.deepEqual(messages(history, dialect), [
      { role: 'assistant', content: 'a', ...(field && { [field]: 'Hm.\n\nSo.' }) },
    ])
  })
}

test('Every turn of an assistant brings reasoning to DeepSeek, an empty one where it is not known', () => {
  const history = [
    thought('Hm.', { reasoning_content: 'Hm.' }),
    functionCall('1', 'now'),
    functionOutput('1', 'noon'),
    functionCall('2', 'now'),
    functionOutput('2', 'noon'),
    assistant('Noon.'),
  ]
  // The body is ours.
  const sent = messages(history, 'deepseek') as { role: string; reasoning_content?: string }[]
  assert.deepEqual(
    sent.map(({ role, reasoning_content: reasoning }) => [role, reasoning]),
    [
      ['assistant', 'Hm.'],
      ['tool', undefined],
      ['assistant', ''],
      ['tool', undefined],
      ['assistant', ''],
    ],
  )
})

test('Reasoning details come back with their turn, those of two thoughts together', () => {
  const [first, second] = [
    { type: 'reasoning.text', signature: 'a' },
    { type: 'reasoning.encrypted', data: 'b' },
  ]
  const history = [
    thought('Hm.', { reasoning_details: [first] }),
    assistant('a'),
    thought('', { reasoning_details: [second] }),
    user('b'),
    assistant('c'),
  ]
  assert.deepEqual(messages(history), [
    { role: 'assistant', content: 'a', reasoning_details: [first, second] },
    { role: 'user', content: 'b' },
    { role: 'assistant', content: 'c' },
  ])
})

test('The signature of a call comes back on that call, that of a message on its message', () => {
  const [onCall, onMessage] = [{ google: { thought_signature: 'a' } }, { google: { thought_signature: 'b' } }]
  const history = [
    thought('', { extra_content: onMessage }),
    thought('', { call_id: '2', extra_content: onCall }),
    functionCall('1', 'now'),
    functionCall('2', 'now'),
  ]
  assert.deepEqual(messages(history, 'google'), [
    {
      role: 'assistant',
      content: null,
      tool_calls: [wireCall('1', 'now'), { ...wireCall('2', 'now'), extra_content: onCall }],
      extra_content: onMessage,
    },
  ])
})

test('State that is not an object is not sent', () => {
  assert.deepEqual(messages([thought('', ['odd']), thought('', 'odd'), assistant('a')]), [
    { role: 'assistant', content: 'a' },
  ])
})

const ids = [
  { callId: 'Abc123Xyz', isKept: true },
  { callId: 'Abc123Xy_', isKept: false },
  { callId: 'Abc123Xy', isKept: false },
  { callId: 'Abc123XyzQ', isKept: false },
  { callId: 'call_0123456789abcdef', isKept: false },
]
for (const { callId, isKept } of ids) {
  test(`Mistral gets the id ${callId} ${isKept ? 'as it is' : 'as nine letters and digits'}, with call and output`, () => {
    const id = wireId(callId, 'mistral')
    assert.match(id, /^[A-Za-z0-9]{9}$/)
    assert.equal(id === callId, isKept)
  })
}

/** The id of a call in a dialect: that of its output too. */
function wireId(callId: string, dialect: DialectName): string {
  // The body is ours.
  const [call, output] = messages([functionCall(callId, 'now'), functionOutput(callId, '')], dialect) as [
    { tool_calls: [{ id: string }] },
    { tool_call_id: string },
  ]
  const { id } = call.tool_calls[0]
  assert.equal(output.tool_call_id, id)
  return id
}

for (const dialect of ['openai', 'azure'] as const) {
  test(`An id of more than 40 characters is hashed for ${dialect}, which refuses it, with call and output`, () => {
    const fitting = `functions.add:0/${'é'.repeat(24)}`
    assert.equal(wireId(fitting, dialect), fitting)
    const hashed = [`${fitting}a`, `${fitting}b`].map((callId) => wireId(callId, dialect))
    for (const id of hashed) assert.match(id, /^[A-Za-z0-9]{32}$/)
    assert.notEqual(hashed[0], hashed[1])
  })
}

test('An id of many characters is sent as it is to whoever has no limit', () => {
  const callId = 'a'.repeat(256)
  assert.equal(wireId(callId, 'generic'), callId)
})

test('A hashed id is the same today and tomorrow, and differs from the next one', () => {
  const wireIds = ['call_1', 'call_2'].map((callId) => {
    // The body is ours.
    const [call] = messages([functionCall(callId, 'now')], 'mistral') as [{ tool_calls: [{ id: string }] }]
    return call.tool_calls[0].id
  })
  assert.deepEqual(wireIds, ['sPnjkEYJU', 'Rg01d6oqv'])
})

test('The same beginning of a thread gives the same beginning of messages, in every dialect', () => {
  const text = fc.string({ maxLength: 5 })
  const id = fc.constantFrom('a', 'b')
  const turn: fc.Arbitrary<HistoryItem[]> = fc.oneof(
    text.map((said) => [user(said)]),
    text.map((said) => [told('developer', said)]),
    fc
      .tuple(text, id)
      .map(([said, callId]) => [
        thought(said, { call_id: callId, extra_content: said }),
        assistant(said),
        functionCall(callId, 'f', said),
        functionOutput(callId, said),
      ]),
    text.map((said) => [thought(said, { reasoning_details: [said] }), assistant(said), user(said)]),
  )
  const dialect = fc.constantFrom(...(Object.keys(DIALECTS) as DialectName[])) // Its own keys.
  const turns = fc.array(turn, { maxLength: 6 })
  fc.assert(
    fc.property(dialect, turns, turns, fc.option(text, { nil: undefined }), (name, start, rest, instructions) => {
      const shorter = JSON.stringify(messages(start.flat(), name, instructions))
      const longer = JSON.stringify(messages([...start, ...rest].flat(), name, instructions))
      assert.equal(shorter, shorter === '[]' ? '[]' : `${longer.slice(0, shorter.length - 1)}]`)
    }),
  )
})
