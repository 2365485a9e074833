import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InputItem } from '../protocol/input-item.ts'
import { storeInput } from './history.ts'
import { frozen, RESPONSE_HEX, RESPONSE_ID } from './testing/play-run.ts'

const minted = (prefix: string, index: number) => `${prefix}_${RESPONSE_HEX}i${index}`
const TEXT = [{ type: 'input_text', text: 'Hello' }]
const USER = { type: 'message', role: 'user', content: TEXT, status: 'completed' }

test('text is one message of the user, in parts', () => {
  assert.deepEqual(storeInput('Hello', RESPONSE_ID), [{ ...USER, id: minted('msg', 0) }])
})

test('an empty list is stored as it is', () => assert.deepEqual(storeInput([], RESPONSE_ID), []))

const items: readonly { name: string; item: InputItem; stored: object }[] = [
  {
    name: 'a message without a type',
    item: { role: 'user', content: 'Hello' },
    stored: { ...USER, id: minted('msg', 0) },
  },
  {
    name: 'a message in parts',
    item: { role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
    stored: { ...USER, id: minted('msg', 0) },
  },
  {
    name: 'text of an assistant',
    item: { role: 'assistant', content: 'Hi' },
    stored: {
      type: 'message',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'Hi', annotations: [] }],
      id: minted('msg', 0),
      status: 'completed',
    },
  },
  {
    name: 'a message with an id of its own',
    item: { id: 'msg_mine', role: 'user', content: 'Hello' },
    stored: { ...USER, id: 'msg_mine' },
  },
  {
    name: 'a message with null for an id and a status',
    item: { id: null, status: null, role: 'user', content: 'Hello' },
    stored: { ...USER, id: minted('msg', 0) },
  },
  {
    name: 'a message that says where it stands',
    item: { role: 'user', content: 'Hello', status: 'incomplete' },
    stored: { ...USER, id: minted('msg', 0), status: 'incomplete' },
  },
  {
    name: 'a call',
    item: { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
    stored: {
      type: 'function_call',
      call_id: 'a',
      name: 'f',
      arguments: '{}',
      id: minted('fc', 0),
      status: 'completed',
    },
  },
  {
    name: 'an output whose text is left as it is',
    item: { type: 'function_call_output', call_id: 'a', output: 'done' },
    stored: { type: 'function_call_output', call_id: 'a', output: 'done', id: minted('fco', 0), status: 'completed' },
  },
  {
    name: 'reasoning, which has no status',
    item: { type: 'reasoning', summary: [], encrypted_content: 'sealed' },
    stored: { type: 'reasoning', summary: [], encrypted_content: 'sealed', id: minted('rs', 0) },
  },
  {
    name: 'an item of a hosted tool',
    item: { type: 'mcp_call', id: 'mcp_1' },
    stored: { type: 'mcp_call', id: 'mcp_1' },
  },
  {
    name: 'an item of a hosted tool without an id',
    item: { type: 'mcp_call' },
    stored: { type: 'mcp_call', id: minted('mcp', 0) },
  },
]
for (const { name, item, stored } of items) {
  test(`storeInput() stores ${name}`, () => assert.deepEqual(storeInput(frozen([item]), RESPONSE_ID), [stored]))
}

test('storeInput() keeps fields that nobody named', () => {
  // A client may send more than the schema names.
  const item = { role: 'user', content: 'Hello', future: { any: 1 } } as InputItem
  assert.deepEqual(storeInput([item], RESPONSE_ID), [{ ...USER, future: { any: 1 }, id: minted('msg', 0) }])
})

const ids: readonly { name: string; given: readonly (string | undefined)[]; kept: readonly string[] }[] = [
  { name: 'ids that differ are kept', given: ['a', 'b'], kept: ['a', 'b'] },
  { name: 'an id used twice is kept once', given: ['a', 'a', 'b'], kept: ['a', minted('msg', 1), 'b'] },
  {
    name: 'an id used three times is kept once',
    given: ['a', 'a', 'a'],
    kept: ['a', minted('msg', 1), minted('msg', 2)],
  },
  {
    name: 'items without an id are named by their place',
    given: [undefined, 'a', undefined],
    kept: [minted('msg', 0), 'a', minted('msg', 2)],
  },
]
for (const { name, given, kept } of ids) {
  test(`storeInput(): ${name}`, () => {
    const input = given.map((id): InputItem => ({
      role: 'user',
      content: 'Hello',
      ...(id === undefined ? {} : { id }),
    }))
    assert.deepEqual(
      storeInput(input, RESPONSE_ID).map(({ id }) => id),
      kept,
    )
  })
}
