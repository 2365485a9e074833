/** The share of a provider's calls that may be retries. */
export const RETRY_SHARE = 0.1

/**
 * How many retries there may be in one window, however few calls there are: one in a second is no load for anybody,
 * and a quiet server retries too.
 */
export const RETRIES_MIN = 60

/** How far back calls and retries count, in milliseconds. */
export const WINDOW_MS = 60_000

const SLOTS = 12

const SLOT_MS = WINDOW_MS / SLOTS

/**
 * Keeps retries to a share of what a provider is asked anyway: where everything fails, trying everything again would
 * multiply the load just when it cannot be borne. The window slides in steps of five seconds.
 *
 * Time is an argument, in Unix milliseconds.
 */
export class RetryBudget {
  readonly #calls = Array.from({ length: SLOTS }, () => 0)
  readonly #retries = Array.from({ length: SLOTS }, () => 0)
  /** The slot of the latest time that was told, counted from 1970. */
  #latest = 0

  /** A call is made, be it a retry or not. */
  count(now_ms: number): void {
    add(this.#calls, this.#slotAt(now_ms))
  }

  /** Whether a call may be made again; that it is, is noted. */
  take(now_ms: number): boolean {
    const slot = this.#slotAt(now_ms)
    if (sum(this.#retries) + 1 > Math.max(RETRIES_MIN, RETRY_SHARE * sum(this.#calls))) return false
    add(this.#retries, slot)
    return true
  }

  /** Forgets what is too old. A clock that was set back counts as standing still. */
  #slotAt(now_ms: number): number {
    const now = Math.max(this.#latest, Math.floor(now_ms / SLOT_MS))
    for (let slot = Math.max(this.#latest + 1, now - SLOTS + 1); slot <= now; slot++) {
      this.#calls[slot % SLOTS] = 0
      this.#retries[slot % SLOTS] = 0
    }
    this.#latest = now
    return now % SLOTS
  }
}

function add(counts: number[], slot: number): void {
  counts[slot] = (counts[slot] ?? 0) + 1
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
