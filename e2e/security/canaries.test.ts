import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { systemClock, type Clock } from '../../src/engine/clock.ts'
import { OTHER_KEY, startTestServer, TEST_KEY } from '../harness/server.ts'
import { chunk, DONE, startUpstream, type Answer } from '../harness/upstream.ts'

/** Strings that exist nowhere else: whoever finds one knows where it came from. */
const canary = (what: string) => `${what}-canary-${randomUUID()}`
const KEYS = { provider: `sk-${randomUUID()}`, header: canary('header'), client: TEST_KEY, other: OTHER_KEY }
const CONTENT = {
  prompt: canary('prompt'),
  instructions: canary('instructions'),
  answer: canary('answer'),
  reasoning: canary('reasoning'),
  argument: canary('argument'),
  toolOutput: canary('output'),
  metadata: canary('metadata'),
  description: canary('description'),
  user: canary('user'),
  image: canary('image'),
}

const folder = await mkdtemp(join(tmpdir(), 'antiphon-canaries-'))
const upstream = await startUpstream()
const lines: string[] = []
const sink = new Writable({
  write(line: Buffer, _, done) {
    lines.push(line.toString())
    done()
  },
})
/** The time of this machine, but for the waits before another try. */
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === 500 || ms === 1000 ? 1 : ms, signal),
}
const server = await startTestServer({
  clock,
  providers: {
    main: {
      kind: 'openai-chat',
      base_url: upstream.baseUrl,
      api_key: KEYS.provider,
      headers: { 'x-secret': KEYS.header },
    },
  },
  store: { path: join(folder, 'antiphon.db') },
  settings: { server: { host: '127.0.0.1', port: 0, base_paths: ['/v1'], metrics: true } },
  logger: pino({ level: 'trace', base: null }, sink),
})
after(async () => {
  await server.close()
  await upstream.close()
  await rm(folder, { recursive: true })
})

/** Everything that has been heard from the server. */
const heard: string[] = []

async function hear(answer: Response): Promise<string> {
  const text = await answer.text()
  heard.push(text, JSON.stringify([...answer.headers]))
  return text
}

let models = 0

/** A model that nobody has asked for: one that is limited is given a rest. */
const freshModel = () => `main/x${models++}`

/** A request that holds all of the content. */
const request = (extra: object) => ({
  model: freshModel(),
  instructions: CONTENT.instructions,
  metadata: { [CONTENT.metadata.slice(0, 64)]: CONTENT.metadata },
  user: CONTENT.user,
  tools: [{ type: 'function', name: 'f', description: CONTENT.description, parameters: {} }],
  input: [
    { role: 'user', content: [{ type: 'input_text', text: CONTENT.prompt }] },
    { type: 'function_call', call_id: 'c', name: 'f', arguments: JSON.stringify({ a: CONTENT.argument }) },
    { type: 'function_call_output', call_id: 'c', output: CONTENT.toolOutput },
  ],
  ...extra,
})

const SPOKEN_CHUNKS = [
  chunk({ reasoning_content: CONTENT.reasoning }),
  chunk({ content: CONTENT.answer }),
  chunk({ tool_calls: [{ index: 0, id: 'd', function: { name: 'f', arguments: CONTENT.argument } }] }),
  chunk({}, { finish_reason: 'tool_calls' }),
  DONE,
]
const SPOKEN: Answer = { chunks: SPOKEN_CHUNKS }

