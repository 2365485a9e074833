import type { ErrorDetail } from '../protocol/error.ts'
import type { UnnumberedEvent } from '../protocol/event.ts'
import type { Response, ResponseError } from '../protocol/response.ts'
import type { Usage } from '../protocol/usage.ts'
import { decideEmptyText, foldAll } from './decide.ts'
import { outputText } from './evolve.ts'
import type { StopReason } from './model-event.ts'
import { closeOpen } from './open-items.ts'
import { unreachable } from './unreachable.ts'

/** How a run ended. */
export type Ending =
  | { readonly kind: 'finished'; readonly reason: StopReason; readonly usage: Usage; readonly serviceTier?: string }
  | { readonly kind: 'failed'; readonly error: ErrorDetail; readonly usage: Usage | null }
  | { readonly kind: 'cancelled'; readonly usage: Usage | null }

/**
 * The last events of a run: every open item closed, in order, and exactly one terminal event, last.
 * A failure says `error` before it, in both shapes that clients read.
 *
 * @param now Unix time in whole seconds.
 */
export function conclude(response: Response, ending: Ending, now: number): readonly UnnumberedEvent[] {
  const closing = closingEvents(response, ending)
  const settled = foldAll(response, closing)
  const final = { ...settled, output_text: outputText(settled.output), usage: ending.usage }
  switch (ending.kind) {
    case 'finished':
      return [...closing, finishedEvent(withTier(final, ending.serviceTier), ending.reason, now)]
    case 'failed': {
      const { error } = ending
      const { code, message, param } = error
      const failed: Response = {
        ...final,
        status: 'failed',
        error: { type: error.type, code: responseErrorCode(error), message },
      }
      return [...closing, { type: 'error', code, message, param, error }, { type: 'response.failed', response: failed }]
    }
    case 'cancelled':
      return [...closing, { type: 'response.incomplete', response: { ...final, status: 'cancelled' } }]
    default:
      return unreachable(ending)
  }
}

function closingEvents(response: Response, ending: Ending): UnnumberedEvent[] {
  if (ending.kind !== 'finished' || ending.reason !== 'stop') return closeOpen(response, 'incomplete')
  const saidSomething = response.output.some((item) => item.type !== 'reasoning')
  if (saidSomething) return closeOpen(response, 'completed')
  const opening = decideEmptyText(response)
  return [...opening, ...closeOpen(foldAll(response, opening), 'completed')]
}

function finishedEvent(final: Response, reason: StopReason, now: number): UnnumberedEvent {
  if (reason === 'stop') {
    return { type: 'response.completed', response: { ...final, status: 'completed', completed_at: now } }
  }
  return { type: 'response.incomplete', response: { ...final, status: 'incomplete', incomplete_details: { reason } } }
}

/** What names of tiers look like: a provider may send any text in their place. */
const TIER_FORM = /^[a-z][a-z_]{0,31}$/

function withTier(response: Response, tier: string | undefined): Response {
  return tier === undefined || !TIER_FORM.test(tier) ? response : { ...response, service_tier: tier }
}

/** OpenAI's list for `response.error.code` is closed: the detail stays in the message. */
function responseErrorCode(error: ErrorDetail): ResponseError['code'] {
  if (error.type === 'rate_limit_error') return 'rate_limit_exceeded'
  return error.type === 'invalid_request_error' ? 'invalid_prompt' : 'server_error'
}
