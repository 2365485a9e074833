/**
 * `npm run bench`: measures Antiphon against the raw pipe, prints a table, writes docs/bench/.
 *
 * `--rounds N` (5), `--only costs,saturated,latency,memory,thread,jobs,postgres,startUp,floor`, `--gate`: the ratios of fewer and
 * shorter rounds, failing where even the best round of one is over 1.3 times its limit; nothing is written.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { linesOf, overBudget, refused } from './budgets.ts'
import { drawCharts } from './charts.ts'
import { FULL, GATE, measure, SCENARIOS } from './measure.ts'
import type { Report } from './report.ts'
import { tableOf } from './table.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, only: { type: 'string' }, gate: { type: 'boolean', default: false } },
})
const plan = values.gate ? GATE : FULL
const rounds = Number(values.rounds ?? plan.rounds)
const wanted = values.only?.split(',') ?? plan.scenarios
const unknown = wanted.filter((name) => !SCENARIOS.some((known) => known === name))
if (unknown.length > 0) throw new Error(`--only knows ${SCENARIOS.join(', ')}, not ${unknown.join(', ')}.`)

if (!existsSync('/proc/self/schedstat')) {
  process.stdout.write('Nothing is measured: the CPU of threads is read from /proc/PID/schedstat of Linux.\n')
  process.exit(values.gate ? 0 : 1)
}
const report: Report = {
  machine: `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`,
  measuredAt: new Date().toISOString(),
  ...(await measure({ ...plan, rounds, scenarios: SCENARIOS.filter((name) => wanted.includes(name)) })),
}
const lines = linesOf(report)
process.stdout.write(`${report.machine}\n\n${tableOf(lines)}\n`)
const isWhole = !values.gate && values.only === undefined
if (isWhole) {
  mkdirSync('docs/bench', { recursive: true })
  writeFileSync('docs/bench/results.json', `${JSON.stringify(report, null, 1)}\n`)
  for (const [name, svg] of drawCharts(report)) writeFileSync(`docs/bench/${name}.svg`, svg)
}
for (const { name } of overBudget(lines)) process.stdout.write(`over its budget: ${name}\n`)
const failed = values.gate ? refused(lines) : []
for (const { name } of failed) process.stdout.write(`FAILED, worse than it has been: ${name}\n`)
process.exitCode = failed.length > 0 ? 1 : 0
