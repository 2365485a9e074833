/**
 * A TCP proxy in this process, before any server: it makes a network bad, as a script says, while connections live.
 *
 * ```ts
 * const proxy = await startChaosProxy({ target: { host: '127.0.0.1', port: 5432 }, seed: 7 })
 * proxy.set({ latency_ms: 20, jitter_ms: 10 }) // Both directions, connections that live and all later ones.
 * proxy.set({ slice: { least: 1, most: 3 } }, 'down') // What the server says comes in crumbs.
 * proxy.set({ limit: { bytes: 900, act: 'reset' } }, 'down') // After 900 more bytes of it, both sides get a reset.
 * proxy.script(({ number, set }) => number % 5 === 4 && set({ isStalled: true })) // Every fifth is half-open.
 * proxy.reset('down') // The clients get a reset, and the server goes on talking to nobody.
 * proxy.down() // Connection refused, until `await proxy.up()`.
 * proxy.clear() // The network is good again; what was held back goes on.
 * await proxy.until(({ down }) => down.written >= 1000)
 * ```
 *
 * A connection that the server refuses is a reset for the client. Chance is drawn from the seed, the connection's
 * number, the direction and the offset of the bytes, so that the same traffic has the same fate.
 */
import { once } from 'node:events'
import { randomInt } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { systemClock, type Clock } from '../../src/engine/clock.ts'
import { createRandom } from '../fuzz/random.ts'
import { HARMLESS, Lane, resetSocket, type Flow, type Limit, type Purpose, type Toxics } from './chaos-lane.ts'

/** From the client to the server, or from the server to the client. */
export type Direction = 'up' | 'down'

/** What a proxy has seen. */
export interface ProxyCounts {
  /** Connections that were ever accepted. */
  readonly connections: number
  /** Of these, those with a side that is not closed. */
  readonly open: number
  readonly up: Flow
  readonly down: Flow
}

/** One connection through a proxy. */
export interface ProxiedConnection {
  /** From 0, in the order in which they were accepted. */
  readonly number: number
  /** Changes what is done to its bytes from now on, in one direction or both. */
  readonly set: (change: Partial<Toxics>, direction?: Direction) => void
  /**
   * Resets it at once, and what is held is lost. With a direction, only the receiver of that direction is reset, and
   * the other side stays, unaware, and talks to nobody until it ends by itself.
   */
  readonly reset: (toward?: Direction) => void
}

/** A bad network before one server. */
export interface ChaosProxy {
  readonly host: string
  /** Stays the same, also after `down` and `up`. */
  readonly port: number
  /** Changes what is done from now on, to all that live and all that come, in one direction or both. */
  set(change: Partial<Toxics>, direction?: Direction): void
  /** Does nothing more. Whoever was refused must be let in by `up`. */
  clear(): void
  /** Sees every later connection before its first byte. What it sets comes over what is set for all. */
  script(each: (connection: ProxiedConnection) => void): void
  /** The connections that are open, oldest first. */
  live(): readonly ProxiedConnection[]
  /** Resets every connection that is open: see `ProxiedConnection`. */
  reset(toward?: Direction): void
  /** Resets every connection, and refuses new ones. */
  down(): void
  /** Accepts connections again. @throws Somebody else has taken the port. */
  up(): Promise<void>
  counts(): ProxyCounts
  /** Resolves as soon as the counts are as wanted. @throws The proxy was closed before. */
  until(isTrue: (counts: ProxyCounts) => boolean): Promise<ProxyCounts>
  /** Closes everything; resolves when no socket and no timer is left. */
  close(): Promise<void>
}

/** What a proxy is started with. */
export interface ChaosProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
  /** Of all chance; 1 where absent. */
  readonly seed?: number
  /** Of all waits. The time of this machine where absent. */
  readonly clock?: Clock
}

/** Starts a proxy that does nothing bad yet. */
export async function startChaosProxy(options: ChaosProxyOptions): Promise<ChaosProxy> {
  const proxy = new TcpProxy(options)
  await proxy.open()
  return proxy
}

/** Waits do not depend on what the time of day is set to. */
const MONOTONIC: Clock = { ...systemClock, now: () => performance.now() }

const HOST = '127.0.0.1'

/**
 * Below the ports that systems give to whoever asks for any (Linux: from 32768), so that nobody comes to have the
 * port of a proxy while it is down.
 */
const PORTS = { first: 20_000, end: 32_000 }

const PORT_TRIES = 100

class TcpProxy implements ChaosProxy {
  readonly host = HOST
  readonly #options: Required<ChaosProxyOptions>
  readonly #connections = new Set<Connection>()
  readonly #toxics = { up: HARMLESS, down: HARMLESS }
  readonly #flows = { up: { read: 0, written: 0, writes: 0 }, down: { read: 0, written: 0, writes: 0 } }
  readonly #waiting = new Set<{ look: () => void; fail: (error: Error) => void }>()
  #server: Server | undefined
  #port = 0
  #accepted = 0
  #each: (connection: ProxiedConnection) => void = () => {}

  constructor(options: ChaosProxyOptions) {
    this.#options = { seed: 1, clock: MONOTONIC, ...options }
  }

  get port(): number {
    return this.#port
  }

