import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HistoryItem, ModelCall } from '../../core/model-call.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { assistant, functionCall, functionOutput, modelCall, user } from '../testing/model-call.ts'
import { createOllamaReader } from './stream.ts'
import { buildOllamaRequest } from './request.ts'

const F = { name: 'f', description: undefined, parameters: undefined, strict: undefined }

const build = (fields: Partial<ModelCall>) => buildOllamaRequest(modelCall(fields))
const messagesOf = (history: readonly HistoryItem[]): JsonValue | undefined => build({ history }).body['messages']

const efforts: readonly { effort: ModelCall['effort']; think: boolean | string; warnings: readonly string[] }[] = [
  { effort: 'none', think: false, warnings: [] },
  { effort: 'minimal', think: 'low', warnings: ['reasoning.effort minimal was sent as low'] },
  { effort: 'low', think: 'low', warnings: [] },
  { effort: 'medium', think: 'medium', warnings: [] },
  { effort: 'high', think: 'high', warnings: [] },
  { effort: 'xhigh', think: 'high', warnings: ['reasoning.effort xhigh was sent as high'] },
  { effort: 'max', think: 'max', warnings: [] },
]
for (const { effort, think, warnings } of efforts) {
  test(`reasoning.effort ${effort} is think: ${think}`, () => {
    const built = build({ effort })
    assert.equal(built.body['think'], think)
    assert.deepEqual(built.warnings, warnings)
  })
}

test('A thread that does not fit must fail, not be cut by the server', () => {
  const { truncate, shift, keep_alive: keepAlive } = build({}).body
  assert.deepEqual({ truncate, shift, keepAlive }, { truncate: false, shift: false, keepAlive: undefined })
})

test('A model that cannot stream is asked not to', () => {
  assert.equal(build({ canStream: false }).body['stream'], false)
})

test('The thinking of turn one stands in turn two byte for byte, with the calls that it led to', () => {
  const thinking = 'The user asks\n\n  for the weather. \u2028é🙂'
  const reader = createOllamaReader({ callIdPrefix: 'call_made_', secrets: [] })
  const events = [
    ...reader.read({ message: { thinking: thinking.slice(0, 9) } }),
    ...reader.read({ message: { thinking: thinking.slice(9), tool_calls: [{ function: { name: 'f' } }] } }),
  ]
  const state = events.flatMap((event) => (event.type === 'reasoning_state' ? [event.state] : []))[0]
  const history = [
    user('Hi'),
    { type: 'reasoning', text: 'What the client was shown.', state },
    functionCall('call_made_0', 'f'),
    functionOutput('call_made_0', 'sunny'),
  ] as const
  assert.deepEqual(messagesOf(history), [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: '',
      thinking,
      tool_calls: [{ id: 'call_made_0', type: 'function', function: { index: 0, name: 'f', arguments: {} } }],
    },
    { role: 'tool', content: 'sunny', tool_name: 'f', tool_call_id: 'call_made_0' },
  ])
})

test('Thinking of another provider is never sent', () => {
  const foreign = { type: 'reasoning', text: 'Hm.', state: undefined } as const
  assert.deepEqual(messagesOf([user('Hi'), foreign, assistant('Yes?')]), [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Yes?' },
  ])
})

test('Arguments that are no object are kept, in one', () => {
  const messages = messagesOf([functionCall('call_a', 'f', '{"a":'), functionOutput('call_a', '')])
  assert.match(JSON.stringify(messages), /"arguments":\{"arguments":"\{\\"a\\":"\}/)
})

test('Texts of one message stand under each other, what was refused is text, and an empty turn is left out', () => {
  const history: readonly HistoryItem[] = [
    {
      type: 'message',
      role: 'user',
      parts: [
        { type: 'input_text', text: 'One' },
        { type: 'input_text', text: 'Two' },
      ],
    },
    { type: 'message', role: 'assistant', parts: [{ type: 'refusal', refusal: 'No.' }] },
    { type: 'message', role: 'developer', parts: [{ type: 'input_text', text: 'Be kind.' }] },
    { type: 'message', role: 'assistant', parts: [] },
  ]
  assert.deepEqual(messagesOf(history), [
    { role: 'user', content: 'One\nTwo' },
    { role: 'assistant', content: 'No.' },
    { role: 'system', content: 'Be kind.' },
  ])
})

const choices: readonly { says: string; fields: Partial<ModelCall>; tools: readonly string[]; warns: RegExp | null }[] =
  [
    { says: 'auto', fields: { toolChoice: 'auto' }, tools: ['f', 'g'], warns: null },
    { says: 'none', fields: { toolChoice: 'none' }, tools: [], warns: null },
    { says: 'required', fields: { toolChoice: 'required' }, tools: ['f', 'g'], warns: /^tool_choice/ },
    { says: 'a name', fields: { toolChoice: { name: 'g' } }, tools: ['g'], warns: /^tool_choice/ },
    { says: 'a format', fields: { format: { type: 'json_object' } }, tools: ['f', 'g'], warns: /^text\.format beside/ },
  ]
for (const { says, fields, tools, warns } of choices) {
  test(`Tools that are offered beside ${says}`, () => {
    const { body, warnings } = build({ tools: [F, { ...F, name: 'g' }], ...fields })
    const offered = (body['tools'] ?? []) as readonly { function: JsonObject }[] // As this module builds them.
    assert.deepEqual(
      offered.map((tool) => tool.function['name']),
      tools,
    )
    assert.equal(warnings.length, warns === null ? 0 : 1)
    if (warns !== null) assert.match(warnings[0] ?? '', warns)
  })
}

test('A longer thread begins with the bytes of the shorter one', () => {
  const turn = fc.constantFrom<readonly HistoryItem[]>(
    [user('Hi')],
    [assistant('Yes?')],
    [functionCall('a', 'f', '{"a":1}'), functionOutput('a', 'ok')],
    [{ type: 'reasoning', text: 'Hm.', state: { thinking: 'Hm.' } }, assistant('So.')],
  )
  fc.assert(
    fc.property(fc.array(turn), fc.array(turn), (before, after) => {
      const shorter = [...before.flat(), user('And?')]
      const text = JSON.stringify(messagesOf(shorter))
      const longer = JSON.stringify(messagesOf([...shorter, ...after.flat()]))
      assert.ok(longer.startsWith(text.slice(0, -1)))
    }),
  )
})
