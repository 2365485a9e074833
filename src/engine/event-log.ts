import type { Flow, Take } from '../core/flow.ts'
import { numbered } from '../core/log-codec.ts'
import { isNativeEvent, TERMINAL_EVENTS, type ResponseEvent, type UnnumberedEvent } from '../protocol/event.ts'

/** How a log is read. */
export interface ReadOptions {
  /** Sequence number to read on from; -1 for everything. */
  readonly after: number
  /** Whether the writer waits for this reader when it falls behind. */
  readonly paced?: boolean
  /** Whether it keeps the events for others: it sees them before they are shown. */
  readonly isKeeper?: boolean
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
  readonly #unreadBytesMax: number
  /** All that are there; most logs have one, and its array is a quarter of a set. */
  #readers: readonly Reader[] = []
  #bytes = 0
  #ended = false
  #abandoned = false
  #isAnnounced = false
  /** How many events readers may see. */
  #shown = Number.POSITIVE_INFINITY
  #onRead: (() => void) | undefined
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
      this.#bytes += sizeOf(event)
      if (TERMINAL_EVENTS.has(event.type)) this.#ended = true
    }
    this.#announce()
  }

  /** All events so far. */
  all(): readonly ResponseEvent[] {
    return this.#events
  }

  /** From here on readers see an event only when it is shown: one that is lost in a crash must not have been seen. */
  holdBack(): void {
    this.#shown = this.#events.length
  }

  /** Lets readers see so many events; all that will ever come, unless a number is given. */
  show(count = Number.POSITIVE_INFINITY): void {
    this.#shown = Math.max(this.#shown, count)
    this.#announce()
  }

  /** Does something as soon as somebody reads; at once, where somebody does. */
  whenRead(act: () => void): void {
    if (this.#readers.length > 0) act()
    else this.#onRead = act
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
  read({ after, paced = false, isKeeper = false }: ReadOptions): Flow<readonly ResponseEvent[]> {
    return new Reader(this, after + 1, { isPaced: paced, isKeeper })
  }

  /** Begins to hand events over; called by a reader of its own. */
  attend(reader: Reader): void {
    for (const event of this.#events.slice(0, reader.position)) reader.bytes += sizeOf(event)
    this.#readers = [...this.#readers, reader]
    this.#handOver(reader)
    if (reader.isKeeper) return
    this.#onRead?.()
    this.#onRead = undefined
  }

  /** Hands nothing more over; called by a reader of its own. */
  dismiss(reader: Reader): void {
    if (reader.isOver) return
    reader.isOver = true
    reader.over.resolve()
    this.#readers = this.#readers.filter((other) => other !== reader)
    this.#depart()
  }

  /** Tells the readers at the end of this turn: whatever else it brings is part of the batch. */
  #announce(): void {
    if (this.#isAnnounced || this.#readers.length === 0) return
    this.#isAnnounced = true
    queueMicrotask(() => {
      this.#isAnnounced = false
      for (const reader of this.#readers) this.#handOver(reader)
    })
  }

  /** Gives a reader what it has not seen, until it asks for time; then the end. */
  #handOver(reader: Reader): void {
    while (!reader.isBusy && !reader.isOver) {
      const end = reader.isKeeper ? this.#events.length : Math.min(this.#events.length, this.#shown)
      const bytes = this.#bytes
      if (reader.position >= end) return this.#settle(reader)
      try {
        const time = reader.take(this.#events.slice(reader.position, end))
        if (time === undefined) this.#advance(reader, end, bytes)
        else this.#giveTime(reader, { time, end, bytes })
      } catch (error) {
        this.#lose(reader, error)
      }
    }
  }

  #giveTime(reader: Reader, { time, end, bytes }: { time: Promise<void>; end: number; bytes: number }): void {
    reader.isBusy = true
    time.then(
      () => {
        reader.isBusy = false
        this.#advance(reader, end, bytes)
        this.#handOver(reader)
      },
      (error: unknown) => this.#lose(reader, error),
    )
  }

  #advance(reader: Reader, end: number, bytes: number): void {
    reader.position = end
    reader.bytes = bytes
    this.#depart()
  }

  #settle(reader: Reader): void {
    if (!this.#ended) return
    if (this.#abandoned) this.#lose(reader, new LogAbandoned())
    else if (reader.position >= this.#events.length) this.dismiss(reader)
  }

  #lose(reader: Reader, error: unknown): void {
    reader.over.reject(error)
    this.dismiss(reader)
  }

  async #waitForRoom(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isTooFarAhead()) {
      this.#departure ??= Promise.withResolvers()
      await withAbort(this.#departure.promise, signal)
    }
  }

  #isTooFarAhead(): boolean {
    for (const { isPaced, position, bytes } of this.#readers) {
      if (isPaced && this.#events.length - position > 1 && this.#bytes - bytes > this.#unreadBytesMax) return true
    }
    return false
  }

  #depart(): void {
    this.#departure?.resolve()
    this.#departure = undefined
  }
}

/** A reader, and how far it has come. */
class Reader implements Flow<readonly ResponseEvent[]> {
  readonly isPaced: boolean
  readonly isKeeper: boolean
  readonly over = Promise.withResolvers<void>()
  readonly #log: EventLog
  take: Take<readonly ResponseEvent[]> = () => undefined
  position: number
  /** How many bytes stand before its position. */
  bytes = 0
  /** Whether it has asked for time. */
  isBusy = false
  isOver = false

  constructor(log: EventLog, position: number, how: { readonly isPaced: boolean; readonly isKeeper: boolean }) {
    this.#log = log
    this.position = position
    this.isPaced = how.isPaced
    this.isKeeper = how.isKeeper
  }

  each(take: Take<readonly ResponseEvent[]>): Promise<void> {
    this.take = take
    if (!this.isOver) this.#log.attend(this)
    return this.over.promise
  }

  leave(): void {
    this.#log.dismiss(this)
  }
}

/** Bytes an event takes on the wire, roughly. */
function sizeOf(event: UnnumberedEvent): number {
  if ('delta' in event && typeof event.delta === 'string') return EVENT_OVERHEAD_BYTES + event.delta.length
  return isNativeEvent(event) ? JSON.stringify(event).length : EVENT_OVERHEAD_BYTES
}

/** Waits for a promise or an abort, whichever is first; leaves no listener behind. */
function withAbort(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: either, resolve } = Promise.withResolvers<void>()
  const stop = () => resolve()
  signal.addEventListener('abort', stop, { once: true })
  void promise.then(stop)
  return either.finally(() => signal.removeEventListener('abort', stop))
}
