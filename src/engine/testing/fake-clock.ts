import type { Clock } from '../clock.ts'

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Lets time pass. Sleepers wake one by one when their time comes, and all that follows is done before the next. */
  pass(ms: number): Promise<void>
  /** Time has passed while the whole process stood still: everyone who is late wakes at once, in order. */
  jump(ms: number): Promise<void>
  /** For how long each sleeper still sleeps, in milliseconds, shortest first. */
  sleepers(): readonly number[]
}

interface Sleeper {
  readonly due: number
  readonly wake: () => void
}

/** Makes a clock that stands at a round second. */
export function fakeClock(start_ms = 1_700_000_000_000): FakeClock {
  let now = start_ms
  const sleepers = new Set<Sleeper>()
  const byTime = () => [...sleepers].sort((one, other) => one.due - other.due)
  return {
    now: () => now,
    sleep(ms, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      if (signal.aborted) {
        reject(signal.reason)
        return promise
      }
      const sleeper = { due: now + ms, wake: resolve }
      sleepers.add(sleeper)
      const stop = () => {
        sleepers.delete(sleeper)
        reject(signal.reason)
      }
      signal.addEventListener('abort', stop, { once: true })
      return promise.finally(() => signal.removeEventListener('abort', stop))
    },
    after(ms, act) {
      const sleeper = { due: now + ms, wake: act }
      sleepers.add(sleeper)
      return () => void sleepers.delete(sleeper)
    },
    sleepers: () => byTime().map(({ due }) => due - now),
    async jump(ms) {
      now += ms
      for (const sleeper of byTime().filter(({ due }) => due <= now)) {
        sleepers.delete(sleeper)
        sleeper.wake()
      }
      await settled()
    },
    async pass(ms) {
      const until = now + ms
      await settled()
      for (let [next] = byTime(); next !== undefined && next.due <= until; [next] = byTime()) {
        now = Math.max(now, next.due)
        sleepers.delete(next)
        next.wake()
        await settled()
      }
      now = until
    },
  }
}

/** Resolves when everything that can go on without time or input has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
