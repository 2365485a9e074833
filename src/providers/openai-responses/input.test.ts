import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { toHistory, type ThreadItem } from '../../core/history.ts'
import type { HistoryItem } from '../../core/model-call.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { assistant, functionCall, functionOutput, user } from '../testing/model-call.ts'
import { buildInput } from './input.ts'
import { DIALECTS, type DialectName } from './tables.ts'

function inputIn(dialect: DialectName, history: readonly HistoryItem[]): JsonObject[] {
  return buildInput(history, DIALECTS[dialect].quirks)
}

const HI = { type: 'message', role: 'user', content: 'Hi' }
const YES = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Yes?' }] }
const SEALED = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA/+=' }
const PLAIN = { type: 'reasoning', id: 'uuid', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] }
const CALL = { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' }
const RESULT = { type: 'function_call_output', call_id: 'a', output: 'done' }
const thought = (state: JsonObject | undefined): HistoryItem => ({ type: 'reasoning', text: 'Hm.', state })
const searched: HistoryItem = { type: 'native', item: { type: 'web_search_call', id: 'ws_1', status: 'completed' } }

const cases: readonly {
  says: string
  dialect?: DialectName
  history: readonly HistoryItem[]
  input: readonly JsonObject[]
}[] = [
  {
    says: 'encrypted reasoning goes back as it came',
    history: [user('Hi'), thought(SEALED), assistant('Yes?')],
    input: [HI, SEALED, YES],
  },
  {
    says: 'what another provider thought does not, nor what only ended a run of thinking',
    history: [user('Hi'), thought(undefined), thought({}), thought({ signature: 'x' }), assistant('Yes?')],
    input: [HI, YES],
  },
  {
    says: 'plain thoughts go back to whoever takes them',
    dialect: 'deepseek',
    history: [user('Hi'), thought(PLAIN), assistant('Yes?')],
    input: [HI, PLAIN, YES],
  },
  {
    says: 'plain thoughts go back to nobody else',
    history: [user('Hi'), thought(PLAIN), assistant('Yes?')],
    input: [HI, YES],
  },
  {
    says: 'reasoning that ended late goes to where it stood',
    history: [user('Hi'), thought(undefined), assistant('Yes?'), thought({ ...SEALED, late: 1 })],
    input: [HI, SEALED, YES],
  },
  {
    says: 'reasoning that led to nothing is left out',
    history: [user('Hi'), thought(SEALED), user('Hi')],
    input: [HI, HI],
  },
  {
    says: 'reasoning after calls leads to what is said after their results',
    history: [functionCall('a', 'f', '{}'), thought(SEALED), functionOutput('a', 'done'), assistant('Yes?')],
    input: [CALL, RESULT, SEALED, YES],
  },
  {
    says: 'what the provider made by itself goes back as it came',
    history: [user('Hi'), thought(SEALED), searched, assistant('Yes?')],
    input: [HI, SEALED, { type: 'web_search_call', id: 'ws_1', status: 'completed' }, YES],
  },
  {
    says: 'a refusal is told as one, and an empty answer not at all',
    history: [
      { type: 'message', role: 'assistant', parts: [{ type: 'refusal', refusal: 'No.' }] },
      user('Hi'),
      assistant(''),
      user('Hi'),
    ],
    input: [{ type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }, HI, HI],
  },
  {
    says: 'a phase is told where it is known',
    history: [
      { type: 'message', role: 'assistant', parts: [{ type: 'output_text', text: 'Yes?' }], phase: 'commentary' },
    ],
    input: [{ ...YES, phase: 'commentary' }],
  },
  {
    says: 'a phase is not told where nobody knows it',
    dialect: 'vllm',
    history: [
      { type: 'message', role: 'assistant', parts: [{ type: 'output_text', text: 'Yes?' }], phase: 'commentary' },
    ],
    input: [YES],
  },
  {
    says: 'a file that has no name is given one, and bare base64 its type',
    history: [
      {
        type: 'message',
        role: 'user',
        parts: [{ type: 'input_file', file_data: 'JVBERi0=' }],
      },
    ],
    input: [
      {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_file', filename: 'file', file_data: 'data:application/pdf;base64,JVBERi0=' }],
      },
    ],
  },
]
for (const { says, dialect = 'openai', history, input } of cases) {
  test(says, () => assert.deepEqual(inputIn(dialect, history), input))
}

const OWN: readonly ThreadItem[] = [
  { type: 'custom_tool_call', call_id: 'a', name: 'patch', input: '*** Begin' },
  { type: 'function_call', call_id: 'b', name: 'read.all', namespace: 'files', arguments: '' },
  { type: 'tool_search_call', call_id: 'c', arguments: { query: 'mail' } },
  { type: 'custom_tool_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'ok' }] },
  { type: 'function_call_output', call_id: 'b', output: 'text' },
  { type: 'tool_search_output', call_id: 'c', tools: [{ type: 'function', name: 'found' }] },
]

test('calls and results go back to OpenAI as what they are', () => {
  const { items } = toHistory(OWN, () => undefined)
  assert.deepEqual(inputIn('openai', items), [
    { type: 'custom_tool_call', call_id: 'a', name: 'patch', input: '*** Begin' },
    { type: 'function_call', call_id: 'b', name: 'read_all', namespace: 'files', arguments: '{}' },
    { type: 'tool_search_call', call_id: 'c', execution: 'client', arguments: { query: 'mail' } },
    { type: 'custom_tool_call_output', call_id: 'a', output: 'ok' },
    { type: 'function_call_output', call_id: 'b', output: 'text' },
    {
      type: 'tool_search_output',
      call_id: 'c',
      execution: 'client',
      tools: [{ type: 'function', name: 'found' }],
    },
  ])
})

test('to others they go as functions and their results', () => {
  const { items } = toHistory(OWN, () => undefined)
  const input = inputIn('xai', items)
  assert.deepEqual(
    input.map(({ type, name }) => name ?? type),
    ['patch', 'files__read_all', 'tool_search', ...Array.from({ length: 3 }, () => 'function_call_output')],
  )
  assert.equal(input[0]?.['arguments'], '{"input":"*** Begin"}')
})

const item: fc.Arbitrary<readonly HistoryItem[]> = fc.oneof(
  fc.constantFrom(user('Hi'), user('Go on.')).map((said) => [said]),
  fc.constantFrom([assistant('Yes?')], [thought(SEALED), assistant('Yes?')], [searched, assistant('Found.')]),
  fc
    .constantFrom('a', 'b', 'x'.repeat(80))
    .map((id) => [thought(SEALED), functionCall(id, 'f', '{}'), functionOutput(id, 'done')]),
)

test('property: a longer thread begins with the input of a shorter one, and calls have ids that are taken', () => {
  const history = fc.array(item, { maxLength: 8 })
  fc.assert(
    fc.property(history, history, (before, after) => {
      const whole = inputIn('openai', [...before.flat(), user('Now?'), ...after.flat()])
      const start = inputIn('openai', [...before.flat(), user('Now?')])
      assert.deepEqual(whole.slice(0, start.length), start)
      const ids = whole
        .filter(({ type }) => type === 'function_call')
        .map(({ call_id: id }) => (typeof id === 'string' ? id : ''))
      assert.equal(new Set(ids).size, ids.length)
      assert.ok(ids.every((id) => id.length <= 64))
    }),
  )
})
