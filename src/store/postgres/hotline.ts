import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientConfig } from 'pg'
import { StoreUnavailable } from '../store.ts'
import { destroy, within } from './database.ts'
import { storeError } from './faults.ts'
import { CHANNEL, type Change, type News } from './news.ts'

/** What a hotline is opened with. */
export interface HotlineOptions {
  readonly config: ClientConfig
  readonly news: News
  /** How long a connection, or an answer, is waited for. */
  readonly wait_ms: number
  /** How often it is looked whether the other end is still there. */
  readonly probe_ms: number
}

/** Before the next connection, in milliseconds: doubled each time. */
const BACKOFF = { first_ms: 50, most_ms: 2000 }

/** The server looks after us, too: whoever went without a word loses its locks after 11 s, not after 2 h. */
const KEEP_ALIVE = `SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3`

/**
 * One connection for all that lasts as long as a connection does: what other processes tell, and the lock that shows
 * that this process is alive. It is opened when it is wanted first, and again whenever it is lost.
 */
export class Hotline {
  readonly #options: HotlineOptions
  readonly #listeners = new Set<(change: Change) => void>()
  #lock: string | undefined
  readonly #end = new AbortController()
  #open = Promise.withResolvers<Client>()
  #failure: unknown = new Error('there is no connection yet')
  #keeping: Promise<void> | undefined

  constructor(options: HotlineOptions) {
    this.#options = options
  }

  /** Tells a listener all that other processes say. What is said while there is no connection goes unheard. */
  listen(listener: (change: Change) => void): void {
    this.#listeners.add(listener)
    this.#keeping ??= this.#keep()
  }

  /**
   * Holds an advisory lock for as long as this process lives and is connected, in the place of any earlier one.
   *
   * @throws {StoreUnavailable} There is no connection just now. The lock is taken as soon as there is one.
   */
  async hold(space: number, key: number): Promise<void> {
    const lock = `${space}, ${key}`
    this.#lock = lock
    this.#keeping ??= this.#keep()
    const client = await within(this.#options.wait_ms, this.#open.promise)
    if (client === undefined) throw unavailable(this.#failure)
    await client.query(`SELECT pg_advisory_unlock_all(); ${take(lock)}`).catch((error: unknown) => {
      throw unavailable(error)
    })
  }

  /** Frees the lock, and hears nothing more. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#keeping
  }

  async #keep(): Promise<void> {
    const { signal } = this.#end
    for (let tries = 0; !signal.aborted; tries++) {
      const client = this.#newClient()
      try {
        await this.#connect(client)
        // What was said meanwhile went unheard.
        if (tries > 0) this.#tell(['queue'])
        tries = 0
        this.#open.resolve(client)
        await this.#watch(client).finally(() => (this.#open = Promise.withResolvers()))
      } catch (error) {
        this.#failure = error
      }
      await within(signal.aborted ? BACKOFF.most_ms : 0, client.end())
      destroy(client)
      await this.#sleep(Math.min(BACKOFF.first_ms * 2 ** tries, BACKOFF.most_ms))
    }
  }

  #newClient(): Client {
    const { config, wait_ms, news } = this.#options
    const client = new Client({ ...config, connectionTimeoutMillis: wait_ms, query_timeout: wait_ms, keepAlive: true })
    client.on('error', () => {
      // It ends, which is seen.
    })
    client.on('notification', ({ payload = '' }) => this.#tell(news.understand(payload)))
    return client
  }

  async #connect(client: Client): Promise<void> {
    await client.connect()
    await client.query(`${KEEP_ALIVE}; LISTEN ${CHANNEL}`)
    await client.query(take(this.#lock))
  }

  /** Resolves when a connection is over; looks from time to time whether it is. @throws It does not answer. */
  async #watch(client: Client): Promise<void> {
    let isOver = false
    const over = new Promise<void>((resolve) => client.once('end', resolve)).then(() => (isOver = true))
    for (;;) {
      await Promise.race([over, this.#sleep(this.#options.probe_ms)])
      if (isOver || this.#end.signal.aborted) return
      // A lock that our last connection still had may be free by now; one that is ours is taken once more.
      await client.query(take(this.#lock))
    }
  }

  #tell(changes: readonly Change[]): void {
    for (const listener of this.#listeners) for (const change of changes) listener(change)
  }

  async #sleep(wait_ms: number): Promise<void> {
    await sleep(wait_ms, undefined, { signal: this.#end.signal }).catch(() => {
      // The end has come.
    })
  }
}

/** Nobody waits for a lock: where another connection has it, that one is our last, which the server takes for alive. */
function take(lock: string | undefined): string {
  return lock === undefined ? 'SELECT 1' : `SELECT pg_try_advisory_lock(${lock})`
}

function unavailable(cause: unknown): Error {
  const error = storeError(cause)
  return error instanceof StoreUnavailable ? error : new StoreUnavailable(error.message, { cause })
}
