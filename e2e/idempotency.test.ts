import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import OpenAI from 'openai'
import { startFaultUpstream } from './harness/fault-upstream.ts'
import { OTHER_KEY, startTestServer, TEST_KEY } from './harness/server.ts'

/** How many times requests are sent again, over all. */
const DUPLICATES = Number(process.env['DUPLICATES'] ?? 2000)

const upstream = await startFaultUpstream({})
const server = await startTestServer({
  store: 'sqlite',
  providers: { fake: { kind: 'openai-chat', dialect: 'vllm', base_url: upstream.baseUrl } },
})
after(async () => {
  await server.close()
  await upstream.close()
})

const KINDS = [
  { name: 'JSON', body: {}, status: 200 },
  { name: 'a stream', body: { stream: true }, status: 200 },
  { name: 'a job', body: { background: true }, status: 202 },
  { name: 'JSON that is not stored', body: { store: false }, status: 200 },
] as const

const WAYS = {
  key: (name: string) => ({ 'idempotency-key': `key ${name}` }),
  'SDK retry': () => ({ 'x-stainless-retry-count': '1' }),
  both: (name: string) => ({ 'idempotency-key': `both ${name}`, 'x-stainless-retry-count': '1' }),
} as const

interface Answer {
  readonly status: number
  readonly text: string
}

async function send(body: object, headers: Record<string, string>): Promise<Answer> {
  const answer = await server.post('/responses', body, headers)
  return { status: answer.status, text: await answer.text() }
}

/** How many calls the provider has seen for a tag. */
async function callsOf(tag: string): Promise<number> {
  return (await upstream.counts(tag)).received
}

/** The id of the response that an answer is, or tells of. */
function idIn({ text }: Answer): string {
  return /"id":"(resp_\w+)"/.exec(text)?.[1] ?? assert.fail(text.slice(0, 200))
}

for (const { name, body, status } of KINDS) {
  for (const [way, headersOf] of Object.entries(WAYS)) {
    test(`C-21: ${name}, sent again and again (${way}), is one response and one call each`, async () => {
      const each = 10
      const requests = Math.max(1, Math.round(DUPLICATES / (KINDS.length * Object.keys(WAYS).length * each)))
      for (let number = 0; number < requests; number++) {
        const tag = `${KINDS.findIndex((kind) => kind.name === name)}-${way.replace(' ', '-')}-${number}`
        const request = { model: 'fake/m', input: `Hello [tag:${tag}]`, ...body }
        const headers = headersOf(`${name} ${number}`)
        const first = send(request, way === 'SDK retry' ? { 'x-stainless-retry-count': '0' } : headers)
        if (number % 2 === 0) await first
        const half = Array.from({ length: each / 2 }, () => send(request, headers))
        const answers = [await first, ...(await Promise.all(half))]
        for (let again = 0; again < each / 2; again++) answers.push(await send(request, headers))
        assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([status]))
        assert.equal(new Set(answers.map(idIn)).size, 1)
        if (name !== 'a job') assert.equal(new Set(answers.map(({ text }) => text)).size, 1, 'the same, byte for byte')
        if (name === 'a job') await finished(idIn(answers[0] ?? assert.fail()))
        assert.equal(await callsOf(tag), 1)
      }
    })
  }
}

async function finished(id: string): Promise<void> {
  for (;;) {
    const { status } = (await (await server.get(`/responses/${id}`)).json()) as { status: string }
    if (status !== 'queued' && status !== 'in_progress') return
  }
}

test('the official SDK may name its requests: its retries are one response', async () => {
  const client = new OpenAI({ baseURL: server.base, apiKey: TEST_KEY, maxRetries: 0 })
  const answers = await Promise.all(
    [1, 2, 3].map(() =>
      client.responses
        .create({ model: 'fake/m', input: 'Hello [tag:named]' }, { headers: { 'idempotency-key': 'of the SDK' } })
        .withResponse(),
    ),
  )
  assert.equal(new Set(answers.map(({ data }) => data.id)).size, 1)
  assert.equal(await callsOf('named'), 1)
})

test('an answer that was lost on its way is not made again when the official SDK tries again', async () => {
  let lost = 0
  // A proxy that loses the first answer, whole as it was.
  const client = new OpenAI({
    baseURL: server.base,
    apiKey: TEST_KEY,
    fetch: async (url, init) => {
      const answer = await fetch(url, init)
      if (lost > 0) return answer
      lost++
      await answer.text()
      throw new TypeError('fetch failed')
    },
  })
  const answer = await client.responses.create({ model: 'fake/m', input: 'Hello [tag:lost]' })
  assert.equal(lost, 1)
  assert.equal(answer.status, 'completed')
  assert.equal(await callsOf('lost'), 1)
})

test('S-08: two accounts with one key and one body have a response each', async () => {
  const request = { model: 'fake/m', input: 'shared' }
  const headers = { 'idempotency-key': 'shared' }
  const [mine, theirs] = await Promise.all([
    send(request, headers),
    send(request, { ...headers, authorization: `Bearer ${OTHER_KEY}` }),
  ])
  assert.notEqual(idIn(mine), idIn(theirs))
})

test('C-21: a key with another body is refused, and one that is none', async () => {
  const headers = { 'idempotency-key': 'taken' }
  await send({ model: 'fake/m', input: 'one' }, headers)
  const reused = await send({ model: 'fake/m', input: 'Hello [tag:two]' }, headers)
  assert.deepEqual(
    [reused.status, (JSON.parse(reused.text) as { error: { code: string } }).error.code],
    [422, 'idempotency_key_reused'],
  )
  const two = await send({ model: 'fake/m', input: 'Hello [tag:two]' }, { 'idempotency-key': 'a, b' })
  assert.deepEqual(
    [two.status, (JSON.parse(two.text) as { error: { code: string } }).error.code],
    [400, 'invalid_idempotency_key'],
  )
  assert.equal(await callsOf('two'), 0)
})
