import type { Take } from '../core/flow.ts'
import type { ModelEvent } from '../core/model-event.ts'
import { UpstreamError, type UpstreamFault } from '../core/upstream-error.ts'
import type { PreparedCall } from '../providers/adapter.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'

/** Most times one model call is tried. */
export const ATTEMPTS_MAX = 3

/** Longest wait before another try, in milliseconds: beyond it, the client decides. */
export const RETRY_WAIT_MS_MAX = 10_000

const BACKOFF_MS = 500

const RETRYABLE: ReadonlySet<UpstreamFault> = new Set(['unavailable', 'rate_limited'])

/** What a turn needs besides its call. */
export interface TurnContext {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly logger: Logger
  /** Called once, when a provider has accepted the call. */
  readonly onAccepted: () => void
  /** Called with every failure after which the call is tried again; the last one is thrown. */
  readonly onFailed: (fault: UpstreamFault) => void
}

/**
 * One model call, tried again where it failed before the first event and trying again may help: the
 * provider was unreachable, overloaded or limiting. Its `retry-after` is honoured.
 *
 * @throws {UpstreamError} The last failure.
 */
export function runTurn(call: PreparedCall, context: TurnContext, say: Take<readonly ModelEvent[]>): Promise<void> {
  let isAccepted = false
  let hasBegun = false
  const hear: Take<readonly ModelEvent[]> = (batch) => {
    if (batch.length > 0) {
      if (!hasBegun) call.letGo?.()
      hasBegun = true
      return say(batch)
    }
    if (!isAccepted) context.onAccepted()
    isAccepted = true
    return undefined
  }
  // No loop: a suspended function, kept for each of thousands of streams, is twice the size of a chained promise.
  const attempt = (tries: number): Promise<void> =>
    call.send(context.signal, hear).catch(async (error: unknown) => {
      const wait_ms = hasBegun || context.signal.aborted ? undefined : retryWait(error, tries)
      if (wait_ms === undefined || !(error instanceof UpstreamError)) throw error
      context.onFailed(error.problem.fault)
      context.logger.warn({ attempt: tries, wait_ms }, 'model call failed before its first event, trying again')
      await context.clock.sleep(wait_ms, context.signal)
      return attempt(tries + 1)
    })
  return attempt(1)
}

/** How long to wait before the next try, in milliseconds; undefined where there is none. */
export function retryWait(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof UpstreamError) || attempt >= ATTEMPTS_MAX) return undefined
  const { fault, retryAfter_ms } = error.problem
  if (!RETRYABLE.has(fault)) return undefined
  const wait_ms = retryAfter_ms ?? BACKOFF_MS * 2 ** (attempt - 1)
  return wait_ms <= RETRY_WAIT_MS_MAX ? wait_ms : undefined
}