  /** Takes a port for good. */
  async open(): Promise<void> {
    for (let tries = 1; this.#server === undefined; tries++) {
      this.#port = randomInt(PORTS.first, PORTS.end)
      await this.up().catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE' || tries === PORT_TRIES) throw error
      })
    }
  }

  async up(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client))
    server.listen(this.#port, HOST)
    await once(server, 'listening')
    this.#server = server
  }

  down(): void {
    this.#server?.close()
    this.#server = undefined
    this.reset()
  }

  set(change: Partial<Toxics>, direction?: Direction): void {
    for (const way of waysOf(direction)) this.#toxics[way] = { ...this.#toxics[way], ...change }
    for (const connection of this.#connections) connection.set(change, direction)
  }

  clear(): void {
    this.set(HARMLESS)
  }

  script(each: (connection: ProxiedConnection) => void): void {
    this.#each = each
  }

  live(): readonly ProxiedConnection[] {
    return [...this.#connections]
  }

  reset(toward?: Direction): void {
    for (const connection of this.#connections) connection.reset(toward)
  }

  counts(): ProxyCounts {
    const { up, down } = this.#flows
    return { connections: this.#accepted, open: this.#connections.size, up: { ...up }, down: { ...down } }
  }

  async until(isTrue: (counts: ProxyCounts) => boolean): Promise<ProxyCounts> {
    const { promise, resolve, reject } = Promise.withResolvers<ProxyCounts>()
    const look = () => {
      const counts = this.counts()
      if (isTrue(counts)) resolve(counts)
    }
    const waiter = { look, fail: reject }
    this.#waiting.add(waiter)
    look()
    return promise.finally(() => this.#waiting.delete(waiter))
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = server === undefined ? undefined : once(server.close(), 'close')
    await Promise.all(Array.from(this.#connections, (connection) => connection.destroy()))
    await closed
    for (const { fail } of this.#waiting) fail(new Error('The proxy was closed.'))
  }

  #accept(client: Socket): void {
    const { target, clock, seed } = this.#options
    const number = this.#accepted++
    const connection = new Connection(
      { number, client, target: connect({ ...target, allowHalfOpen: true, noDelay: true }) },
      { clock, seed, toxics: this.#toxics, flowed: (...flow) => this.#flowed(...flow) },
    )
    this.#connections.add(connection)
    void connection.closed.then(() => {
      this.#connections.delete(connection)
      this.#look()
    })
    this.#each(connection)
    this.#look()
  }

  #flowed(way: Direction, { read, written }: { read: number; written: number }): void {
    const flow = this.#flows[way]
    flow.read += read
    flow.written += written
    if (written > 0) flow.writes++
    this.#look()
  }

  #look(): void {
    for (const { look } of this.#waiting) look()
  }
}

/** What a connection is made of. */
interface Ends {
  readonly number: number
  readonly client: Socket
  readonly target: Socket
}

/** What a connection has of its proxy. */
interface Surroundings {
  readonly clock: Clock
  readonly seed: number
  readonly toxics: Readonly<Record<Direction, Toxics>>
  flowed(way: Direction, flow: { read: number; written: number }): void
}

class Connection implements ProxiedConnection {
  readonly number: number
  /** Resolves when both sides are closed. */
  readonly closed: Promise<unknown>
  readonly #ends: Ends
  readonly #lanes: Readonly<Record<Direction, Lane>>

  constructor(ends: Ends, around: Surroundings) {
    this.number = ends.number
    this.#ends = ends
    const { client, target } = ends
    this.closed = Promise.all([client, target].map((socket) => new Promise((done) => socket.once('close', done))))
    this.#lanes = {
      up: this.#lane('up', { source: client, sink: target }, around),
      down: this.#lane('down', { source: target, sink: client }, around),
    }
  }

  readonly set = (change: Partial<Toxics>, direction?: Direction): void => {
    for (const way of waysOf(direction)) this.#lanes[way].set(change)
  }

  readonly reset = (toward?: Direction): void => {
    const { client, target } = this.#ends
    this.#silence()
    if (toward !== 'up') resetSocket(client)
    if (toward !== 'down') resetSocket(target)
    if (toward === undefined) return
    const survivor = toward === 'up' ? client : target
    if (survivor.readableEnded) survivor.end()
    else survivor.once('end', () => survivor.end())
  }

  /** Closes both sides without another word. */
  destroy(): Promise<unknown> {
    this.#silence()
    this.#ends.client.destroy()
    this.#ends.target.destroy()
    return this.closed
  }

  #lane(way: Direction, sockets: { source: Socket; sink: Socket }, around: Surroundings): Lane {
    const { clock, seed, toxics, flowed } = around
    const lane = this.number * 2 + (way === 'up' ? 0 : 1)
    const wiring = {
      ...sockets,
      clock,
      chance: (purpose: Purpose, offset: number) => drawn([seed, lane, PURPOSE_NUMBER[purpose], offset]),
      flowed: (read: number, written: number) => flowed(way, { read, written }),
      reached: (act: Limit['act']) => this.#end(act),
    }
    return new Lane(wiring, toxics[way])
  }

  #end(act: Limit['act']): void {
    if (act === 'reset') this.reset()
    if (act === 'stall') this.set({ isStalled: true })
    if (act !== 'close') return
    this.#silence()
    this.#ends.client.end()
    this.#ends.target.end()
  }

  #silence(): void {
    for (const way of waysOf()) this.#lanes[way].deafen()
  }
}

const PURPOSE_NUMBER: Readonly<Record<Purpose, number>> = { jitter: 0, slice: 1 }

function waysOf(direction?: Direction): readonly Direction[] {
  return direction === undefined ? ['up', 'down'] : [direction]
}

/** A number from 0 to below 1 that depends on all the numbers and nothing else. */
function drawn(numbers: readonly number[]): number {
  const RANGE = 2 ** 31
  return numbers.reduce((state, number) => createRandom(state ^ number).below(RANGE), 0) / RANGE
}