/** Ways in which a secret may be spelt. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex'), [...bytes].reverse().join(',')]
}

function assertAbsent(secrets: Readonly<Record<string, string>>, texts: readonly string[], where: string): void {
  for (const [name, secret] of Object.entries(secrets)) {
    for (const spelling of spellings(secret)) {
      const found = texts.find((text) => text.includes(spelling))
      assert.equal(found, undefined, `${name} in ${where}: ${found?.slice(0, 300)}`)
    }
  }
}

const { provider: KEY } = KEYS
const failure = (status: number, message: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  chunks: [
    JSON.stringify({ error: { message, type: 'invalid_request_error', code: 'invalid_api_key', param: 'messages' } }),
  ],
})
const sse = (...texts: string[]): Answer => ({ chunks: texts })

/** Ways in which a provider has been seen to hand out the key that it was given. */
const LEAKS: Readonly<Record<string, Answer>> = {
  'in the message of a 401': failure(401, `Incorrect API key provided: ${KEY}.`),
  'in the message of a 403': failure(403, `Key ${KEY} has no access.`),
  'in the message of a 400': failure(400, `Bad header: authorization: Bearer ${KEY}`),
  'in the message of a 404': failure(404, `No model for ${KEY}`),
  'in the message of a 429': failure(429, `Limit reached for ${KEY}`, { 'retry-after': '3600' }),
  'in the message of a 500': failure(500, `Failed with ${KEY}`),
  'in Base64': failure(400, `Bad header: Basic ${btoa(`:${KEY}`)} and ${btoa(KEY)}`),
  'in a URL': failure(400, `POST https://x.example/v1?key=${KEY}&api_key=${encodeURIComponent(KEY)} failed`),
  'in half a mask': failure(400, `Incorrect API key provided: ${KEY.slice(0, 8)}****${KEY.slice(-4)}.`),
  'from a configured header': failure(400, `Unknown x-secret: ${KEYS.header}`),
  'in headers': {
    ...SPOKEN,
    headers: {
      'content-type': 'text/event-stream',
      authorization: `Bearer ${KEY}`,
      'x-goog-api-key': KEY,
      'set-cookie': `key=${KEY}`,
      'x-request-id': KEY,
    },
  },
  'in a redirect': { status: 307, headers: { location: `https://x.example/?key=${KEY}` } },
  'in a page': { status: 502, headers: { 'content-type': 'text/html' }, chunks: [`<html>Bad gateway ${KEY}</html>`] },
  'in a page with status 200': { headers: { 'content-type': 'text/html' }, chunks: [`<html>${KEY}</html>`] },
  'in a comment of the stream': sse(`: ${KEY}\n\n`, ...SPOKEN_CHUNKS),
  'in the name of an event': sse(`event: ${KEY}\nid: ${KEY}\n`, ...SPOKEN_CHUNKS),
  'in an error within the stream': sse(
    chunk({ content: 'x' }),
    `data: {"error":{"message":"Bad key ${KEY}","code":401}}\n\n`,
  ),
  'in an error within the stream, cut in pieces': sse(
    chunk({ content: 'x' }),
    `data: {"error":{"message":"Bad key ${KEY.slice(0, 9)}`,
    `${KEY.slice(9)}"}}\n\n`,
  ),
  'in an error that comes first': sse(`data: {"error":"Bad key ${KEY}"}\n\n`),
  'in what is no JSON': sse(`data: {"broken ${KEY}\n\n`),
  'in fields that nobody reads': sse(
    `data: {"id":"${KEY}","model":"${KEY}","system_fingerprint":"${KEY}","choices":[{"index":0,"delta":{"content":"x","${KEY}":1},"finish_reason":"stop"}]}\n\n`,
    DONE,
  ),
  'in the code and the parameter of an error': {
    status: 400,
    headers: { 'content-type': 'application/json' },
    chunks: [JSON.stringify({ error: { message: 'x', code: KEY, param: KEY, type: KEY } })],
  },
}

for (const [name, answer] of Object.entries(LEAKS)) {
  test(`S-30, S-32: the provider hands out its key ${name}: no client sees it`, async () => {
    upstream.answer(() => answer)
    for (const extra of [{ stream: true }, { stream: false }, { store: false }]) {
      await hear(await server.post('/responses', request(extra)))
    }
    await hear(await server.post('/chat/completions', { model: freshModel(), messages: [] }))
    const texts = heard.splice(0)
    // A masked key is no key; what must not be shown is as much of it as could be used.
    assertAbsent({ provider: KEY, header: KEYS.header }, texts, name)
  })
}

