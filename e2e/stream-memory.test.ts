import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { collect } from './harness/heap.ts'
import { startTestServer, TEST_KEY } from './harness/server.ts'
import { chunk } from './harness/upstream.ts'

/** Long enough to stand out of all else that the heap of a test does. */
const INPUT_CHARS = 8_000_000

/** A provider that says one word and falls silent, and keeps nothing of what it is sent. */
async function silentProvider(context: TestContext): Promise<string> {
  const server = createServer((asked, answer) => {
    asked.resume().once('end', () => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' })
      answer.write(chunk({ content: 'Hello' }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` // It listens on a port.
}

/** Asks for a stream, and waits for its first word. */
async function openStream(base: string, input: string): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' }
  const asked = request(`${base}/responses`, { method: 'POST', headers })
  asked.end(JSON.stringify({ model: 'silent/model', input, stream: true }))
  const [answer] = (await once(asked, 'response')) as [IncomingMessage] // Node's event.
  let text = ''
  for await (const piece of answer.iterator({ destroyOnReturn: false })) {
    text += String(piece)
    if (text.includes('"delta":"Hello"')) break
  }
  return answer
}

function heldBytes(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('A stream that has begun keeps no copy of its input, however long its model is silent', async (context) => {
  const providers = { silent: { kind: 'openai-chat', base_url: await silentProvider(context) } }
  const server = await startTestServer({ providers, store: 'sqlite' })
  context.after(() => server.close())
  const streams = [await openStream(server.base, 'Hi')] // Everything is compiled and opened for it.
  const before = heldBytes()
  streams.push(await openStream(server.base, 'x'.repeat(INPUT_CHARS)))
  const held = heldBytes() - before
  for (const stream of streams) stream.destroy()
  assert.ok(held < INPUT_CHARS / 4, `${held} bytes are held for an input of ${INPUT_CHARS}.`)
})
