import { numbered } from '../core/log-codec.ts'
import { TERMINAL_EVENTS, type ResponseEvent, type UnnumberedEvent } from '../protocol/event.ts'

/** How a log is read. */
export interface ReadOptions {
  /** Sequence number to read on from; -1 for everything. */
  readonly after: number
  /** Ends the read, also while it waits. */
  readonly signal: AbortSignal
  /** Whether the writer waits for this reader when it falls behind. */
  readonly paced?: boolean
}

/** What a log remembers of a reader that the writer waits for. */
interface PacedReader {
  position: number
}

/** No terminal event will come: a reader must not take what it has for the whole. */
export class LogAbandoned extends Error {
  override readonly name = 'LogAbandoned'
}

/** Bytes an event takes on the wire beyond its delta, roughly: keys, ids and framing. */
const EVENT_OVERHEAD_BYTES = 200

/**
 * The events of one response: append-only, numbered here and nowhere else. One writer, any number of
 * readers; each reader gets every event once, in order, in batches of what has come since its last turn.
 */
export class EventLog {
  readonly #events: ResponseEvent[] = []
  /** How many bytes stand before each event, and after the last one. */
  readonly #bytesBefore: number[] = [0]
  readonly #paced = new Set<PacedReader>()
  readonly #unreadBytesMax: number
  #ended = false
  #abandoned = false
  #arrival = Promise.withResolvers<void>()
  #departure = Promise.withResolvers<void>()

  /**
   * @param unreadBytesMax How far a paced reader may fall behind before `room` makes the writer wait; one
   * event it may always have to read.
   */
  constructor(unreadBytesMax: number) {
    this.#unreadBytesMax = unreadBytesMax
  }

  /** Appends events in order and wakes every reader. Nothing may follow a terminal event. */
  append(events: readonly UnnumberedEvent[]): void {
    if (events.length === 0) return
    for (const event of events) {
      if (this.#ended) throw new Error('Nothing may follow the terminal event of a log.')
      this.#events.push(numbered(event, this.#events.length))
      this.#bytesBefore.push((this.#bytesBefore.at(-1) ?? 0) + sizeOf(event))
      if (TERMINAL_EVENTS.has(event.type)) this.#ended = true
    }
    this.#wake()
  }

  /** All events so far. */
  all(): readonly ResponseEvent[] {
    return this.#events
  }

  /** Whether nothing more will come. */
  isEnded(): boolean {
    return this.#ended
  }

  /**
   * Gives up a log that has no end yet: its response was deleted, or goes on in another process. Readers get
   * what was said, and then {@link LogAbandoned}.
   */
  abandon(): void {
    this.#abandoned ||= !this.#ended
    this.#ended = true
    this.#wake()
  }

  /** Resolves when no paced reader is too far behind, or the signal fires. */
  async room(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isTooFarAhead()) {
      await withAbort(this.#departure.promise, signal)
    }
  }

  /**
   * Reads on from a number until the terminal event, the signal, or `return()`.
   *
   * @throws {LogAbandoned} No terminal event will come.
   */
  async *read({ after, signal, paced = false }: ReadOptions): AsyncGenerator<readonly ResponseEvent[]> {
    const reader: PacedReader = { position: after + 1 }
    if (paced) this.#paced.add(reader)
    try {
      while (!signal.aborted) {
        if (reader.position < this.#events.length) {
          const batch = this.#events.slice(reader.position)
          yield batch
          reader.position += batch.length
          this.#depart()
        } else if (this.#abandoned) throw new LogAbandoned()
        else if (this.#ended) return
        else await withAbort(this.#arrival.promise, signal)
      }
    } finally {
      this.#paced.delete(reader)
      this.#depart()
    }
  }

  #isTooFarAhead(): boolean {
    const end = this.#events.length
    for (const { position } of this.#paced) {
      const unreadBytes = (this.#bytesBefore[end] ?? 0) - (this.#bytesBefore[Math.min(position, end)] ?? 0)
      if (end - position > 1 && unreadBytes > this.#unreadBytesMax) return true
    }
    return false
  }

  #wake(): void {
    this.#arrival.resolve()
    this.#arrival = Promise.withResolvers()
  }

  #depart(): void {
    this.#departure.resolve()
    this.#departure = Promise.withResolvers()
  }
}

/** Bytes an event takes on the wire, roughly. */
function sizeOf(event: UnnumberedEvent): number {
  return EVENT_OVERHEAD_BYTES + ('delta' in event ? event.delta.length : 0)
}

/** Waits for a promise or an abort, whichever is first; leaves no listener behind. */
function withAbort(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: either, resolve } = Promise.withResolvers<void>()
  const stop = () => resolve()
  signal.addEventListener('abort', stop, { once: true })
  void promise.then(stop)
  return either.finally(() => signal.removeEventListener('abort', stop))
}
