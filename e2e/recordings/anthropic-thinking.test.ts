import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Response as Snapshot } from '../../src/protocol/response.ts'
import { startTestServer, type TestServer } from '../harness/server.ts'
import { startUpstream, type Upstream } from '../harness/upstream.ts'
import { thinkingOf } from './anthropic-oracle.ts'
import { loadRecordings, NO_RECORDINGS, type Recording } from './load.ts'

const recordings = loadRecordings('anthropic-messages').filter(
  (recording) => recording.status === 200 && thinkingOf(recording).length > 0,
)
const OTHER = { choices: [{ index: 0, message: { content: 'Well.' }, finish_reason: 'stop' }] }

let upstream: Upstream
let server: TestServer
before(async () => {
  upstream = await startUpstream()
  const base_url = upstream.baseUrl
  server = await startTestServer({
    providers: { claude: { kind: 'anthropic', base_url }, other: { kind: 'openai-chat', base_url } },
  })
})
after(async () => {
  await server.close()
  await upstream.close()
})

function answerWith({ status, contentType, bytes }: Recording): void {
  const headers = { 'content-type': contentType }
  const other = { headers: { 'content-type': 'application/json' }, chunks: [JSON.stringify(OTHER)] }
  upstream.answer(({ path }) => (path.endsWith('/messages') ? { status, headers, chunks: bytes } : other))
}

async function ask(body: object): Promise<Snapshot> {
  const response = await server.post('/responses', { model: 'claude/claude-sonnet-4-5', ...body })
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Snapshot
}

/** What the user says next: the results of calls come first. */
function reply({ output }: Snapshot): object[] {
  const calls = output.flatMap((item) => (item.type === 'function_call' ? [item.call_id] : []))
  return [
    ...calls.map((call_id) => ({ type: 'function_call_output', call_id, output: 'Done.' })),
    { role: 'user', content: 'Go on.' },
  ]
}

/** Thinking in what reached the upstream last. */
function sentThinking(): readonly object[] {
  const messages = (upstream.received.at(-1)?.body?.['messages'] ?? []) as { content: { type: string }[] | string }[]
  const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content))
  return blocks.filter(({ type }) => type === 'thinking' || type === 'redacted_thinking')
}

for (const recording of recordings) {
  const thinking = thinkingOf(recording)
  test(`${recording.id}: ${thinking.length} blocks of thinking come back to the byte`, async () => {
    answerWith(recording)
    const stored = await ask({ input: 'Think.' })
    await ask({ input: reply(stored), previous_response_id: stored.id })
    assert.deepEqual(sentThinking(), thinking, 'by previous_response_id')
    const loose = await ask({ input: 'Think.', store: false, include: ['reasoning.encrypted_content'] })
    await ask({ input: [{ role: 'user', content: 'Think.' }, ...loose.output, ...reply(loose)], store: false })
    assert.deepEqual(sentThinking(), thinking, 'by encrypted_content')
  })

  test(`${recording.id}: another provider is sent no thinking, which comes back with the next turn here`, async () => {
    answerWith(recording)
    const first = await ask({ input: 'Think.' })
    const away = await ask({ input: reply(first), previous_response_id: first.id, model: 'other/gpt-4o' })
    const sent = JSON.stringify(upstream.received.at(-1)?.body)
    for (const block of thinking) {
      for (const secret of Object.values(block)) if (secret.length > 40) assert.ok(!sent.includes(secret))
    }
    await ask({ input: 'And now?', previous_response_id: away.id })
    assert.deepEqual(sentThinking(), thinking)
  })
}

test('recordings with thinking are there', { skip: NO_RECORDINGS }, () => assert.ok(recordings.length > 0))
