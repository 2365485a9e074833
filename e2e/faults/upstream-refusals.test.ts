import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { impatientClock } from '../harness/impatient-clock.ts'
import { startTestServer } from '../harness/server.ts'
import { chunk, DONE, says, startUpstream, type Answer } from '../harness/upstream.ts'
import { endingOf, problemIn, setStage, type Stage } from './stage.ts'

const READY = new Map<string, Answer>()

/** A stage of its own for each test: what is learned of a provider's limits must not reach the next. */
const fresh = (): Promise<Stage> => setStage({ clock: impatientClock(), override: ({ tag }) => READY.get(tag) })

const refusal = (status: number, error: object, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  chunks: [JSON.stringify({ error })],
})

/** What a provider says of when to come again, and what we say. */
const WAITS = [
  { said: 'retry-after=3600', ours: '60' },
  { said: '', ours: '2' },
  { said: 'retry-after="Wed, 21 Oct 2065 07:28:00 GMT"', ours: '60' },
  { said: 'retry-after="Wed, 21 Oct 2015 07:28:00 GMT"', ours: '1' },
  { said: 'retry-after=soon', ours: '2' },
  { said: 'retry-after=-5', ours: '1' },
] as const

for (const { said, ours } of WAITS) {
  test(`U-19: a provider that limits us with ${said || 'no word of when'}: 429, and to come again after ${ours} s`, async () => {
    const { ask } = await fresh()
    const answer = await ask(`[do: 429 ${said}]`)
    assert.deepEqual(await problemIn(answer).then(({ status, code }) => [status, code]), [429, 'rate_limit_exceeded'])
    assert.equal(answer.headers.get('retry-after'), ours)
  })
}

for (const status of [401, 403]) {
  test(`U-20: a provider that refuses our key with ${status}: 503, and the client's key is not blamed`, async () => {
    READY.set('key', refusal(status, { message: 'Incorrect API key provided: key-of-the-provider.' }))
    const stage = await fresh()
    const problem = await problemIn(await stage.ask('[tag:key]'))
    assert.deepEqual([problem.status, problem.code], [503, 'upstream_auth_failed'])
    assert.doesNotMatch(problem.message, /key-of-the-provider|Incorrect/)
    assert.equal((await stage.upstream.counts('key')).received, 1)
  })
}

/** What the client has asked for and the provider refuses. */
const THEIRS = [
  { error: { message: 'Too long.', code: 'context_length_exceeded' }, code: 'context_length_exceeded' },
  { error: { message: 'Filtered.', code: 'content_filter' }, code: /content_filter|content_policy|upstream_rejected/ },
] as const

for (const { error, code } of THEIRS) {
  test(`U-21: a provider that refuses the input as ${error.code}: 400, and it is not asked again`, async () => {
    READY.set('theirs', refusal(400, error))
    const stage = await fresh()
    const problem = await problemIn(await stage.ask('[tag:theirs]'))
    assert.equal(problem.status, 400)
    assert.match(problem.code, new RegExp(code))
    assert.equal((await stage.upstream.counts('theirs')).received, 1)
  })
}

test('U-21: an answer that a filter stops is incomplete, and says so', async () => {
  READY.set('filter', { chunks: [chunk({ content: 'Well' }), chunk({}, { finish_reason: 'content_filter' }), DONE] })
  const { final } = await (await fresh()).stream('[tag:filter]')
  assert.deepEqual([final.status, final.incomplete_details?.reason], ['incomplete', 'content_filter'])
})

