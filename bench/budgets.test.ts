import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf, overBudget, refused, type Line } from './budgets.ts'
import type { Report } from './report.ts'
import { tableOf } from './table.ts'

const EMPTY: Report = { machine: 'a machine', measuredAt: '2026-01-01T00:00:00Z' }

function lineOf(name: string, report: Partial<Report>): Line {
  const line = linesOf({ ...EMPTY, ...report }).find((candidate) => candidate.name === name)
  assert.ok(line !== undefined, `there is no line ${name}`)
  return line
}

function ratio(value: number, limits: Pick<Line, 'budget' | 'reached'>): Line {
  return { name: 'a ratio', unit: 'x', figure: { median: value, least: value, most: value }, isRatio: true, ...limits }
}

const cost = (factor: number) => ({ json_us: 100 * factor, stream_us: 50 * factor, chunk_us: 10 * factor })

test('a ratio is that of each round, and the table shows the middle one', () => {
  const compared = { pipe: [cost(1), cost(2), cost(1)], antiphon: [cost(2), cost(10), cost(3)] }
  const line = lineOf('JSON request, stored, 16 connections', { costs: [{ connections: 16, cost: compared }] })
  assert.deepEqual(line.figure, { median: 3, least: 2, most: 5 })
})

test('what a turn costs beyond its bytes is its growth without that of the same bytes in the request', () => {
  const grown = (each: number) => Array.from({ length: 100 }, (_, place) => 400 + each * (place + 1))
  const thread = { chained_us: grown(15), carried_us: grown(10) }
  const line = lineOf('turn 100 : turn 10, beyond the bytes', { thread })
  assert.equal(line.figure.median.toFixed(3), ((400 + 15 * 98.5 - 10 * (98.5 - 10)) / (400 + 15 * 10)).toFixed(3))
})

test('nothing measured, nothing told', () => {
  assert.deepEqual(linesOf(EMPTY), [])
})

const verdicts = [
  { value: 2.5, limits: { budget: 2.5 }, isOver: false, isRefused: false },
  { value: 2.6, limits: { budget: 2.5 }, isOver: true, isRefused: false },
  { value: 3.24, limits: { budget: 2.5 }, isOver: true, isRefused: false },
  { value: 3.26, limits: { budget: 2.5 }, isOver: true, isRefused: true },
  { value: 5, limits: { budget: 2.5, reached: 4 }, isOver: true, isRefused: false },
  { value: 5.3, limits: { budget: 2.5, reached: 4 }, isOver: true, isRefused: true },
  { value: 3.2, limits: { budget: 2.5, reached: 2 }, isOver: true, isRefused: false },
  { value: 99, limits: {}, isOver: false, isRefused: false },
] as const
for (const { value, limits, isOver, isRefused } of verdicts) {
  test(`${value}x under ${JSON.stringify(limits)} is ${isOver ? 'over' : 'within'} its budget and ${isRefused ? 'refused' : 'let through'}`, () => {
    const lines = [ratio(value, limits)]
    assert.deepEqual([overBudget(lines).length, refused(lines).length], [Number(isOver), Number(isRefused)])
  })
}

test('a ratio is let through where its best round is within the limit', () => {
  const spread = (least: number): Line => ({ ...ratio(9, { budget: 2.5 }), figure: { median: 9, least, most: 20 } })
  assert.equal(refused([spread(3.2)]).length, 0)
  assert.equal(refused([spread(3.3)]).length, 1)
})

test('a floor is missed from below, and absolute figures are never refused', () => {
  const figure = { median: 999, least: 999, most: 999 }
  const lines: Line[] = [{ name: 'jobs', unit: '/s', figure, budget: 1000, isFloor: true }]
  assert.equal(overBudget(lines).length, 1)
  assert.equal(refused(lines).length, 0)
})

test('the table shows median, spread and budget', () => {
  const line: Line = { ...ratio(2.25, { budget: 2 }), figure: { median: 2.25, least: 2, most: 12.34 } }
  assert.equal(
    tableOf([line]),
    ['         median  least to most  budget', 'a ratio  2.25x   2.00 to 12.3   <= 2.00x  OVER'].join('\n'),
  )
})
