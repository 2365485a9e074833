import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { runBatch, type Call } from './batch.ts'
import { openDatabase } from './open-database.ts'
import { prepareOperations, type Operations } from './operations.ts'
import { lockForServing } from './serving-lock.ts'

/** What the thread is told when it is started. */
export interface WorkerOptions {
  readonly path: string
  readonly busy_ms: number
}

/** How long a write waits here for another process; the other end asks again. */
const LOOK_MS = 20

// The other end, sqlite-store.ts, sends nothing else.
if (parentPort !== null) serve(parentPort, workerData as WorkerOptions)

/** Runs batches of calls in the order they come. */
function serve(port: NonNullable<typeof parentPort>, { path, busy_ms }: WorkerOptions): void {
  let db: DatabaseSync
  let operations: Operations
  let lock: DatabaseSync | undefined
  try {
    db = openDatabase(path, busy_ms)
    db.exec(`PRAGMA busy_timeout = ${LOOK_MS}`) // Reads must not wait behind a write that waits.
    const prepared = prepareOperations(db, {
      wall_ms: Date.now,
      steady_ms: () => Math.floor(performance.timeOrigin + performance.now()),
    })
    operations = {
      ...prepared,
      register: (owner) => {
        lock ??= lockForServing(path)
        forWriting(path, () => prepared.register(owner))
      },
    }
  } catch (error) {
    port.postMessage({ ready: false, message: error instanceof Error ? error.message : 'unknown' })
    return
  }
  port.postMessage({ ready: true })
  port.on('message', (message: 'close' | Call[]) => {
    if (message === 'close') {
      db.close()
      lock?.close()
      port.postMessage('closed')
      port.close()
    } else {
      port.postMessage(runBatch(db, operations, message))
    }
  })
}

/** SQLite's code for a file or a folder that may not be written. */
const READ_ONLY = 8

/** @throws The database may not be written, now or later: waiting would be in vain. */
function forWriting(path: string, write: () => void): void {
  try {
    write()
  } catch (cause) {
    const code = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) & 0xff : -1
    if (code !== READ_ONLY) throw cause
    throw new Error(
      `The database ${path} may not be written: its file, its folder or the disk is read-only. Mend that, or give another one with --store sqlite:/a/folder/you/can/write/antiphon.db`,
      {
        cause,
      },
    )
  }
}
