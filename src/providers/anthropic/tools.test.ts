import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallableTool, ModelCall } from '../../core/model-call.ts'
import { assistant, user } from '../testing/model-call.ts'
import type { DialectName } from './tables.ts'
import { said } from './testing/fixtures.ts'
import { messagesRequest, sentFields } from './testing/request.ts'

function tool(name: string, fields: Partial<CallableTool> = {}): CallableTool {
  return { name, description: undefined, parameters: undefined, strict: undefined, ...fields }
}

const tools = [tool('f'), tool('g')]
const NOTE = 'tool_choice was sent as an instruction: the model cannot be made to call a tool'

/** What a choice becomes, and what the model is told where it cannot be made to keep to it. */
const choices: readonly {
  readonly model?: string
  readonly dialect?: DialectName
  readonly asked: Partial<ModelCall>
  readonly choice?: object
  readonly note?: string
}[] = [
  { asked: {} },
  { asked: { toolChoice: 'auto' }, choice: { type: 'auto' } },
  { asked: { toolChoice: 'none', parallelToolCalls: false }, choice: { type: 'none' } },
  { asked: { parallelToolCalls: true } },
  { asked: { parallelToolCalls: false }, choice: { type: 'auto', disable_parallel_tool_use: true } },
  {
    asked: { toolChoice: { name: 'g' }, parallelToolCalls: false },
    choice: { type: 'tool', name: 'g', disable_parallel_tool_use: true },
  },
  { model: 'claude-opus-5-5', asked: { toolChoice: 'required' }, note: 'Call one of the tools now.' },
  {
    model: 'claude-sonnet-5-5',
    asked: { toolChoice: { name: 'g' }, parallelToolCalls: false },
    choice: { type: 'auto', disable_parallel_tool_use: true },
    note: 'Call the tool g now.',
  },
  { model: 'claude-haiku-5-5', asked: { toolChoice: 'required' }, choice: { type: 'any' } },
  { dialect: 'ollama', asked: { toolChoice: 'auto' } },
  { dialect: 'ollama', asked: { toolChoice: 'required' }, note: 'Call one of the tools now.' },
]
for (const { model = 'claude-sonnet-4-5', dialect = 'anthropic', asked, choice, note } of choices) {
  test(`${model} (${dialect}) asked for ${JSON.stringify(asked)} is sent ${JSON.stringify(choice)}`, () => {
    const request = messagesRequest({ model, tools, ...asked }, dialect)
    assert.deepEqual(request.body['tool_choice'], choice)
    const told = note === undefined ? [] : [{ type: 'text', text: `<system>\n${note}\n</system>` }]
    assert.deepEqual(request.body['messages'], [{ role: 'user', content: [{ type: 'text', text: 'Hi' }, ...told] }])
    assert.deepEqual(request.warnings, note === undefined ? [] : [NOTE])
  })
}

test('Where Ollama must not call, it is offered no tool: it knows no choice', () => {
  assert.deepEqual(sentFields(messagesRequest({ tools, toolChoice: 'none' }, 'ollama'), 'tools', 'tool_choice'), {})
})

test('An instruction is not put into the mouth of the assistant', () => {
  const history = [user('Hi'), assistant('Let me')]
  const { body } = messagesRequest({ model: 'claude-opus-5-5', tools, toolChoice: 'required', history })
  assert.deepEqual(body['messages'], [said('Hi'), said('Let me', 'assistant')])
})

test('The wire wants a schema of an object, and no empty description', () => {
  const bare = [tool('f', { description: '' }), tool('g', { parameters: { properties: { a: {} } } })]
  assert.deepEqual(messagesRequest({ tools: bare }).body['tools'], [
    { name: 'f', input_schema: { type: 'object', properties: {} } },
    { name: 'g', input_schema: { type: 'object', properties: { a: {} } } },
  ])
})

const PARAMETERS = { type: 'object', properties: { a: { type: 'integer', minimum: 0 } }, required: ['a'] }

test('A strict tool is narrowed to what is enforced, and the client is told of the rest', () => {
  const request = messagesRequest({ tools: [tool('f', { parameters: PARAMETERS, strict: true })] })
  const a = { type: 'integer', description: 'Must have: minimum 0.' }
  const input_schema = { type: 'object', properties: { a }, required: ['a'], additionalProperties: false }
  assert.deepEqual(request.body['tools'], [{ name: 'f', input_schema, strict: true }])
  assert.deepEqual(request.warnings, [
    'minimum in the schema of tools: told to the model, not enforced by the provider',
  ])
})

for (const [model, dialect] of [
  ['claude-opus-4-1', 'anthropic'],
  ['claude-sonnet-4-5', 'vertex'],
] as const) {
  test(`A strict tool of ${model} on ${dialect} is as it was, and not strict`, () => {
    const request = messagesRequest({ model, tools: [tool('f', { parameters: PARAMETERS, strict: true })] }, dialect)
    assert.deepEqual(request.body['tools'], [{ name: 'f', input_schema: PARAMETERS }])
    assert.deepEqual(request.warnings, ['strict was left out of f: the model does not enforce schemas of tools'])
  })
}

/** Strict tools beyond what is enforced at once; the format of the answer counts first. */
const budgets = [
  { says: '21 tools', parameters: { type: 'object' }, number: 21, strict: 20 },
  {
    says: 'optional properties',
    parameters: { type: 'object', properties: { a: {}, b: {}, c: {}, d: {}, e: {} } },
    number: 5,
    strict: 4,
  },
  {
    says: 'properties of several types',
    parameters: { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'] },
    number: 17,
    strict: 16,
  },
]
for (const { says, parameters, number, strict } of budgets) {
  test(`Of too many ${says}, the first are strict`, () => {
    const many = Array.from({ length: number }, (_, index) => tool(`f${index}`, { parameters, strict: true }))
    const { body, warnings } = messagesRequest({ tools: many })
    const sent = body['tools'] as { strict?: boolean }[]
    assert.equal(sent.filter((declared) => declared.strict).length, strict)
    assert.deepEqual(warnings, [
      `strict was left out of f${number - 1}: more schemas than the provider enforces at once`,
    ])
  })
}

test('The format of the answer takes its share first', () => {
  const properties = Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`p${index}`, {}]))
  const format = { type: 'json_schema', name: 'x', schema: { type: 'object', properties } } as const
  const optional = tool('f', { parameters: { type: 'object', properties: { a: {} } }, strict: true })
  assert.match(messagesRequest({ tools: [optional], format }).warnings.join(), /^strict was left out of f/)
})
