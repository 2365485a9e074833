import { ApiError, type ErrorDetail, type ErrorType } from '../protocol/error.ts'
import type { Usage } from '../protocol/usage.ts'

/** What went wrong at a provider, in the classes that decide what happens next. */
export type UpstreamFault =
  /** It could not be reached, timed out before answering, or said 5xx: nothing was sent back. */
  | 'unavailable'
  | 'rate_limited'
  /** It refused our key or our account: the operator's matter, never the client's. */
  | 'auth'
  | 'model_not_found'
  | 'bad_request'
  /** It answered with something that is not its protocol, or broke off. */
  | 'invalid_response'
  | 'timeout'

/** How an `UpstreamError` is described. */
export interface UpstreamProblem {
  readonly fault: UpstreamFault
  /** Words for the client: redacted by the adapter, with no secret and no address in it. */
  readonly message: string
  /** The provider's own error code, where it is one that clients know. */
  readonly code?: string
  readonly param?: string
  /** HTTP status the provider answered with. */
  readonly status?: number
  /** How long the provider asks us to wait, in milliseconds. */
  readonly retryAfter_ms?: number
  /** Whether the provider had accepted the call, so that it may charge for it. */
  readonly accepted?: boolean
  /** What the provider said it had used before it failed. */
  readonly usage?: Usage
  readonly cause?: unknown
}

/** The provider's failure. Retry and fallback are decided from it; clients see `toApiError`. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly problem: UpstreamProblem

  constructor(problem: UpstreamProblem) {
    super(problem.message, { cause: problem.cause })
    this.problem = problem
  }
}

/** Longest wait that we ask of a client, in seconds: SDKs ignore a longer one. */
export const RETRY_AFTER_S_MAX = 60

const RETRY_AFTER_S_DEFAULT = 2

const ANSWER = {
  unavailable: { type: 'server_error', code: 'upstream_unavailable' },
  timeout: { type: 'server_error', code: 'upstream_timeout' },
  invalid_response: { type: 'server_error', code: 'upstream_invalid_response' },
  auth: { type: 'server_error', code: 'upstream_auth_failed' },
  rate_limited: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  model_not_found: { type: 'not_found_error', code: 'model_not_found' },
  bad_request: { type: 'invalid_request_error', code: 'upstream_rejected' },
} as const satisfies Record<UpstreamFault, { type: ErrorType; code: string }>

/** A provider's failure as the client is told of it. */
export function toApiError(error: UpstreamError): ApiError {
  const { fault, message, code, param, retryAfter_ms, accepted } = error.problem
  const answer = ANSWER[fault]
  const isTheirs = fault === 'bad_request' || fault === 'model_not_found'
  const wait_s = Math.ceil((retryAfter_ms ?? RETRY_AFTER_S_DEFAULT * 1000) / 1000)
  return new ApiError({
    type: answer.type,
    code: fault === 'bad_request' && code !== undefined ? code : answer.code,
    message,
    param: fault === 'model_not_found' ? 'model' : (param ?? ''),
    headers: {
      ...(isTheirs ? {} : { 'retry-after': String(Math.min(Math.max(wait_s, 1), RETRY_AFTER_S_MAX)) }),
      ...(accepted === true ? { 'x-should-retry': 'false' } : {}),
    },
    cause: error,
  })
}

/** Any failure as the client may see it: ours say nothing of the inside. */
export function toErrorDetail(error: unknown): ErrorDetail {
  if (error instanceof ApiError) return error.toDetail()
  if (error instanceof UpstreamError) return toApiError(error).toDetail()
  return internalError(error).toDetail()
}

/** A failure of ours: 500, with nothing of the inside. */
export function internalError(cause: unknown): ApiError {
  return new ApiError({
    type: 'api_error',
    code: 'internal_error',
    message: 'The server failed to handle this request. The request id names it in the server log.',
    cause,
  })
}
