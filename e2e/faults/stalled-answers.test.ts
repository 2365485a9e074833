import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dialStage, rawRequest } from './byte-client.ts'
import { setStage } from './stage.ts'

const STALL_MS = 700

const { server } = await setStage({ timeouts: { client_stall_ms: STALL_MS } })

/** More than all buffers between two sockets of this machine hold. */
const INPUT = `/say ${'x'.repeat(10_000_000)}`

/** How long a connection is looked at that should live on. */
const WATCH_MS = STALL_MS * 2

for (const { what, body } of [
  { what: 'a whole answer', body: { model: 'demo', input: INPUT } },
  { what: 'the end of a stream', body: { model: 'demo', input: INPUT, stream: true } },
]) {
  test(`C-09: a client that never reads ${what} is hung up on`, async () => {
    const client = await dialStage(server.url)
    client.pause()
    client.send(rawRequest(body))
    await untilNobody()
    client.resume()
    assert.match(client.text(), /^HTTP\/1\.1 200 |^$/)
    assert.doesNotMatch((await client.closed).slice(-100), /\r\n0\r\n\r\n$|\}$/)
  })
}

test('C-08: a client that reads a whole answer slowly is told all of it', async () => {
  const client = await dialStage(server.url)
  client.pause()
  client.send(rawRequest({ model: 'demo', input: INPUT }))
  const begun_ms = performance.now()
  client.dawdle(5)
  const text = await client.until(/\}$/)
  assert.match(text, /^HTTP\/1\.1 200 /)
  assert.ok(performance.now() - begun_ms > STALL_MS * 2)
  assert.equal(text.split('\r\n\r\n').at(-1)?.length, Number(/content-length: (\d+)/i.exec(text)?.[1]))
  client.reset()
})

test('C-09: a connection on which nothing is to be read is kept', async () => {
  const client = await dialStage(server.url)
  client.send(rawRequest(undefined, 'GET /v1/models'))
  await client.until(/\}$/)
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
  client.send(rawRequest(undefined, 'GET /v1/models') + rawRequest({ model: 'demo', input: '/wait 1' }))
  await client.until(/"output_text":"Waiting/)
  client.reset()
})

/** Resolves when the server has no connection any more. */
async function untilNobody(): Promise<void> {
  const { server: sockets } = server.server.app
  for (;;) {
    const count = await new Promise<number>((resolve) => sockets.getConnections((_, open) => resolve(open)))
    if (count === 0) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
