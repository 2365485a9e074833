import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FOREIGN_ITEM_TYPES } from '../protocol/input-item.ts'
import type { JsonValue } from '../protocol/json.ts'
import type { Tool } from '../protocol/tool.ts'
import { toHistory, type ThreadItem } from './history.ts'
import type { CallOrigin, HistoryItem } from './model-call.ts'
import { apiFault } from './testing/api-fault.ts'
import { eventsAfter, freshResponse, STOPPED } from './testing/play-run.ts'
import { conclude } from './conclude.ts'
import { foldAll } from './decide.ts'

const call = (call_id: string): ThreadItem => ({ type: 'function_call', call_id, name: 'f', arguments: '{}' })
const output = (call_id: string): ThreadItem => ({ type: 'function_call_output', call_id, output: 'done' })
const user: ThreadItem = { role: 'user', content: 'Hello' }

/** A provider that made the seals that begin with `ours:`. */
function unseal(encrypted: string): JsonValue | undefined {
  return encrypted.startsWith('ours:') ? encrypted.slice(5) : undefined
}

const NO_CALL = (id: string) => `No tool call found for function call output with call_id ${id}.`
const NO_OUTPUT = (id: string) => `No tool output found for function call ${id}.`

const unpaired: readonly { name: string; thread: readonly ThreadItem[]; message: string }[] = [
  { name: 'an output without its call', thread: [user, output('a')], message: NO_CALL('a') },
  { name: 'an output before its call', thread: [output('a'), call('a')], message: NO_CALL('a') },
  { name: 'an output of another call', thread: [call('a'), output('a'), output('b')], message: NO_CALL('b') },
  { name: 'a call without its output', thread: [call('a'), user], message: NO_OUTPUT('a') },
  { name: 'one call of two without its output', thread: [call('a'), call('b'), output('b')], message: NO_OUTPUT('a') },
  {
    name: 'a call that is made again without an output',
    thread: [call('a'), output('a'), call('a')],
    message: NO_OUTPUT('a'),
  },
  {
    name: 'a custom call without its output',
    thread: [{ type: 'custom_tool_call', call_id: 'a', name: 'p', input: '' }],
    message: NO_OUTPUT('a'),
  },
  {
    name: 'a custom output without its call',
    thread: [{ type: 'custom_tool_call_output', call_id: 'a', output: '' }],
    message: NO_CALL('a'),
  },
  {
    name: 'a search without its output',
    thread: [{ type: 'tool_search_call', call_id: 'a' }],
    message: NO_OUTPUT('a'),
  },
  {
    name: 'tools that nobody searched for',
    thread: [{ type: 'tool_search_output', call_id: 'a', tools: [] }],
    message: NO_CALL('a'),
  },
  {
    name: 'the output of a call that was cut short',
    thread: [{ ...call('a'), status: 'incomplete' } as ThreadItem, output('a')],
    message: NO_CALL('a'),
  },
]
for (const { name, thread, message } of unpaired) {
  test(`toHistory() refuses ${name}`, () => {
    assert.throws(() => toHistory(thread, unseal), apiFault('invalid_value', 'input', message))
  })
}

const TOOL: Tool = { type: 'function', name: 'found' }
const said = (text: string) => ({ type: 'message', role: 'assistant', parts: [{ type: 'output_text', text }] }) as const
const called = (name: string, args: string, origin?: CallOrigin) =>
  ({ type: 'function_call', callId: 'a', name, arguments: args, ...(origin && { origin }) }) as const
const SEARCH: CallOrigin = { kind: 'tool_search' }
const READ: CallOrigin = { kind: 'function', name: 'read', namespace: 'files' }
const answered = (text: string) => ({ type: 'function_call_output', callId: 'a', output: text }) as const

const image = { type: 'input_image', image_url: 'https://example.com/a.png' } as const

