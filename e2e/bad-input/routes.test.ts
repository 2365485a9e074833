import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer, TEST_KEY } from '../harness/server.ts'
import { sendRaw } from './raw-http.ts'
import { assertAlive, assertRefused, invalid, missing, type Refusal } from './refusal.ts'

const server = await startTestServer()
after(() => server.close())

const KEY = `Authorization: Bearer ${TEST_KEY}\r\n`
const BODY = '{"model":"demo","input":"/say hi"}'
const CLOSE = 'Connection: close\r\n'

const head = (line: string, headers = '') => `${line} HTTP/1.1\r\nHost: x\r\n${KEY}${CLOSE}${headers}\r\n`
const withoutKey = (bytes: string) => bytes.replace(KEY, '')

async function only(bytes: string) {
  const answers = await sendRaw(server.url, bytes)
  assert.equal(answers.length, 1)
  return answers[0] ?? assert.fail()
}

const NO_ROUTE = missing('route_not_found')
const NO_RESPONSE = missing('response_not_found', 'response_id')
const BAD_ID = invalid('invalid_response_id', 'response_id')
const BAD_URL = invalid('invalid_url')
const NO_KEY: Refusal = { status: 401, type: 'authentication_error', code: 'authentication_required', param: '' }

/** What is asked for with a key, and what is said without one: the router and the key check see one path. */
const PATHS: readonly (readonly [id: string, target: string, withKey: Refusal, without: Refusal])[] = [
  ['B-06', 'http://evil.example/v1/responses/resp_x', NO_RESPONSE, NO_KEY],
  ['B-06', 'http://evil.example/v1/nothing', NO_ROUTE, NO_ROUTE],
  ['B-06', 'https://evil.example:99999/v1/responses/resp_x', BAD_URL, BAD_URL],
  ['B-07', '/v1/responses/..%2f..%2fadmin', BAD_ID, NO_KEY],
  ['B-07', '/v1/responses/../../live', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1/../v1/responses/resp_x', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1/%2e%2e/v1/responses/resp_x', NO_ROUTE, NO_ROUTE],
  ['B-07', '//v1//responses', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1//responses/resp_x', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1/responses/', BAD_ID, NO_KEY],
  ['B-07', '/v1/responses/resp_x/', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1/responses/%00', BAD_ID, NO_KEY],
  ['B-07', '/v1/responses/resp_x%00', BAD_ID, NO_KEY],
  ['B-07', '/v1/responses/resp_x%2finput_items', BAD_ID, NO_KEY],
  ['B-07', '/v1/responses/%zz', BAD_URL, BAD_URL],
  ['B-07', '/v1/responses/%', BAD_URL, BAD_URL],
  ['B-07', '/v1/responses/%E0%A4', BAD_URL, BAD_URL],
  ['B-07', '/v1/responses;a=b', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1/responses/resp_x;a=b', BAD_ID, NO_KEY],
  ['B-07', '/V1/RESPONSES', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1/RESPONSES/resp_x', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1%2fresponses', NO_ROUTE, NO_ROUTE],
  ['B-07', '/v1/responses/resp_x?', NO_RESPONSE, NO_KEY],
  ['B-07', '/v1/responses/resp_x#fragment', NO_RESPONSE, NO_KEY],
  ['B-07', '/v1/responses\\resp_x', NO_ROUTE, NO_ROUTE],
  ['B-14', '/', NO_ROUTE, NO_ROUTE],
  ['B-14', '/v1', NO_ROUTE, NO_ROUTE],
  ['B-14', '/v1/nothing', NO_ROUTE, NO_ROUTE],
  ['B-14', '/v1/responses/resp_x/nothing', NO_ROUTE, NO_ROUTE],
  ['B-14', '/favicon.ico', NO_ROUTE, NO_ROUTE],
  ['B-14', '*', NO_ROUTE, NO_ROUTE],
]

for (const [id, target, withKey, without] of PATHS) {
  test(`${id}: GET ${target}: ${withKey.status} ${withKey.code}, without a key ${without.status}`, async () => {
    const bytes = head(`GET ${target}`)
    await assertRefused(await only(bytes), withKey)
    await assertRefused(await only(withoutKey(bytes)), without)
  })
}

const METHODS: readonly (readonly [method: string, path: string, allow: string])[] = [
  ['TRACE', '/v1/responses', 'GET, POST'],
  ['PUT', '/v1/responses', 'GET, POST'],
  ['PATCH', '/v1/responses', 'GET, POST'],
  ['DELETE', '/v1/responses', 'GET, POST'],
  ['OPTIONS', '/v1/responses', 'GET, POST'],
  ['PROPFIND', '/v1/responses', 'GET, POST'],
  ['POST', '/v1/responses/resp_x', 'GET, DELETE'],
  ['PUT', '/api/v1/responses/resp_x', 'GET, DELETE'],
  ['GET', '/v1/responses/resp_x/cancel', 'POST'],
  ['POST', '/v1/responses/resp_x/input_items', 'GET'],
  ['POST', '/v1/models', 'GET'],
  ['DELETE', '/v1/models/some/model', 'GET'],
  ['GET', '/v1/chat/completions', 'POST'],
  ['POST', '/live', 'GET'],
  ['POST', '/openapi.json?x=y', 'GET'],
]

for (const [method, path, allow] of METHODS) {
  test(`B-11: ${method} ${path}: 405, Allow: ${allow}`, async () => {
    const answer = await only(head(`${method} ${path}`))
    await assertRefused(answer, invalid('method_not_allowed', '', 405))
    assert.equal(answer.headers['allow'], allow)
  })
}

test('B-11: CONNECT is hung up on', async () => {
  assert.deepEqual(await sendRaw(server.url, head('CONNECT evil.example:443')), [])
})

test('B-11: HEAD has the headers of GET and no body', async () => {
  const answer = await fetch(`${server.url}/live`, { method: 'HEAD' })
  assert.equal(answer.status, 200)
  assert.equal(await answer.text(), '')
})

const length = `Content-Length: ${BODY.length}\r\n`

/** Odd, and answered as if it were not. */
const FINE: readonly (readonly [id: string, name: string, bytes: string, status: number])[] = [
  [
    'B-10',
    'headers named like parts of Object',
    head('GET /v1/models', '__proto__: a\r\nconstructor: b\r\nhasOwnProperty: c\r\n'),
    200,
  ],
  [
    'B-10',
    'query keys named like parts of Object',
    head('GET /v1/models?__proto__=1&constructor=2&hasOwnProperty=3&toString=4'),
    200,
  ],
  [
    'B-12',
    'Upgrade: h2c',
    head('GET /v1/models', 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n').replace(
      CLOSE,
      'Connection: Upgrade, HTTP2-Settings, close\r\n',
    ),
    200,
  ],
  [
    'B-12',
    'Upgrade: websocket on a plain route',
    head('GET /live', 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n').replace(
      CLOSE,
      'Connection: Upgrade, close\r\n',
    ),
    200,
  ],
  ['B-13', 'GET with a body', head('GET /v1/models', length) + BODY, 200],
  ['B-13', 'GET with a body that is not JSON', head('GET /v1/models', 'Content-Length: 3\r\n') + '{{{', 200],
  ['B-13', 'DELETE with a body', head('DELETE /v1/responses/resp_x', length) + BODY, 404],
  [
    'B-13',
    'GET with a chunked body',
    head('GET /v1/models', 'Transfer-Encoding: chunked\r\n') + '2\r\n{}\r\n0\r\n\r\n',
    200,
  ],
]

for (const [id, name, bytes, status] of FINE) {
  test(`${id}: ${name}: ${status}`, async () => assert.equal((await only(bytes)).status, status))
}

const ORIGIN = 'Origin: https://evil.example\r\n'
const PREFLIGHT = `${ORIGIN}Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n`
const CORS_DISABLED: Refusal = { status: 403, type: 'permission_denied_error', code: 'cors_disabled', param: '' }

for (const path of ['/v1/responses', '/v1/responses/resp_x', '/live', '/nothing', '*']) {
  test(`B-93: a preflight of ${path}: 403 cors_disabled, with and without a key`, async () => {
    const bytes = head(`OPTIONS ${path}`, PREFLIGHT)
    for (const sent of [bytes, withoutKey(bytes)]) {
      const answer = await only(sent)
      await assertRefused(answer, CORS_DISABLED)
      assert.deepEqual(corsHeaders(answer.headers), [])
    }
  })
}

test('B-93: a request of a page from elsewhere is answered without a word that lets the page read it', async () => {
  const answer = await only(head('GET /v1/models', ORIGIN))
  assert.equal(answer.status, 200)
  assert.deepEqual(corsHeaders(answer.headers), [])
})

test('after all of these, the server answers', () => assertAlive(server))

function corsHeaders(headers: Readonly<Record<string, string>>): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'))
}
