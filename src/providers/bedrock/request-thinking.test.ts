import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryItem, ModelCall } from '../../core/model-call.ts'
import type { JsonValue } from '../../protocol/json.ts'
import { assistant, functionCall, functionOutput, modelCall, user } from '../testing/model-call.ts'
import { factsOf } from './models.ts'
import { buildConverseRequest } from './request.ts'

const OLD_CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const NEW_CLAUDE = 'global.anthropic.claude-opus-4-8'
const NOVA = 'us.amazon.nova-2-lite-v1:0'
const NO_EFFORT = 'reasoning.effort was left out: the model does not take it, or its name does not say which it is'

function build(fields: Partial<ModelCall>) {
  return buildConverseRequest(modelCall({ model: OLD_CLAUDE, ...fields }))
}

interface Row {
  readonly model: string
  readonly effort: ModelCall['effort']
  readonly additional: JsonValue | undefined
  readonly warnings?: readonly string[]
}

const efforts: readonly Row[] = [
  { model: OLD_CLAUDE, effort: 'low', additional: { thinking: { type: 'enabled', budget_tokens: 4096 } } },
  { model: OLD_CLAUDE, effort: 'none', additional: undefined },
  {
    model: NEW_CLAUDE,
    effort: 'xhigh',
    additional: { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'xhigh' } },
  },
  {
    model: 'us.anthropic.claude-opus-4-6-v1',
    effort: 'xhigh',
    additional: { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
    warnings: ['reasoning.effort xhigh was sent as high'],
  },
  {
    model: 'anthropic.claude-v2:1',
    effort: 'low',
    additional: undefined,
    warnings: ['reasoning.effort was left out: the model does not think before it answers'],
  },
  {
    model: NOVA,
    effort: 'high',
    additional: { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'high' } },
  },
  { model: NOVA, effort: 'none', additional: undefined },
  { model: 'openai.gpt-oss-120b-1:0', effort: 'medium', additional: { reasoning_effort: 'medium' } },
  {
    model: 'openai.gpt-oss-120b-1:0',
    effort: 'none',
    additional: undefined,
    warnings: ['reasoning.effort none was left out: the provider does not take it'],
  },
  { model: 'us.openai.gpt-5.2', effort: 'high', additional: { reasoning: { effort: 'high' } } },
  { model: 'amazon.nova-lite-v1:0', effort: 'low', additional: undefined, warnings: [NO_EFFORT] },
  {
    model: 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2',
    effort: 'low',
    additional: undefined,
    warnings: [NO_EFFORT],
  },
]
for (const { model, effort, additional, warnings = [] } of efforts) {
  test(`Effort ${effort} of ${model} is ${JSON.stringify(additional)}`, () => {
    const { input, warnings: told } = build({ model, effort })
    assert.deepEqual(input.additionalModelRequestFields, additional)
    assert.deepEqual(told, warnings)
  })
}

test('Nova at its highest effort takes no limits: beside them, it is asked for less', () => {
  for (const limit of [{ maxOutputTokens: 500 }, { temperature: 0.2 }, { topP: 0.5 }]) {
    const { input, warnings } = build({ model: NOVA, effort: 'high', ...limit })
    assert.deepEqual(input.additionalModelRequestFields, {
      reasoningConfig: { type: 'enabled', maxReasoningEffort: 'medium' },
    })
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /sent as medium/)
  }
  assert.deepEqual(build({ model: NOVA, effort: 'medium', maxOutputTokens: 500 }).warnings, [])
})

const state = (vendor: string): JsonValue => ({ vendor, reasoningText: { text: 'Hm.', signature: 'c2ln' } })
const thought = (of: JsonValue | undefined): HistoryItem => ({ type: 'reasoning', text: 'Hm.', state: of })
const called = (...before: readonly HistoryItem[]) => [
  user('Hi'),
  ...before,
  functionCall('1', 'weather'),
  functionOutput('1', 'sunny'),
]
const TOOLS = [{ name: 'weather', description: undefined, parameters: undefined, strict: undefined }]

