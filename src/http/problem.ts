import { ApiError, type ErrorBody } from '../protocol/error.ts'
import { internalError } from '../core/upstream-error.ts'
import { storageUnavailable } from '../engine/ending.ts'
import { StoreUnavailable } from '../store/store.ts'

/** An error as it is sent. */
export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ErrorBody
  /** Whether the fault is ours, and the log must say more than the client is told. */
  readonly isOurs: boolean
}

/** Faults that the web framework finds before we do, by its error code. */
const FRAMEWORK_FAULTS: Readonly<Record<string, { status: number; code: string; message: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, code: 'request_too_large', message: 'The request body is too large.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: 'invalid_content_length',
    message: 'The request body is not as long as its content-length says.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'unsupported_media_type',
    message: 'The request body must be sent as content-type: application/json.',
  },
  FST_ERR_BAD_URL: { status: 400, code: 'invalid_url', message: 'The request path is not a valid URL.' },
}

/** Any error as the client may see it. Unknown failures are ours, and say nothing of the inside. */
export function toProblem(error: unknown): ProblemAnswer {
  const known = asApiError(error)
  const shown = known ?? internalError(error)
  return {
    status: shown.status,
    headers: shown.headers,
    body: { error: shown.toDetail() },
    isOurs: known === undefined,
  }
}

function asApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error
  if (error instanceof StoreUnavailable) return storageUnavailable(error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const fault = FRAMEWORK_FAULTS[code]
  return fault && new ApiError({ type: 'invalid_request_error', ...fault, cause: error })
}

/** A request that breaks off. Nobody reads the answer; the log does not call it a fault of ours. */
export function incompleteRequest(cause: unknown): ApiError {
  return new ApiError({
    type: 'invalid_request_error',
    code: 'incomplete_request',
    message: 'The connection was closed before the request was whole.',
    cause,
  })
}

/** A path that leads nowhere. */
export function routeNotFound(): ApiError {
  return new ApiError({
    type: 'not_found_error',
    code: 'route_not_found',
    message: 'There is nothing at this path. GET /openapi.json lists what there is.',
  })
}

/** A path that exists, under other methods. */
export function methodNotAllowed(method: string, allowed: readonly string[]): ApiError {
  return new ApiError({
    type: 'invalid_request_error',
    status: 405,
    code: 'method_not_allowed',
    message: `${method} is not allowed here: use ${allowed.join(' or ')}.`,
    headers: { allow: allowed.join(', ') },
  })
}

/** A request that comes when nothing is begun any more: whoever answers this address next can take it. */
export function serverStopping(): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'server_stopping',
    message: 'The server is stopping and has not begun with this request: send it again.',
    headers: { 'retry-after': '1' },
  })
}

/** A request that comes before the server is known to those that share its storage. */
export function serverStarting(): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'server_starting',
    message: 'The server is starting and has not begun with this request: send it again.',
    headers: { 'retry-after': '1' },
  })
}

/** A browser asks whether a page from elsewhere may call the API. */
export function corsDisabled(): ApiError {
  return new ApiError({
    type: 'permission_denied_error',
    code: 'cors_disabled',
    message: 'Pages of other origins may not call this server: call it from your own backend.',
  })
}
