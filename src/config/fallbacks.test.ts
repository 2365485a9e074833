import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from './check.ts'

/** What is wrong with models whose fallbacks are as listed. */
function problemsOf(fallbacks: Record<string, unknown>, settings: object = {}): readonly string[] {
  const models = Object.fromEntries(
    Object.entries(fallbacks).map(([id, fallback]) => [id, { provider: 'openai', fallback }]),
  )
  const providers = { openai: { kind: 'openai-chat', dialect: 'openai' }, local: { kind: 'demo' } }
  const checked = checkConfig({ providers, models, ...settings })
  return 'problems' in checked ? checked.problems.map(({ path, text }) => `${path} ${text}`) : []
}

test('a fallback is an entry, or whatever else leads to a provider', () => {
  assert.deepEqual(problemsOf({ a: ['b', 'local/x', 'gpt-9', 'demo', 'demo/x'], b: ['c'], c: [], 'x/y': ['a'] }), [])
})

test('a fallback that leads to no provider is told of', () => {
  const names = ['ghost', 'ghost/x', '/x', 'claude-9', '', 'constructor']
  assert.deepEqual(
    problemsOf({ a: names }),
    names.map((name, index) => `models.a.fallback[${index}] names ${name}, which leads to no provider`),
  )
})

test('where a provider takes every id, every id is known', () => {
  assert.deepEqual(problemsOf({ a: ['ghost'] }, { default_provider: 'local' }), [])
  assert.deepEqual(problemsOf({ a: ['ghost'] }, { providers: { openai: { kind: 'demo' } } }), [])
})

const cycles: readonly { fallbacks: Record<string, string[]>; problems: readonly string[] }[] = [
  { fallbacks: { a: ['a'] }, problems: ['models.a.fallback[0] leads back to a'] },
  {
    fallbacks: { a: ['d', 'b'], b: ['d', 'c'], c: ['a'], d: [] },
    problems: [
      'models.a.fallback[1] leads back to a',
      'models.b.fallback[1] leads back to b',
      'models.c.fallback[0] leads back to c',
    ],
  },
  // Whoever leads to a cycle is not in it.
  { fallbacks: { a: ['b'], b: ['b'] }, problems: ['models.b.fallback[0] leads back to b'] },
]
for (const { fallbacks, problems } of cycles) {
  test(`${JSON.stringify(fallbacks)} goes round in circles`, () => {
    assert.deepEqual(problemsOf(fallbacks), problems)
  })
}

test('what is no list of names is told of by the schema', () => {
  assert.deepEqual(problemsOf({ a: 'b', b: [5], c: ['a', 'a'] }, { default_provider: 'local' }), [
    'models.a.fallback must be a list',
    'models.b.fallback[0] must be text',
    'models.c.fallback must not have duplicate items',
  ])
})
