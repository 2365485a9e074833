import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { grammarFaults } from '../src/core/grammar.ts'
import { readStream, startTestServer, TEST_KEY } from './harness/server.ts'
import { says, startUpstream, type Answer } from './harness/upstream.ts'

const [first, second] = await Promise.all([startUpstream(), startUpstream()])
const server = await startTestServer({
  providers: {
    first: { kind: 'openai-chat', base_url: first.baseUrl },
    second: { kind: 'openai-chat', base_url: second.baseUrl },
    narrow: { kind: 'openai-chat', base_url: first.baseUrl, concurrency: 1, queue_ms: 60_000 },
    narrower: { kind: 'openai-chat', base_url: first.baseUrl, concurrency: 1, queue_ms: 0 },
  },
  models: {
    fast: { provider: 'first', upstream_model: 'm1', fallback: ['spare'] },
    mixed: { provider: 'first', upstream_model: 'm1', fallback: ['demo', 'spare'] },
    spare: { provider: 'second', upstream_model: 'm2' },
    full: { provider: 'narrower', upstream_model: 'm1', fallback: ['spare'] },
  },
})
after(async () => {
  await server.close()
  await Promise.all([first.close(), second.close()])
})

let before: readonly [number, number] = [0, 0]
beforeEach(() => {
  before = [first.received.length, second.received.length]
  first.answer(() => says('I am the first.'))
  second.answer(() => says('I am the second.'))
})

/** How often each upstream was asked by this test. */
const asked = () => [first.received.length - before[0], second.received.length - before[1]]

/** A response as JSON. */
interface Told {
  readonly id: string
  readonly model: string
  readonly status: string
  readonly output_text: string
}

const toldBy = async (answer: Response) => (await answer.json()) as Told

/** The response that a stream ends with. */
const endOf = (events: readonly Record<string, unknown>[]) => events.at(-1)?.['response'] as Told

const error = (status: number, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  chunks: [JSON.stringify({ error: { message: 'It failed.' } })],
})

const failures: Readonly<Record<string, Answer>> = {
  'a 500': error(500),
  'a 503 that says when': error(503, { 'retry-after': '3600' }),
  'a 401': error(401),
  'a 404': error(404),
  'a reset': { end: 'reset' },
  'an error that comes first': { chunks: ['data: {"error":{"message":"Overloaded.","code":529}}\n\n'] },
}
for (const [name, failure] of Object.entries(failures)) {
  for (const stream of [false, true]) {
    test(`U-27: after ${name} the ${stream ? 'stream' : 'answer'} is of the fallback: one response, and no gap`, async () => {
      first.answer(() => failure)
      const answer = await server.post('/responses', { model: 'fast', input: 'Hello', stream })
      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('antiphon-route'), 'second/m2; attempt=2')
      assert.match(answer.headers.get('antiphon-warnings') ?? '', /^spare was asked in place of fast/)
      const events = stream ? await readStream(answer) : []
      const final = stream ? endOf(events) : await toldBy(answer)
      assert.deepEqual([final.model, final.output_text], ['fast', 'I am the second.'])
      if (stream) assert.deepEqual(grammarFaults(events as unknown as Parameters<typeof grammarFaults>[0]), [])
      assert.equal(second.received.at(-1)?.body?.['model'], 'm2')
      assert.deepEqual(await toldBy(await server.get(`/responses/${final.id}`)), final)
      assert.deepEqual(asked(), [1, 1])
    })
  }
}

test('a job turns to the fallback like any other', async () => {
  first.answer(() => error(500))
  const { id } = await toldBy(await server.post('/responses', { model: 'fast', input: 'Hello', background: true }))
  const { status, output_text } = endOf(await readStream(await server.get(`/responses/${id}?stream=true`)))
  assert.deepEqual([status, output_text], ['completed', 'I am the second.'])
})

test('what the client has done wrong is told, and nobody else is asked', async () => {
  first.answer(() => error(400))
  const answer = await server.post('/responses', { model: 'fast', input: 'Hello' })
  assert.deepEqual([answer.status, asked()], [400, [1, 0]])
  assert.equal(answer.headers.get('antiphon-route'), null)
})

test('U-26: an answer that breaks off is not gone on with by another model', async () => {
  const [opening = ''] = (says('Half').chunks ?? []).slice(1).map(String)
  first.answer(() => ({ chunks: [opening], end: 'cut' }))
  const answer = await server.post('/responses', { model: 'fast', input: 'Hello' })
  const { status, output_text } = await toldBy(answer)
  assert.deepEqual([status, output_text, asked()], ['failed', 'Half', [1, 0]])
  assert.equal(answer.headers.get('antiphon-route'), 'first/m1; attempt=1')
})

test('chat completions turn to the first fallback that speaks them, and say so', async () => {
  first.answer(() => error(503))
  const answer = await server.post('/chat/completions', { model: 'mixed', messages: [], stream: true })
  assert.match(await answer.text(), /I am the second\./)
  assert.equal(answer.headers.get('antiphon-route'), 'second/m2; attempt=2')
  assert.equal(answer.headers.get('antiphon-warnings'), 'spare was asked in place of mixed')
  assert.deepEqual(asked(), [1, 1])
})

test('calls beyond the concurrency of a provider come one after the other', async () => {
  let [inFlight, most] = [0, 0]
  first.answer(async () => {
    most = Math.max(most, ++inFlight)
    await new Promise((resolve) => setImmediate(resolve))
    inFlight--
    return says('Done.')
  })
  const answers = await Promise.all(
    Array.from({ length: 5 }, async (_, index) => {
      const answer = await server.post('/responses', { model: 'narrow/m', input: 'Hello', stream: index % 2 === 0 })
      await answer.text()
      return answer.status
    }),
  )
  assert.deepEqual([answers, most], [[200, 200, 200, 200, 200], 1])
})

test('where nobody may wait, the next call goes to the fallback, or is told when to come back', async () => {
  const hanging = Promise.withResolvers<string>()
  first.answer(() => ({ chunks: [hanging.promise] }))
  const leaving = new AbortController()
  const held = fetch(`${server.base}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'narrower/m', input: 'Hello' }),
    signal: leaving.signal,
  })
  while (first.received.length === before[0]) await new Promise((resolve) => setImmediate(resolve))
  const turned = await server.post('/responses', { model: 'full', input: 'Hello' })
  assert.equal(turned.headers.get('antiphon-route'), 'second/m2; attempt=1')
  const refused = await server.post('/chat/completions', { model: 'narrower/m', messages: [] })
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '2'])
  assert.match(await refused.text(), /"code":"upstream_unavailable"/)
  leaving.abort()
  await assert.rejects(held)
  await first.received.at(-1)?.closed
  first.answer(() => says('Free again.'))
  for (let isFree = false; !isFree;) {
    isFree = (await server.post('/responses', { model: 'narrower/m', input: 'Hello' })).status === 200
  }
  hanging.resolve('')
})
