import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCallIds } from './call-id.ts'

test('createCallIds() keeps ids that are new, and makes those that are empty or come again', () => {
  const idOf = createCallIds('call_x_')
  assert.deepEqual(['a', '', 'a', '', 'b'].map(idOf), ['a', 'call_x_1', 'call_x_2', 'call_x_3', 'b'])
})

test('createCallIds() never makes an id that the provider has used', () => {
  const idOf = createCallIds('call_x_')
  assert.deepEqual(['call_x_1', '', ''].map(idOf), ['call_x_1', 'call_x_2', 'call_x_3'])
})
