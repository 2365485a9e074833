/** The signals that stop a server. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** One of the signals that stop a server. */
export type StopSignal = (typeof STOP_SIGNALS)[number]

/** That the server is to stop, and how soon. */
export interface StopWishes {
  /** Resolves with the first signal. */
  readonly first: Promise<StopSignal>
  /** Fires at the second: what runs is ended at once. */
  readonly hurry: AbortSignal
}

/** Wishes, and who hears them. */
export interface StopListener {
  readonly wishes: StopWishes
  /** A signal has come. The third ends the process, whatever it does. */
  readonly hear: (signal: StopSignal) => void
}

/** Exit code of a process that was ended by a signal of the keyboard. */
const ENDED_BY_SIGNAL = 128 + 2

/** Counts signals. */
export function createStopListener(exit: (code: number) => void): StopListener {
  const { promise: first, resolve } = Promise.withResolvers<StopSignal>()
  const hurry = new AbortController()
  let heard = 0
  return {
    wishes: { first, hurry: hurry.signal },
    hear(signal) {
      heard++
      if (heard === 1) resolve(signal)
      else if (heard === 2) hurry.abort(new Error('The server was told twice to stop.'))
      else exit(ENDED_BY_SIGNAL)
    },
  }
}

/** Hears the signals that this process is sent. @returns the wishes, and what ends the hearing. */
export function hearSignals(): { readonly wishes: StopWishes; readonly leave: () => void } {
  const { wishes, hear } = createStopListener((code) => process.exit(code))
  for (const signal of STOP_SIGNALS) process.on(signal, hear)
  return {
    wishes,
    leave: () => {
      for (const signal of STOP_SIGNALS) process.off(signal, hear)
    },
  }
}
