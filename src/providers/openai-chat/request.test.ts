import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { CallableTool, ModelCall } from '../../core/model-call.ts'
import { modelCall } from '../testing/model-call.ts'
import { chatRequest } from '../testing/chat-request.ts'
import type { ChatRequest } from './request.ts'
import { DIALECTS, type DialectName } from './tables.ts'

const TOOL: CallableTool = { name: 'add', description: undefined, parameters: undefined, strict: undefined }

function build(fields: Partial<ModelCall>, dialect: DialectName = 'generic'): ChatRequest {
  return chatRequest(modelCall(fields), dialect)
}

/** What a body has beyond that of a call with nothing set. */
function extra(fields: Partial<ModelCall>, dialect: DialectName = 'generic'): object {
  const plain = new Set(Object.keys(build({}, dialect).body))
  return Object.fromEntries(Object.entries(build(fields, dialect).body).filter(([key]) => !plain.has(key)))
}

test('A call with nothing set has only what it must have', () => {
  assert.deepEqual(build({}), {
    body: {
      model: 'some-model',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      stream_options: { include_usage: true },
    },
    warnings: [],
  })
})

test('A model that cannot stream is not asked to', () => {
  assert.deepEqual(build({ canStream: false }).body, {
    model: 'some-model',
    messages: [{ role: 'user', content: 'Hi' }],
  })
})

test('Usage is not asked for where stream_options is refused', () => {
  assert.equal('stream_options' in build({}, 'mistral').body, false)
  assert.equal(build({}, 'mistral').body['stream'], true)
})

interface FieldRow {
  readonly fields: Partial<ModelCall>
  readonly wire: object
  /** A dialect that does not take it, and the name in its warning. */
  readonly dropped?: readonly [dialect: DialectName, name: string]
  readonly dialect?: DialectName
}

/** Settings of a call, what they are in the body, and who does not take them. */
const rows: readonly FieldRow[] = [
  { fields: { maxOutputTokens: 16 }, wire: { max_tokens: 16 } },
  { fields: { maxOutputTokens: 16 }, wire: { max_completion_tokens: 16 }, dialect: 'openai' },
  { fields: { maxOutputTokens: 16 }, wire: { max_completion_tokens: 16 }, dialect: 'xai' },
  { fields: { maxOutputTokens: 16 }, wire: { max_completion_tokens: 16 }, dialect: 'openrouter' },
  { fields: { temperature: 0 }, wire: { temperature: 0 } },
  { fields: { topP: 0 }, wire: { top_p: 0 } },
  { fields: { presencePenalty: 1 }, wire: { presence_penalty: 1 }, dropped: ['google', 'presence_penalty'] },
  { fields: { frequencyPenalty: -2 }, wire: { frequency_penalty: -2 }, dropped: ['groq', 'frequency_penalty'] },
  { fields: { seed: 0 }, wire: { seed: 0 }, dropped: ['zai', 'seed'] },
  { fields: { seed: 0 }, wire: { random_seed: 0 }, dialect: 'mistral' },
  { fields: { user: 'me' }, wire: { user: 'me' }, dropped: ['zai', 'user'] },
  { fields: { topLogprobs: 0 }, wire: { logprobs: true }, dropped: ['groq', 'top_logprobs'] },
  { fields: { topLogprobs: 5 }, wire: { logprobs: true, top_logprobs: 5 }, dropped: ['ollama', 'top_logprobs'] },
  {
    fields: { serviceTier: 'flex' },
    wire: { service_tier: 'flex' },
    dialect: 'openai',
    dropped: ['vllm', 'service_tier'],
  },
  { fields: { verbosity: 'low' }, wire: { verbosity: 'low' }, dialect: 'openai', dropped: ['vllm', 'text.verbosity'] },
  {
    fields: { promptCacheKey: 'k' },
    wire: { prompt_cache_key: 'k' },
    dialect: 'openai',
    dropped: ['generic', 'prompt_cache_key'],
  },
  {
    fields: { safetyIdentifier: 's' },
    wire: { safety_identifier: 's' },
    dialect: 'azure',
    dropped: ['generic', 'safety_identifier'],
  },
  { fields: { metadata: { a: 'b' } }, wire: {}, dialect: 'openai' },
]
for (const { fields, wire, dialect = 'generic', dropped } of rows) {
  const what = JSON.stringify(fields)
  test(`${dialect} gets ${what} as ${JSON.stringify(wire)}`, () => {
    assert.deepEqual(extra(fields, dialect), wire)
    assert.deepEqual(build(fields, dialect).warnings, [])
  })
  if (dropped === undefined) continue
  const [refusing, name] = dropped
  test(`${refusing} does not get ${what}, and the client is told`, () => {
    assert.deepEqual(extra(fields, refusing), {})
    assert.deepEqual(build(fields, refusing).warnings, [`${name} was left out: the provider does not take it`])
  })
}

