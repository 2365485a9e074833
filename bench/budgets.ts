import type { Compared, Report } from './report.ts'
import type { Latency } from './scenarios/latency.ts'
import type { FloorCost } from './scenarios/floor.ts'
import { figureOf, median, type Figure } from './statistics.ts'

/** A figure, and what it may be at most. */
export interface Line {
  readonly name: string
  readonly unit: string
  readonly figure: Figure
  /** Undefined where it is only shown. */
  readonly budget?: number
  /** What it has come to where its budget is not met yet: from there it must not get worse. */
  readonly reached?: number
  /** Whether it compares two servers in one run, and so holds on any machine. */
  readonly isRatio?: boolean
  /** Whether the budget is the least and not the most. */
  readonly isFloor?: boolean
}

/** How far a ratio may be over its limit in the gate: there is noise on machines that others use too. */
const GATE_FACTOR = 1.3

/** Everything measured, in the order of the table. */
export function linesOf(report: Report): readonly Line[] {
  return [
    ...costLines(report),
    ...saturatedLines(report),
    ...latencyLines(report),
    ...memoryLines(report),
    ...threadLines(report),
    ...otherLines(report),
    ...floorLines(report),
  ]
}

/** Lines that are over their budget. */
export function overBudget(lines: readonly Line[]): readonly Line[] {
  return lines.filter(({ budget, figure, isFloor }) => {
    if (budget === undefined) return false
    return isFloor === true ? figure.median < budget : figure.median > budget
  })
}

/**
 * Ratios of which even the best round is over 1.3 times the budget, or what has been reached where that is not met
 * yet: noise spoils single rounds, a change for the worse spoils all.
 */
export function refused(lines: readonly Line[]): readonly Line[] {
  return lines.filter(({ budget, reached, figure, isRatio }) => {
    if (budget === undefined || isRatio !== true) return false
    return figure.least > Math.max(budget, reached ?? 0) * GATE_FACTOR
  })
}

/** What ratios may be at most, and what they have come to. */
const BUDGETS = {
  json: { budget: 2.5, reached: 4.5 },
  stream: { budget: 2.5, reached: 8.5 },
  chunk: { budget: 2 },
  saturated: { budget: 1, reached: 1.5 },
} as const

function costLines({ costs = [] }: Report): Line[] {
  return costs.flatMap(({ connections, cost }) => [
    ratioLine(`JSON request, stored, ${connections} connections`, BUDGETS.json, {
      of: cost,
      read: ({ json_us }) => json_us,
    }),
    ratioLine(`streamed request, ${connections} connections`, BUDGETS.stream, {
      of: cost,
      read: ({ stream_us }) => stream_us,
    }),
    ratioLine(`lone chunk, ${connections} connections`, BUDGETS.chunk, { of: cost, read: ({ chunk_us }) => chunk_us }),
  ])
}

function saturatedLines({ saturated }: Report): Line[] {
  if (saturated === undefined) return []
  const { antiphon } = saturated
  return [
    ratioLine('saturated: chunk of 100 streams', BUDGETS.saturated, {
      of: saturated,
      read: ({ chunk_us }) => chunk_us,
    }),
    ratioLine('saturated: JSON request', {}, { of: saturated, read: ({ json_us }) => json_us }),
    { name: 'chunks', unit: '/s', figure: figureOf(antiphon.map(({ chunksPerSecond }) => chunksPerSecond)) },
    { name: 'requests', unit: '/s', figure: figureOf(antiphon.map(({ requestsPerSecond }) => requestsPerSecond)) },
  ]
}

function latencyLines({ latency }: Report): Line[] {
  if (latency === undefined) return []
  const added = (name: string, read: (of: Latency) => number, budget?: number): Line => ({
    name: `added ${name}, 200 requests/s`,
    unit: 'ms',
    figure: figureOf(pairs(latency).map(([pipe, antiphon]) => read(antiphon) - read(pipe))),
    ...(budget === undefined ? {} : { budget }),
  })
  return [
    added('time to first token, p50', ({ first }) => first.p50, 1),
    added('time to first token, p99', ({ first }) => first.p99, 5),
    added('delay per event, p50', ({ chunk }) => chunk.p50),
    added('delay per event, p99', ({ chunk }) => chunk.p99),
  ]
}

function memoryLines({ memory }: Report): Line[] {
  if (memory === undefined) return []
  const MB = 2 ** 20
  const withAll = (memory.withStreams / MB / memory.streams) * 10_000
  return [
    { name: 'memory, base', unit: 'MB', figure: figureOf([memory.base / MB]) },
    { name: 'memory per open stream', unit: 'kB', figure: figureOf([memory.perStream / 1024]) },
    { name: 'memory with 10,000 idle streams', unit: 'MB', figure: figureOf([withAll]), budget: 400 },
    { name: 'memory per 10,000 stored answers', unit: 'MB', figure: figureOf([memory.per10kAnswers / MB]) },
    { name: 'heap slope per 10,000 answers', unit: 'MB', figure: figureOf([memory.heapSlopePer10k / MB]), budget: 1 },
  ]
}

