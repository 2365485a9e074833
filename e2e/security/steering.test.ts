import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { NAUGHTY_STRINGS } from '../bad-input/naughty-strings.ts'
import { sendRaw } from '../bad-input/raw-http.ts'
import { startTestServer, TEST_KEY } from '../harness/server.ts'
import { DONE, chunk } from '../harness/upstream.ts'
import { internalNames } from './internal-names.ts'
import { startRecorder, type Recorded } from './recorder.ts'

const ANSWER = chunk({ content: 'Hello.' }, { finish_reason: 'stop' }) + DONE
const upstream = await startRecorder('text/event-stream', ANSWER)
const trap = await startRecorder('application/json', '{}')
const server = await startTestServer({
  providers: {
    main: { kind: 'openai-chat', base_url: upstream.baseUrl, api_key: 'provider-key', headers: { 'x-team': 'ours' } },
  },
})
const folder = await mkdtemp(join(tmpdir(), 'antiphon-steering-'))
const secretFile = join(folder, 'secret.txt')
const secret = `file-canary-${randomUUID()}`
await writeFile(secretFile, secret)
after(async () => {
  await server.close()
  await Promise.all([upstream.close(), trap.close(), rm(folder, { recursive: true })])
})

const TRAP_URL = trap.baseUrl

/** Headers that a provider is sent: these, in whatever order, and no others. */
const SENT_HEADERS = [
  'accept',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'user-agent',
  'x-team',
]

/** The one request that reached the provider since the last look: well-formed and of our making. */
function takeOnly(): Recorded {
  const [request, ...more] = upstream.requests.splice(0)
  assert.ok(request !== undefined && more.length === 0, 'exactly one request')
  assert.equal(upstream.leftovers(), '')
  const [line, ...headers] = request.head.split('\r\n')
  assert.equal(line, 'POST /v1/chat/completions HTTP/1.1')
  const names = headers.map((header) => /^([a-z-]+): \S.*$/.exec(header)?.[1] ?? assert.fail(header))
  assert.deepEqual(names.toSorted(), SENT_HEADERS)
  assert.ok(headers.includes('authorization: Bearer provider-key'))
  assert.ok(headers.includes(`host: ${new URL(upstream.baseUrl).host}`))
  return request
}

async function bodyFor(request: object): Promise<Record<string, unknown>> {
  const answer = await server.post('/responses', request)
  assert.equal(answer.status, 200, await answer.clone().text())
  await answer.text()
  return JSON.parse(Buffer.from(takeOnly().body, 'latin1').toString()) as Record<string, unknown>
}

/** A request with a place for extra fields on every level. */
const requestWith = (extra: object, texts: Record<string, string> = {}) => ({
  model: 'main/x',
  input: [
    { role: 'user', content: [{ type: 'input_text', text: 'x', ...extra }], ...extra },
    { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}', ...extra },
    { type: 'function_call_output', call_id: 'c', output: 'x', ...extra },
  ],
  tools: [{ type: 'function', name: 'f', parameters: {}, ...extra }],
  tool_choice: { type: 'function', name: 'f', ...extra },
  reasoning: { effort: 'low', ...extra },
  text: { format: { type: 'json_object', ...extra }, ...extra },
  stream_options: { ...extra },
  metadata: texts,
  ...extra,
})

const names = await internalNames()
const baseline = await bodyFor(requestWith({}))

test('S-06: names were harvested from the source', () => {
  for (const name of ['upstreamModel', 'leaseOwner', 'baseUrl', 'api_key', 'callIdPrefix', 'previousId']) {
    assert.ok(names.includes(name), name)
  }
  assert.ok(names.length > 200)
})

