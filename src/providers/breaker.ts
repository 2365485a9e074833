/** Failures in a row after which a provider is left alone. */
export const FAILURES_MAX = 10

/**
 * How long they must have been going on, in milliseconds. A restart that takes a second breaks off all that is in
 * flight: many failures, and one of them. Retries outlast it, unless the provider is left alone.
 */
export const FAILING_MS_MIN = 5000

/** For how long it is left alone, in milliseconds, before one call tries whether it works again. */
export const COOL_DOWN_MS = 10_000

/** What a call tells of its provider: that it works, that it does not, or nothing. */
export type Verdict = 'works' | 'fails' | 'silent'

/**
 * Leaves a provider alone that fails again and again. After a while one call tries it: where that one is answered,
 * all others follow; where it fails, or says nothing for as long again, the next try comes after the next while.
 *
 * Time is an argument, in Unix milliseconds: the same calls at the same times have the same outcome.
 */
export class Breaker {
  #failures = 0
  /** When the first of them was told. */
  #since_ms = 0
  /** When the next call may try; undefined while all may. */
  #tryAt_ms: number | undefined
  /** Grows with every change, so that calls from before it change nothing any more. */
  #era = 0

  /** How long no call may be made yet, in milliseconds; 0 where one may be made now. */
  wait_ms(now_ms: number): number {
    const wait_ms = this.#tryAt_ms === undefined ? 0 : this.#tryAt_ms - now_ms
    return wait_ms > 0 && wait_ms <= COOL_DOWN_MS ? wait_ms : 0 // Longer: the clock was set back.
  }

  /** A call is made, which `wait_ms` allows. @returns what `judge` wants to know of it. */
  begin(now_ms: number): number {
    if (this.#tryAt_ms === undefined) return this.#era
    this.#tryAt_ms = now_ms + COOL_DOWN_MS
    return ++this.#era
  }

  /** What a call tells of the provider. It may tell more than once; only a failure needs to say when it was. */
  judge(era: number, verdict: Verdict, now_ms = 0): void {
    if (era !== this.#era) return
    if (verdict === 'works') {
      this.#failures = 0
      this.#tryAt_ms = undefined
    } else if (verdict === 'silent') {
      if (this.#tryAt_ms !== undefined) this.#tryAt_ms = 0 // At once.
    } else {
      if (this.#failures++ === 0) this.#since_ms = now_ms
      if (this.#failures < FAILURES_MAX || now_ms - this.#since_ms < FAILING_MS_MIN) return
      this.#tryAt_ms = now_ms + COOL_DOWN_MS
      this.#era++
    }
  }
}
