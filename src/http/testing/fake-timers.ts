import { performance } from 'node:perf_hooks'
import type { TestContext } from 'node:test'

interface FakeTimer {
  due: number
  readonly act: () => void
  readonly ms: number
  readonly isRepeated: boolean
}

/** Timers that run when a test says so. */
export interface FakeTimers {
  /** Lets time pass: every timer that is due runs, in order. */
  tick(ms: number): void
  /** How many timers are still set. */
  count(): number
}

/**
 * Replaces the global timers and `performance.now()` for one test; `refresh()` too, which the runner's own fakes
 * leave out.
 */
export function fakeTimers(t: TestContext): FakeTimers {
  let now = 0
  const timers = new Set<FakeTimer>()
  const set = (isRepeated: boolean) => (act: () => void, ms: number) => {
    const timer: FakeTimer & { refresh: () => void } = {
      due: now + ms,
      act,
      ms,
      isRepeated,
      refresh: () => void (timer.due = now + ms),
    }
    timers.add(timer)
    return timer
  }
  const clear = (timer: FakeTimer) => void timers.delete(timer)
  // Code under test uses no more of the timers than this.
  t.mock.method(globalThis, 'setInterval', set(true) as never)
  t.mock.method(globalThis, 'setTimeout', set(false) as never)
  t.mock.method(globalThis, 'clearInterval', clear as never)
  t.mock.method(globalThis, 'clearTimeout', clear as never)
  t.mock.method(performance, 'now', () => now)
  const nextDue = (until: number) =>
    [...timers].filter(({ due }) => due <= until).sort((one, other) => one.due - other.due)[0]
  return {
    count: () => timers.size,
    tick(ms) {
      const until = now + ms
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        now = timer.due
        timer.due = now + timer.ms
        if (!timer.isRepeated) timers.delete(timer)
        timer.act()
      }
      now = until
    },
  }
}
