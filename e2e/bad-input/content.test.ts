import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer, TEST_KEY } from '../harness/server.ts'
import { sendRaw } from './raw-http.ts'
import { assertAlive, assertRefused, invalid, type Refusal } from './refusal.ts'

const BODY_BYTES_MAX = 33_554_432 // The default, 32 MiB.

const server = await startTestServer()
after(() => server.close())

const BODY = '{"model":"demo","input":"/say hi"}'

function send(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.base}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : Buffer.from(body),
  })
}

const WRONG_TYPE = invalid('unsupported_media_type', '', 415)
const WRONG_CHARSET = invalid('unsupported_charset', '', 415)
const COMPRESSED = invalid('unsupported_content_encoding', '', 415)

const HEADERS: readonly (readonly [id: string, headers: Record<string, string>, expected: Refusal | 200])[] = [
  ['B-16', { 'content-type': '' }, WRONG_TYPE],
  ['B-16', { 'content-type': 'text/plain' }, WRONG_TYPE],
  ['B-16', { 'content-type': 'multipart/form-data; boundary=x' }, WRONG_TYPE],
  ['B-16', { 'content-type': 'application/x-www-form-urlencoded' }, WRONG_TYPE],
  ['B-16', { 'content-type': 'application/json, text/plain' }, WRONG_TYPE],
  ['B-16', { 'content-type': 'application/jsonx' }, WRONG_TYPE],
  ['B-16', { 'content-type': 'json' }, WRONG_TYPE],
  ['B-16', { 'content-encoding': 'gzip' }, COMPRESSED],
  ['B-16', { 'content-encoding': 'br' }, COMPRESSED],
  ['B-16', { 'content-encoding': 'identity, gzip' }, COMPRESSED],
  ['B-18', { 'content-type': 'application/json; charset=utf-16' }, WRONG_CHARSET],
  ['B-18', { 'content-type': 'application/json; charset=latin1' }, WRONG_CHARSET],
  ['B-18', { 'content-type': 'application/json; charset=utf-7' }, WRONG_CHARSET],
  ['B-16', { 'content-encoding': 'identity' }, 200],
  ['B-17', { 'content-type': 'application/json; charset=utf-8' }, 200],
  ['B-17', { 'content-type': 'application/json;charset="UTF-8"' }, 200],
  ['B-17', { 'content-type': 'Application/JSON' }, 200],
  ['B-17', { 'content-type': 'application/json;' }, 200],
  ['B-17', { 'content-type': 'application/problem+json' }, 200],
]

for (const [id, headers, expected] of HEADERS) {
  const status = expected === 200 ? 200 : expected.status
  test(`${id}: ${JSON.stringify(headers)}: ${status}`, async () => {
    const answer = await send(BODY, headers)
    if (expected === 200) assert.equal(answer.status, 200)
    else await assertRefused(answer, expected)
  })
}

test('B-16: a body without any content type: 415', async () => {
  const head = `POST /v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TEST_KEY}\r\nConnection: close\r\n`
  const [answer] = await sendRaw(server.url, `${head}Content-Length: ${BODY.length}\r\n\r\n${BODY}`)
  await assertRefused(answer ?? assert.fail(), WRONG_TYPE)
})

test('B-18: a body that really is UTF-16: 415 where it says so, 400 where it does not', async () => {
  const bytes = Buffer.from(BODY, 'utf16le')
  await assertRefused(await send(bytes, { 'content-type': 'application/json; charset=utf-16' }), WRONG_CHARSET)
  await assertRefused(await send(bytes), invalid('invalid_json'))
})

const NOT_JSON = invalid('invalid_json')
const NOT_OBJECT = invalid('invalid_type')

const BODIES: readonly (readonly [id: string, name: string, body: string, expected: Refusal])[] = [
  ['B-20', 'nothing', '', NOT_JSON],
  ['B-20', 'white space', ' \n\t ', NOT_JSON],
  ['B-20', 'null', 'null', NOT_OBJECT],
  ['B-20', 'a list', '[]', NOT_OBJECT],
  ['B-20', 'a string', '"x"', NOT_OBJECT],
  ['B-20', 'a number', '42', NOT_OBJECT],
  ['B-20', 'true', 'true', NOT_OBJECT],
  ['B-21', 'a byte order mark before the object', `\ufeff${BODY}`, NOT_JSON],
  ['B-26', 'a raw line break in a string', BODY.replace('hi', 'h\ni'), NOT_JSON],
  ['B-26', 'a raw tab in a string', BODY.replace('hi', 'h\ti'), NOT_JSON],
  ['B-26', 'a raw control character in a string', BODY.replace('hi', 'h\u0001i'), NOT_JSON],
  ['B-26', 'a raw NUL in a string', BODY.replace('hi', 'h\0i'), NOT_JSON],
  ['B-26', 'a raw NUL after the object', `${BODY}\0`, NOT_JSON],
]

