import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Response as Snapshot } from '../../src/protocol/response.ts'
import { startTestServer } from '../harness/server.ts'
import { startUpstream } from '../harness/upstream.ts'

const THINKING = { type: 'thinking', thinking: 'Hm.', signature: 'signed-by-claude' }
const ANSWER = {
  content: [THINKING, { type: 'text', text: 'Yes.' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 5, output_tokens: 3 },
}
const KEY = 'a-sealing-key-of-32-characters-.'

/** Clients of servers without a data folder, one for each key, and what reaches their provider last. */
async function clientsOf(context: TestContext, keys: readonly string[]) {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  upstream.answer(() => ({ headers: { 'content-type': 'application/json' }, chunks: [JSON.stringify(ANSWER)] }))
  const providers = { claude: { kind: 'anthropic', base_url: upstream.baseUrl } }
  const servers = await Promise.all(
    keys.map((sealing_key) => startTestServer({ providers, settings: { sealing_key }, store: 'memory' })),
  )
  context.after(() => Promise.all(servers.map((server) => server.close())))
  const ask = async (server: number, input: unknown) => {
    const request = { model: 'claude/claude-sonnet-4-5', store: false, include: ['reasoning.encrypted_content'], input }
    const response = await servers[server]?.post('/responses', request)
    assert.ok(response?.status === 200)
    const { output } = (await response.json()) as Snapshot
    return { output, warnings: response.headers.get('antiphon-warnings') }
  }
  return { ask, sent: () => JSON.stringify(upstream.received.at(-1)?.body) }
}

test('Whoever has the sealing key takes back what another process has sealed; nobody else does', async (context) => {
  const { ask, sent } = await clientsOf(context, [KEY, KEY, `${KEY}!`])
  const { output } = await ask(0, 'Hi')
  const again = [{ role: 'user', content: 'Hi' }, ...output, { role: 'user', content: 'Go on.' }]
  const known = await ask(1, again)
  assert.match(sent(), /signed-by-claude/)
  assert.equal(known.warnings, null)
  const foreign = await ask(2, again)
  assert.doesNotMatch(sent(), /signed-by-claude/)
  assert.match(foreign.warnings ?? '', /sealed reasoning was left out/)
})