const shown: readonly {
  name: string
  thread: readonly ThreadItem[]
  items: readonly HistoryItem[]
  warnings?: readonly string[]
}[] = [
  {
    name: 'text of a user',
    thread: [user],
    items: [{ type: 'message', role: 'user', parts: [{ type: 'input_text', text: 'Hello' }] }],
  },
  {
    name: 'parts of a developer',
    thread: [{ type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Look:' }, image] }],
    items: [{ type: 'message', role: 'developer', parts: [{ type: 'input_text', text: 'Look:' }, image] }],
  },
  { name: 'text of an assistant', thread: [{ role: 'assistant', content: 'Hi' }], items: [said('Hi')] },
  {
    name: 'parts of an assistant, without what only we need',
    thread: [
      {
        role: 'assistant',
        content: [
          { type: 'output_text', text: 'Hi', annotations: [{}], logprobs: [] },
          { type: 'refusal', refusal: 'No.' },
        ],
      },
    ],
    items: [
      {
        type: 'message',
        role: 'assistant',
        parts: [
          { type: 'output_text', text: 'Hi' },
          { type: 'refusal', refusal: 'No.' },
        ],
      },
    ],
  },
  {
    name: 'input text that a client put in the mouth of an assistant',
    thread: [{ role: 'assistant', content: [{ type: 'input_text', text: 'Hi' }] }],
    items: [said('Hi')],
  },
  {
    name: 'a function and its output',
    thread: [
      { type: 'function_call', call_id: 'a', name: 'get.time', arguments: '{"a":1}' },
      { type: 'function_call_output', call_id: 'a', output: 'noon' },
    ],
    items: [called('get_time', '{"a":1}'), answered('noon')],
  },
  {
    name: 'a function of a namespace',
    thread: [{ type: 'function_call', call_id: 'a', name: 'read', namespace: 'files', arguments: '{}' }, output('a')],
    items: [called('files__read', '{}', READ), answered('done')],
  },
  {
    name: 'an output in parts',
    thread: [call('a'), { type: 'function_call_output', call_id: 'a', output: [image] }],
    items: [called('f', '{}'), { type: 'function_call_output', callId: 'a', output: [image] }],
  },
  {
    name: 'a custom tool and its output',
    thread: [
      { type: 'custom_tool_call', call_id: 'a', name: 'p', input: 'x "y"' },
      { type: 'custom_tool_call_output', call_id: 'a', output: 'ok' },
    ],
    items: [called('p', '{"input":"x \\"y\\""}', { kind: 'custom', name: 'p', input: 'x "y"' }), answered('ok')],
  },
  {
    name: 'a custom tool of a namespace',
    thread: [
      { type: 'custom_tool_call', call_id: 'a', name: 'p', namespace: 'files', input: 'x' },
      { type: 'custom_tool_call_output', call_id: 'a', output: 'done' },
    ],
    items: [
      called('files__p', '{"input":"x"}', { kind: 'custom', name: 'p', namespace: 'files', input: 'x' }),
      answered('done'),
    ],
  },
  {
    name: 'a search and what it found',
    thread: [
      { type: 'tool_search_call', call_id: 'a', arguments: { query: 'mail' } },
      { type: 'tool_search_output', call_id: 'a', tools: [TOOL] },
    ],
    items: [called('tool_search', '{"query":"mail"}', SEARCH), answered('[{"type":"function","name":"found"}]')],
  },
  {
    name: 'a search without arguments',
    thread: [
      { type: 'tool_search_call', call_id: 'a' },
      { type: 'tool_search_output', call_id: 'a', tools: [] },
    ],
    items: [called('tool_search', '{}', SEARCH), answered('[]')],
  },
  {
    name: 'a search without a call id',
    thread: [
      { type: 'tool_search_call', call_id: null, arguments: null },
      { type: 'tool_search_output', tools: [] },
    ],
    items: [
      { ...called('tool_search', '{}', SEARCH), callId: '' },
      { ...answered('[]'), callId: '' },
    ],
  },
  {
    name: 'reasoning of this provider, with its state',
    thread: [
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'ours:signature' },
    ],
    items: [{ type: 'reasoning', text: 'Hm.', state: 'signature' }],
  },
  {
    name: 'reasoning of another provider, without its state',
    thread: [{ type: 'reasoning', summary: [], encrypted_content: 'theirs:signature' }],
    items: [{ type: 'reasoning', text: '', state: undefined }],
    warnings: ['sealed reasoning was left out: another provider or account made it'],
  },
  {
    name: 'reasoning of several parts, each a paragraph',
    thread: [
      {
        type: 'reasoning',
        summary: [
          { type: 'summary_text', text: 'A' },
          { type: 'summary_text', text: 'B' },
        ],
        content: [{ type: 'reasoning_text', text: 'C' }],
        encrypted_content: null,
      },
    ],
    items: [{ type: 'reasoning', text: 'A\n\nB\n\nC', state: undefined }],
  },
  {
    name: 'reasoning without anything',
    thread: [{ type: 'reasoning' }],
    items: [{ type: 'reasoning', text: '', state: undefined }],
  },
  {
    name: 'nothing of a call that was cut short',
    thread: [{ ...call('a'), status: 'incomplete' } as ThreadItem],
    items: [],
  },
  {
    name: 'nothing of a custom call that was cut short',
    thread: [{ type: 'custom_tool_call', call_id: 'a', name: 'p', input: '', status: 'incomplete' }],
    items: [],
  },
  {
    name: 'nothing of a search that was cut short',
    thread: [{ type: 'tool_search_call', call_id: 'a', status: 'incomplete' }],
    items: [],
  },
  { name: 'an empty thread', thread: [], items: [] },
]
for (const { name, thread, items, warnings = [] } of shown) {
  test(`toHistory() shows ${name}`, () => {
    assert.deepEqual(toHistory(thread, unseal).items, items)
    assert.deepEqual(toHistory(thread, unseal).warnings, warnings)
  })
}

test('toHistory() shows a call that is answered twice, and two turns that use one call id', () => {
  const { items } = toHistory([call('a'), output('a'), output('a'), user, call('a'), output('a')], unseal)
  assert.equal(items.length, 6)
})

test('toHistory() collects the tools that items bring with them, in order', () => {
  const further: Tool = { type: 'custom', name: 'further' }
  const thread: ThreadItem[] = [
    { type: 'additional_tools', tools: [further] },
    { type: 'tool_search_call', call_id: 'a' },
    { type: 'tool_search_output', call_id: 'a', tools: [TOOL] },
  ]
  const { tools, items } = toHistory(thread, unseal)
  assert.deepEqual(tools, [further, TOOL])
  assert.deepEqual(
    items.map(({ type }) => type),
    ['function_call', 'function_call_output'],
  )
})

for (const type of FOREIGN_ITEM_TYPES) {
  test(`toHistory() leaves ${type} items out, and says so once`, () => {
    const { items, warnings } = toHistory([user, { type, id: 'x_1' }, { type, id: 'x_2' }], unseal)
    assert.equal(items.length, 1)
    assert.deepEqual(warnings, [`${type} items were left out: the provider has none`])
  })
}

test('toHistory() keeps the phase of a message, where it is one that we know', () => {
  const spoken = (phase: string): ThreadItem => ({ role: 'assistant', content: 'Hi', phase })
  assert.deepEqual(toHistory([spoken('commentary'), spoken('mood')], unseal).items, [
    { ...said('Hi'), phase: 'commentary' },
    said('Hi'),
  ])
})

test('toHistory() shows what a run has said, as the next turn needs it', () => {
  const { response } = eventsAfter(freshResponse(), [
    { type: 'reasoning', text: 'Hm.' },
    { type: 'reasoning_seal', sealed: 'ours:signature' },
    { type: 'text', text: 'Hi' },
    { type: 'tool_call', callId: 'a', name: 'read', kind: 'function', namespace: 'files' },
  ])
  const { output: earlier } = foldAll(response, conclude(response, STOPPED, 1))
  assert.deepEqual(toHistory([...earlier, output('a')], unseal).items, [
    { type: 'reasoning', text: 'Hm.', state: 'signature' },
    said('Hi'),
    called('files__read', '{}', READ),
    answered('done'),
  ])
})