for (const [id, name, body, expected] of BODIES) {
  test(`${id}: ${name}: 400 ${expected.code}`, async () => assertRefused(await send(body), expected))
}

const BAD_BYTES: Readonly<Record<string, string>> = {
  'a lone continuation byte': '80',
  'an overlong slash': 'c0af',
  'an overlong NUL': 'c080',
  'a surrogate': 'eda080',
  'a pair of surrogates': 'eda080edb080',
  FF: 'ff',
  'a character cut short': 'e282',
  'a code point beyond the last': 'f4908080',
  'a five-byte sequence': 'f888808080',
}

for (const [name, hex] of Object.entries(BAD_BYTES)) {
  test(`B-25: ${name} in a value, a key and after the object: 400 invalid_utf8`, async () => {
    const bad = Buffer.from(hex, 'hex').toString('latin1')
    const bodies = [BODY.replace('hi', bad), BODY.replace('"input"', `"x${bad}":1,"input"`), BODY + bad]
    for (const body of bodies) await assertRefused(await send(Buffer.from(body, 'latin1')), invalid('invalid_utf8'))
  })
}

const nested = (depth: number, open = '[', close = ']') => `${open.repeat(depth)}${close.repeat(depth)}`
const within = (value: string) => `{"model":"demo","input":"/say hi","x":${value}}`

const TOO_DEEP: Readonly<Record<string, string>> = {
  '101 levels': within(nested(100)),
  '101 levels of objects': within(`${'{"a":'.repeat(99)}{}${'}'.repeat(99)}`.replace('{}', '[{}]')),
  '1000 levels': within(nested(1000)),
  '100,000 levels': within(nested(100_000)),
  '5 million levels': within(nested(5_000_000)),
  '5 million brackets that are never closed': '['.repeat(5_000_000),
  '101 levels in what is no JSON': `${'['.repeat(101)}nonsense`,
}

for (const [name, body] of Object.entries(TOO_DEEP)) {
  test(`B-28: ${name}: 400 json_too_deep`, async () => assertRefused(await send(body), invalid('json_too_deep')))
}

test('B-28: 100 levels are read; brackets in strings are no levels', async () => {
  assert.equal((await send(within(nested(99)))).status, 200)
  assert.equal((await send(within(JSON.stringify(`\\"${nested(1000)}\\`)))).status, 200)
})

const TOO_LARGE = invalid('request_too_large', '', 413)
const head = `POST /v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TEST_KEY}\r\nContent-Type: application/json\r\n`

test('B-30: a body of the limit is read, one byte more is refused', async () => {
  const padded = (bytes: number) => within(`"${'y'.repeat(bytes - within('""').length)}"`)
  assert.equal((await send(padded(BODY_BYTES_MAX))).status, 200)
  await assertRefused(await send(padded(BODY_BYTES_MAX + 1)), TOO_LARGE)
})

for (const bytes of [BODY_BYTES_MAX + 1, 100_000_000, Number.MAX_SAFE_INTEGER]) {
  test(`B-30: ${bytes} bytes announced and none sent: 413 at once, closed, the limit named`, async () => {
    const [answer] = await sendRaw(server.url, `${head}Content-Length: ${bytes}\r\n\r\n`)
    await assertRefused(answer ?? assert.fail(), TOO_LARGE)
    assert.match(answer?.body ?? '', new RegExp(String(BODY_BYTES_MAX)))
  })
}

test('B-30: chunks beyond the limit: 413, closed', async () => {
  const chunk = `1000000\r\n${'y'.repeat(0x1000000)}\r\n`
  const [answer] = await sendRaw(server.url, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}${chunk}`)
  await assertRefused(answer ?? assert.fail(), TOO_LARGE)
})

test('after all of these, the server answers', () => assertAlive(server))
