import { performance } from 'node:perf_hooks'

/** Says how long what is written may wait for more, so that a busy process makes fewer and larger writes. */
export interface FlushPace {
  /**
   * Whether a delta that comes now may wait for more: while the process is busy, and only in a stream that is
   * quicker than the wait, for others would gain nothing.
   *
   * @param last_ms When the one before it came, on the clock of `performance.now`.
   */
  mayHold(last_ms: number, now_ms: number): boolean
  /** Acts at the next common tick: 20 ms from now at the latest. */
  later(act: () => void): void
}

/**
 * Share of its time that a process may be busy before it begins to hold deltas, and at which it ends: lower,
 * because holding is what has made it less busy.
 */
const BUSY_SHARE = 0.5
const CALM_SHARE = 0.25

/** Shortest and longest hold: below, nothing is gained; above, people see it. */
const HOLD_MS_MIN = 5
const HOLD_MS_MAX = 20

/** Time between two looks at how busy the process is, in milliseconds. */
const LOOK_MS = 50

/**
 * Makes a pace.
 *
 * @param busyShare How much of the time since it was called last the process has been busy, from 0 to 1.
 */
export function createFlushPace(busyShare: () => number = eventLoopShare()): FlushPace {
  const waiting: (() => void)[] = []
  let lookedAt_ms = Number.NEGATIVE_INFINITY
  let hold_ms = 0

  const flush = () => {
    for (const act of waiting.splice(0)) act()
  }
  return {
    mayHold(last_ms, now_ms) {
      if (now_ms - lookedAt_ms >= LOOK_MS) {
        lookedAt_ms = now_ms
        hold_ms = holdFor(busyShare(), hold_ms > 0)
      }
      return now_ms - last_ms < hold_ms
    },
    later(act) {
      if (waiting.push(act) === 1) setTimeout(flush, Math.max(hold_ms, HOLD_MS_MIN))
    },
  }
}

/** Longer the busier: from the least at the limit to the most where there is no time left at all. */
function holdFor(share: number, isHolding: boolean): number {
  if (share <= (isHolding ? CALM_SHARE : BUSY_SHARE)) return 0
  return HOLD_MS_MIN + ((HOLD_MS_MAX - HOLD_MS_MIN) * (share - CALM_SHARE)) / (1 - CALM_SHARE)
}

function eventLoopShare(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}
