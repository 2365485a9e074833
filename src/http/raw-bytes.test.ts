import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { FINISH } from '../engine/testing/scripted-model.ts'
import { settled } from '../engine/testing/fake-clock.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { connectTo } from './testing/raw-client.ts'
import { AUTHORIZED, testApp } from './testing/test-app.ts'

const { app, model, raw, retrieve } = testApp(
  openMemoryStore(() => 0),
  { limits: { outputBytesMax: 1e9, streamBufferBytesMax: 10_000 } },
  { timeouts: { keepalive_ms: 15_000, clientStall_ms: 50 } },
)
after(() => app.close())

const GET = 'GET /live HTTP/1.1\r\nhost: localhost\r\n'
const requests: readonly { what: string; bytes: string; status: number; code: string }[] = [
  {
    what: 'headers over 16 KiB',
    bytes: `${GET}x: ${'a'.repeat(17_000)}\r\n\r\n`,
    status: 431,
    code: 'headers_too_large',
  },
  {
    what: 'a path over 16 KiB',
    bytes: `GET /${'a'.repeat(17_000)} HTTP/1.1\r\n\r\n`,
    status: 431,
    code: 'headers_too_large',
  },
  { what: 'a greeting of TLS', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', status: 400, code: 'bad_http' },
  { what: 'words', bytes: 'hello there\r\n\r\n', status: 400, code: 'bad_http' },
  { what: 'an unknown method', bytes: 'BREW /live HTTP/1.1\r\nhost: x\r\n\r\n', status: 400, code: 'bad_http' },
  { what: 'a space before the colon', bytes: `${GET}x : 1\r\n\r\n`, status: 400, code: 'bad_http' },
  { what: 'two lengths', bytes: `${GET}content-length: 1\r\ncontent-length: 2\r\n\r\n`, status: 400, code: 'bad_http' },
  {
    what: 'a length and chunks',
    bytes: `${GET}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
    status: 400,
    code: 'bad_http',
  },
  { what: 'no host', bytes: 'GET /live HTTP/1.1\r\n\r\n', status: 400, code: 'invalid_host' },
  { what: 'two hosts', bytes: `${GET}host: other\r\n\r\n`, status: 400, code: 'invalid_host' },
  { what: 'an unknown expectation', bytes: `${GET}expect: tea\r\n\r\n`, status: 417, code: 'expectation_failed' },
  {
    what: 'a body announced over the limit',
    bytes: `POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: ${AUTHORIZED.authorization}\r\ncontent-length: 1001\r\nexpect: 100-continue\r\n\r\n`,
    status: 413,
    code: 'request_too_large',
  },
]
for (const { what, bytes, status, code } of requests) {
  test(`${what} is answered ${status} ${code} in our shape, and hung up on`, async () => {
    const client = await connectTo(app)
    client.socket.write(bytes, 'latin1')
    const [head = '', body = ''] = (await client.closed).split('\r\n\r\n')
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(head, /^x-request-id: req_[0-9a-f]{24}$/im)
    assert.match(head, /^connection: close$/im)
    assert.match(head, /^content-type: application\/json/im)
    assert.equal(Number(/^content-length: (\d+)$/im.exec(head)?.[1]), Buffer.byteLength(body))
    const { error } = JSON.parse(body) as { error: Record<string, string> }
    assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type'])
    assert.deepEqual([error['type'], error['code']], ['invalid_request_error', code])
  })
}

test('C-16: a body is asked for with 100 Continue once the key has been accepted, and never for a wrong key', async () => {
  const client = await connectTo(app)
  const body = '{"model":"nobody","input":"x"}'
  const [head = ''] = raw('POST', '/v1/responses', body, ['expect: 100-continue']).split('\r\n\r\n')
  client.socket.write(`${head}\r\n\r\n`)
  await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  client.socket.write(body)
  await client.until(/HTTP\/1\.1 404 Not Found/)
  client.socket.destroy()
  const stranger = await connectTo(app)
  stranger.socket.write(`${head.replace(AUTHORIZED.authorization, 'Bearer wrong')}\r\n\r\n`)
  const answer = await stranger.until(/\r\n\r\n\{.*\}$/s)
  assert.match(answer, /^HTTP\/1\.1 401 /)
  stranger.socket.destroy()
})

test('requests sent one behind the other are answered in their order', async () => {
  const client = await connectTo(app)
  const paths = ['/live', '/nothing', '/ready', '/v1/models']
  client.socket.write(paths.map((path) => raw('GET', path)).join(''))
  const text = await client.until(/(?:HTTP\/1\.1 [\s\S]*){4}"owned_by"[\s\S]*\}$/)
  assert.deepEqual(
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '404', '200', '200'],
  )
  client.socket.destroy()
})

test('C-08, C-09: a client that stops reading holds up its own model, and is hung up on', async () => {
  const client = await connectTo(app)
  client.socket.pause()
  client.socket.write(raw('POST', '/v1/responses', '{"model":"model","input":"x","stream":true}'))
  while (model.calls.length === 0) await settled()
  const [call] = model.calls
  const CHUNKS = 1000
  for (let chunk = 0; chunk < CHUNKS; chunk++) call?.say({ type: 'text', text: 'x'.repeat(100_000) })
  call?.say(FINISH)
  while (call?.isOver() !== true) await settled()
  const id = /^call_([0-9a-f]+)$/.exec(call.call.callIdPrefix)?.[1] ?? ''
  client.socket.resume()
  const text = await client.closed
  assert.ok(!text.includes('[DONE]'))
  const response = await retrieve(/"id":"(resp_[0-9a-f]{48})"/.exec(text)?.[1] ?? `resp_${id}`)
  assert.equal(response.status, 'cancelled')
  assert.ok(response.output_text.length < (CHUNKS * 100_000) / 2, 'the model was held up')
})
