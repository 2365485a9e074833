import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { StoreDamaged, StoreUnavailable } from '../store.ts'
import { migrate } from './migrations.ts'
import { prepareOperations, type Operations } from './operations.ts'

/** One call of an operation. */
export interface Call {
  readonly operation: keyof Operations
  readonly args: readonly unknown[]
}

/** What became of a call. */
export type Outcome =
  | { readonly value: unknown }
  | { readonly failure: 'unavailable' | 'damaged' | 'other'; readonly message: string }

/** SQLite result codes (primary) that mean "not now": busy, locked, I/O error, full, cannot open. */
const UNAVAILABLE_CODES: ReadonlySet<number> = new Set([5, 6, 8, 10, 13, 14])

const READS: ReadonlySet<keyof Operations> = new Set([
  'find',
  'findInput',
  'findLog',
  'findItemOwner',
  'thread',
  'countQueued',
  'findKey',
  'listKeys',
  'ping',
])

if (parentPort !== null) serve(parentPort, String(workerData))

/** Runs batches of calls in the order they come: all writes of a batch are one transaction, one fsync. */
function serve(port: NonNullable<typeof parentPort>, path: string): void {
  let db: DatabaseSync
  let operations: Operations
  try {
    db = openDatabase(path)
    operations = prepareOperations(db, Date.now)
  } catch (error) {
    port.postMessage({ ready: false, message: error instanceof Error ? error.message : 'unknown' })
    return
  }
  port.postMessage({ ready: true })
  port.on('message', (message: 'close' | Call[]) => {
    if (message === 'close') {
      db.close()
      port.postMessage('closed')
      port.close()
    } else {
      port.postMessage(runBatch(db, operations, message))
    }
  })
}

function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 5000 })
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;')
  const check = db.prepare('PRAGMA quick_check(1)').get()
  if (check?.['quick_check'] !== 'ok') throw new Error('the file is damaged: restore it from a backup')
  migrate(db)
  return db
}

function runBatch(db: DatabaseSync, operations: Operations, calls: readonly Call[]): Outcome[] {
  const writes = calls.some(({ operation }) => !READS.has(operation))
  if (!writes) return calls.map((call) => runCall(operations, call))
  try {
    db.exec('BEGIN IMMEDIATE')
    const outcomes = calls.map((call) => runCall(operations, call))
    db.exec('COMMIT')
    return outcomes
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    const failure = explain(error)
    return calls.map(() => failure)
  }
}

/** A failed call fails alone, unless SQLite has given up the whole transaction. */
function runCall(operations: Operations, { operation, args }: Call): Outcome {
  try {
    // The proxy in sqlite-store.ts types each call by this very table.
    const run = operations[operation] as (...args: readonly unknown[]) => unknown
    return { value: run(...args) }
  } catch (error) {
    const failure = explain(error)
    if (failure.failure === 'unavailable') throw error
    return failure
  }
}

function explain(error: unknown): Extract<Outcome, { failure: string }> {
  const message = error instanceof Error ? error.message : 'unknown'
  if (error instanceof StoreDamaged) return { failure: 'damaged', message }
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : -1
  const isUnavailable = error instanceof StoreUnavailable || UNAVAILABLE_CODES.has(code)
  return { failure: isUnavailable ? 'unavailable' : 'other', message }
}
