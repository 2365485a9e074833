import { runSchedule, type Outcome, type ScheduleOptions } from './schedule.ts'

/** Which schedules are run: every `step`th from the first on. */
export interface Batch {
  readonly first: number
  readonly count: number
  readonly step: number
}

/** What has come of many schedules. */
export interface Findings {
  readonly figures: Readonly<Record<string, number>>
  /** Those in which something is wrong, the first few of them. */
  readonly broken: readonly Outcome[]
}

/** Broken schedules that are told of. */
const BROKEN_MAX = 10

/** Runs schedules, one after the other, until too many are broken. */
export async function runBatch({ first, count, step }: Batch, options: ScheduleOptions = {}): Promise<Findings> {
  const broken: Outcome[] = []
  let figures: Readonly<Record<string, number>> = {}
  for (let index = 0; index < count && broken.length < BROKEN_MAX; index++) {
    const outcome = await runSchedule(first + index * step, options)
    figures = addUp(figures, { schedules: 1, ...outcome.figures })
    if (outcome.violations.length > 0) broken.push(outcome)
  }
  return { figures, broken }
}

/** Adds figures up, name by name. */
export function addUp(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(other).map(([name, value]) => [name, value + (one[name] ?? 0)]))
}

/** Says what is wrong in a schedule, and how to see it again. */
export function describe({ seed, violations }: Outcome): string {
  return [`SEED=${seed} COUNT=1 npm run simulate`, ...new Set(violations)].join('\n  ')
}
