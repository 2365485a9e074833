import { systemClock, type Clock } from '../../src/engine/clock.ts'

/** Longest wait of our own between two tries, in milliseconds, and a little more. */
const BACKOFF_MS = 2000

/**
 * The time of this machine, in which waits between two tries are over at once.
 *
 * @param asked_ms What a provider of the test asks to wait, beside our own waits.
 */
export function impatientClock(asked_ms = 0): Clock {
  let skipped_ms = 0
  return {
    ...systemClock,
    now: () => systemClock.now() + skipped_ms,
    sleep(ms, signal) {
      const isBetweenTries = ms <= BACKOFF_MS || (ms > asked_ms - 1000 && ms <= asked_ms)
      if (!isBetweenTries) return systemClock.sleep(ms, signal)
      skipped_ms += ms
      return Promise.resolve()
    },
  }
}
