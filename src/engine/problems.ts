import type { UpstreamProblem } from '../core/upstream-error.ts'
import { ApiError } from '../protocol/error.ts'
import type { Refusal } from '../providers/routing.ts'

/** An unknown, deleted or foreign id: the three look the same. */
export function responseNotFound(): ApiError {
  return new ApiError({
    type: 'not_found_error',
    code: 'response_not_found',
    param: 'response_id',
    message: 'Response not found: it must be stored, not deleted, and of this account.',
  })
}

/** A background response that is refused before it is accepted. */
export function queueFull(max: number): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'queue_full',
    message: `${max} background responses are waiting already. Try again later.`,
    headers: { 'retry-after': '30' },
  })
}

/** A key that names another request already. */
export function keyReused(): ApiError {
  return new ApiError({
    type: 'invalid_request_error',
    status: 422,
    code: 'idempotency_key_reused',
    message: 'This Idempotency-Key was used with another request body. Send each new request with a key of its own.',
  })
}

/** A response that its process has left unfinished. */
export function stoppedMidway(): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'server_error',
    message: 'The server stopped while it was working on this response.',
  })
}

/** A response that was ended or deleted elsewhere while this process was silent for too long. */
export function takenAway(): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'server_error',
    message: 'This response was ended elsewhere while the server was working on it.',
    headers: { 'x-should-retry': 'false' },
  })
}

/** A job that its process has left in the middle of an answer of which some has been read. */
export function seenMidway(): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'server_error',
    message: 'The server stopped in the middle of this answer. It was not begun again: a part of it had been read.',
  })
}

const WHY_NOT = {
  failing: 'The model provider has failed again and again, and is not asked for a while.',
  limited: 'The model provider limits calls of this model, and is not asked for a while.',
  busy: 'The model provider has as many calls as this server may make, and too many wait.',
} as const satisfies Record<Refusal['reason'], string>

/** A call that was not made, as if its provider had refused it. */
export function refusedCall({ reason, wait_ms }: Refusal): UpstreamProblem {
  const fault = reason === 'limited' ? 'rate_limited' : 'unavailable'
  return { fault, message: WHY_NOT[reason], retryAfter_ms: wait_ms }
}
