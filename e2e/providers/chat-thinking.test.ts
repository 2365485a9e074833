import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../harness/server.ts'
import { chunk, DONE, says, startUpstream, type Upstream } from '../harness/upstream.ts'

/** Dialects that want a model's thinking back as text, and where. */
const FIELDS = {
  vllm: 'reasoning',
  'llama.cpp': 'reasoning_content',
  deepseek: 'reasoning_content',
  openrouter: 'reasoning',
} as const

let upstream: Upstream
let server: TestServer

before(async () => {
  upstream = await startUpstream()
  const providers = [...Object.keys(FIELDS), 'groq'].map((dialect) => [
    dialect.replace('.', ''),
    { kind: 'openai-chat', dialect, base_url: upstream.baseUrl },
  ])
  server = await startTestServer({ providers: Object.fromEntries(providers) as Record<string, unknown> })
})

after(async () => {
  await server.close()
  await upstream.close()
})

async function ask(provider: string, input: unknown, rest: object = {}) {
  const response = await server.post('/responses', { model: `${provider.replace('.', '')}/m`, input, ...rest })
  const warnings = response.headers.get('antiphon-warnings') ?? ''
  const { id, output } = (await response.json()) as { id: string; output: object[] }
  return { id, output, warnings, sent: upstream.received.at(-1)?.body?.['messages'] as Record<string, unknown>[] }
}

for (const [dialect, field] of Object.entries(FIELDS)) {
  test(`What a model at ${dialect} thought comes back to it alone, with a thread and with its items`, async () => {
    upstream.answer(() => ({
      chunks: [
        chunk({ [field]: 'Let me ' }),
        chunk({ [field]: 'think.' }),
        chunk({ content: 'Yes.' }),
        chunk({}, { finish_reason: 'stop' }),
        DONE,
      ],
    }))
    const first = await ask(dialect, 'Hi')
    upstream.answer(() => says('Good.'))
    const asked = { role: 'user', content: 'Hi' }
    for (const again of [
      await ask(dialect, 'Go on.', { previous_response_id: first.id }),
      await ask(dialect, [asked, ...first.output, { role: 'user', content: 'Go on.' }]),
    ]) {
      assert.deepEqual(again.sent[1], { role: 'assistant', content: 'Yes.', [field]: 'Let me think.' })
      assert.equal(again.warnings, '')
    }
    const others = Object.keys(FIELDS).filter((name) => name !== dialect)
    for (const other of [...others, 'groq']) {
      const moved = await ask(other, 'Go on.', { previous_response_id: first.id })
      assert.doesNotMatch(JSON.stringify(moved.sent), /Let me think/)
      assert.match(moved.warnings, /sealed reasoning was left out/)
    }
  })
}
