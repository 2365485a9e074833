import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Response as Snapshot } from '../../src/protocol/response.ts'
import { startTestServer, type TestServer } from '../harness/server.ts'
import { says, startUpstream, type Upstream } from '../harness/upstream.ts'
import { loadRecordings, NO_RECORDINGS, type Recording } from './load.ts'
import { itemsToReturn } from './openai-responses-oracle.ts'

/** It lets the provider call tools that no client offers: their calls are answered by nobody. */
const CALLS_FOR_NOBODY = 'resp-xai-010'

const recordings = loadRecordings('openai-responses').filter(
  (recording) =>
    recording.status === 200 &&
    recording.id !== CALLS_FOR_NOBODY &&
    /(?:"object": ?"response"|response\.completed)/.test(recording.pieces.join('')) &&
    itemsToReturn(recording).length > 0,
)

let upstream: Upstream
let server: TestServer
before(async () => {
  upstream = await startUpstream()
  const base_url = upstream.baseUrl
  server = await startTestServer({
    providers: {
      own: { kind: 'openai-responses', api_key: 'key', base_url },
      other: { kind: 'openai-chat', base_url },
      second: { kind: 'openai-responses', api_key: 'key', base_url },
    },
  })
})
after(async () => {
  await server.close()
  await upstream.close()
})

function answerWith({ status, contentType, bytes }: Recording): void {
  const headers = { 'content-type': contentType }
  upstream.answer(({ path }) => (path.endsWith('/responses') ? { status, headers, chunks: bytes } : says('Well.')))
}

async function ask(body: object): Promise<Snapshot> {
  const response = await server.post('/responses', body)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Snapshot
}

/** What the user says next: the results of calls come first. */
function reply({ output }: Snapshot): object[] {
  const results = output.flatMap((item) => {
    if (item.type !== 'function_call' && item.type !== 'custom_tool_call') return []
    return [{ type: `${item.type}_output`, call_id: item.call_id, output: 'Done.' }]
  })
  return [...results, { role: 'user', content: 'Go on.' }]
}

type Item = Readonly<Record<string, unknown>>

const OURS = new Set<unknown>([
  'message',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
])

/** What reached the upstream last of items that are not told in words of ours. */
function sent(): readonly Item[] {
  const input = (upstream.received.at(-1)?.body?.['input'] ?? []) as readonly Item[] // Our own request.
  return input.filter(({ type }) => !OURS.has(type))
}

for (const recording of recordings) {
  const expected = itemsToReturn(recording)
  const model = 'own/gpt-5'

  test(`${recording.id}: ${expected.length} items come back as they came, in their order`, async () => {
    answerWith(recording)
    const stored = await ask({ model, input: 'Think.' })
    await ask({ model, input: reply(stored), previous_response_id: stored.id })
    assert.deepEqual(sent(), expected, 'by previous_response_id')
    const loose = await ask({ model, input: 'Think.', store: false, include: ['reasoning.encrypted_content'] })
    const history = [{ role: 'user', content: 'Think.' }, ...loose.output, ...reply(loose)]
    await ask({ model, input: history, store: false })
    assert.deepEqual(sent(), expected, 'by encrypted_content')
  })

  test(`${recording.id}: nobody else is sent any of it; it comes back with the next turn here`, async () => {
    answerWith(recording)
    const first = await ask({ model, input: 'Think.' })
    const away = await ask({ model: 'second/gpt-5', input: reply(first), previous_response_id: first.id })
    assert.deepEqual(sent(), [])
    const farther = await ask({ model: 'other/gpt-4o', input: reply(away), previous_response_id: away.id })
    const body = JSON.stringify(upstream.received.at(-1)?.body)
    for (const { id, encrypted_content: seal } of expected) {
      assert.ok(![id, seal].some((secret) => typeof secret === 'string' && body.includes(secret)))
    }
    answerWith(recording)
    await ask({ model, input: 'And now?', previous_response_id: farther.id })
    assert.deepEqual(sent(), expected)
  })
}

test('recordings of what must come back are there', { skip: NO_RECORDINGS }, () => assert.ok(recordings.length > 0))
