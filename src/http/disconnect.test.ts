import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { settled } from '../engine/testing/fake-clock.ts'
import { faultyStore } from '../engine/testing/faulty-store.ts'
import { FINISH } from '../engine/testing/scripted-model.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { HttpParts } from './parts.ts'
import { fakePace } from './testing/event-stream.ts'
import { connectTo } from './testing/raw-client.ts'
import { AUTHORIZED, testApp } from './testing/test-app.ts'

/** An application on a socket, and a client that has connected to it. */
async function fresh(parts: Partial<HttpParts> = {}) {
  const store = faultyStore(openMemoryStore(() => 0))
  const context = testApp(store, {}, { limits: { bodyBytesMax: 1_000_000, jsonDepthMax: 100 }, ...parts })
  const client = await connectTo(context.app)
  const post = (body: object) => client.socket.write(context.raw('POST', '/v1/responses', JSON.stringify(body)))
  return { ...context, store, client, post }
}

type Context = Awaited<ReturnType<typeof fresh>>

/** Goes on when something has become true; the test's time limit is the only other end. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await settled()
}

/** The server's end of the connection of the next request. */
async function connectionOf(app: FastifyInstance): Promise<{ closed: Promise<unknown> }> {
  const [request] = (await once(app.server, 'request')) as [IncomingMessage] // Node's event.
  return { closed: new Promise((resolve) => request.socket.once('close', resolve)) }
}

/** The response that ended, as a client reads it. */
async function endedResponse({ logger, retrieve }: Context) {
  const line = logger.lines.find(({ message }) => message === 'response ended')
  return retrieve(String(line?.facts['responseId']))
}

test('C-01: a client that leaves before its body is whole has asked for nothing, and is no error of ours', async () => {
  const { app, client, raw, model, store, httpLog } = await fresh()
  const left = connectionOf(app)
  client.socket.write(raw('POST', '/v1/responses', '{"model":"model","input":"Hello"}').slice(0, -5))
  const { closed } = await left
  client.socket.resetAndDestroy()
  await closed
  const next = await connectTo(app)
  next.socket.write(raw('GET', '/live', undefined, ['connection: close']))
  await next.closed
  assert.deepEqual([model.calls.length, store.count('insert')], [0, 0])
  assert.deepEqual(
    httpLog.lines.map(({ level, facts }) => [level, facts['route']]),
    [['info', '/live']],
  )
  await app.close()
})

for (const stream of [false, true]) {
  test(`C-02: a client that leaves before the first word of ${stream ? 'a stream' : 'an answer'} stops the model, and the response is cancelled`, async () => {
    const context = await fresh()
    const { app, client, post, model } = context
    post({ model: 'model', input: 'Hello', stream })
    await until(() => model.calls.length > 0)
    const [call] = model.calls
    call?.accept()
    client.socket.resetAndDestroy()
    await until(() => call?.isOver() === true)
    await settled()
    const final = await endedResponse(context)
    assert.deepEqual([final.status, final.output, final.usage], ['cancelled', [], null])
    await app.close()
  })
}

test('a client that leaves while its thread is being read is not answered by a model that nobody hears', async () => {
  const { app, client, post, model, store, create } = await fresh()
  const first = await create()
  assert.ok(first.kind === 'running')
  model.calls[0]?.say(FINISH)
  await first.run.ended
  const threadRead = Promise.withResolvers<void>()
  store.before('thread', () => threadRead.promise)
  const left = connectionOf(app)
  post({ model: 'model', input: 'Hello', previous_response_id: first.run.id })
  const { closed } = await left
  await until(() => store.count('thread') === 1)
  client.socket.resetAndDestroy()
  await closed
  threadRead.resolve()
  await until(() => store.count('swap') === 2)
  assert.ok(model.calls.slice(1).every((call) => call.isOver()))
  await app.close()
})

