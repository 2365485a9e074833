import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { connectTo } from './testing/raw-client.ts'
import { testApp } from './testing/test-app.ts'

/** An application that has so little time for requests. */
async function hurried() {
  const context = testApp(openMemoryStore(() => 0))
  const { server } = context.app
  const given = {
    head_ms: server.headersTimeout,
    request_ms: server.requestTimeout,
    // It is on the server, though the types do not say so.
    look_ms: (server as typeof server & { readonly connectionsCheckingInterval: number }).connectionsCheckingInterval,
  }
  Object.assign(server, { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 10 })
  return { ...context, given }
}

const SLOW = [
  { what: 'its head', bytes: 'POST /v1/responses HTTP/1.1\r\nhost: x\r\nx-a' },
  {
    what: 'its body',
    bytes: 'POST /v1/responses HTTP/1.1\r\nhost: x\r\nx-api-key: a-key-of-alice\r\ncontent-length: 50\r\n\r\n{',
  },
] as const

for (const { what, bytes } of SLOW) {
  test(`C-12: a client that never ends ${what} is told 408 in our shape, and hung up on`, async () => {
    const { app } = await hurried()
    const client = await connectTo(app)
    client.socket.write(bytes)
    const text = await client.closed
    assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*"code":"request_timeout"/)
    await app.close()
  })
}

test('C-12: a head has 20 seconds, a whole request two minutes, and both are looked at every few', async () => {
  const { app, given } = await hurried()
  await app.close()
  assert.deepEqual(given, { head_ms: 20_000, request_ms: 120_000, look_ms: 5000 })
})
