import type { Cost } from './scenarios/cost.ts'
import type { Floor } from './scenarios/floor.ts'
import type { Jobs } from './scenarios/jobs.ts'
import type { Latency } from './scenarios/latency.ts'
import type { Memory } from './scenarios/memory.ts'
import type { PostgresJobs } from './scenarios/postgres.ts'
import type { Saturated } from './scenarios/saturated.ts'
import type { ThreadCost } from './scenarios/thread.ts'

/** The same measured on both servers, round by round: pairs were measured one after the other. */
export interface Compared<Result> {
  readonly pipe: readonly Result[]
  readonly antiphon: readonly Result[]
}

/** Costs at so many connections. */
export interface CostAt {
  readonly connections: number
  readonly cost: Compared<Cost>
}

/** Everything that a run of the bench has measured; what was left out is absent. */
export interface Report {
  readonly machine: string
  readonly measuredAt: string
  readonly costs?: readonly CostAt[]
  readonly saturated?: Compared<Saturated>
  readonly latency?: Compared<Latency>
  readonly memory?: Memory
  readonly thread?: ThreadCost
  /** CPU of reading a thread of 20 turns in SQLite, in microseconds, a number per round. */
  readonly threadRead_us?: readonly number[]
  readonly jobs?: Jobs
  readonly postgres?: PostgresJobs
  /** In milliseconds, a number per round. */
  readonly startUp?: { readonly source: readonly number[]; readonly bundle: readonly number[] }
  /** Bytes of `dist/`. */
  readonly distBytes?: number
  readonly floor?: Floor
}
