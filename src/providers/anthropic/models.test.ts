import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factsOf } from './models.ts'

/** Names of one model at the platforms; each must be known as the first is. */
const names: readonly (readonly string[])[] = [
  ['claude-sonnet-4-5', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5@20250929', 'anthropic/claude-sonnet-4.5'],
  ['claude-sonnet-4', 'claude-sonnet-4-0', 'claude-sonnet-4-20250514', 'claude-sonnet-4@20250514'],
  ['claude-3-5-haiku', 'claude-3-5-haiku-latest', 'claude-3-5-haiku-20241022'],
  ['claude-opus-5-5', 'Claude-Opus-5-5', 'claude-opus-5-5@default'],
]
for (const [name = '', ...others] of names) {
  test(`${name} is known by ${others.join(', ')}`, () => {
    for (const other of others) assert.equal(factsOf(other), factsOf(name), other)
  })
}

test('a Claude that is not known yet is as the newest, and nothing is refused on its behalf', () => {
  const facts = factsOf('claude-opus-9')
  assert.equal(facts.thinking, 'adaptive')
  assert.deepEqual([facts.sampling, facts.canBeForced, facts.schemas], ['both', true, true])
})

test('another model behind the wire has budgets and no schemas', () => {
  for (const name of ['gpt-oss:20b', 'constructor', '']) {
    const { thinking, schemas, off } = factsOf(name)
    assert.deepEqual([thinking, schemas, off], ['budget', false, 'disabled'], name)
  }
})
