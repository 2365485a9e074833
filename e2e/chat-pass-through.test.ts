import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from './harness/server.ts'
import { chunk, startUpstream, type Upstream } from './harness/upstream.ts'

let upstream: Upstream
let server: TestServer

before(async () => {
  upstream = await startUpstream()
  server = await startTestServer({ providers: { local: { kind: 'openai-chat', base_url: upstream.baseUrl } } })
})

after(async () => {
  await server.close()
  await upstream.close()
})

test('a passed-on stream that the provider breaks off is cut, and does not hang', { timeout: 5000 }, async () => {
  upstream.answer(() => ({ chunks: [chunk({ content: 'Half ' })], end: 'cut' }))
  const answer = await server.post('/chat/completions', { model: 'm', messages: [], stream: true })
  assert.equal(answer.status, 200)
  await assert.rejects(answer.text(), { message: 'terminated' })
})
