import type { Caller } from './routing.ts'

/** Calls that may wait for their turn at one provider. Each of them holds its request in memory. */
export const WAITING_MAX = 1000

/** What a limiter needs of time. */
export interface Timer {
  /** Does something after a while, unless what it returns is called before. */
  readonly after: (ms: number, act: () => void) => () => void
}

/** How many calls there may be, and how long others wait. */
export interface LimiterOptions {
  readonly concurrency: number
  /** Longest wait for a turn, in milliseconds. */
  readonly queue_ms: number
  readonly timer: Timer
}

/** Lets so many calls of one provider be in flight, and the others wait in order. */
export class Limiter {
  readonly #options: LimiterOptions
  readonly #waiting = new Set<() => void>()
  #inFlight = 0

  constructor(options: LimiterOptions) {
    this.#options = options
  }

  /**
   * Asks for a turn, which `leave` gives back.
   *
   * @returns whether there is one; a promise where it has to be waited for. Patient callers are never told no.
   * @throws The signal's reason, where it was aborted meanwhile.
   */
  enter(caller: Caller): boolean | Promise<boolean> {
    const { concurrency, queue_ms } = this.#options
    if (this.#inFlight < concurrency) {
      this.#inFlight++
      return true
    }
    if (!caller.isPatient && (queue_ms === 0 || this.#waiting.size >= WAITING_MAX)) return false
    return this.#wait(caller)
  }

  /** A call is over: whoever has waited longest goes next. */
  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#inFlight--
    else next()
  }

  #wait({ signal, isPatient }: Caller): Promise<boolean> {
    const { timer, queue_ms } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    const leave = () => {
      this.#waiting.delete(go)
      signal.removeEventListener('abort', stop)
      stopTimer?.()
    }
    const go = () => {
      leave()
      resolve(true)
    }
    const stop = () => {
      leave()
      reject(signal.reason)
    }
    const giveUp = () => {
      leave()
      resolve(false)
    }
    const stopTimer = isPatient ? undefined : timer.after(queue_ms, giveUp)
    this.#waiting.add(go)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    return promise
  }
}
