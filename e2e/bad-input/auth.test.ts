import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { mintKey } from '../../src/accounts/keys.ts'
import { accountId } from '../../src/protocol/id.ts'
import { OTHER_KEY, startTestServer, TEST_KEY } from '../harness/server.ts'
import { sendRaw } from './raw-http.ts'
import { assertAlive, assertRefused, invalid, type Refusal } from './refusal.ts'

const server = await startTestServer({ store: 'sqlite' })
after(() => server.close())

const BODY = '{"model":"demo","input":"/say hi"}'
const { key: neverStored } = mintKey(accountId('default'), 0)
const { key: revoked, stored } = mintKey(accountId('default'), 0)
await server.server.store.keys.insert({ ...stored, revokedAt: 1 })
const { key: good, stored: goodRow } = mintKey(accountId('default'), 0)
await server.server.store.keys.insert(goodRow)

const NO_KEY: Refusal = { status: 401, type: 'authentication_error', code: 'authentication_required', param: '' }
const BAD_KEY: Refusal = { status: 401, type: 'authentication_error', code: 'invalid_api_key', param: '' }
const CONFLICT = invalid('conflicting_credentials')

/** Header lines as they are sent, one byte a character. */
async function send(lines: string) {
  const head = `POST /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n`
  const [answer] = await sendRaw(server.url, `${head}Content-Length: ${BODY.length}\r\n${lines}\r\n${BODY}`)
  return answer ?? assert.fail('no answer')
}

const bearer = (key: string) => `Authorization: Bearer ${key}\r\n`

const REFUSED: readonly (readonly [id: string, name: string, lines: string, expected: Refusal])[] = [
  ['B-34', 'no credentials', '', NO_KEY],
  ['B-34', 'an empty cookie', 'Cookie: \r\n', NO_KEY],
  ['B-35', 'an empty header', 'Authorization:\r\n', BAD_KEY],
  ['B-35', 'a scheme alone', 'Authorization: Bearer\r\n', BAD_KEY],
  ['B-35', 'a scheme and spaces', 'Authorization: Bearer    \r\n', BAD_KEY],
  ['B-35', 'another scheme', `Authorization: Basic ${btoa(`x:${TEST_KEY}`)}\r\n`, BAD_KEY],
  ['B-35', 'another scheme with the right key', `Authorization: Token ${TEST_KEY}\r\n`, BAD_KEY],
  ['B-35', 'the right key without a scheme', `Authorization: ${TEST_KEY}\r\n`, BAD_KEY],
  ['B-35', 'the right key twice in one header', bearer(`${TEST_KEY} ${TEST_KEY}`), BAD_KEY],
  ['B-35', 'two credentials joined by a comma', bearer(`${TEST_KEY}, Bearer ${TEST_KEY}`), BAD_KEY],
  ['B-35', 'the right key in quotes', bearer(`"${TEST_KEY}"`), BAD_KEY],
  ['B-36', 'one character', bearer('a'), BAD_KEY],
  ['B-36', 'the right key without its last character', bearer(TEST_KEY.slice(0, -1)), BAD_KEY],
  ['B-36', 'the right key and one more character', bearer(`${TEST_KEY}x`), BAD_KEY],
  ['B-36', 'the right key in upper case', bearer(TEST_KEY.toUpperCase()), BAD_KEY],
  ['B-36', 'a key of the right form that was never made', bearer(neverStored), BAD_KEY],
  ['B-36', 'a revoked key', bearer(revoked), BAD_KEY],
  [
    'B-36',
    'a stored key with a wrong secret',
    bearer(`${good.slice(0, 16)}${'A'.repeat(43)}${good.slice(-8)}`),
    BAD_KEY,
  ],
  ['B-36', 'a stored key without its checksum', bearer(good.slice(0, -8)), BAD_KEY],
  ['B-36', 'the public part of a stored key', bearer(goodRow.publicId), BAD_KEY],
  ['B-36', 'the stored digest of a key', bearer(goodRow.digest), BAD_KEY],
  ['B-36', 'the name of an account', bearer('default'), BAD_KEY],
  ['B-36', 'a key of 14 KB', bearer('a'.repeat(14_000)), BAD_KEY],
  ['B-36', 'Latin-1 bytes', bearer('\xff\xfe\xfd'), BAD_KEY],
  ['B-36', 'an emoji in UTF-8', bearer('\xf0\x9f\x98\x80'), BAD_KEY],
  ['B-36', 'SQL', bearer("'OR'1'='1'--"), BAD_KEY],
  ['B-36', 'SQL of the right form', bearer(`ap_'OR'1'='1'--_${'a'.repeat(43)}00000000`), BAD_KEY],
  ['B-36', 'JSON', bearer('{"$ne":null}'), BAD_KEY],
  ['B-36', 'the name of a method of Object', bearer('__proto__'), BAD_KEY],
  ['B-36', 'null', bearer('null'), BAD_KEY],
  ['B-39', 'an empty x-api-key', 'x-api-key:\r\n', BAD_KEY],
  ['B-39', 'a wrong x-api-key', 'x-api-key: nobody\r\n', BAD_KEY],
  ['B-39', 'a right key and that of another account', `${bearer(TEST_KEY)}x-api-key: ${OTHER_KEY}\r\n`, CONFLICT],
  ['B-39', 'two Authorization headers', bearer(TEST_KEY) + bearer(OTHER_KEY), CONFLICT],
  ['B-39', 'a right key and an empty one', `${bearer(TEST_KEY)}x-api-key:\r\n`, CONFLICT],
  ['B-39', 'a right key and another scheme', `${bearer(TEST_KEY)}Authorization: Basic eDp5\r\n`, CONFLICT],
  ['B-36', 'a key of 17 KB', bearer('a'.repeat(17_000)), invalid('headers_too_large', '', 431)],
  ['B-36', 'NUL in the key', bearer('a\0b'), invalid('bad_http')],
]

