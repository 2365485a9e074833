import type { Socket } from 'node:net'
import type { Clock } from '../../src/engine/clock.ts'

/** What is done to the bytes of one direction. */
export interface Toxics {
  /** How much later bytes arrive. Those already on their way keep their time. */
  readonly latency_ms: number
  /** Up to so much is added, by chance; the order stays. */
  readonly jitter_ms: number
  /** At most so many, evenly; more than 0. */
  readonly bytesPerSecond: number
  readonly slice: Slice | undefined
  readonly limit: Limit | undefined
  /**
   * Half-open: nothing is read nor forwarded, neither bytes nor an end nor a reset, and all sockets stay. What was
   * held back goes on when this ends.
   */
  readonly isStalled: boolean
}

/**
 * Cuts what is forwarded into writes of between `least` and `most` bytes, by chance. The cuts are at the same
 * offsets for the same seed, however the bytes came. There is a turn of the event loop between two writes, so that
 * a reader in this process sees most of them apart; a reader elsewhere may need a pause.
 */
export interface Slice {
  readonly least: number
  readonly most: number
  readonly pause_ms?: number
}

/**
 * Something that happens as soon as exactly so many bytes were forwarded, counted from when it is set, or from the
 * beginning of a later connection; once in each connection.
 */
export interface Limit {
  readonly bytes: number
  /** Both sides get an end, and whatever they still say is dropped; both get a reset; or both directions stall. */
  readonly act: 'close' | 'reset' | 'stall'
}

/** Nothing is done. */
export const HARMLESS: Toxics = {
  latency_ms: 0,
  jitter_ms: 0,
  bytesPerSecond: Infinity,
  slice: undefined,
  limit: undefined,
  isStalled: false,
}

/** What went one way. */
export interface Flow {
  /** Bytes taken from the sender. */
  readonly read: number
  /** Bytes handed on to the system for the receiver. */
  readonly written: number
  /** In how many writes. */
  readonly writes: number
}

/** What chance is needed for. */
export type Purpose = 'jitter' | 'slice'

/** What a lane works with. */
export interface LaneWiring {
  readonly source: Socket
  readonly sink: Socket
  readonly clock: Clock
  /** A number from 0 to below 1 that depends on the seed, the lane, and what it is asked for. */
  chance(purpose: Purpose, offset: number): number
  /** Something has flown. */
  flowed(read: number, written: number): void
  reached(act: Limit['act']): void
}

/** Most bytes that wait in one lane, of those that were read; beyond, the sender waits. */
const HELD_BYTES_MAX = 2 ** 20

/** A slow lane forwards so many times in a second, as long as there are as many bytes. */
const STEPS_PER_SECOND = 50

/** What waits stands in a queue: nothing is forwarded before what came before it. */
interface Held {
  readonly due_ms: number
  /** What is forwarded; an end and a reset stay behind the bytes before them. */
  readonly what: Buffer | 'end' | 'reset'
}

/** One direction of one connection: reads a socket, holds what it read, and writes it to another. */
export class Lane {
  readonly #wiring: LaneWiring
  readonly #queue: Held[] = []
  #toxics: Toxics
  #read = 0
  #written = 0
  #held = 0
  /** The offset where the next cut is. */
  #cut = 0
  /** The offset where the limit is. */
  #allowed: number
  /** When the next write may be, for bandwidth and pauses. */
  #free_ms = 0
  /** Bytes of the write that is under way. */
  #inFlight = 0
  #isDeaf = false
  #callOff: () => void = () => {}

