import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStopListener } from './stop-wishes.ts'

test('the first signal is a wish, the second a hurry, the third the end', async () => {
  const exits: number[] = []
  const { wishes, hear } = createStopListener((code) => exits.push(code))
  hear('SIGTERM')
  assert.deepEqual([await wishes.first, wishes.hurry.aborted], ['SIGTERM', false])
  hear('SIGINT')
  assert.deepEqual([await wishes.first, wishes.hurry.aborted, exits.length], ['SIGTERM', true, 0])
  hear('SIGTERM')
  assert.deepEqual(exits, [130])
})