for (const status of [502, 520, 530]) {
  test(`U-22: a page with status ${status} is a 503 in JSON, without a word of it`, async () => {
    const { ask } = await fresh()
    const answer = await ask(`[do: ${status} page]`)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    const problem = await problemIn(answer)
    assert.deepEqual([problem.status, problem.code], [503, 'upstream_unavailable'])
    assert.doesNotMatch(problem.message, /<|html/i)
  })
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`U-24: a redirect (${status}) is not followed: neither body nor key go anywhere else`, async () => {
    const elsewhere = await startUpstream()
    after(() => elsewhere.close())
    elsewhere.answer(() => says('Stolen.'))
    READY.set('redirect', { status, headers: { location: `${elsewhere.baseUrl}/chat/completions` }, chunks: [] })
    const stage = await fresh()
    for (const stream of [true, false]) {
      const problem = await problemIn(await stage.ask('[tag:redirect]', { stream }))
      assert.equal(problem.status, 503)
      assert.match(problem.code, /^upstream_/)
      assert.doesNotMatch(problem.message, /127\.0\.0\.1/)
    }
    assert.equal(elsewhere.received.length, 0)
  })
}

/** A provider of bytes, which says the same to everybody. */
async function byteProvider(head: readonly string[], body: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(`${['HTTP/1.1 200 OK', ...head].join('\r\n')}\r\n\r\n${body}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` // It listens on a port.
}

const BODY = [chunk({ content: 'Fine.' }), chunk({}, { finish_reason: 'stop' }), DONE].join('')
const TYPE = 'content-type: text/event-stream'

/** Heads of answers, and whether the answer can be read at all. */
const HEADS: Readonly<Record<string, readonly [head: readonly string[], isRead: boolean]>> = {
  'cookies and keys': [[TYPE, 'set-cookie: a=b', 'x-goog-api-key: hush', 'www-authenticate: Basic'], true],
  '12 KB of headers': [[TYPE, ...Array.from({ length: 100 }, (_, index) => `x-${index}: ${'v'.repeat(110)}`)], true],
  '100 KB of headers': [[TYPE, `x-long: ${'v'.repeat(100_000)}`], false],
  'a folded header': [[TYPE, 'x-a: b', ' injected: yes'], false],
  'a line feed in a header': [[TYPE, 'x-a: b\ninjected: yes'], false],
}

for (const [name, [head, isRead]] of Object.entries(HEADS)) {
  test(`U-29: a provider's head with ${name}: ${isRead ? 'answered' : 'a clean failure'}, and nothing of it relayed`, async () => {
    const providers = { raw: { kind: 'openai-chat', base_url: await byteProvider(head, BODY) } }
    const server = await startTestServer({ providers, clock: impatientClock() })
    const answer = await server.post('/responses', { model: 'raw/any', input: 'Hi' })
    const text = await answer.text()
    await server.close()
    for (const unwanted of ['set-cookie', 'x-goog-api-key', 'www-authenticate', 'x-0', 'x-a', 'injected', 'x-long']) {
      assert.equal(answer.headers.get(unwanted), null)
    }
    assert.equal(answer.status, isRead ? 200 : 503, text)
  })
}

test('U-30: ids and types of a provider do not reach our events, whatever they are', async () => {
  const evil = 'x\n\nevent: response.completed\ndata: {}\n\n'
  const odd = (delta: object) =>
    `data: ${JSON.stringify({ id: evil, object: evil, model: evil, choices: [{ index: 0, delta }] })}\n\n`
  const named = {
    index: 0,
    id: `${evil}${'y'.repeat(1_000_000)}`,
    type: evil,
    function: { name: 'f', arguments: '{}' },
  }
  const chunks = [
    odd({ role: evil, content: 'Hi' }),
    odd({ tool_calls: [named] }),
    chunk({}, { finish_reason: 'stop' }),
    DONE,
  ]
  READY.set('evil', { chunks })
  const stage = await fresh()
  const text = await (await stage.ask('[tag:evil]', { stream: true })).text()
  const { events, final } = endingOf(text)
  const names = Array.from(text.matchAll(/^event: (.*)$/gm), ([, name]) => name)
  assert.deepEqual(
    names,
    events.map(({ type }) => type),
  )
  assert.equal(names.filter((name) => name === 'response.completed').length, 1)
  assert.match(final.id, /^resp_[0-9a-f]{48}$/)
})
