import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { startTestServer, TEST_KEY } from '../harness/server.ts'
import { sendRaw } from './raw-http.ts'
import { assertAlive } from './refusal.ts'

const lines: string[] = []
const sink = new Writable({
  write(chunk: Buffer, _, done) {
    lines.push(chunk.toString())
    done()
  },
})
const server = await startTestServer({ logger: pino({ level: 'debug', base: null }, sink) })
after(() => server.close())

const BODY = { model: 'demo', input: '/say hi' }

const REQUEST_IDS: Readonly<Record<string, string>> = {
  'of 10 KB': 'x'.repeat(10_000),
  'that breaks JSON': '{"level":50,"msg":"\\"}',
  'with escapes': 'a\\r\\nlevel: 50',
  'with colours': '\x9b31m',
  'of ours': 'req_000000000000000000000000',
  'that is empty': '',
}

for (const [name, id] of Object.entries(REQUEST_IDS)) {
  test(`B-89: an X-Request-ID ${name} is replaced, and the log stays one JSON object a line`, async () => {
    lines.length = 0
    const answer = await server.post('/responses', BODY, { 'x-request-id': id })
    const ours = answer.headers.get('x-request-id') ?? ''
    assert.match(ours, /^req_[0-9a-f]{24}$/)
    assert.notEqual(ours, id)
    await answer.text()
    await new Promise((resolve) => setImmediate(resolve))
    const facts = lines
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { requestId?: string })
    assert.ok(facts.some(({ requestId }) => requestId === ours))
    if (id.length > 2) assert.ok(!lines.join('').includes(id))
  })
}

test('B-89: request ids are unique', async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, () => fetch(`${server.url}/live`)))
  assert.equal(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size, 200)
})

const PREFERENCES: readonly (readonly [id: string, headers: Record<string, string>])[] = [
  ['B-90', { accept: 'text/html' }],
  ['B-90', { accept: 'text/event-stream' }],
  ['B-90', { accept: 'application/xml;q=1, application/json;q=0' }],
  ['B-90', { 'accept-encoding': 'identity;q=0' }],
  ['B-90', { 'accept-encoding': 'gzip, br, zstd' }],
  ['B-90', { 'accept-charset': 'utf-16' }],
  ['B-90', { 'accept-language': 'x'.repeat(5000) }],
  ['B-91', { range: 'bytes=0-1' }],
  ['B-91', { 'if-none-match': '*' }],
  ['B-91', { 'if-modified-since': 'Sat, 01 Jan 2050 00:00:00 GMT' }],
  ['B-91', { 'if-match': '"x"' }],
  ['B-91', { 'x-http-method-override': 'DELETE' }],
  ['B-91', { 'x-forwarded-host': 'evil.example', 'x-original-url': '/v1/models', forwarded: 'host=evil.example' }],
]

for (const [id, headers] of PREFERENCES) {
  test(`${id}: ${JSON.stringify(headers).slice(0, 70)} changes nothing`, async () => {
    const created = await server.post('/responses', BODY, headers)
    assert.equal(created.status, 200)
    assert.equal(created.headers.get('content-type'), 'application/json; charset=utf-8')
    assert.equal(created.headers.get('content-encoding'), null)
    const text = await created.text()
    const { id: made } = JSON.parse(text) as { id: string }
    const retrieved = await server.get(`/responses/${made}`, headers)
    assert.equal(retrieved.status, 200)
    assert.equal(await retrieved.text(), text)
  })
}

test('B-90: Accept: application/json does not keep a stream from being one', async () => {
  const answer = await server.post('/responses', { ...BODY, stream: true }, { accept: 'application/json' })
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.match(await answer.text(), /data: \[DONE\]\n\n$/)
})

test('B-89: a header with Latin-1 and control-like bytes is not logged', async () => {
  lines.length = 0
  const head = `GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TEST_KEY}\r\nUser-Agent: canary\xff\x9b\r\n`
  const [answer] = await sendRaw(server.url, `${head}Connection: close\r\n\r\n`)
  assert.equal(answer?.status, 200)
  assert.ok(!lines.join('').includes('canary'))
})

test('after all of these, the server answers', () => assertAlive(server))
