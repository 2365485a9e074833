import assert from 'node:assert/strict'
import { test } from 'node:test'
import { argumentsObject, argumentsText } from './call-arguments.ts'

for (const { text, object } of [
  { text: '{"a":1}', object: { a: 1 } },
  { text: '', object: {} },
  { text: ' \n', object: {} },
  { text: '{"a":', object: { arguments: '{"a":' } },
  { text: '[1]', object: { arguments: '[1]' } },
  { text: 'null', object: { arguments: 'null' } },
]) {
  test(`argumentsObject() loses nothing of ${JSON.stringify(text)}`, () => {
    assert.deepEqual(argumentsObject(text), object)
  })
}

test('argumentsText() keeps text, and writes everything else as JSON', () => {
  assert.deepEqual(['{"a": 1}', { a: 1 }, null, undefined, 5].map(argumentsText), ['{"a": 1}', '{"a":1}', '', '', '5'])
})
