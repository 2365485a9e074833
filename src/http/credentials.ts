import type { IncomingMessage } from 'node:http'
import type { Authenticator } from '../accounts/keys.ts'
import { ApiError } from '../protocol/error.ts'
import type { AccountId } from '../protocol/id.ts'

/**
 * Tells whose a request is, by `Authorization: Bearer KEY` or `x-api-key: KEY`.
 *
 * @throws {ApiError} 401 `authentication_required` or `invalid_api_key`; 400 `conflicting_credentials`.
 */
export async function authenticate(request: IncomingMessage, authenticator: Authenticator): Promise<AccountId> {
  const keys = presentedKeys(request)
  const [key] = keys
  if (key === undefined)
    throw unauthenticated('authentication_required', 'An API key is required: send Authorization: Bearer YOUR_API_KEY.')
  if (keys.some((other) => other !== key)) {
    throw new ApiError({
      type: 'invalid_request_error',
      code: 'conflicting_credentials',
      message: 'The request holds two different credentials: send one.',
    })
  }
  const account = await authenticator.authenticate(key)
  if (account === undefined) throw unauthenticated('invalid_api_key', 'The API key is invalid or inactive.')
  return account
}

/** Every key that the request holds; an empty string for a credential that holds none. */
function presentedKeys(request: IncomingMessage): readonly string[] {
  const { rawHeaders } = request
  const keys: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase()
    const value = rawHeaders[index + 1] ?? ''
    if (name === 'authorization') keys.push(/^bearer[ \t]+(\S+)[ \t]*$/i.exec(value)?.[1] ?? '')
    if (name === 'x-api-key') keys.push(value.trim())
  }
  return keys
}

function unauthenticated(code: string, message: string): ApiError {
  return new ApiError({
    type: 'authentication_error',
    code,
    message,
    headers: { 'www-authenticate': 'Bearer realm="antiphon"' },
  })
}
