import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HistoryItem, ModelCall } from '../../core/model-call.ts'
import { ApiError } from '../../protocol/error.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { assistant, functionCall, functionOutput, modelCall, user } from '../testing/model-call.ts'
import { buildCohereRequest } from './request.ts'
import { createCohereReader } from './stream.ts'

const F = { name: 'f', description: undefined, parameters: undefined, strict: undefined }
const SCHEMA = { type: 'object', properties: {} }

const build = (fields: Partial<ModelCall>) => buildCohereRequest(modelCall(fields))
const messagesOf = (history: readonly HistoryItem[]): JsonValue | undefined => build({ history }).body['messages']
const system = (text: string): HistoryItem => ({
  type: 'message',
  role: 'system',
  parts: [{ type: 'input_text', text }],
})

const efforts: readonly { fields: Partial<ModelCall>; thinking: JsonObject; warnings: readonly string[] }[] = [
  { fields: { effort: 'none' }, thinking: { type: 'disabled' }, warnings: [] },
  { fields: { effort: 'minimal' }, thinking: { type: 'enabled', token_budget: 512 }, warnings: [] },
  { fields: { effort: 'low' }, thinking: { type: 'enabled', token_budget: 2048 }, warnings: [] },
  { fields: { effort: 'medium' }, thinking: { type: 'enabled', token_budget: 8192 }, warnings: [] },
  { fields: { effort: 'high' }, thinking: { type: 'enabled' }, warnings: [] },
  {
    fields: { effort: 'max' },
    thinking: { type: 'enabled' },
    warnings: ['reasoning.effort max was sent as high'],
  },
  {
    fields: { effort: 'medium', maxOutputTokens: 1000 },
    thinking: { type: 'enabled', token_budget: 1000 },
    warnings: [],
  },
]
for (const { fields, thinking, warnings } of efforts) {
  test(`reasoning.effort ${JSON.stringify(fields)} is ${JSON.stringify(thinking)}`, () => {
    const built = build(fields)
    assert.deepEqual(built.body['thinking'], thinking)
    assert.deepEqual(built.warnings, warnings)
  })
}

for (const { topP, p, warnings } of [
  { topP: 1, p: 0.99, warnings: ['top_p 1 was sent as 0.99'] },
  { topP: 0, p: 0.01, warnings: ['top_p 0 was sent as 0.01'] },
  { topP: 0.5, p: 0.5, warnings: [] },
]) {
  test(`top_p ${topP} is p ${p}`, () => {
    const built = build({ topP })
    assert.equal(built.body['p'], p)
    assert.deepEqual(built.warnings, warnings)
  })
}

test('The thinking and the plan of turn one stand in turn two byte for byte, each in its place', () => {
  const [thinking, plan] = ['The user asks\n\n  for rain. \u2028é🙂', 'I will look it up. ']
  const reader = createCohereReader({ callIdPrefix: 'call_made_', secrets: [] })
  const content = (value: string) => ({
    type: 'content-delta',
    index: 0,
    delta: { message: { content: { thinking: value } } },
  })
  const events = [
    ...reader.read(content(thinking.slice(0, 9))),
    ...reader.read(content(thinking.slice(9))),
    ...reader.read({ type: 'tool-plan-delta', delta: { message: { tool_plan: plan } } }),
    ...reader.read({
      type: 'tool-call-start',
      index: 0,
      delta: { message: { tool_calls: { id: 'f_1', function: { name: 'f', arguments: '{}' } } } },
    }),
  ]
  const states = events.flatMap((event) => (event.type === 'reasoning_state' ? [event.state] : []))
  const thoughts = states.map((state): HistoryItem => ({ type: 'reasoning', text: 'What was shown.', state }))
  const history = [user('Hi'), ...thoughts, functionCall('f_1', 'f'), functionOutput('f_1', 'dry')]
  assert.deepEqual(messagesOf(history), [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: [{ type: 'thinking', thinking }],
      tool_plan: plan,
      tool_calls: [{ id: 'f_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'f_1', content: 'dry' },
  ])
})

test('Thinking goes back before the text that it led to', () => {
  const thought: HistoryItem = { type: 'reasoning', text: '', state: { thinking: 'Hm.' } }
  assert.deepEqual(messagesOf([user('Hi'), thought, assistant('Yes?')]), [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm.' },
        { type: 'text', text: 'Yes?' },
      ],
    },
  ])
})

