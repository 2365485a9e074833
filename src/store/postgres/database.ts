import { setTimeout as sleep } from 'node:timers/promises'
import { Pool, type ClientBase, type PoolClient, type PoolConfig } from 'pg'
import type { StoredRow } from '../rows.ts'
import { StoreUnavailable } from '../store.ts'
import { faultOf, PoolExhausted, storeError, type Fault } from './faults.ts'

/** A statement that each connection prepares once. */
export interface Statement {
  /** Unlike that of every other one. */
  readonly name: string
  readonly text: string
}

/** Runs one statement, in a transaction of its own. */
export type Query = (statement: Statement, values: readonly unknown[]) => Promise<readonly StoredRow[]>

/**
 * One or a few statements on one connection. It may run several times.
 *
 * @param query Runs one of them.
 * @param isRepeated Whether an earlier time may have been done all the same, and only its answer was lost.
 */
export type Work<Value> = (query: Query, isRepeated: boolean) => Promise<Value>

/**
 * For how long something is tried again.
 *
 * - `shared`: until the database has been away for as long as patience lasts: nobody who comes then waits anew.
 * - `own`: as long as patience lasts, whatever was before: what would be lost otherwise.
 * - `none`: not at all.
 */
export type Patience = 'shared' | 'own' | 'none'

/** How connections are made and used. */
export interface DatabaseOptions {
  /** Connections, besides the one that listens. */
  readonly connections_max: number
  /** How long a free connection, or a new one, is waited for. */
  readonly wait_ms: number
  /** How long one statement may take. */
  readonly statement_ms: number
  /** For how long what was lost is tried again. */
  readonly patience_ms: number
}

/** What is lost is tried again for longer than a server takes to come back, and for less than clients wait. */
export const DEFAULTS: DatabaseOptions = {
  connections_max: 10,
  wait_ms: 2000,
  statement_ms: 4000,
  patience_ms: 4000,
}

/** The server gives up first: then it says so, and the connection stays. */
const GRACE_MS = 500

const REPEATED: ReadonlySet<Fault> = new Set(['lost', 'full', 'again'])

/** Before the next try, in milliseconds: doubled each time, and by chance up to half more. */
const BACKOFF = { first_ms: 20, most_ms: 400 }

/** How long what is under way may take when all is closed. */
const CLOSE_MS = 5000

const IDLE_MS = 30_000

/** The words of `pg-pool` for whoever has waited in vain. */
const EXHAUSTED = 'timeout exceeded when trying to connect'

const CLOSED = 'The storage is closed.'

/** Connections to one database, and what is done when they fail. */
export class Database {
  readonly #pool: Pool
  readonly #options: DatabaseOptions
  /** Connections that were made before the last one was lost are of an older time, and not trusted. */
  readonly #times = new WeakMap<PoolClient, number>()
  readonly #clients = new Set<PoolClient>()
  #time = 0
  /** Since when nothing gets through, and when that was seen last; undefined where the last try has. */
  #away: { readonly since_ms: number; readonly last_ms: number } | undefined
  #isClosed = false
  #isOver = false
  /** What is under way. */
  readonly #running = new Set<Promise<unknown>>()

