import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer, TEST_KEY } from '../harness/server.ts'
import { sendRaw } from './raw-http.ts'
import { assertAlive, assertRefused, invalid, type Refusal } from './refusal.ts'

const BODY = '{"model":"demo","input":"/say hi"}'
const KEY = `Authorization: Bearer ${TEST_KEY}\r\n`
const LENGTH = `Content-Length: ${BODY.length}\r\n`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const SMUGGLED = 'GET /live HTTP/1.1\r\nHost: smuggled\r\n\r\n'

const server = await startTestServer()
after(() => server.close())

/** Requests that reached the application: what the parser refuses never does. */
let routed = 0
server.server.app.server.prependListener('request', () => routed++)

const post = (headers: string, body = BODY) =>
  `POST /v1/responses HTTP/1.1\r\nHost: x\r\n${KEY}Content-Type: application/json\r\n${headers}\r\n${body}`
const live = (headers: string) => `GET /live HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

/** B-01: the parser refuses the head itself; nothing is routed. */
const BAD_HEADS: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding': post(LENGTH + CHUNKED, `0\r\n\r\n${SMUGGLED}`),
  'Transfer-Encoding and Content-Length': post(CHUNKED + LENGTH, `0\r\n\r\n${SMUGGLED}`),
  'two different lengths': post(`${LENGTH}Content-Length: 5\r\n`),
  'one length twice': post(LENGTH + LENGTH),
  'a length with a sign': post('Content-Length: +4\r\n'),
  'a negative length': post('Content-Length: -1\r\n'),
  'a hexadecimal length': post('Content-Length: 0x4\r\n'),
  'a list of lengths': post('Content-Length: 4, 4\r\n'),
  'a length beyond 64 bits': post('Content-Length: 99999999999999999999\r\n'),
  'a length with a space inside': post('Content-Length: 1 2\r\n'),
  'a coding after chunked': post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'),
  'chunked in two headers with a length': post(`${CHUNKED}${CHUNKED}${LENGTH}`, '0\r\n\r\n'),
  'a space before the colon': post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
  'a vertical tab in the coding': post('Transfer-Encoding: \vchunked\r\n', '0\r\n\r\n'),
  'line feeds alone': 'GET /live HTTP/1.1\nHost: x\n\n',
  'a line feed alone between headers': 'GET /live HTTP/1.1\r\nHost: x\nX: y\r\n\r\n',
  'a carriage return alone in a value': live('X: a\rb\r\n'),
  'a folded header': live('X: a\r\n b\r\n'),
  'NUL in a value': live('X: a\0b\r\n'),
  'NUL in the path': 'GET /live\0 HTTP/1.1\r\nHost: x\r\n\r\n',
  'a header without a colon': live('nonsense\r\n'),
  'a header without a name': live(': x\r\n'),
  'a space in a header name': live('X Y: z\r\n'),
  'CR and X after the headers': 'GET /live HTTP/1.1\r\nHost: x\r\n\rX',
  'a space in the path': 'GET /v1/responses/a b HTTP/1.1\r\nHost: x\r\n\r\n',
  'raw UTF-8 in the path': 'GET /v1/responses/\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n',
  'HTTP/1.9': 'GET /live HTTP/1.9\r\nHost: x\r\n\r\n',
  'HTTP/1.1.1': 'GET /live HTTP/1.1.1\r\nHost: x\r\n\r\n',
  'lower-case http': 'GET /live http/1.1\r\nHost: x\r\n\r\n',
  'the HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'an unknown method (B-11)': 'BREW /v1/responses HTTP/1.1\r\nHost: x\r\n\r\n',
  'a lower-case method': 'get /live HTTP/1.1\r\nHost: x\r\n\r\n',
  'a TLS greeting': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'JSON alone': `${BODY}\r\n\r\n`,
}

for (const [name, bytes] of Object.entries(BAD_HEADS)) {
  test(`B-01: ${name}: 400, closed, nothing routed`, async () => {
    routed = 0
    const answers = await sendRaw(server.url, bytes)
    assert.equal(answers.length, 1)
    await assertRefused(answers[0] ?? assert.fail(), invalid('bad_http'))
    assert.equal(routed, 0)
  })
}

/** B-01: the head was fine, the body is not: the request is known, but nothing of it is run. */
const BAD_BODIES: Readonly<Record<string, string>> = {
  'a coding that does not exist': post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'),
  'chunked twice': post('Transfer-Encoding: chunked, chunked\r\n', `${chunk(BODY)}0\r\n\r\n`),
  'a chunk size that is no number': post(CHUNKED, 'zz\r\n\r\n'),
  'a negative chunk size': post(CHUNKED, '-1\r\n\r\n'),
  'a chunk size beyond 64 bits': post(CHUNKED, 'fffffffffffffffff\r\n\r\n'),
  'a chunk size with 0x': post(CHUNKED, '0x4\r\nabcd\r\n0\r\n\r\n'),
  'a chunk longer than its size': post(CHUNKED, '1\r\naX0\r\n\r\n'),
  'a line feed alone after a size': post(CHUNKED, `${BODY.length.toString(16)}\n${BODY}\r\n0\r\n\r\n`),
  'a length among the trailers': post(CHUNKED, `${chunk(BODY)}0\r\nContent-Length: 5\r\n\r\n`),
}

for (const [name, bytes] of Object.entries(BAD_BODIES)) {
  test(`B-01: ${name}: 400, closed`, async () => {
    const answers = await sendRaw(server.url, bytes + SMUGGLED)
    assert.equal(answers.length, 1)
    await assertRefused(answers[0] ?? assert.fail(), invalid('bad_http'))
  })
}

const get = (version: string, headers: string) => `GET /live ${version}\r\n${headers}\r\n`

/** What the parser lets through and HTTP does not allow. */
const RULES: readonly (readonly [id: string, name: string, bytes: string, expected: Refusal])[] = [
  [
    'B-01',
    'a second coding',
    post('Transfer-Encoding: gzip, chunked\r\n', `${chunk(BODY)}0\r\n\r\n`),
    invalid('bad_transfer_encoding'),
  ],
  [
    'B-01',
    'an expectation that nobody has',
    post(`${LENGTH}Expect: 200-ok\r\n`),
    invalid('expectation_failed', '', 417),
  ],
  ['B-02', 'no Host', get('HTTP/1.1', ''), invalid('invalid_host')],
  ['B-02', 'two Hosts', live('Host: y\r\n'), invalid('invalid_host')],
  ['B-02', 'one Host twice', live('HOST: x\r\n'), invalid('invalid_host')],
  ['B-02', 'an empty Host', get('HTTP/1.1', 'Host:\r\n'), invalid('invalid_host')],
  ['B-02', 'a Host with a space', get('HTTP/1.1', 'Host: a b\r\n'), invalid('invalid_host')],
  ['B-02', 'a Host with a user', get('HTTP/1.1', 'Host: a@b\r\n'), invalid('invalid_host')],
  ['B-02', 'a Host with a path', get('HTTP/1.1', 'Host: a/v1\r\n'), invalid('invalid_host')],
  ['B-02', 'a Host with two ports', get('HTTP/1.1', 'Host: a:1:2\r\n'), invalid('invalid_host')],
  ['B-02', 'a Host with port 65536', get('HTTP/1.1', 'Host: a:65536\r\n'), invalid('invalid_host')],
  [
    'B-05',
    'HTTP/1.0 and chunked',
    post(CHUNKED, '0\r\n\r\n').replace('HTTP/1.1', 'HTTP/1.0'),
    invalid('bad_http_version'),
  ],
  ['B-05', 'HTTP/0.9', 'GET /live\r\n\r\n', invalid('bad_http_version')],
  ['B-05', 'HTTP/2.0 in plain text', get('HTTP/2.0', 'Host: x\r\n'), invalid('bad_http_version')],
  ['B-08', '17 KB of headers', live(`X: ${'a'.repeat(17_000)}\r\n`), invalid('headers_too_large', '', 431)],
  ['B-08', '5000 tiny headers', live('a: b\r\n'.repeat(5000)), invalid('headers_too_large', '', 431)],
  [
    'B-09',
    'a path of 100 KB',
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    invalid('headers_too_large', '', 431),
  ],
  [
    'B-15',
    '20 KB of chunk extensions',
    post(CHUNKED, `2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`),
    invalid('request_too_large', '', 413),
  ],
]

for (const [id, name, bytes, expected] of RULES) {
  test(`${id}: ${name}: ${expected.status} ${expected.code}, closed`, async () => {
    // An older version promises no further request: there, the parser refuses it in its own words.
    const answers = await sendRaw(server.url, bytes.includes(' HTTP/1.1\r\n') ? bytes + SMUGGLED : bytes)
    assert.equal(answers.length, 1)
    await assertRefused(answers[0] ?? assert.fail(), expected)
  })
}

const CLOSE = 'Connection: close\r\n'

/** Odd, and allowed. */
const FINE: readonly (readonly [id: string, name: string, bytes: string, statuses: readonly number[]])[] = [
  ['B-02', 'a Host with port 65535', `GET /live HTTP/1.1\r\nHost: a_b.example:65535\r\n${CLOSE}\r\n`, [200]],
  ['B-02', 'an IPv6 Host', `GET /live HTTP/1.1\r\nHost: [::1]:4000\r\n${CLOSE}\r\n`, [200]],
  ['B-05', 'HTTP/1.0 without a Host', 'GET /live HTTP/1.0\r\n\r\n', [200]],
  ['B-08', '15 KB of headers', live(`X: ${'a'.repeat(15_000)}\r\n${CLOSE}`), [200]],
  ['B-01', 'empty lines before the request', `\r\n\r\n${live(CLOSE)}`, [200]],
  ['B-01', 'Latin-1 bytes in a value', live(`X: \xff\xfe\r\n${CLOSE}`), [200]],
  ['B-15', 'chunks of one byte', post(CHUNKED + CLOSE, `${[...BODY].map(chunk).join('')}0\r\n\r\n`), [200]],
  [
    'B-15',
    'a short chunk extension',
    post(CHUNKED + CLOSE, `${BODY.length.toString(16)};a=b\r\n${BODY}\r\n0\r\n\r\n`),
    [200],
  ],
  ['B-15', 'trailers', post(CHUNKED + CLOSE, `${chunk(BODY)}0\r\nX-Trailer: y\r\n\r\n`), [200]],
  ['B-12', 'a body after Expect: 100-continue', post(`${LENGTH}${CLOSE}Expect: 100-continue\r\n`), [100, 200]],
  ['B-01', 'two requests in one packet', live('') + live(CLOSE), [200, 200]],
]

for (const [id, name, bytes, statuses] of FINE) {
  test(`${id}: ${name}: answered`, async () => {
    const answers = await sendRaw(server.url, bytes)
    assert.deepEqual(
      answers.map(({ status }) => status),
      statuses,
    )
  })
}

test('B-15: a key among the trailers is no credential', async () => {
  const bytes = post(CHUNKED + CLOSE, `${chunk(BODY)}0\r\n${KEY}\r\n`).replace(KEY, '')
  const [answer] = await sendRaw(server.url, bytes)
  assert.equal(answer?.status, 401)
})

test('B-01, B-30: a refused body is asked for neither with 100-continue nor read', async () => {
  const head = `POST /v1/responses HTTP/1.1\r\nHost: x\r\n${CLOSE}Content-Type: application/json\r\nExpect: 100-continue\r\n`
  const withoutKey = await sendRaw(server.url, `${head}Content-Length: 10\r\n\r\n`)
  const tooLarge = await sendRaw(server.url, `${head}${KEY}Content-Length: 99999999\r\n\r\n`)
  assert.deepEqual(
    [...withoutKey, ...tooLarge].map(({ status }) => status),
    [401, 413],
  )
})

test('after all of these, the server answers', () => assertAlive(server))