test('Who says nothing leaves no message behind, and no two of one side in a row', () => {
  const thought: HistoryItem = { type: 'reasoning', text: '', state: { thinking: 'Hm.' } }
  assert.deepEqual(messagesOf([user('Hi'), thought, assistant(' '), user('So?')]), [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Hi' },
        { type: 'text', text: 'So?' },
      ],
    },
  ])
})

test('The system speaks once and first; what it says later stands on the user’s side', () => {
  const history = [system('One.'), system('Two.'), user('Hi'), assistant('Yes?'), system('Three.'), user('So?')]
  assert.deepEqual(build({ instructions: 'Zero.', history }).body['messages'], [
    { role: 'system', content: 'Zero.\n\nOne.\n\nTwo.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Yes?' },
    {
      role: 'user',
      content: [
        { type: 'text', text: '<system>\nThree.\n</system>' },
        { type: 'text', text: 'So?' },
      ],
    },
  ])
})

const stricts = [
  { says: 'all', strict: [true, true], strict_tools: true, warnings: 0 },
  { says: 'one of two', strict: [true, false], strict_tools: undefined, warnings: 1 },
  { says: 'none', strict: [undefined, false], strict_tools: undefined, warnings: 0 },
]
for (const { says, strict, strict_tools, warnings } of stricts) {
  test(`strict of ${says} tools`, () => {
    const tools = strict.map((value, index) => ({ ...F, name: `f${index}`, strict: value }))
    const built = build({ tools })
    assert.equal(built.body['strict_tools'], strict_tools)
    assert.equal(built.warnings.length, warnings)
  })
}

test('The tool that is named is the only one offered, and must be called', () => {
  const { tools, tool_choice: choice } = build({ tools: [F, { ...F, name: 'g' }], toolChoice: { name: 'g' } }).body
  assert.deepEqual(tools, [{ type: 'function', function: { name: 'g', parameters: SCHEMA } }])
  assert.equal(choice, 'REQUIRED')
})

for (const format of [
  { type: 'json_object' },
  { type: 'json_schema', name: 'n', schema: SCHEMA },
] as const satisfies readonly ModelCall['format'][]) {
  test(`A ${format.type} beside tools is refused before anything is sent`, () => {
    assert.throws(
      () => build({ format, tools: [F] }),
      (error) => error instanceof ApiError && error.status === 400 && error.param === 'text.format',
    )
  })
}

test('The finest detail of an image is what Cohere calls high', () => {
  const image = { type: 'input_image', image_url: 'https://a.example/cat.png', detail: 'original' } as const
  assert.deepEqual(messagesOf([{ type: 'message', role: 'user', parts: [image] }]), [
    { role: 'user', content: [{ type: 'image_url', image_url: { url: image.image_url, detail: 'high' } }] },
  ])
})

test('A result in parts is text in parts, a call without arguments one of an empty object', () => {
  const output = [
    { type: 'input_text', text: 'One' },
    { type: 'input_text', text: 'Two' },
  ] as const
  const history: HistoryItem[] = [
    user('Hi'),
    functionCall('a', 'f', ''),
    { type: 'function_call_output', callId: 'a', output },
  ]
  assert.deepEqual(JSON.parse(JSON.stringify(messagesOf(history))).slice(1), [
    { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    {
      role: 'tool',
      tool_call_id: 'a',
      content: [
        { type: 'text', text: 'One' },
        { type: 'text', text: 'Two' },
      ],
    },
  ])
})

test('A longer thread begins with the bytes of the shorter one', () => {
  const exchange = fc.constantFrom<readonly HistoryItem[]>(
    [user('Hi'), assistant('Yes?')],
    [user('Hi'), functionCall('a', 'f', '{"a":1}'), functionOutput('a', 'ok'), assistant('So.')],
    [user('Hi'), { type: 'reasoning', text: 'Hm.', state: { thinking: 'Hm.' } }, assistant('So.')],
  )
  fc.assert(
    fc.property(fc.array(exchange), fc.array(exchange), (before, after) => {
      const text = JSON.stringify(messagesOf(before.flat()))
      const longer = JSON.stringify(messagesOf([...before, ...after].flat()))
      assert.ok(longer.startsWith(text.slice(0, -1)))
    }),
  )
})
