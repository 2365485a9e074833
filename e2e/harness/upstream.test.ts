import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { chunk, startUpstream } from './upstream.ts'

/** Opens a connection and sends the beginning of a request. */
async function begin(baseUrl: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(baseUrl)
  const socket = connect(Number(port), hostname).on('error', () => {}) // Some of them are cut on purpose.
  await once(socket, 'connect')
  await new Promise((resolve) => socket.write(text, resolve))
  return socket
}

const HEAD = 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n'

test('a request that breaks off inside its body is not received, and does no harm', async () => {
  const upstream = await startUpstream()
  upstream.answer(() => ({ chunks: ['well'] }))
  const socket = await begin(upstream.baseUrl, `${HEAD}content-length: 100\r\n\r\n{"half`)
  socket.resetAndDestroy()
  await once(socket, 'close')
  assert.equal(await (await fetch(upstream.baseUrl, { method: 'POST', body: '{}' })).text(), 'well')
  assert.equal(upstream.received.length, 1)
  await upstream.close()
})

test('an answer without a head can be a reset, or nothing at all', async () => {
  const upstream = await startUpstream()
  for (const end of ['reset', 'cut'] as const) {
    upstream.answer(() => ({ isHeadless: true, end }))
    const socket = await begin(upstream.baseUrl, `${HEAD}content-length: 2\r\n\r\n{}`)
    const errors: unknown[] = []
    let said = ''
    socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code))
    socket.on('data', (text) => (said += String(text)))
    await new Promise((resolve) => socket.once('close', resolve)) // `once` would throw the error.
    assert.deepEqual([said, errors], ['', end === 'reset' ? ['ECONNRESET'] : []])
  }
  await upstream.close()
})

test('pieces are asked for one by one, and ended when the other side has gone', async () => {
  const upstream = await startUpstream()
  const ended = Promise.withResolvers<number>()
  async function* talk(): AsyncGenerator<string> {
    let count = 0
    try {
      for (;;) {
        count++
        yield chunk({ content: 'word '.repeat(1000) })
      }
    } finally {
      ended.resolve(count)
    }
  }
  upstream.answer(() => ({ chunks: ['first'], more: talk() }))
  const socket = await begin(upstream.baseUrl, `${HEAD}content-length: 2\r\n\r\n{}`)
  await once(socket, 'data')
  socket.resetAndDestroy()
  assert.ok((await ended.promise) > 1)
  await upstream.close()
})
