import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldAll } from './decide.ts'
import { estimateFrame, estimateItem, estimateTokens, estimateUsage, sizeOfCall } from './estimate.ts'
import type { HistoryItem } from './model-call.ts'
import type { OutputEvent, ToolKind } from './model-event.ts'
import { closeOpen } from './open-items.ts'
import { modelCall } from './testing/model-call.ts'
import { eventsAfter, freshResponse } from './testing/play-run.ts'

const lengths = [
  { text: '', tokens: 0 },
  { text: 'a', tokens: 1 },
  { text: 'abcd', tokens: 1 },
  { text: 'abcde', tokens: 2 },
  { text: 'a'.repeat(4000), tokens: 1000 },
]
for (const { text, tokens } of lengths) {
  test(`estimateTokens() takes ${text.length} characters for ${tokens} tokens`, () => {
    assert.equal(estimateTokens(text), tokens)
  })
}

const TEXT = { type: 'input_text', text: 'abcdefgh' } as const
const IMAGE = { type: 'input_image', image_url: 'https://example.com/a.png' } as const

const items: readonly { name: string; item: HistoryItem; tokens: number }[] = [
  { name: 'a message without parts', item: { type: 'message', role: 'user', parts: [] }, tokens: 4 },
  { name: 'a message of two parts', item: { type: 'message', role: 'user', parts: [TEXT, TEXT] }, tokens: 8 },
  {
    name: 'what an assistant said',
    item: {
      type: 'message',
      role: 'assistant',
      parts: [
        { type: 'output_text', text: 'abcd' },
        { type: 'refusal', refusal: 'abcde' },
      ],
    },
    tokens: 7,
  },
  { name: 'an image, whatever its URL', item: { type: 'message', role: 'user', parts: [IMAGE] }, tokens: 804 },
  {
    name: 'a file by its data',
    item: { type: 'message', role: 'user', parts: [{ type: 'input_file', file_data: 'a'.repeat(400) }] },
    tokens: 104,
  },
  {
    name: 'a file by its URL',
    item: { type: 'message', role: 'user', parts: [{ type: 'input_file', file_url: 'https://example.com' }] },
    tokens: 4,
  },
  {
    name: 'a call by its name and arguments',
    item: { type: 'function_call', callId: 'call_123456789', name: 'abcd', arguments: 'abcdefgh' },
    tokens: 7,
  },
  { name: 'an output of text', item: { type: 'function_call_output', callId: 'a', output: 'abcdefgh' }, tokens: 6 },
  {
    name: 'an output of parts, as JSON',
    item: { type: 'function_call_output', callId: 'a', output: [TEXT] },
    tokens: 4 + 11,
  },
  {
    name: 'reasoning by its text alone',
    item: { type: 'reasoning', text: 'abcdefgh', state: 'a long signature' },
    tokens: 2,
  },
]
const PICTURE = { type: 'image_generation_call', result: 'a'.repeat(100_000) }
test('estimateItem() takes an image that a model has made for what images cost', () => {
  assert.equal(estimateItem({ type: 'native', item: PICTURE }), 800)
})

for (const { name, item, tokens } of items) {
  test(`estimateItem() takes ${name} for ${tokens} tokens`, () => assert.equal(estimateItem(item), tokens))
}

test('estimateFrame() counts instructions, tools and a schema, and nothing where there are none', () => {
  const tools = [{ name: 'f', description: undefined, parameters: {}, strict: undefined }]
  assert.equal(estimateFrame(modelCall([])), 0)
  assert.equal(estimateFrame(modelCall([], { instructions: 'abcdefgh' })), 2)
  assert.equal(estimateFrame(modelCall([], { tools })), Math.ceil('[{"name":"f","parameters":{}}]'.length / 4))
  const format = { type: 'json_schema', name: 'place', schema: { type: 'object' } } as const
  assert.equal(estimateFrame(modelCall([], { format })), Math.ceil('{"type":"object"}'.length / 4))
  assert.equal(estimateFrame(modelCall([], { format: { type: 'json_object' } })), 0)
})

const outputs: readonly { name: string; said: readonly OutputEvent[]; output: number; reasoning: number }[] = [
  { name: 'text', said: [{ type: 'text', text: 'a'.repeat(20) }], output: 5, reasoning: 0 },
  { name: 'a refusal', said: [{ type: 'refusal', text: 'a'.repeat(20) }], output: 5, reasoning: 0 },
  { name: 'reasoning', said: [{ type: 'reasoning', text: 'a'.repeat(40) }], output: 10, reasoning: 10 },
  { name: 'a seal', said: [{ type: 'reasoning_seal', sealed: 'a'.repeat(40) }], output: 0, reasoning: 0 },
  { name: 'arguments', said: called('function', '{"a":12}'), output: 2, reasoning: 0 },
  { name: 'custom input', said: called('custom', 'a'.repeat(12)), output: 3, reasoning: 0 },
  { name: 'a search', said: called('tool_search', '{"a":12}'), output: 2, reasoning: 0 },
  {
    name: 'all of them',
    said: [
      { type: 'reasoning', text: 'a'.repeat(40) },
      { type: 'text', text: 'a'.repeat(20) },
      ...called('function', '{"a":12}'),
    ],
    output: 17,
    reasoning: 10,
  },
]
for (const { name, said, output, reasoning } of outputs) {
  test(`estimateUsage() counts ${name} as output, whether it has ended or not`, () => {
    const call = modelCall([{ type: 'message', role: 'user', parts: [TEXT] }], { instructions: 'abcd' })
    const { response } = eventsAfter(freshResponse(), said)
    for (const snapshot of [response, foldAll(response, closeOpen(response, 'incomplete'))]) {
      assert.deepEqual(estimateUsage(sizeOfCall(call), snapshot), {
        input_tokens: 7,
        input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
        output_tokens: output,
        output_tokens_details: { reasoning_tokens: reasoning },
        total_tokens: 7 + output,
      })
    }
  })
}

test('estimateUsage() of a run that said nothing has no output', () => {
  const { output_tokens, total_tokens } = estimateUsage(sizeOfCall(modelCall([])), freshResponse())
  assert.deepEqual({ output_tokens, total_tokens }, { output_tokens: 0, total_tokens: 0 })
})

function called(kind: ToolKind, delta: string): OutputEvent[] {
  return [
    { type: 'tool_call', callId: 'a', name: 'f', kind },
    { type: 'tool_arguments', callId: 'a', delta },
  ]
}
