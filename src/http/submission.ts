import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Submission } from '../engine/joining.ts'
import { ApiError } from '../protocol/error.ts'
import { IDEMPOTENCY_KEY_PATTERN } from '../protocol/idempotency-key.ts'
import type { JsonValue } from '../protocol/json.ts'

const KEY = new RegExp(IDEMPOTENCY_KEY_PATTERN)

/** How often the SDK has sent this request before, as its header says. */
const RETRY_COUNT = /^\d{1,3}$/

/** A request as it was sent. */
export interface Sent {
  readonly headers: IncomingHttpHeaders
  readonly bytes: Uint8Array
  readonly body: unknown
}

/**
 * By what a request is known when it comes again: the `Idempotency-Key` that its client has given it, else its very
 * bytes, where its SDK counts its tries (`x-stainless-retry-count`). Undefined where it has neither.
 *
 * @throws {ApiError} 400 `invalid_idempotency_key`.
 */
export function readSubmission({ headers, bytes, body }: Sent): Submission | undefined {
  const given = headers['idempotency-key']
  if (given !== undefined) {
    if (typeof given !== 'string' || !KEY.test(given)) throw invalidKey()
    return { kind: 'keyed', key: `key:${given}`, bodyHash: hash('sha256', canonical(body as JsonValue)) }
  }
  const count = headers['x-stainless-retry-count']
  if (typeof count !== 'string' || !RETRY_COUNT.test(count)) return undefined
  const bodyHash = hash('sha256', bytes)
  return { kind: Number(count) === 0 ? 'first' : 'retry', key: `body:${bodyHash}`, bodyHash }
}

/** JSON text that is the same for the same values, in whatever order their keys are sent. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  )
}

function invalidKey(): ApiError {
  return new ApiError({
    type: 'invalid_request_error',
    code: 'invalid_idempotency_key',
    message: 'Idempotency-Key must be given once, with 1 to 255 ASCII characters and no comma.',
  })
}
