import type { ResponseId } from '../protocol/id.ts'
import type { Clock } from './clock.ts'

/** Longest time that a change may go unheard, in milliseconds: then whoever waits looks again. */
export const LOOK_MS = 1000

/** Somebody who wants to know when a response has changed. */
export interface Watch {
  /** Resolves when it may have changed since the last time; rejects with the signal's reason. */
  next(signal: AbortSignal): Promise<void>
  /** Watches no longer. */
  close(): void
}

/** What other processes do to stored responses. */
export interface Changes {
  /** A response was changed. */
  heard(id: ResponseId): void
  /** Whatever changes from now on is not missed. */
  watch(id: ResponseId): Watch
}

/** Makes the place where those who wait hear of changes. */
export function createChanges(clock: Clock): Changes {
  const watching = new Map<ResponseId, Set<() => void>>()
  return {
    heard(id) {
      for (const tell of watching.get(id) ?? []) tell()
    },
    watch(id) {
      let news = new AbortController()
      const tell = () => news.abort()
      const others = watching.get(id) ?? new Set()
      watching.set(id, others.add(tell))
      return {
        async next(signal) {
          await clock.sleep(LOOK_MS, AbortSignal.any([signal, news.signal])).catch(() => {})
          signal.throwIfAborted()
          news = new AbortController()
        },
        close() {
          others.delete(tell)
          if (others.size === 0) watching.delete(id)
        },
      }
    },
  }
}