test('S-06, S-20: no internal or steering name, on any level, changes a byte of what the provider is sent', async () => {
  for (const name of names) {
    for (const value of [TRAP_URL, { url: TRAP_URL, authorization: 'Bearer stolen' }]) {
      const extra = JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`) as object
      assert.deepEqual(await bodyFor(requestWith(extra)), baseline, name)
    }
  }
  const all = Object.fromEntries(names.map((name) => [name, TRAP_URL]))
  assert.deepEqual(await bodyFor(requestWith(all)), baseline)
  assert.equal(trap.connections(), 0)
})

const MODELS = [
  'main/x@http://evil.example',
  `main/${TRAP_URL}`,
  'main/../../x',
  'main//evil.example/x',
  'main/x?api_base=http://evil',
  'main/x#y',
  'main/x%0d%0aHost:evil',
  'main/x\\y',
  'main/ x ',
]

for (const model of MODELS) {
  test(`S-20: the model ${model} is a name and no address`, async () => {
    const { model: sent } = await bodyFor({ model, input: 'x' })
    assert.equal(sent, model.slice('main/'.length))
    assert.equal(trap.connections(), 0)
  })
}

test('S-20: chat completions pass a body on, and neither its address nor its headers', async () => {
  const body = { model: 'main/x', messages: [], api_base: TRAP_URL, extra_headers: { authorization: 'Bearer stolen' } }
  const answer = await server.post('/chat/completions', body, { 'x-extra': 'y' })
  assert.equal(await answer.text(), ANSWER)
  assert.deepEqual(JSON.parse(takeOnly().body), { ...body, model: 'x' })
  assert.equal(trap.connections(), 0)
})

/** One string wherever a request holds free text. */
const saying = (text: string) => ({
  ...requestWith({}, { k: [...text].slice(0, 512).join('') }),
  instructions: text,
  user: text,
  prompt_cache_key: [...text].slice(0, 1000).join(''),
  safety_identifier: [...text].slice(0, 100).join(''),
  input: [{ role: 'user', content: text }],
})

test('S-53: whatever the texts of a request are, the head of the call stays the same', async () => {
  const heads = new Set<string>()
  for (const text of [
    ...NAUGHTY_STRINGS,
    'a\r\nX-Injected: 1',
    'a\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    '\u010d\u010a',
    '\u560d\u560aX: y',
  ]) {
    const answer = await server.post('/responses', saying(text))
    assert.equal(answer.status, 200)
    await answer.text()
    for (const [name, value] of answer.headers) assert.match(`${name}: ${value}`, /^[a-z-]+: [\x20-\x7e]+$/)
    heads.add(takeOnly().head.replace(/content-length: \d+/, ''))
  }
  assert.equal(heads.size, 1)
})

test('S-21: paths and file URLs are text: no file is read', async () => {
  for (const text of [
    secretFile,
    `file://${secretFile}`,
    `@${secretFile}`,
    `$(cat ${secretFile})`,
    `os.environ/${secretFile}`,
    '/proc/self/environ',
    'file:///proc/self/environ',
  ]) {
    const sent = JSON.stringify(await bodyFor(saying(text)))
    assert.ok(sent.includes(text))
    assert.ok(!sent.includes(secret) && !sent.includes('PATH='))
  }
})

test('S-24: templates are text: nothing is computed', async () => {
  for (const text of [
    '{{7777*7777}}',
    '${7777*7777}',
    '#{7777*7777}',
    '%{7777*7777}',
    '<%= 7777*7777 %>',
    '{%print(7777*7777)%}',
    '@(7777*7777)',
    '%s%d%n',
    '${jndi:ldap://127.0.0.1/a}',
    '{0.__class__}',
  ]) {
    const answer = await server.post('/responses', saying(text))
    const seen = (await answer.text()) + takeOnly().body
    assert.ok(!seen.includes('60481729'))
  }
})

const BODY = JSON.stringify({ model: 'main/x', input: 'x' })
const BASE = `Host: evil.example\r\nAuthorization: Bearer ${TEST_KEY}\r\nContent-Type: application/json\r\nConnection: close\r\n`
const LENGTH = `Content-Length: ${BODY.length}\r\n`
const chunked = (text: string) => [...text].map((letter) => `1\r\n${letter}\r\n`).join('')

/** Odd requests that are allowed, and hold things which a proxy might pass on. */
const INBOUND: Readonly<Record<string, string>> = {
  'a plain request': `${BASE}${LENGTH}\r\n${BODY}`,
  'chunks of one byte': `${BASE}Transfer-Encoding: chunked\r\n\r\n${chunked(BODY)}0\r\n\r\n`,
  trailers: `${BASE}Transfer-Encoding: chunked\r\nTrailer: X-Evil\r\n\r\n${chunked(BODY)}0\r\nX-Evil: 1\r\nAuthorization: Bearer stolen\r\n\r\n`,
  'an expectation': `${BASE}${LENGTH}Expect: 100-continue\r\n\r\n${BODY}`,
  'an upgrade': `${BASE.replace('close', 'Upgrade, close')}${LENGTH}Upgrade: h2c\r\n\r\n${BODY}`,
  'headers named in Connection': `${BASE.replace('close', 'close, Authorization, X-Evil')}${LENGTH}X-Evil: 1\r\n\r\n${BODY}`,
  'headers of proxies': `${BASE}${LENGTH}X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil\r\nForwarded: for=1.2.3.4\r\nVia: 1.1 x\r\nProxy-Authorization: Basic eA==\r\nTE: trailers\r\nKeep-Alive: timeout=5\r\n\r\n${BODY}`,
  'headers of clients': `${BASE}${LENGTH}Cookie: a=b\r\nUser-Agent: evil\r\nReferer: http://x\r\nOpenAI-Organization: org\r\nOpenAI-Beta: x\r\nX-Stainless-Lang: js\r\nTraceparent: 00-0-0-00\r\nAccept: text/evil\r\nX-Request-ID: evil\r\n\r\n${BODY}`,
  'a header named __proto__': `${BASE}${LENGTH}__proto__: evil\r\nconstructor: evil\r\n\r\n${BODY}`,
}

for (const [name, bytes] of Object.entries(INBOUND)) {
  test(`S-55: ${name}: the provider gets one request, built from nothing that came with it`, async () => {
    const answers = await sendRaw(server.url, `POST /v1/responses HTTP/1.1\r\n${bytes}`)
    assert.equal(answers.at(-1)?.status, 200)
    const { head, body } = takeOnly()
    assert.doesNotMatch(head + body, /evil|stolen|1\.2\.3\.4|test-key/)
    assert.equal(JSON.parse(body).model, 'x')
  })
}

test('S-53: nothing but requests has reached the provider, and nothing the trap', () => {
  assert.equal(upstream.leftovers(), '')
  assert.equal(trap.connections(), 0)
})
