import type { Dispatcher } from 'undici'
import { iterate, type Take } from '../core/flow.ts'
import type { TransportBody } from '../core/transport.ts'

/** Unread bytes at which the connection is paused. */
const READ_AHEAD_BYTES = 64 * 1024

/** How long an answer may go on after its reader has left, in milliseconds. */
const LEAVE_MS = 1000

/** Who reads a body, and whether it has asked for time. */
interface Reader {
  readonly take: Take<Uint8Array>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  isBusy: boolean
}

/**
 * The body of an answer between its socket and one reader. A chunk goes straight on to a reader that has
 * time; for one that has not it waits, and the socket is paused where too much waits.
 */
export class AnswerBody implements TransportBody {
  readonly #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #ending: { readonly error?: Error } | undefined
  #reader: Reader | undefined
  #hasLeft = false
  #leaving: NodeJS.Timeout | undefined
  #controller: Dispatcher.DispatchController | undefined

  /** Names the connection that the chunks come from. */
  attach(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
  }

  /** The next chunk has come. */
  push(chunk: Uint8Array): void {
    const reader = this.#reader
    if (reader !== undefined && !reader.isBusy && !this.#hasLeft && this.#waiting.length === 0) {
      return this.#give(reader, chunk)
    }
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    if (this.#waitingBytes <= READ_AHEAD_BYTES) return
    if (this.#hasLeft) this.#abandon()
    else this.#controller?.pause()
  }

  /** The last chunk has come. */
  end(): void {
    this.#finish({})
  }

  /** No more will come. */
  fail(error: Error): void {
    this.#finish({ error })
  }

  each(take: Take<Uint8Array>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#reader = { take, resolve, reject, isBusy: false }
    if (this.#hasLeft) resolve()
    this.#handOver()
    return promise
  }

  /** What little is left is let through, so that the connection can be used again; much is cut off. */
  leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#reader?.resolve()
    if (this.#ending !== undefined) return
    if (this.#controller?.paused === true) this.#abandon()
    else this.#leaving = setTimeout(() => this.#abandon(), LEAVE_MS).unref()
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    return iterate(this)
  }

  #finish(ending: { readonly error?: Error }): void {
    this.#ending ??= ending
    clearTimeout(this.#leaving)
    this.#handOver()
  }

  /** Gives the reader what waits for it, until it asks for time; then the ending. */
  #handOver(): void {
    const reader = this.#reader
    if (reader === undefined) return
    while (!reader.isBusy && !this.#hasLeft) {
      const chunk = this.#waiting.shift()
      if (chunk === undefined) return this.#settle(reader)
      this.#waitingBytes -= chunk.length
      this.#give(reader, chunk)
      // Not before the chunk is taken: the next one may come at once, amid this call.
      if (this.#waitingBytes <= READ_AHEAD_BYTES / 2) this.#resume()
    }
  }

  #give(reader: Reader, chunk: Uint8Array): void {
    try {
      const time = reader.take(chunk)
      if (time !== undefined) this.#giveTime(reader, time)
    } catch (error) {
      this.#lose(reader, error)
    }
  }

  #giveTime(reader: Reader, time: Promise<void>): void {
    reader.isBusy = true
    time.then(
      () => {
        reader.isBusy = false
        this.#handOver()
      },
      (error: unknown) => this.#lose(reader, error),
    )
  }

  #lose(reader: Reader, error: unknown): void {
    reader.reject(error)
    this.leave()
  }

  #settle({ resolve, reject }: Reader): void {
    if (this.#ending === undefined) return
    if (this.#ending.error === undefined) resolve()
    else reject(this.#ending.error)
  }

  #resume(): void {
    if (this.#controller?.paused === true) this.#controller.resume()
  }

  #abandon(): void {
    this.#controller?.abort(new Error('The reader left.'))
  }
}
