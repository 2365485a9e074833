import { Worker } from 'node:worker_threads'
import type { AccountId, ResponseId } from '../../protocol/id.ts'
import {
  StoreDamaged,
  StoreUnavailable,
  type Haste,
  type NewResponse,
  type ResponseStore,
  type Store,
} from '../store.ts'
import type { Call, Outcome } from './batch.ts'
import type { Operations } from './operations.ts'
import type { Ended, EndedRow } from './response-operations.ts'
import type { WorkerOptions } from './worker.ts'

interface Waiting {
  call: Call
  /** Since when another process has been in its way. */
  busySince_ms?: number
  resolve: (value: never) => void
  reject: (error: Error) => void
}

type Ask = <Name extends keyof Operations>(
  operation: Name,
  ...args: Parameters<Operations[Name]>
) => Promise<ReturnType<Operations[Name]>>

type AskWith = <Name extends keyof Operations>(
  haste: Haste,
  operation: Name,
  ...args: Parameters<Operations[Name]>
) => Promise<ReturnType<Operations[Name]>>

/**
 * Ends a response whose insertion has not been sent yet: one write does both. Undefined where it has been sent.
 */
type JoinInsert = (account: AccountId, id: ResponseId, ended: Ended) => Promise<boolean> | undefined

/**
 * A batch of so many calls shows that more are on their way: the next one waits for them. Waking the thread costs
 * more than a write: with 16 clients at once a stored answer takes 250 µs of CPU so, and 355 µs without.
 */
const GATHER_CALLS = 4
const GATHER_MS = 2

/** How long a write that nobody waits for may wait for others, in milliseconds. */
const SOON_MS = 20

/** Time between two tries of a write that another process is in the way of: reads go on meanwhile. */
const BUSY_PAUSE_MS = 20

/** A backup or a shell holds its lock for a moment; whoever holds it longer is told of. */
const BUSY_MS = 2000

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
  const { askWith, joinInsert, close } = connect(worker, busy_ms)
  const ask: Ask = (operation, ...args) => askWith('now', operation, ...args)
  const known = new Map<AccountId, ResponseStore>()
  const forAccount = (account: AccountId) => {
    const responses = known.get(account) ?? responsesOf(account, { ask, askWith, joinInsert })
    known.set(account, responses)
    return responses
  }
  return {
    jobs: {
      claim: (claim) => ask('claim', claim),
      heartbeat: ({ owner, lease_ms, ids }) => ask('heartbeat', owner, lease_ms, ids),
      countQueued: () => ask('countQueued'),
      orphans: (limit) => ask('orphans', limit),
      register: ({ owner }) => ask('register', owner),
    },
    keys: {
      insert: (key) => ask('insertKey', key),
      find: (publicId) => ask('findKey', publicId),
      list: () => ask('listKeys'),
      revoke: (publicId) => ask('revokeKey', publicId),
    },
    upkeep: {
      sweep: (options) => ask('sweep', options),
      check: async (tell) => {
        const { problems, responses } = await ask('check')
        for (const problem of problems) tell(problem)
        return { responses }
      },
    },
    forAccount,
    isShared: false,
    onChange: () => {}, // No other process changes anything.
    ping: () => ask('ping'),
    close,
  }
}

interface Line {
  readonly ask: Ask
  readonly askWith: AskWith
  readonly joinInsert: JoinInsert
}

function responsesOf(account: AccountId, { ask, askWith, joinInsert }: Line): ResponseStore {
  return {
    insert: (row, owner, haste = 'now') => askWith(haste, 'insert', account, row, owner),
    find: (id) => ask('find', account, id),
    findLifecycle: (id) => ask('findLifecycle', account, id),
    findInput: (id) => ask('findInput', account, id),
    findLog: (id) => ask('findLog', account, id),
    findEvents: (id, after) => ask('findEvents', account, id, after),
    findItemOwner: (itemId) => ask('findItemOwner', account, itemId),
    findBinding: (key) => ask('findBinding', account, key),
    thread: (id, turnsMax) => ask('thread', account, id, turnsMax),
    swap: async (id, { version, next, ending }) => {
      if (ending === undefined) return ask('move', account, id, { next, version })
      const ended: Ended = { status: next.status, version: next.version, ending }
      const joined = version === 0 ? joinInsert(account, id, ended) : undefined
      return joined ?? ask('end', account, id, { ...ended, seen: version })
    },
    append: (id, attempt, batch) => ask('append', account, id, { ...batch, attempt }),
    recordCalls: (id, attempt, calls) => ask('recordCalls', account, id, { attempt, calls }),
    ask: (id, wish) => ask('ask', account, id, wish),
  }
}

