import { Type, type Static } from 'typebox'

/**
 * Error types of the API document, each with its HTTP status.
 * 405, 413, 415, 422 and 431 use `invalid_request_error` with a status of their own.
 */
export const ERROR_STATUS = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_denied_error: 403,
  not_found_error: 404,
  rate_limit_error: 429,
  api_error: 500,
  server_error: 503,
} as const

/** One of the error types of the API document. */
export type ErrorType = keyof typeof ERROR_STATUS

/** What is wrong, for the client: four keys, always. `param` is `""` where no field is to blame. */
export const ErrorDetail = Type.Object(
  {
    type: Type.Enum([
      'invalid_request_error',
      'authentication_error',
      'permission_denied_error',
      'not_found_error',
      'rate_limit_error',
      'api_error',
      'server_error',
    ]),
    message: Type.String(),
    param: Type.String(),
    code: Type.String(),
  },
  { $id: 'ErrorDetail' },
)
export type ErrorDetail = Static<typeof ErrorDetail>

/** The body of every answer that is not a success. */
export const ErrorBody = Type.Object({ error: ErrorDetail }, { $id: 'ErrorBody' })
export type ErrorBody = Static<typeof ErrorBody>

/** What `ApiError` is made of. */
export interface Problem {
  readonly type: ErrorType
  readonly code: string
  /** What was expected, what was found, how to mend it. Never a secret or prompt text. */
  readonly message: string
  /** The path of the field to blame, such as `input[2].content[0].image_url`. */
  readonly param?: string
  /** An HTTP status other than the type's own. */
  readonly status?: number
  /** Extra response headers, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** A failure the client is meant to see. `type` decides the HTTP status unless `status` is given. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly type: ErrorType
  readonly code: string
  readonly param: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(problem: Problem) {
    super(problem.message, { cause: problem.cause })
    this.type = problem.type
    this.code = problem.code
    this.param = problem.param ?? ''
    this.status = problem.status ?? ERROR_STATUS[problem.type]
    this.headers = problem.headers ?? {}
  }

  /** The error as the client reads it. */
  toDetail(): ErrorDetail {
    return { type: this.type, message: this.message, param: this.param, code: this.code }
  }
}

/** A 400 that blames one field of the request. */
export function badRequest(code: string, param: string, message: string): ApiError {
  return new ApiError({ type: 'invalid_request_error', code, param, message })
}