for (const [id, name, lines, expected] of REFUSED) {
  test(`${id}: ${name}: ${expected.status} ${expected.code}`, async () => {
    const answer = await send(lines)
    await assertRefused(answer, expected)
    assert.equal(answer.headers['www-authenticate'], expected.status === 401 ? 'Bearer realm="antiphon"' : undefined)
  })
}

const ACCEPTED: readonly (readonly [id: string, name: string, lines: string])[] = [
  ['B-35', 'a scheme in lower case', `Authorization: bearer ${TEST_KEY}\r\n`],
  ['B-35', 'a scheme in upper case', `AUTHORIZATION: BEARER ${TEST_KEY}\r\n`],
  ['B-35', 'a tab after the scheme', `Authorization: Bearer\t${TEST_KEY}\r\n`],
  ['B-35', 'spaces around the key', `Authorization: Bearer   ${TEST_KEY}  \r\n`],
  ['B-36', 'a stored key', bearer(good)],
  ['B-39', 'x-api-key', `x-api-key: ${TEST_KEY}\r\n`],
  ['B-39', 'one key in both headers', `${bearer(TEST_KEY)}X-API-Key: ${TEST_KEY}\r\n`],
  ['B-39', 'one header twice with one key', bearer(TEST_KEY) + bearer(TEST_KEY)],
]

for (const [id, name, lines] of ACCEPTED) {
  test(`${id}: ${name}: accepted`, async () => assert.equal((await send(lines)).status, 200))
}

test('B-36, S-33: all wrong keys are told the same, byte for byte', async () => {
  const wrong = REFUSED.filter(([, , , expected]) => expected === BAD_KEY)
  const bodies = await Promise.all(wrong.map(async ([, , lines]) => (await send(lines)).body))
  assert.equal(new Set(bodies).size, 1)
})

test('B-34: the key is asked for before the body is looked at', async () => {
  const answer = await fetch(`${server.base}/responses`, {
    method: 'POST',
    body: '{',
    headers: { 'content-type': 'x' },
  })
  await assertRefused(answer, NO_KEY)
})

test('after all of these, the server answers', () => assertAlive(server))
