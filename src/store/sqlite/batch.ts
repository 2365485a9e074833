import type { DatabaseSync } from 'node:sqlite'
import { StoreDamaged, StoreUnavailable } from '../store.ts'
import type { Operations } from './operations.ts'

/** One call of an operation. */
export interface Call {
  readonly operation: keyof Operations
  readonly args: readonly unknown[]
}

/** What became of a call. */
export type Outcome =
  | { readonly value: unknown }
  | { readonly failure: 'busy' | 'unavailable' | 'damaged' | 'other'; readonly message: string }

/** SQLite result codes (primary) that mean "another process holds it": busy, locked. */
const BUSY_CODES: ReadonlySet<number> = new Set([5, 6])

/** Those that mean "not now": no memory, read-only, I/O, full, cannot open. */
const UNAVAILABLE_CODES: ReadonlySet<number> = new Set([7, 8, 10, 13, 14])

const READS: ReadonlySet<keyof Operations> = new Set([
  'find',
  'findLifecycle',
  'findInput',
  'findLog',
  'findEvents',
  'findItemOwner',
  'findBinding',
  'thread',
  'orphans',
  'check',
  'countQueued',
  'findKey',
  'listKeys',
  'ping',
])

/**
 * Runs calls in order. If one of them writes, all are one transaction: what a call reports as done is
 * durable. Never throws.
 */
export function runBatch(db: DatabaseSync, operations: Operations, calls: readonly Call[]): readonly Outcome[] {
  const writes = calls.some(({ operation }) => !READS.has(operation))
  if (!writes) return calls.map((call) => runCall(operations, call))
  try {
    db.exec('BEGIN IMMEDIATE')
    const outcomes = calls.map((call) => {
      const outcome = runCall(operations, call)
      if (isLost(db, outcome)) throw new TransactionLost(outcome)
      return outcome
    })
    db.exec('COMMIT')
    return outcomes
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    const failure = error instanceof TransactionLost ? error.outcome : explain(error)
    // Reads have no part in it.
    return calls.map((call) => (READS.has(call.operation) ? runCall(operations, call) : failure))
  }
}

/** Nothing of the batch may stand: the failure of one call is the outcome of all. */
class TransactionLost extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super('The transaction is lost.')
    this.outcome = outcome
  }
}

/** A failed call fails alone, unless the storage is gone or SQLite has given up the whole transaction. */
function isLost(db: DatabaseSync, outcome: Outcome): boolean {
  if (!('failure' in outcome)) return false
  return outcome.failure === 'unavailable' || outcome.failure === 'busy' || !db.isTransaction
}

function runCall(operations: Operations, { operation, args }: Call): Outcome {
  try {
    // The proxy in sqlite-store.ts types each call by this very table.
    const run = operations[operation] as (...args: readonly unknown[]) => unknown
    return { value: run(...args) }
  } catch (error) {
    return explain(error)
  }
}

function explain(error: unknown): Outcome {
  const message = error instanceof Error ? error.message : 'unknown'
  if (error instanceof StoreDamaged) return { failure: 'damaged', message }
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : -1
  if (BUSY_CODES.has(code)) return { failure: 'busy', message }
  const isUnavailable = error instanceof StoreUnavailable || UNAVAILABLE_CODES.has(code)
  return { failure: isUnavailable ? 'unavailable' : 'other', message }
}
