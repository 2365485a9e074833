import { overloaded } from './fetch-fault.ts'

/** What all fetches of the process may be and hold together. */
export interface FetchBudget {
  /**
   * Waits for a place among those that fetch, first come, first served.
   *
   * @throws {FetchFault} The signal fired before there was one.
   */
  enter(signal: AbortSignal): Promise<Share>
}

/** The part of the budget that one fetch has. */
export interface Share {
  /**
   * Takes room for bytes that have come; returns a promise where it has to be waited for.
   *
   * @throws {FetchFault} The signal fired before there was room.
   */
  take(bytes: number, signal: AbortSignal): Promise<void> | undefined
  /** Gives everything back. */
  leave(): void
}

/** The most of everything, for all fetches together. */
export interface FetchBudgetLimits {
  /** Fetches, and thereby sockets, at the same time; others wait. */
  readonly fetchesMax: number
  /** Bytes that have come and are not yet handed on. */
  readonly bytesMax: number
}

/**
 * Makes a budget. It counts bytes as they come, not as they are announced: slow servers that promise much take
 * nothing from the others. The oldest fetch may always go on, so that they never all wait for each other; what is
 * held is therefore at most `bytesMax` and one body.
 */
export function createFetchBudget({ fetchesMax, bytesMax }: FetchBudgetLimits): FetchBudget {
  const inside = new Set<object>()
  const [outside, thirsty]: [Queue, Queue] = [new Set(), new Set()]
  let held = 0

  function openShare(): Share {
    let own = 0
    const share = {
      isRoomFor: (bytes: number) => held + bytes <= bytesMax || inside.values().next().value === share,
      add(bytes: number): undefined {
        own += bytes
        held += bytes
      },
      take(bytes: number, signal: AbortSignal) {
        return share.isRoomFor(bytes) ? share.add(bytes) : share.takeLater(bytes, signal)
      },
      async takeLater(bytes: number, signal: AbortSignal) {
        while (!share.isRoomFor(bytes)) await turnIn(thirsty, signal)
        share.add(bytes)
      },
      leave() {
        if (!inside.delete(share)) return
        held -= own
        const [admit] = outside
        admit?.()
        for (const wake of thirsty) wake()
      },
    }
    return share
  }

  return {
    async enter(signal) {
      const share = openShare()
      if (inside.size < fetchesMax) inside.add(share)
      else await turnIn(outside, signal, () => inside.add(share))
      return share
    },
  }
}

/** Those who wait, first come first; each is called when its turn comes. */
type Queue = Set<() => void>

/** @param act What is done at once when the turn comes, before anybody else can act. */
function turnIn(queue: Queue, signal: AbortSignal, act?: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const leaveQueue = () => {
    queue.delete(go)
    signal.removeEventListener('abort', stop)
  }
  const go = () => {
    leaveQueue()
    act?.()
    resolve()
  }
  const stop = () => {
    leaveQueue()
    reject(overloaded(signal.reason))
  }
  queue.add(go)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  return promise
}
