/** How many of something are under way. */
export interface Tally {
  begin(): void
  end(): void
  /** Resolves as soon as none is. */
  none(): Promise<void>
}

/** Makes a tally of nothing. */
export function createTally(): Tally {
  let underWay = 0
  let silence: PromiseWithResolvers<void> | undefined
  return {
    begin: () => void underWay++,
    end() {
      if (--underWay > 0) return
      silence?.resolve()
      silence = undefined
    },
    none() {
      if (underWay === 0) return Promise.resolve()
      silence ??= Promise.withResolvers()
      return silence.promise
    },
  }
}
