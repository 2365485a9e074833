import type { DatabaseSync } from 'node:sqlite'
import { jobOperations, type JobOperations } from './job-operations.ts'
import { keyOperations, type KeyOperations } from './key-operations.ts'
import { responseOperations, type ResponseOperations } from './response-operations.ts'
import { upkeepOperations, type UpkeepOperations } from './upkeep-operations.ts'

/** What the worker can be asked. Writes run inside a transaction that the worker holds. */
export interface Operations extends ResponseOperations, JobOperations, KeyOperations, UpkeepOperations {
  ping(): void
}

/** The clocks of a store. */
export interface StoreClocks {
  /** Unix time in milliseconds. */
  readonly wall_ms: () => number
  /** Milliseconds that no change of the system's clock moves: leases are measured by it. */
  readonly steady_ms: () => number
}

/** Prepares every statement once and names them as operations. */
export function prepareOperations(db: DatabaseSync, { wall_ms, steady_ms }: StoreClocks): Operations {
  const now_s = () => Math.floor(wall_ms() / 1000)
  return {
    ...responseOperations(db, now_s),
    ...jobOperations(db, steady_ms),
    ...keyOperations(db, now_s),
    ...upkeepOperations(db, now_s),
    ping: () => void db.prepare('SELECT 1').get(),
  }
}