/** Turns that are compared, and how much more the later one may cost beyond its bytes. */
const EARLY_TURN = 10
const LATE_TURN = 100

function threadLines({ thread, threadRead_us }: Report): Line[] {
  const lines: Line[] = []
  if (threadRead_us !== undefined) {
    lines.push({ name: 'thread of 20 turns, read in SQLite', unit: 'µs', figure: figureOf(threadRead_us), budget: 200 })
  }
  if (thread === undefined) return lines
  const near = (costs: readonly number[], turn: number) => median(costs.slice(Math.max(0, turn - 4), turn + 3))
  const [early, late] = [near(thread.chained_us, EARLY_TURN), near(thread.chained_us, LATE_TURN)]
  const bytes = near(thread.carried_us, LATE_TURN) - near(thread.carried_us, EARLY_TURN)
  const figure = figureOf([(late - bytes) / early])
  lines.push(
    { name: 'turn 10', unit: 'µs', figure: figureOf([early]) },
    { name: 'turn 100', unit: 'µs', figure: figureOf([late]) },
    { name: 'turn 100 : turn 10, beyond the bytes', unit: 'x', figure, budget: 1.5, isRatio: true },
  )
  return lines
}

function otherLines({ jobs, postgres, startUp, distBytes }: Report): Line[] {
  const lines: Line[] = []
  if (jobs !== undefined) {
    const accepted = figureOf([jobs.acceptedPerSecond])
    lines.push(
      { name: 'background jobs accepted', unit: '/s', figure: accepted, budget: 1000, isFloor: true },
      { name: 'job to its start, p50', unit: 'ms', figure: figureOf([jobs.start_ms.p50]), budget: 50 },
    )
  }
  if (postgres !== undefined) {
    const { acceptedPerSecond, endedPerSecond, ended_us } = postgres
    lines.push(
      {
        name: 'PostgreSQL: jobs accepted',
        unit: '/s',
        figure: figureOf([acceptedPerSecond]),
        budget: 1000,
        isFloor: true,
      },
      {
        name: 'PostgreSQL: jobs claimed and ended, two processes',
        unit: '/s',
        figure: figureOf([endedPerSecond]),
        budget: 1000,
        isFloor: true,
      },
      { name: 'PostgreSQL: CPU of claiming and ending a job', unit: 'µs', figure: figureOf([ended_us]) },
    )
  }
  if (startUp !== undefined) {
    lines.push(
      { name: 'start-up, source', unit: 'ms', figure: figureOf(startUp.source) },
      { name: 'start-up, bundle', unit: 'ms', figure: figureOf(startUp.bundle), budget: 300 },
    )
  }
  if (distBytes !== undefined) {
    lines.push({ name: 'dist/', unit: 'MB', figure: figureOf([distBytes / 2 ** 20]), budget: 5 })
  }
  return lines
}

/** What the smallest gateway costs beside the pipe: shown, so that budgets can be judged. */
function floorLines({ floor }: Report): Line[] {
  if (floor === undefined) return []
  const sides = [
    ['the smallest gateway', floor.stub],
    ['the same, storing', floor.stored],
  ] as const
  return sides.flatMap(([name, results]) => {
    const of = { pipe: floor.pipe, antiphon: results }
    const line = (what: string, read: (result: FloorCost) => number) =>
      ratioLine(`${name}: ${what}, ${floor.connections} connections`, {}, { of, read })
    return [
      line('JSON request', ({ cost }) => cost.json_us),
      line('streamed request', ({ cost }) => cost.stream_us),
      line('lone chunk', ({ cost }) => cost.chunk_us),
      ratioLine(`${name}: saturated chunk`, {}, { of, read: ({ saturated }) => saturated.chunk_us }),
    ]
  })
}

/** The ratio of each round: its two halves have seen the same weather. */
function ratioLine<Result>(
  name: string,
  limits: Pick<Line, 'budget' | 'reached'>,
  { of, read }: { of: Compared<Result>; read: (result: Result) => number },
): Line {
  const figure = figureOf(pairs(of).map(([pipe, antiphon]) => read(antiphon) / read(pipe)))
  return { name, unit: 'x', figure, isRatio: true, ...limits }
}

function pairs<Result>({ pipe, antiphon }: Compared<Result>): readonly (readonly [Result, Result])[] {
  return antiphon.flatMap((result, round) => {
    const other = pipe[round]
    return other === undefined ? [] : [[other, result] as const]
  })
}
