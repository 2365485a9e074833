/** Time, as an argument: tests bring their own. */
export interface Clock {
  /** Unix time in milliseconds. */
  readonly now: () => number
  /** Resolves after a while; rejects with the signal's reason as soon as it fires. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Does something after a while, unless what it returns is called before. */
  readonly after: (ms: number, act: () => void) => () => void
}

/** The time of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (signal.aborted) {
      reject(reasonOf(signal))
      return promise
    }
    const stop = () => {
      clearTimeout(timer)
      reject(reasonOf(signal))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
    return promise
  },
  after(ms, act) {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  },
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('Aborted.')
}