  constructor(wiring: LaneWiring, toxics: Toxics) {
    this.#wiring = wiring
    this.#toxics = toxics
    this.#allowed = toxics.limit?.bytes ?? Infinity
    const { source, sink } = wiring
    source.on('data', (bytes: Buffer) => this.#take(bytes))
    source.on('end', () => this.#hold('end'))
    source.on('error', () => this.#hold('reset'))
    sink.on('close', () => this.deafen())
    this.#adjust()
    this.#soon()
  }

  /** Changes what is done from now on. */
  set(change: Partial<Toxics>): void {
    this.#toxics = { ...this.#toxics, ...change }
    const offset = this.#written + this.#inFlight
    if ('limit' in change) this.#allowed = offset + (change.limit?.bytes ?? Infinity)
    if ('slice' in change) this.#cut = offset
    this.#free_ms = 0
    this.#adjust()
    this.#soon()
  }

  /** From now on whatever comes is dropped. */
  deafen(): void {
    this.#isDeaf = true
    this.#queue.length = 0
    this.#held = 0
    this.#callOff()
    this.#adjust()
  }

  #take(bytes: Buffer): void {
    const { chance, flowed } = this.#wiring
    const { latency_ms, jitter_ms } = this.#toxics
    const jitter = jitter_ms === 0 ? 0 : jitter_ms * chance('jitter', this.#read)
    this.#read += bytes.length
    flowed(bytes.length, 0)
    if (this.#isDeaf) return
    this.#held += bytes.length
    this.#hold(bytes, latency_ms + jitter)
    this.#adjust()
  }

  #hold(what: Held['what'], latency_ms = this.#toxics.latency_ms): void {
    if (this.#isDeaf) return
    this.#queue.push({ due_ms: this.#wiring.clock.now() + latency_ms, what })
    this.#forward()
  }

  /** The sender waits while too much is held, or nothing shall be heard of it. */
  #adjust(): void {
    const { source } = this.#wiring
    if (this.#isDeaf || (!this.#toxics.isStalled && this.#held < HELD_BYTES_MAX)) source.resume()
    else source.pause()
  }

  #forward(): void {
    if (this.#inFlight > 0 || this.#isDeaf || this.#toxics.isStalled) return
    this.#callOff()
    if (this.#written >= this.#allowed) {
      const { limit } = this.#toxics
      this.#allowed = Infinity
      if (limit !== undefined) this.#wiring.reached(limit.act)
      return
    }
    const [next] = this.#queue
    if (next === undefined) return
    const { clock, sink } = this.#wiring
    const wait_ms = Math.max(next.due_ms, this.#free_ms) - clock.now()
    if (wait_ms > 0) {
      this.#callOff = clock.after(wait_ms, () => this.#forward())
      return
    }
    this.#queue.shift()
    if (next.what instanceof Buffer) {
      this.#write(next.what)
      return
    }
    if (next.what === 'end') sink.end()
    else resetSocket(sink)
    this.#soon() // After an end there may be a reset.
  }

  #write(bytes: Buffer): void {
    const piece = bytes.subarray(0, this.#pieceLength(bytes.length))
    if (piece.length < bytes.length) this.#queue.unshift({ due_ms: 0, what: bytes.subarray(piece.length) })
    this.#inFlight = piece.length
    this.#wiring.sink.write(piece, (error) => {
      this.#inFlight = 0
      if (error != null || this.#isDeaf) return
      this.#written += piece.length
      this.#held -= piece.length
      this.#rest(piece.length)
      this.#wiring.flowed(0, piece.length)
      this.#adjust()
      this.#soon()
    })
  }

  #pieceLength(length: number): number {
    const { slice, bytesPerSecond } = this.#toxics
    if (slice !== undefined && this.#cut <= this.#written) {
      const { least, most } = slice
      const size = least + Math.floor(this.#wiring.chance('slice', this.#written) * (most - least + 1))
      this.#cut = this.#written + size
    }
    const untilCut = slice === undefined ? Infinity : this.#cut - this.#written
    const step = Math.max(1, Math.floor(bytesPerSecond / STEPS_PER_SECOND))
    return Math.min(length, this.#allowed - this.#written, untilCut, step)
  }

  /** How long nothing is written after a write. */
  #rest(length: number): void {
    const { slice, bytesPerSecond } = this.#toxics
    const now_ms = this.#wiring.clock.now()
    const paced_ms = Math.max(this.#free_ms, now_ms) + (length * 1000) / bytesPerSecond
    this.#free_ms = Math.max(paced_ms, now_ms + (slice?.pause_ms ?? 0))
  }

  #soon(): void {
    this.#callOff()
    const turn = setImmediate(() => this.#forward())
    this.#callOff = () => clearImmediate(turn)
  }
}

/** Ends a connection by a reset; one that is being opened, as soon as it is. */
export function resetSocket(socket: Socket): void {
  // A socket that is sending its end refuses to be reset, and then stays open for ever.
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (socket.destroyed) return
  if (isEnding) socket.once('finish', () => resetSocket(socket))
  else socket.resetAndDestroy()
}