/** Sends calls in batches, one batch at a time, and hands each caller its outcome. */
function connect(
  worker: Worker,
  busy_ms: number,
): { askWith: AskWith; joinInsert: JoinInsert; close: () => Promise<void> } {
  let next: Waiting[] = []
  let isAnnounced = false
  let isLate = false
  let isBusy = false
  let soon: NodeJS.Timeout | undefined
  let running: readonly Waiting[] = []
  let gone: Error | undefined
  let isClosing = false

  const flush = () => {
    isAnnounced = false
    isLate = running.length > 0
    if (isLate || next.length === 0) return
    clearTimeout(soon)
    soon = undefined
    running = next
    next = []
    isBusy = running.length >= GATHER_CALLS
    worker.postMessage(running.map(({ call }) => call))
  }
  /** Everything that this turn of the event loop brings is one batch; while there is much, a few turns are. */
  const announce = () => {
    if (isAnnounced) return
    isAnnounced = true
    if (isBusy) setTimeout(flush, GATHER_MS)
    else setImmediate(flush)
  }
  const hangUp = () => {
    flush()
    if (running.length === 0) worker.postMessage('close')
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
    const again = answered.filter((waiting, index) => !settle(waiting, outcomes[index], busy_ms))
    next = [...again, ...next]
    if (isClosing) hangUp()
    else if (isLate) flush()
    else if (again.length > 0) setTimeout(announce, BUSY_PAUSE_MS)
  })
  worker.on('error', (cause) => lose(new StoreUnavailable('The storage thread failed.', { cause })))
  worker.on('exit', () => lose(new StoreUnavailable('The storage is closed.')))

  const add = (call: Call) =>
    new Promise<never>((resolve, reject) => {
      if (gone !== undefined || isClosing) reject(gone ?? new StoreUnavailable('The storage is closed.'))
      else next.push({ call, resolve, reject })
    })
  return {
    askWith(haste, operation, ...args) {
      const answer = add({ operation, args })
      if (haste === 'now') announce()
      else soon ??= setTimeout(announce, SOON_MS)
      return answer
    },
    joinInsert(account, id, ended) {
      const waiting = next.findLast(({ call }) => concerns(call, id))
      if (waiting?.call.operation !== 'insert') return undefined
      const { call, resolve, reject } = waiting
      const [rowAccount, row, owner] = call.args as Parameters<Operations['insert']> // It is an insertion.
      if (rowAccount !== account || ended.ending.calls === undefined) return undefined
      waiting.call = { operation: 'insertEnded', args: [account, endedRow(row), { ...ended, owner }] }
      announce()
      return new Promise((resolveEnding, rejectEnding) => {
        waiting.resolve = (known) => (resolve(known), resolveEnding(known === undefined))
        waiting.reject = (error) => (reject(error), rejectEnding(error))
      })
    },
    close: async () => {
      isClosing = true
      hangUp()
      await closed.promise
      await worker.terminate()
    },
  }
}

/** Whether a call is about a response: what is asked of it later must not come before. */
function concerns({ operation, args }: Call, id: ResponseId): boolean {
  const [, subject] = args
  if (operation !== 'insert' && operation !== 'insertEnded') return subject === id
  return (subject as EndedRow).id === id // The row of an insertion.
}

/** What is left of a row where its ending is written with it. */
function endedRow({ id, background, createdAt, previousId, input, clientItemIds, binding }: NewResponse): EndedRow {
  return { id, background, createdAt, previousId, input, clientItemIds, binding }
}

/** Hands a caller its outcome. @returns false where it is to be tried again: another process is in the way. */
function settle(waiting: Waiting, outcome: Outcome | undefined, busy_ms: number): boolean {
  const { resolve, reject } = waiting
  if (outcome === undefined) reject(new Error('The storage thread answered too little.'))
  // The worker answers each call with what its operation returns.
  else if ('value' in outcome) resolve(outcome.value as never)
  else if (outcome.failure === 'busy') {
    waiting.busySince_ms ??= performance.now()
    if (performance.now() - waiting.busySince_ms < busy_ms) return false
    reject(new StoreUnavailable(outcome.message))
  } else if (outcome.failure === 'unavailable') reject(new StoreUnavailable(outcome.message))
  else reject(outcome.failure === 'damaged' ? new StoreDamaged(outcome.message) : new Error(outcome.message))
  return true
}
