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

// The other end, sqlite-store.ts, sends nothing else.
if (parentPort !== null) serve(parentPort, workerData as WorkerOptions)

/** Runs batches of calls in the order they come. */
function serve(port: NonNullable<typeof parentPort>, { path, busy_ms }: WorkerOptions): void {
  let db: DatabaseSync
  let operations: Operations
  let lock: DatabaseSync | undefined
  try {
    db = openDatabase(path, busy_ms)
    const prepared = prepareOperations(db, {
      wall_ms: Date.now,
      steady_ms: () => Math.floor(performance.timeOrigin + performance.now()),
    })
    operations = {
      ...prepared,
      register: (owner) => {
        lock ??= lockForServing(path)
        prepared.register(owner)
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
