import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import type { Authenticator } from '../accounts/keys.ts'
import { accountId } from '../protocol/id.ts'
import { authenticate } from './credentials.ts'

const asked: string[] = []
const authenticator: Authenticator = {
  authenticate: async (key) => {
    asked.push(key)
    return key === 'good-key' ? accountId('alice') : undefined
  },
}

/** A request with these header lines, names and values in turn. */
function requestOf(...rawHeaders: readonly string[]): IncomingMessage {
  asked.length = 0
  return { rawHeaders } as unknown as IncomingMessage // Credentials are read from nothing else.
}

const REQUIRED = { status: 401, type: 'authentication_error', code: 'authentication_required' }
const INVALID = { status: 401, type: 'authentication_error', code: 'invalid_api_key' }
const CONFLICT = { status: 400, type: 'invalid_request_error', code: 'conflicting_credentials' }

const refusals: readonly { headers: readonly string[]; expected: object }[] = [
  { headers: [], expected: REQUIRED },
  { headers: ['Accept', 'Bearer good-key'], expected: REQUIRED },
  { headers: ['Authorization', ''], expected: INVALID },
  { headers: ['Authorization', 'good-key'], expected: INVALID },
  { headers: ['Authorization', 'Bearer'], expected: INVALID },
  { headers: ['Authorization', 'Bearer '], expected: INVALID },
  { headers: ['Authorization', 'Basic good-key'], expected: INVALID },
  { headers: ['Authorization', 'Bearergood-key'], expected: INVALID },
  { headers: ['Authorization', 'Bearer good-key more'], expected: INVALID },
  { headers: ['Authorization', 'Bearer good-key, Bearer good-key'], expected: INVALID },
  { headers: ['Authorization', 'Bearer wrong'], expected: INVALID },
  { headers: ['x-api-key', ''], expected: INVALID },
  { headers: ['x-api-key', 'Bearer good-key'], expected: INVALID },
  { headers: ['x-api-key', 'GOOD-KEY'], expected: INVALID },
  { headers: ['Authorization', 'Bearer good-key', 'x-api-key', 'wrong'], expected: CONFLICT },
  { headers: ['Authorization', 'Bearer wrong', 'x-api-key', 'good-key'], expected: CONFLICT },
  { headers: ['Authorization', 'Bearer good-key', 'authorization', 'Bearer wrong'], expected: CONFLICT },
  { headers: ['Authorization', 'Bearer good-key', 'Authorization', 'Basic x'], expected: CONFLICT },
  { headers: ['x-api-key', 'good-key', 'X-Api-Key', ''], expected: CONFLICT },
]
for (const { headers, expected } of refusals) {
  test(`${JSON.stringify(headers)} is refused`, async () => {
    await assert.rejects(authenticate(requestOf(...headers), authenticator), expected)
  })
}

const accepted: readonly (readonly string[])[] = [
  ['Authorization', 'Bearer good-key'],
  ['AUTHORIZATION', 'bearer good-key'],
  ['authorization', 'BEARER  \tgood-key \t'],
  ['x-api-key', 'good-key'],
  ['X-API-Key', '  good-key '],
  ['Authorization', 'Bearer good-key', 'x-api-key', 'good-key'],
  ['Authorization', 'Bearer good-key', 'Authorization', 'Bearer good-key'],
]
for (const headers of accepted) {
  test(`${JSON.stringify(headers)} is accepted`, async () => {
    assert.equal(await authenticate(requestOf(...headers), authenticator), 'alice')
    assert.deepEqual(asked, ['good-key'])
  })
}

test('a refusal says how to authenticate, and nothing of the key', async () => {
  const request = requestOf('Authorization', 'Bearer wrong-secret')
  await assert.rejects(authenticate(request, authenticator), {
    message: 'The API key is invalid or inactive.',
    headers: { 'www-authenticate': 'Bearer realm="antiphon"' },
  })
  await assert.rejects(authenticate(requestOf(), authenticator), {
    message: 'An API key is required: send Authorization: Bearer YOUR_API_KEY.',
    headers: { 'www-authenticate': 'Bearer realm="antiphon"' },
  })
})

test('conflicting credentials are refused before anybody is asked', async () => {
  await assert.rejects(authenticate(requestOf('x-api-key', 'a', 'x-api-key', 'b'), authenticator))
  assert.deepEqual(asked, [])
})
