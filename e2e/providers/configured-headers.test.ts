import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestServer } from '../harness/server.ts'
import { says, startUpstream } from '../harness/upstream.ts'

test('Headers of the configuration win, however they are written', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  upstream.answer(() => says('Hello.'))
  const common = { base_url: upstream.baseUrl, api_key: 'ours' }
  const server = await startTestServer({
    providers: {
      chat: { kind: 'openai-chat', ...common, headers: { Authorization: 'Bearer theirs', 'X-Team': 'blue' } },
      claude: { kind: 'anthropic', ...common, headers: { 'Anthropic-Version': '2099-01-01', 'X-API-Key': 'theirs' } },
    },
  })
  context.after(() => server.close())
  await server.post('/responses', { model: 'chat/m', input: 'Hi' })
  await server.post('/responses', { model: 'claude/m', input: 'Hi' })
  const [chat, claude] = upstream.received.map(({ headers }) => headers)
  assert.deepEqual([chat?.authorization, chat?.['x-team']], ['Bearer theirs', 'blue'])
  assert.deepEqual([claude?.['anthropic-version'], claude?.['x-api-key']], ['2099-01-01', 'theirs'])
})
