import type { Flow, Take } from '../core/flow.ts'
import { numbered } from '../core/log-codec.ts'
import { TERMINAL_EVENTS, type ResponseEvent, type UnnumberedEvent } from '../protocol/event.ts'

/** How a log is read. */
export interface ReadOptions {
  /** Sequence number to read on from; -1 for everything. */
  readonly after: number
  /** Whether the writer waits for this reader when it falls behind. */
  readonly paced?: boolean
}

/** A reader, and how far it has come. */
interface Reader {
  readonly take: Take<readonly ResponseEvent[]>
  readonly isPaced: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  position: number
  /** Whether it has asked for time. */
  isBusy: boolean
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
  readonly #readers = new Set<Reader>()
  readonly #unreadBytesMax: number
  #ended = false
  #abandoned = false
  #isAnnounced = false
  #departure: PromiseWithResolvers<void> | undefined

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
    this.#announce()
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
    this.#announce()
  }

  /** Resolves when no paced reader is too far behind, or the signal fires; undefined where there is room now. */
  room(signal: AbortSignal): Promise<void> | undefined {
    return signal.aborted || !this.#isTooFarAhead() ? undefined : this.#waitForRoom(signal)
  }

  /**
   * Reads on from a number until the terminal event. What is appended in one turn comes in one batch.
   *
   * @returns a flow that throws {@link LogAbandoned} where no terminal event will come.
   */
  read({ after, paced = false }: ReadOptions): Flow<readonly ResponseEvent[]> {
    let dismiss: (() => void) | undefined
    let hasLeft = false
    return {
      each: (take) => {
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        const reader: Reader = { take, isPaced: paced, resolve, reject, position: after + 1, isBusy: false }
        dismiss = () => this.#dismiss(reader)
        this.#readers.add(reader)
        if (hasLeft) dismiss()
        else this.#handOver(reader)
        return promise
      },
      leave: () => {
        hasLeft = true
        dismiss?.()
      },
    }
  }

  /** Tells the readers at the end of this turn: whatever else it brings is part of the batch. */
  #announce(): void {
    if (this.#isAnnounced || this.#readers.size === 0) return
    this.#isAnnounced = true
    queueMicrotask(() => {
      this.#isAnnounced = false
      for (const reader of this.#readers) this.#handOver(reader)
    })
  }

  /** Gives a reader what it has not seen, until it asks for time; then the end. */
  #handOver(reader: Reader): void {
    while (!reader.isBusy && this.#readers.has(reader)) {
      const end = this.#events.length
      if (reader.position >= end) return this.#settle(reader)
      try {
        const time = reader.take(this.#events.slice(reader.position))
        if (time === undefined) this.#advance(reader, end)
        else this.#giveTime(reader, { time, end })
      } catch (error) {
        this.#lose(reader, error)
      }
    }
  }

  #giveTime(reader: Reader, { time, end }: { time: Promise<void>; end: number }): void {
    reader.isBusy = true
    time.then(
      () => {
        reader.isBusy = false
        this.#advance(reader, end)
        this.#handOver(reader)
      },
      (error: unknown) => this.#lose(reader, error),
    )
  }

  #advance(reader: Reader, end: number): void {
    reader.position = end
    this.#depart()
  }

  #settle(reader: Reader): void {
    if (!this.#ended) return
    if (this.#abandoned) this.#lose(reader, new LogAbandoned())
    else this.#dismiss(reader)
  }

  #lose(reader: Reader, error: unknown): void {
    reader.reject(error)
    this.#dismiss(reader)
  }

  #dismiss(reader: Reader): void {
    if (!this.#readers.delete(reader)) return
    reader.resolve()
    this.#depart()
  }

  async #waitForRoom(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isTooFarAhead()) {
      this.#departure ??= Promise.withResolvers()
      await withAbort(this.#departure.promise, signal)
    }
  }

  #isTooFarAhead(): boolean {
    const end = this.#events.length
    for (const { isPaced, position } of this.#readers) {
      const unreadBytes = (this.#bytesBefore[end] ?? 0) - (this.#bytesBefore[Math.min(position, end)] ?? 0)
      if (isPaced && end - position > 1 && unreadBytes > this.#unreadBytesMax) return true
    }
    return false
  }

  #depart(): void {
    this.#departure?.resolve()
    this.#departure = undefined
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
