import type { Clock } from '../engine/clock.ts'

/** Time for everything that is not counted: last words, hanging up, closing the storage. In milliseconds. */
const ODDS_MS = 4500

/** How long a stop may take. */
export interface Deadline {
  /** What it was given: the lame duck and the drain. */
  readonly given_ms: number
  /** Fires when there is nothing left of it. */
  readonly hurry: AbortSignal
  readonly clock: Pick<Clock, 'sleep'>
}

/** Waits for a stop to be over. @returns whether it was in time; nothing is waited for longer. */
export async function isInTime(stop: Promise<unknown>, { given_ms, hurry, clock }: Deadline): Promise<boolean> {
  const over = new AbortController()
  const late = async () => {
    await clock.sleep(given_ms, AbortSignal.any([hurry, over.signal])).catch(() => {})
    await clock.sleep(ODDS_MS, over.signal).catch(() => {})
    return false
  }
  try {
    return await Promise.race([stop.then(() => true), late()])
  } finally {
    over.abort()
  }
}
