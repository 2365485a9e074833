import type { UpstreamFault } from '../core/upstream-error.ts'
import type { Usage } from '../protocol/usage.ts'

/** A request that has been answered. Its path is not here: whoever asks chooses it. */
export interface AnsweredRequest {
  readonly method: string
  /** The pattern of its route, `none` where it met no route. */
  readonly route: string
  readonly status: number
  readonly duration_ms: number
}

/** A run that is over. */
export interface EndedRun {
  /** The name in the configuration of the provider that was asked. */
  readonly provider: string
  /** The status of its response; `abandoned` where the response was deleted, or goes on in another process. */
  readonly outcome: string
  readonly usage: Usage | null
}

/** How a call came to be the one that answered: at the first try, at another, or in place of another model's. */
export type CallService = 'first' | 'retry' | 'fallback'

/**
 * Why a call was not made: the provider has failed again and again, limits the model, or has as many calls as it may
 * have; or there have been too many retries of late.
 */
export type CallRefusal = 'failing' | 'limited' | 'busy' | 'budget'

/** Everything so far, as text for a scraper. */
export interface Exposition {
  readonly contentType: string
  readonly text: string
}

/**
 * Counts what happens. Nothing here throws or waits. What clients choose freely never comes in: no paths, no
 * names of models, no accounts.
 */
export interface Metrics {
  /** Called once for every request, when its answer is over. */
  requestAnswered(request: AnsweredRequest): void
  /** A response is in hand. Followed by one `runEnded`. */
  runStarted(): void
  /** A response is no longer in hand. */
  runEnded(run: EndedRun): void
  /** A provider failed, whether the call is tried again or not. */
  callFailed(provider: string, fault: UpstreamFault): void
  /** A provider has begun to answer. */
  callServed(provider: string, service: CallService): void
  /** A call was kept from a provider. */
  callRefused(provider: string, reason: CallRefusal): void
  /** An answer begins to be sent as it comes. Followed by one `streamClosed`. */
  streamOpened(): void
  /** Such an answer is over, however it ended. */
  streamClosed(): void
  /** Shows everything so far; undefined where nothing is counted. */
  readonly expose: (() => Promise<Exposition>) | undefined
}

/** Counts nothing. */
export const NO_METRICS: Metrics = {
  requestAnswered: () => {},
  runStarted: () => {},
  runEnded: () => {},
  callFailed: () => {},
  callServed: () => {},
  callRefused: () => {},
  streamOpened: () => {},
  streamClosed: () => {},
  expose: undefined,
}
