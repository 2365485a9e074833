import type { Flow, Take } from '../flow.ts'

/** A flow whose every value comes from the test. */
export interface ScriptedFlow<Value> extends Flow<Value> {
  /** The next value; it waits until the reader has time for it. */
  say(value: Value): void
  /** Nothing comes after what has been said. */
  end(): void
  /** It breaks off after what has been said. */
  fail(error: Error): void
  /** Whether anybody reads. */
  isRead(): boolean
  /** How many values the reader has been handed. */
  handed(): number
  /** Whether the reader has left. */
  hasLeft(): boolean
}

/** Makes a flow. */
export function scriptedFlow<Value>(): ScriptedFlow<Value> {
  const waiting: { readonly value: Value }[] = []
  const leaving = Promise.withResolvers<void>()
  let arrival = Promise.withResolvers<void>()
  let ending: { readonly error?: Error } | undefined
  const seen = { isRead: false, handed: 0, hasLeft: false }
  const wake = () => {
    arrival.resolve()
    arrival = Promise.withResolvers()
  }
  const read = async (take: Take<Value>) => {
    while (!seen.hasLeft) {
      const next = waiting.shift()
      if (next !== undefined) {
        seen.handed++
        await take(next.value)
      } else if (ending === undefined) await arrival.promise
      else if (ending.error === undefined) return
      else throw ending.error
    }
  }
  const finish = (how: { readonly error?: Error }) => {
    ending = how
    wake()
  }
  return {
    each(take) {
      seen.isRead = true
      return Promise.race([read(take), leaving.promise])
    },
    leave() {
      seen.hasLeft = true
      leaving.resolve()
      wake()
    },
    say(value) {
      waiting.push({ value })
      wake()
    },
    end: () => finish({}),
    fail: (error) => finish({ error }),
    isRead: () => seen.isRead,
    handed: () => seen.handed,
    hasLeft: () => seen.hasLeft,
  }
}
