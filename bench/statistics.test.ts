import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figureOf, median, quantile } from './statistics.ts'

const medians: readonly (readonly [numbers: readonly number[], middle: number])[] = [
  [[], Number.NaN],
  [[3], 3],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
  [[10, 9, 100], 10],
]
for (const [numbers, middle] of medians) {
  test(`the median of ${JSON.stringify(numbers)} is ${middle}`, () => assert.equal(median(numbers), middle))
}

test('a quantile lies between the numbers beside it, and the ends are the ends', () => {
  const numbers = Array.from({ length: 101 }, (_, place) => 100 - place)
  assert.deepEqual(
    [0, 0.5, 0.99, 0.995, 1].map((share) => quantile(numbers, share)),
    [0, 50, 99, 99.5, 100],
  )
})

test('a figure tells the middle and the spread, and leaves the numbers as they are', () => {
  const numbers = [3, 1, 2]
  assert.deepEqual(figureOf(numbers), { median: 2, least: 1, most: 3 })
  assert.deepEqual(numbers, [3, 1, 2])
})
