import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Result, Round } from './compare.ts'
import { fillIn, tableOf, weatherOf, type Comparison } from './page.ts'

function round(json_us: number, othersCores = 0): Round {
  const saturated = { chunk_us: 10, chunksPerSecond: 1000, json_us, requestsPerSecond: 2000 }
  return { cost: { json_us, stream_us: 40, chunk_us: 4 }, saturated, othersCores }
}

function result(fields: Partial<Result>): Result {
  return { name: 'a', version: '1.0.0', api: 'Chat', work: 'passes on', rounds: [], holdsChunks: false, ...fields }
}

const pipe = result({ name: 'pipe', version: '', rounds: [round(50), round(100, 0.5), round(60)] })

function comparisonOf(...results: Result[]): Comparison {
  return { machine: 'two cores', measuredAt: '2026-11-22T10:00:00.000Z', results: [pipe, ...results] }
}

/** The cells of a row, from the first. */
function cells(comparison: Comparison, row: number): readonly string[] {
  return (tableOf(comparison).split('\n')[row + 2] ?? '').split(' | ')
}

test('each round is compared with the pipe in the same round, and the spread is shown', () => {
  const slow = result({ rounds: [round(100), round(100), round(180)] })
  assert.equal(cells(comparisonOf(slow), 1)[3], '100 µs, 2.0x (1.0 to 3.0)')
})

test('a server that failed shows why, in one cell, and no figures', () => {
  const failed = result({ rounds: [round(50)], fault: 'answered 500: no|\nway' })
  assert.deepEqual(cells(comparisonOf(failed), 1).slice(3, 5), ['answered 500: no/ way', ''])
})

test('a server that holds lone chunks back says so where streams would stand', () => {
  const { saturated } = round(50)
  const held: Round = { cost: { json_us: 50 }, saturated, othersCores: 0 }
  const shown = cells(comparisonOf(result({ rounds: [held], holdsChunks: true })), 1)
  assert.deepEqual(shown.slice(3, 6), ['50 µs, 1.0x (1.0 to 1.0)', 'holds chunks back', 'holds chunks back'])
})

test('what others used is told by its middle and its worst turn', () => {
  assert.equal(weatherOf(comparisonOf()), 'Other processes used 0.00 cores meanwhile, 0.50 in the worst turn.')
})

test('fillIn() replaces what was written before and keeps the rest', () => {
  const page = 'before\n<!-- Written by npm run bench:peers. -->\nold\n<!-- End of what is written. -->\nafter\n'
  const filled = fillIn(page, comparisonOf())
  assert.match(filled, /^before\n.*Measured on 2026-11-22: two cores\..*\nafter\n$/s)
  assert.doesNotMatch(filled, /old/)
  assert.equal(fillIn(filled, comparisonOf()), filled)
})

test('fillIn() refuses a page without a place for the table', () => {
  assert.throws(() => fillIn('a page', comparisonOf()), /has no lines/)
})