test('S-31, S-33: no key and no content is in the metrics, or in any line of the log at the level that says most', async () => {
  upstream.answer(() => SPOKEN)
  const image = `https://x.example/${CONTENT.image}`
  await hear(await server.post('/responses', request({ stream: true })))
  await hear(
    await server.post(
      '/responses',
      request({ input: [{ role: 'user', content: [{ type: 'input_image', image_url: image }] }] }),
    ),
  )
  await hear(await server.post('/responses', request({ background: true })))
  await hear(await server.post('/responses', `{"model":"demo","input":"${CONTENT.prompt}`))
  await hear(await server.get(`/responses/${CONTENT.prompt}?stream=${CONTENT.prompt}`))
  await hear(await server.get(`/${CONTENT.prompt}`))
  for (const key of [`wrong-${KEYS.client}`, `${KEYS.other}x`]) {
    await hear(
      await fetch(`${server.base}/models`, { headers: { authorization: `Bearer ${key}`, cookie: CONTENT.prompt } }),
    )
  }
  await hear(await fetch(`${server.base}/models`, { headers: { 'x-api-key': KEYS.client } }))
  assert.ok(lines.length > 50)
  assertAbsent({ ...KEYS, ...CONTENT }, lines, 'the log')
  const metrics = await hear(await fetch(`${server.url}/metrics`))
  assert.match(metrics, /^antiphon_responses_total\{provider="main",status="completed"\}/m)
  assertAbsent({ ...KEYS, ...CONTENT }, [metrics], 'the metrics')
})

test('S-34: what clients are told names no file, line, statement or program of ours', async () => {
  upstream.answer(() => ({ end: 'reset' }))
  await hear(await server.post('/responses', request({ store: false })))
  await hear(await server.post('/responses', { model: 'demo', input: '/fail 500' }))
  await hear(await server.post('/responses', { model: 'demo', input: '/break 500', stream: true }))
  assert.ok(heard.length > 0)
  const inside =
    /node:|node_modules|\.[cm]?[jt]s\b|at \S+ \(|SQLITE|\bSELECT\b|\bINSERT\b|fastify|undici|pino|ECONN|127\.0\.0\.1:\d+|\/src\/|\/tmp\/|x-powered-by|"server"/i
  for (const text of heard) assert.doesNotMatch(text, inside)
  assertAbsent(KEYS, heard, 'an answer')
})

/** Every byte of every file beside the database, the log of SQLite included. */
async function folderBytes(): Promise<string[]> {
  const files = await readdir(folder)
  assert.ok(files.includes('antiphon.db'))
  return Promise.all(files.map((file) => readFile(join(folder, file), 'latin1')))
}

test('S-35, S-36: of what is not stored, no file holds a byte', async () => {
  upstream.answer(() => SPOKEN)
  const fresh = Object.fromEntries(Object.entries(CONTENT).map(([name]) => [name, canary(`unstored-${name}`)]))
  const renew = (text: string) =>
    Object.entries(CONTENT).reduce((all, [name, old]) => all.replaceAll(old, fresh[name] ?? ''), text)
  upstream.answer(() => ({ chunks: SPOKEN_CHUNKS.map(renew) }))
  const ids: string[] = []
  for (const extra of [{ stream: false }, { stream: true }]) {
    const body = renew(JSON.stringify(request({ ...extra, store: false })))
    const text = await (await server.post('/responses', body)).text()
    assert.ok(text.includes(fresh['answer'] ?? assert.fail()), 'the answer itself is given')
    ids.push(/resp_[0-9a-f]{48}/.exec(text)?.[0] ?? assert.fail())
  }
  const files = await folderBytes()
  assertAbsent(fresh, files, 'the folder')
  assertAbsent(Object.fromEntries(ids.map((id) => [id, id])), files, 'the folder')
  await server.post('/responses', JSON.stringify(request({})))
  assert.ok(
    (await folderBytes()).some((text) => text.includes(CONTENT.prompt)),
    'what is stored would be found',
  )
})

test('S-31: no key is in any file beside the database', async () => {
  assertAbsent(KEYS, await folderBytes(), 'the folder')
})
