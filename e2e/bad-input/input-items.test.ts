import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer } from '../harness/server.ts'
import {
  assertAlive,
  invalid,
  lacking,
  missing,
  testRefusals,
  tooLong,
  wrongType,
  wrongValue,
  type RefusedValues,
} from './refusal.ts'

const server = await startTestServer()
after(() => server.close())

const ITEM = 'input[0]'
const PART = 'input[0].content[0]'

const INPUTS: readonly RefusedValues[] = [
  ['B-43', [null], lacking('input')],
  ['B-43', [{}, 5, true], wrongType('input')],
  ['B-43', ['', []], wrongValue('input')],
  [
    'B-44',
    [Array.from({ length: 10_001 }, () => ({ role: 'user', content: 'a' }))],
    invalid('too_many_items', 'input'),
  ],
  ['B-44', [[42], ['x'], [null], [[]], [[{ role: 'user', content: 'x' }]], [true]], wrongType(ITEM)],
  ['B-44', [[{ role: 'user', content: 'a' }, 42]], wrongType('input[1]')],
  [
    'B-44',
    [Array.from({ length: 10_000 }, (_, i) => (i < 9999 ? { role: 'user', content: 'a' } : 42))],
    wrongType('input[9999]'),
  ],
]
testRefusals(server, INPUTS, (input) => ({ model: 'demo', input: input }))

const ITEMS: readonly RefusedValues[] = [
  [
    'B-44',
    [{ type: 'nothing' }, { type: '' }, { type: '__proto__' }, { type: 'Message' }],
    invalid('unknown_item_type', 'input[0].type'),
  ],
  [
    'B-44',
    [{ type: 5 }, { type: null, role: 'user', content: 'x' }, { type: ['message'] }],
    wrongType('input[0].type'),
  ],
  ['B-45', [{}, { content: 'x' }, { type: 'message' }, { role: null, content: 'x' }], lacking('input[0].role')],
  [
    'B-45',
    [
      { role: 'tool', content: 'x' },
      { role: '', content: 'x' },
      { role: 'User', content: 'x' },
    ],
    wrongValue('input[0].role'),
  ],
  [
    'B-45',
    [
      { role: ['user'], content: 'x' },
      { role: 5, content: 'x' },
    ],
    wrongType('input[0].role'),
  ],
  ['B-45', [{ role: 'user' }, { role: 'user', content: null }, { role: 'assistant' }], lacking('input[0].content')],
  [
    'B-45',
    [
      { role: 'user', content: {} },
      { role: 'user', content: 5 },
      { role: 'system', content: true },
    ],
    wrongType('input[0].content'),
  ],
  [
    'B-45',
    ['user', 'system', 'developer'].map((role) => ({ role, content: [] })),
    invalid('array_below_min_length', 'input[0].content'),
  ],
  [
    'B-45',
    [
      { role: 'user', content: ['x'] },
      { role: 'user', content: [null] },
      { role: 'assistant', content: [5] },
    ],
    wrongType(PART),
  ],
  ['B-45', [{ role: 'user', content: [{ type: 'input_text', text: 'x' }, 5] }], wrongType('input[0].content[1]')],
  ['B-45', [{ role: 'user', content: 'x', id: '' }], wrongValue('input[0].id')],
  ['B-45', [{ role: 'user', content: 'x', id: 'x'.repeat(257) }], tooLong('input[0].id')],
  ['B-45', [{ role: 'user', content: 'x', status: 'done' }], wrongValue('input[0].status')],
  [
    'B-46',
    [{ role: 'assistant', content: [{ type: 'input_image', image_url: 'https://x.example/y' }] }],
    wrongValue(`${PART}.type`),
  ],
  [
    'B-49',
    [{ type: 'function_call' }, { type: 'function_call', name: 'n', arguments: '{}' }],
    lacking('input[0].call_id'),
  ],
  ['B-49', [{ type: 'function_call', call_id: 'c', arguments: '{}' }], lacking('input[0].name')],
  ['B-49', [{ type: 'function_call', call_id: 'c', name: 'n' }], lacking('input[0].arguments')],
  ['B-49', [{ type: 'function_call', call_id: 'c', name: 'n', arguments: {} }], wrongType('input[0].arguments')],
  ['B-49', [{ type: 'function_call', call_id: 5, name: 'n', arguments: '{}' }], wrongType('input[0].call_id')],
  ['B-49', [{ type: 'function_call', call_id: '', name: 'n', arguments: '{}' }], wrongValue('input[0].call_id')],
  ['B-49', [{ type: 'function_call', call_id: 'c', name: 'x'.repeat(129), arguments: '{}' }], tooLong('input[0].name')],
  ['B-49', [{ type: 'function_call', call_id: 'c', name: 'n', arguments: '{}' }], wrongValue('input')],
  ['B-49', [{ type: 'function_call_output' }], lacking('input[0].call_id')],
  [
    'B-49',
    [
      { type: 'function_call_output', call_id: 'c' },
      { type: 'function_call_output', call_id: 'c', output: null },
    ],
    lacking('input[0].output'),
  ],
  [
    'B-49',
    [
      { type: 'function_call_output', call_id: 'c', output: {} },
      { type: 'function_call_output', call_id: 'c', output: 5 },
    ],
    wrongType('input[0].output'),
  ],
  ['B-49', [{ type: 'function_call_output', call_id: 'c', output: 'x' }], wrongValue('input')],
  ['B-44', [{ type: 'item_reference' }], lacking('input[0].id')],
  [
    'B-44',
    ['msg_x', '\0', `msg_${'0'.repeat(48)}i0`, `msg_${'0'.repeat(48)}o999999`].map((id) => ({
      type: 'item_reference',
      id,
    })),
    missing('item_not_found', 'input[0].id'),
  ],
]
testRefusals(server, ITEMS, (item) => ({ model: 'demo', input: [item] }))

const CALL = { type: 'function_call', call_id: 'c', name: 'n', arguments: '{broken' }

const ACCEPTED: readonly (readonly [id: string, name: string, input: unknown])[] = [
  ['B-43', 'one character', 'x'],
  ['B-44', '10,000 items', Array.from({ length: 10_000 }, () => ({ role: 'user', content: 'a' }))],
  ['B-44', 'an item without a type', [{ role: 'user', content: 'x' }]],
  ['B-45', 'an empty text', [{ role: 'user', content: '' }]],
  [
    'B-45',
    'an empty answer of the model, played back',
    [
      { role: 'assistant', content: [] },
      { role: 'user', content: 'x' },
    ],
  ],
  ['B-45', 'an id of 256 characters', [{ role: 'user', content: 'x', id: 'x'.repeat(256) }]],
  [
    'B-49',
    'arguments that are not JSON: an opaque string',
    [CALL, { type: 'function_call_output', call_id: 'c', output: '' }],
  ],
]

for (const [id, name, input] of ACCEPTED) {
  test(`${id}: ${name}: accepted`, async () => {
    const answer = await server.post('/responses', { model: 'demo', input })
    assert.equal(answer.status, 200, (await answer.text()).slice(0, 500))
  })
}

test('B-43: an empty input goes on where a previous response is given', async () => {
  const first = (await (await server.post('/responses', { model: 'demo', input: 'x' })).json()) as { id: string }
  for (const input of ['', []]) {
    const answer = await server.post('/responses', { model: 'demo', input, previous_response_id: first.id })
    assert.equal(answer.status, 200)
  }
})

test('after all of these, the server answers', () => assertAlive(server))