test('Thinking comes back to its vendor before the call that it led to, and to nobody else', () => {
  const back = (model: string, of: JsonValue | undefined) =>
    build({ model, history: called(thought(of)), tools: TOOLS }).input.messages?.[1]?.content?.[0]?.reasoningContent
  const whole = { reasoningText: { text: 'Hm.', signature: 'c2ln' } }
  assert.deepEqual(back(OLD_CLAUDE, state('anthropic')), whole)
  assert.deepEqual(back(NOVA, state('amazon')), whole)
  assert.equal(back(NOVA, state('anthropic')), undefined)
  assert.equal(back(OLD_CLAUDE, undefined), undefined)
  for (const odd of [null, 'x', [], {}, { vendor: 'anthropic' }, { vendor: 'anthropic', reasoningText: { text: 5 } }]) {
    assert.equal(back(OLD_CLAUDE, odd), undefined)
  }
  const hidden = back(OLD_CLAUDE, { vendor: 'anthropic', redactedContent: 'AP+A' })
  assert.deepEqual(hidden, { redactedContent: Buffer.from([0, 255, 128]) })
})

test('A Claude of before 4.6 that has not thought about its calls is not asked to think about their results', () => {
  const asked = (model: string, ...before: readonly HistoryItem[]) =>
    build({ model, effort: 'low', history: called(...before), tools: TOOLS })
  const unfit = asked(OLD_CLAUDE)
  assert.equal(unfit.input.additionalModelRequestFields, undefined)
  assert.deepEqual(unfit.warnings, [
    'reasoning.effort was left out: the model goes on with calls that it did not think about',
  ])
  assert.ok(asked(OLD_CLAUDE, thought(state('anthropic'))).input.additionalModelRequestFields)
  assert.ok(asked(NEW_CLAUDE).input.additionalModelRequestFields)
  const later = [...called(), assistant('Sunny.'), user('Thanks.')]
  assert.ok(build({ effort: 'low', history: later, tools: TOOLS }).input.additionalModelRequestFields)
})

test('A Claude that must call a tool does not think by a budget', () => {
  const { input } = build({ effort: 'low', tools: TOOLS, toolChoice: 'required' })
  assert.equal(input.additionalModelRequestFields, undefined)
})

test('Sampling that a thinking Claude would refuse is refused before it is sent', () => {
  assert.throws(() => build({ effort: 'low', temperature: 0.2 }), {
    code: 'unsupported_parameter',
    param: 'temperature',
  })
  assert.throws(() => build({ model: NEW_CLAUDE, temperature: 0.2 }), { code: 'unsupported_parameter' })
})

const schemas = [
  { model: OLD_CLAUDE, takes: true },
  { model: NEW_CLAUDE, takes: true },
  { model: 'anthropic.claude-3-haiku-20240307-v1:0', takes: false },
  { model: 'qwen.qwen3-32b-v1:0', takes: true },
  { model: 'openai.gpt-oss-20b-1:0', takes: false },
  { model: NOVA, takes: false },
  { model: 'some-model', takes: false },
]
for (const { model, takes } of schemas) {
  test(`${model} ${takes ? 'keeps' : 'does not keep'} to a schema`, () => assert.equal(factsOf(model).schemas, takes))
}

const names = [
  { model: 'anthropic.claude-3-haiku-20240307-v1:0', vendor: 'anthropic' },
  { model: 'us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0', vendor: 'anthropic' },
  { model: 'arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0', vendor: 'amazon' },
  { model: 'arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/meta.llama3-8b-instruct-v1:0', vendor: 'meta' },
  { model: 'my.anthropic-like.model', vendor: '' },
]
for (const { model, vendor } of names) {
  test(`${model} is made by ${vendor || 'nobody known'}`, () => assert.equal(factsOf(model).vendor, vendor))
}