  constructor(config: PoolConfig, options: DatabaseOptions) {
    this.#options = options
    this.#pool = new Pool({
      ...config,
      max: options.connections_max,
      idleTimeoutMillis: IDLE_MS,
      connectionTimeoutMillis: options.wait_ms,
      statement_timeout: options.statement_ms,
      query_timeout: options.statement_ms + GRACE_MS,
      keepAlive: true,
    })
    this.#pool.on('error', ignore)
    this.#pool.on('connect', (client) => {
      client.on('error', ignore)
      this.#times.set(client, this.#time)
      this.#clients.add(client)
    })
    this.#pool.on('remove', (client) => void this.#clients.delete(client))
  }

  /** Runs one statement, again where it was lost. */
  ask(
    statement: Statement,
    values: readonly unknown[] = [],
    patience: Patience = 'shared',
  ): Promise<readonly StoredRow[]> {
    return this.run((query) => query(statement, values), patience)
  }

  /**
   * Runs something on one connection, and again on another where that one was lost or others stood in the way.
   *
   * @param patience What was lost after a long wait is tried once more in any case, unless there is none.
   * @throws {StoreUnavailable} It could not be done, or nobody knows whether it was.
   */
  run<Value>(work: Work<Value>, patience: Patience = 'shared'): Promise<Value> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailable(CLOSED))
    const running = this.#repeat(work, patience)
    this.#running.add(running)
    const forget = () => this.#running.delete(running)
    running.then(forget, forget)
    return running
  }

  /** Refuses all that comes later. Resolves when every connection is closed; what does not end soon is cut off. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await within(CLOSE_MS, Promise.allSettled(this.#running))
    this.#isOver = true
    await within(GRACE_MS, this.#pool.end())
    for (const client of this.#clients) destroy(client)
  }

  async #repeat<Value>(work: Work<Value>, patience: Patience): Promise<Value> {
    const started = performance.now()
    let isRepeated = false
    for (let tries = 1; ; tries++) {
      if (this.#isOver) throw new StoreUnavailable(CLOSED)
      try {
        return await this.#once((query) => work(query, isRepeated))
      } catch (error) {
        const fault = faultOf(error)
        if (fault === 'lost' || fault === 'full') this.#noteAway()
        const since = patience === 'own' ? started : Math.min(started, this.#away?.since_ms ?? started)
        const isPatient = tries === 1 || performance.now() - since < this.#options.patience_ms
        if (!REPEATED.has(fault) || !isPatient || patience === 'none') throw storeError(error)
        isRepeated ||= fault === 'lost'
        await sleep(backoff(tries))
      }
    }
  }

  async #once<Value>(work: (query: Query) => Promise<Value>): Promise<Value> {
    const client = await this.#checkOut()
    try {
      const value = await work(async (statement, values) => {
        const { rows }: { rows: StoredRow[] } = await client.query({ ...statement, values: [...values] })
        this.#away = undefined
        return rows
      })
      client.release()
      return value
    } catch (error) {
      if (faultOf(error) === 'lost') this.#lose(client)
      else client.release()
      throw error
    }
  }

  /** What failed long ago was another outage, of which nobody has seen the end. */
  #noteAway(): void {
    const now_ms = performance.now()
    const isAnother = this.#away === undefined || now_ms - this.#away.last_ms > this.#options.patience_ms
    this.#away = { since_ms: isAnother ? now_ms : (this.#away?.since_ms ?? now_ms), last_ms: now_ms }
  }

  async #checkOut(): Promise<PoolClient> {
    for (;;) {
      const client = await this.#pool.connect().catch((error: Error) => {
        throw error.message === EXHAUSTED ? new PoolExhausted('all connections are in use') : error
      })
      if (this.#times.get(client) === this.#time) return client
      giveUp(client)
    }
  }

  /** Where one connection is gone, the others of its time are likely to be: nobody shall have to wait for each. */
  #lose(client: PoolClient): void {
    if (this.#times.get(client) === this.#time) this.#time++
    giveUp(client)
  }
}

function giveUp(client: PoolClient): void {
  client.release(true)
  destroy(client)
}

/** Closes a connection without a word to the other end, which may not be there. */
export function destroy(client: ClientBase): void {
  // The types leave out what every client has.
  const { connection } = client as unknown as { connection: { stream: { destroy: () => void } } }
  connection.stream.destroy()
}

/** Resolves with something, or with nothing when it takes too long. */
export async function within<Value>(limit_ms: number, something: Promise<Value>): Promise<Value | undefined> {
  const soon = new AbortController()
  const limit = sleep(limit_ms, undefined, { signal: soon.signal }).catch(ignore)
  return Promise.race([something, limit]).finally(() => soon.abort())
}

function backoff(tries: number): number {
  return Math.min(BACKOFF.first_ms * 2 ** (tries - 1), BACKOFF.most_ms) * (1 + Math.random() / 2)
}

function ignore(): undefined {
  // Whoever uses the connection is told.
}