const efforts: readonly (readonly [DialectName, ModelCall['effort'], object, string | undefined])[] = [
  ['generic', undefined, {}, undefined],
  ['generic', 'low', { reasoning_effort: 'low' }, undefined],
  ['generic', 'high', { reasoning_effort: 'high' }, undefined],
  ['generic', 'max', { reasoning_effort: 'high' }, 'reasoning.effort max was sent as high'],
  ['generic', 'minimal', { reasoning_effort: 'low' }, 'reasoning.effort minimal was sent as low'],
  ['generic', 'none', {}, 'reasoning.effort none was left out: the provider does not take it'],
  ['openai', 'none', { reasoning_effort: 'none' }, undefined],
  ['ollama', 'none', { reasoning_effort: 'none' }, undefined],
  ['deepseek', 'medium', { reasoning_effort: 'medium' }, undefined],
  ['deepseek', 'max', { reasoning_effort: 'max' }, undefined],
  ['openai', 'xhigh', { reasoning_effort: 'xhigh' }, undefined],
  ['openai', 'max', { reasoning_effort: 'xhigh' }, 'reasoning.effort max was sent as xhigh'],
  ['openrouter', 'minimal', { reasoning: { effort: 'minimal' } }, undefined],
  ['mistral', undefined, {}, undefined],
  ['mistral', 'low', {}, 'reasoning.effort was left out: the provider does not take it'],
]
for (const [dialect, effort, wire, warning] of efforts) {
  test(`${dialect} gets the effort ${effort} as ${JSON.stringify(wire)}`, () => {
    assert.deepEqual(extra({ effort }, dialect), wire)
    assert.deepEqual(build({ effort }, dialect).warnings, warning === undefined ? [] : [warning])
  })
}

test('Without tools, neither they nor a choice nor parallel calls are sent, and nobody is warned', () => {
  const fields = { tools: [], toolChoice: 'required', parallelToolCalls: false } as const
  assert.deepEqual(extra(fields), {})
  assert.deepEqual(build(fields, 'google').warnings, [])
})

test('A tool is sent with what is known of it', () => {
  const parameters = { type: 'object', properties: { a: { type: 'integer' } } }
  const full = { name: 'sum', description: 'Adds.', parameters, strict: false }
  assert.deepEqual(extra({ tools: [TOOL, full] }), {
    tools: [
      { type: 'function', function: { name: 'add' } },
      { type: 'function', function: full },
    ],
  })
})

const choices = [
  { choice: undefined, wire: {} },
  { choice: 'auto', wire: { tool_choice: 'auto' } },
  { choice: 'none', wire: { tool_choice: 'none' } },
  { choice: 'required', wire: { tool_choice: 'required' } },
  { choice: { name: 'add' }, wire: { tool_choice: { type: 'function', function: { name: 'add' } } } },
] as const
for (const { choice, wire } of choices) {
  test(`The choice ${JSON.stringify(choice)} is sent as ${JSON.stringify(wire)}`, () => {
    const tools = [{ type: 'function', function: { name: 'add' } }]
    assert.deepEqual(extra({ tools: [TOOL], toolChoice: choice }), { tools, ...wire })
  })
}

test('parallel_tool_calls is sent with tools, and reported where it is not taken', () => {
  const fields = { tools: [TOOL], parallelToolCalls: false }
  assert.equal(build(fields).body['parallel_tool_calls'], false)
  assert.equal('parallel_tool_calls' in build(fields, 'google').body, false)
  assert.deepEqual(build(fields, 'google').warnings, [
    'parallel_tool_calls was left out: the provider does not take it',
  ])
})

const schema = { type: 'object', properties: {} }
const formats: readonly { format: ModelCall['format']; wire: object }[] = [
  { format: { type: 'text' }, wire: {} },
  { format: { type: 'json_object' }, wire: { response_format: { type: 'json_object' } } },
  {
    format: { type: 'json_schema', name: 'n', schema },
    wire: { response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } },
  },
  {
    format: { type: 'json_schema', name: 'n', schema, description: null, strict: null },
    wire: { response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } },
  },
  {
    format: { type: 'json_schema', name: 'n', schema, description: 'd', strict: false },
    wire: {
      response_format: { type: 'json_schema', json_schema: { name: 'n', description: 'd', schema, strict: false } },
    },
  },
]
for (const { format, wire } of formats) {
  test(`The format ${JSON.stringify(format)} is sent as ${JSON.stringify(wire)}`, () => {
    assert.deepEqual(extra({ format }), wire)
  })
}

test('The same call gives the same bytes, in every dialect', () => {
  const fields = fc.record(
    {
      instructions: fc.string(),
      temperature: fc.double({ min: 0, max: 2 }),
      effort: fc.constantFrom<ModelCall['effort'][]>('none', 'low', 'max'),
      seed: fc.integer(),
      toolChoice: fc.constantFrom<ModelCall['toolChoice'][]>('auto', { name: 'add' }),
      tools: fc.constant([TOOL]),
    },
    { requiredKeys: [] },
  )
  const dialect = fc.constantFrom(...(Object.keys(DIALECTS) as DialectName[])) // Its own keys.
  fc.assert(
    fc.property(fields, dialect, (some, name) => {
      assert.equal(JSON.stringify(build(some, name)), JSON.stringify(build(structuredClone(some), name)))
    }),
  )
})