test('C-03: a client that leaves in the middle of a stream stops the model, and what was said is kept', async () => {
  const context = await fresh()
  const { app, client, post, model, retrieve } = context
  post({ model: 'model', input: 'Hello', stream: true })
  await until(() => model.calls.length > 0)
  model.calls[0]?.say({ type: 'text', text: 'half' })
  const text = await client.until(/"delta":"half"/)
  client.socket.resetAndDestroy()
  await until(() => model.calls[0]?.isOver() === true)
  await settled()
  const id = /"id":"(resp_[0-9a-f]{48})"/.exec(text)?.[1] ?? ''
  const final = await retrieve(id)
  assert.deepEqual([final.status, final.output_text, final.usage?.output_tokens], ['cancelled', 'half', 1])
  await app.close()
})

test('C-04: a client that leaves a job is not missed: the job runs on', async () => {
  const { app, client, post, model, engine, retrieve } = await fresh()
  await engine.start()
  post({ model: 'model', input: 'Hello', background: true })
  const text = await client.until(/\}$/)
  const id = /"id":"(resp_[0-9a-f]{48})"/.exec(text)?.[1] ?? ''
  const reader = await connectTo(app)
  reader.socket.write(`GET /v1/responses/${id}?stream=true HTTP/1.1\r\nhost: x\r\nx-api-key: a-key-of-alice\r\n\r\n`)
  await reader.until(/response.in_progress/)
  reader.socket.resetAndDestroy()
  client.socket.resetAndDestroy()
  await reader.closed
  model.calls[0]?.say({ type: 'text', text: 'Done' }, FINISH)
  await settled()
  assert.equal((await retrieve(id)).output_text, 'Done')
  await app.close()
})

test('one of two readers that leaves does not end the other', async () => {
  const { app, client, post, model } = await fresh()
  post({ model: 'model', input: 'Hello', stream: true })
  await until(() => model.calls.length > 0)
  model.calls[0]?.say({ type: 'text', text: 'one' })
  const text = await client.until(/"delta":"one"/)
  const id = /"id":"(resp_[0-9a-f]{48})"/.exec(text)?.[1] ?? ''
  const reader = await connectTo(app)
  reader.socket.write(`GET /v1/responses/${id}?stream=true HTTP/1.1\r\nhost: x\r\nx-api-key: a-key-of-alice\r\n\r\n`)
  await reader.until(/"delta":"one"/)
  reader.socket.resetAndDestroy()
  await reader.closed
  model.calls[0]?.say({ type: 'text', text: 'two' }, FINISH)
  await client.until(/data: \[DONE\]/)
  client.socket.destroy()
  await app.close()
})

test('a stream whose response is deleted is cut, without an end that would look like a whole', async () => {
  const context = await fresh()
  const { app, client, post, model } = context
  post({ model: 'model', input: 'Hello', stream: true })
  await until(() => model.calls.length > 0)
  model.calls[0]?.say({ type: 'text', text: 'Hel' })
  await until(() => client.text().includes('"delta":"Hel"'))
  const id = /resp_[0-9a-f]+/.exec(client.text())?.[0] ?? ''
  const deleted = await app.inject({ method: 'DELETE', url: `/v1/responses/${id}`, headers: AUTHORIZED })
  assert.equal(deleted.statusCode, 200)
  await client.closed
  assert.doesNotMatch(client.text(), /\[DONE\]|response\.(?:completed|incomplete|failed)/)
  await app.close()
})

test('what was held back of a stream is still sent when the stream is cut', async () => {
  const pace = fakePace()
  const context = await fresh({ pace })
  const { app, client, post, model } = context
  post({ model: 'model', input: 'Hello', stream: true })
  await until(() => model.calls.length > 0)
  model.calls[0]?.say({ type: 'text', text: 'Hel' })
  const id = /resp_[0-9a-f]+/.exec(await client.until(/"delta":"Hel"/))?.[0] ?? ''
  pace.hold(true)
  model.calls[0]?.say({ type: 'text', text: 'lo' })
  await settled()
  assert.doesNotMatch(client.text(), /"delta":"lo"/)
  await app.inject({ method: 'DELETE', url: `/v1/responses/${id}`, headers: AUTHORIZED })
  assert.match(await client.closed, /"delta":"lo"/)
  assert.doesNotMatch(client.text(), /\[DONE\]|response\.(?:completed|incomplete|failed)/)
  await app.close()
})
