import { Worker } from 'node:worker_threads'
import { StoreDamaged, StoreUnavailable, type Store } from '../store.ts'
import type { Call, Outcome } from './batch.ts'
import type { Operations } from './operations.ts'
import type { WorkerOptions } from './worker.ts'

interface Waiting {
  readonly call: Call
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

type Ask = <Name extends keyof Operations>(
  operation: Name,
  ...args: Parameters<Operations[Name]>
) => Promise<ReturnType<Operations[Name]>>

/** A backup or a shell holds its lock for a moment; whoever holds it longer is told of. */
const BUSY_MS = 5000

/**
 * Opens (and creates, and migrates) a SQLite database in a worker thread.
 *
 * Calls that come while a batch is under way form the next one: one transaction and one fsync for all
 * of them. A write is durable (WAL, `synchronous=FULL`) when its promise resolves.
 *
 * @param busy_ms How long a lock that another process holds is waited for.
 * @throws The file cannot be opened, is damaged, or was written by a later version.
 */
export async function openSqliteStore(path: string, busy_ms = BUSY_MS): Promise<Store> {
  const workerData: WorkerOptions = { path, busy_ms }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData })
  const { promise, resolve } = Promise.withResolvers<{ ready: boolean; message?: string }>()
  worker.once('message', resolve)
  worker.once('error', (error) => resolve({ ready: false, message: String(error) }))
  const opening = await promise
  if (!opening.ready) {
    await worker.terminate()
    throw new Error(`The database ${path} cannot be opened: ${opening.message}.`)
  }
  const { ask, close } = connect(worker)
  return {
    jobs: {
      claim: ({ owner, lease_ms, limit }) => ask('claim', owner, lease_ms, limit),
      heartbeat: ({ owner, lease_ms, ids }) => ask('heartbeat', owner, lease_ms, ids),
      countQueued: () => ask('countQueued'),
      takeOver: (owner) => ask('takeOver', owner),
    },
    keys: {
      insert: (key) => ask('insertKey', key),
      find: (publicId) => ask('findKey', publicId),
      list: () => ask('listKeys'),
      revoke: (publicId) => ask('revokeKey', publicId),
    },
    forAccount: (account) => ({
      insert: (row, owner) => ask('insert', account, row, owner),
      find: (id) => ask('find', account, id),
      findInput: (id) => ask('findInput', account, id),
      findLog: (id) => ask('findLog', account, id),
      findItemOwner: (itemId) => ask('findItemOwner', account, itemId),
      thread: (id, turnsMax) => ask('thread', account, id, turnsMax),
      finish: (id, attempt, ending) => ask('finish', account, id, { ...ending, attempt }),
      remove: (id) => ask('remove', account, id),
    }),
    ping: () => ask('ping'),
    close,
  }
}

/** Sends calls in batches, one batch at a time, and hands each caller its outcome. */
function connect(worker: Worker): { ask: Ask; close: () => Promise<void> } {
  let next: Waiting[] = []
  let running: readonly Waiting[] = []
  let gone: Error | undefined
  let isClosing = false

  const flush = () => {
    if (running.length > 0) return
    if (next.length === 0) {
      if (isClosing) worker.postMessage('close')
      return
    }
    running = next
    next = []
    worker.postMessage(running.map(({ call }) => call))
  }
  const closed = Promise.withResolvers<void>()
  const lose = (error: Error) => {
    gone = error
    for (const { reject } of [...running, ...next]) reject(error)
    running = []
    next = []
    closed.resolve()
  }
  worker.on('message', (outcomes: readonly Outcome[] | 'closed') => {
    if (outcomes === 'closed') return closed.resolve()
    const answered = running
    running = []
    for (const [index, waiting] of answered.entries()) settle(waiting, outcomes[index])
    flush()
  })
  worker.on('error', (cause) => lose(new StoreUnavailable('The storage thread failed.', { cause })))
  worker.on('exit', () => lose(new StoreUnavailable('The storage is closed.')))

  return {
    ask: (operation, ...args) =>
      new Promise((resolve, reject) => {
        if (gone !== undefined || isClosing) return reject(gone ?? new StoreUnavailable('The storage is closed.'))
        if (next.push({ call: { operation, args }, resolve, reject }) === 1) queueMicrotask(flush)
      }),
    close: async () => {
      isClosing = true
      flush()
      await closed.promise
      await worker.terminate()
    },
  }
}

function settle({ resolve, reject }: Waiting, outcome: Outcome | undefined): void {
  if (outcome === undefined) return reject(new Error('The storage thread answered too little.'))
  // The worker answers each call with what its operation returns.
  if ('value' in outcome) return resolve(outcome.value as never)
  if (outcome.failure === 'unavailable') return reject(new StoreUnavailable(outcome.message))
  reject(outcome.failure === 'damaged' ? new StoreDamaged(outcome.message) : new Error(outcome.message))
}
