import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReasoningEffort } from '../../protocol/create-request.ts'
import { isFromThree, takesSchemas, thinkingConfig } from './models.ts'

const NONE_LOST = ['reasoning.effort none was left out: the provider does not take it']
const UNKNOWN = ['reasoning.effort was left out: the model is not known to think']

const levels: readonly (readonly [
  model: string,
  effort: ReasoningEffort,
  level: string,
  warnings: readonly string[],
])[] = [
  ['gemini-4-argon', 'medium', 'MEDIUM', []],
  ['gemini-4-hydrogen', 'max', 'HIGH', ['reasoning.effort max was sent as high']],
  ['gemini-3.8-flash', 'minimal', 'LOW', ['reasoning.effort minimal was sent as low']],
  ['gemini-3.7-flash', 'high', 'HIGH', []],
  ['gemini-3.6-flash', 'minimal', 'MINIMAL', []],
  ['gemini-3.5-flash-lite', 'minimal', 'MINIMAL', []],
  ['gemini-3.1-pro-preview', 'medium', 'MEDIUM', []],
  ['gemini-3.1-flash-image', 'low', 'MINIMAL', ['reasoning.effort low was sent as minimal']],
  ['gemini-3-pro-preview', 'medium', 'LOW', ['reasoning.effort medium was sent as low']],
  ['gemini-3-flash-preview', 'xhigh', 'HIGH', ['reasoning.effort xhigh was sent as high']],
  ['gemini-flash-latest', 'low', 'LOW', []],
]
for (const [model, effort, thinkingLevel, warnings] of levels) {
  test(`${model} thinks at ${thinkingLevel} where ${effort} effort is wanted`, () => {
    assert.deepEqual(thinkingConfig(model, { effort, showsThoughts: true }), {
      wire: { includeThoughts: true, thinkingLevel },
      warnings,
    })
  })
}

const budgets: readonly (readonly [
  model: string,
  effort: ReasoningEffort | undefined,
  wire: object,
  warnings?: readonly string[],
])[] = [
  ['gemini-2.5-pro', undefined, { includeThoughts: true }],
  ['gemini-2.5-pro', 'none', { includeThoughts: true }, NONE_LOST],
  ['gemini-2.5-pro', 'low', { includeThoughts: true, thinkingBudget: 1024 }],
  ['gemini-2.5-pro', 'max', { includeThoughts: true, thinkingBudget: 32_768 }],
  ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
  ['gemini-2.5-flash', 'medium', { includeThoughts: true, thinkingBudget: 8192 }],
  [
    'gemini-2.5-flash',
    'max',
    { includeThoughts: true, thinkingBudget: 24_576 },
    ['reasoning.effort max was sent as high'],
  ],
  ['gemini-2.5-flash-lite', undefined, {}],
  ['gemini-2.5-flash-lite', 'minimal', { includeThoughts: true, thinkingBudget: 1024 }],
  ['gemini-2.5-flash-image', 'high', {}, UNKNOWN],
  ['gemini-2.0-flash', 'high', {}, UNKNOWN],
  ['gemini-2.0-flash', 'none', {}],
  ['gemma-3-27b-it', undefined, {}],
]
for (const [model, effort, wire, warnings = []] of budgets) {
  test(`${model} is asked for ${JSON.stringify(wire)} where ${effort ?? 'no'} effort is wanted`, () => {
    assert.deepEqual(thinkingConfig(model, { effort, showsThoughts: true }), { wire, warnings })
  })
}

test('Thoughts that nobody wants to see are not asked for', () => {
  assert.deepEqual(thinkingConfig('gemini-3.8-flash', { effort: undefined, showsThoughts: false }).wire, {})
  assert.deepEqual(thinkingConfig('gemini-2.5-pro', { effort: 'low', showsThoughts: false }).wire, {
    thinkingBudget: 1024,
  })
})

test('Generations are told by names', () => {
  const late = ['gemini-3-pro-preview', 'gemini-3.8-flash', 'gemini-4-argon', 'gemini-10', 'gemini-pro-latest']
  const early = ['gemini-2.5-pro', 'gemini-1.5-flash-latest', 'gemma-4', 'endpoints/5']
  assert.deepEqual([...late, ...early].filter(isFromThree), late)
})

test('A schema is kept to; before Gemini 3 not beside tools, and not by models of another name', () => {
  const rows = ['gemini-3.8-flash', 'gemini-2.5-pro', 'gemma-3-27b-it'].map((model) => [
    takesSchemas(model),
    takesSchemas(model, true),
  ])
  assert.deepEqual(rows, [
    [true, true],
    [true, false],
    [false, false],
  ])
  const long = { type: 'object', properties: { a: { type: 'string', minLength: 3 } } }
  assert.equal(takesSchemas('gemini-3.8-flash', false, { ...long, properties: { a: { type: 'string' } } }), true)
  assert.equal(takesSchemas('gemini-3.8-flash', false, long), 'in part')
  assert.equal(takesSchemas('gemini-2.5-pro', true, long), false)
})
