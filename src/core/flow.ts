/**
 * Takes values as they come, in the very turn in which they come. Where it returns a promise, the next value
 * waits for it: that is how a slow reader holds back whoever writes.
 */
export type Take<Value> = (value: Value) => Promise<void> | undefined

/** Values that come in their own time, for one reader. */
export interface Flow<Value> {
  /**
   * Hands over every value, in order. Resolves after the last one, or after `leave`.
   *
   * @throws What ended the values before their time, or what `take` threw.
   */
  each(take: Take<Value>): Promise<void>
  /** Takes no more: nothing is handed over after it. */
  leave(): void
}

/** The same values for a loop: each is asked for, and leaving the loop leaves the flow. */
export async function* iterate<Value>(flow: Flow<Value>): AsyncGenerator<Value> {
  let arrival = Promise.withResolvers<{ value: Value } | undefined>()
  let wish = Promise.withResolvers<void>()
  let settle = () => {}
  const end = (how: () => void) => {
    settle = how
    settle()
  }
  const over = flow.each((value) => {
    arrival.resolve({ value })
    return wish.promise
  })
  over.then(
    () => end(() => arrival.resolve(undefined)),
    (error: unknown) => end(() => arrival.reject(error)),
  )
  try {
    for (let next = await arrival.promise; next !== undefined; next = await arrival.promise) {
      yield next.value
      const granted = wish
      arrival = Promise.withResolvers()
      wish = Promise.withResolvers()
      settle() // It may have ended while the loop was busy with its last value.
      granted.resolve()
    }
  } finally {
    flow.leave()
  }
}
