import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { createServer as createNetServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { chunk, DONE, startUpstream } from '../../../e2e/harness/upstream.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import { TransportError, type Transport } from '../../core/transport.ts'
import { bodyOf } from '../testing/body.ts'
import { chatAdapter, connect, hear } from '../testing/chat-provider.ts'
import { modelCall } from '../testing/model-call.ts'

const NEVER = new Promise<never>(() => {})
const LATE = { fault: 'timeout', message: 'The model provider did not answer in time.', accepted: true }
const hi: ModelEvent = { type: 'text', text: 'Hi' }

/** A server that counts its connections and answers as the test says. */
async function serve(context: TestContext, answer: (response: ServerResponse) => void) {
  const sockets: Socket[] = []
  const server = createServer((request, response) => {
    request.resume().once('end', () => answer(response))
  })
  server.on('connection', (socket) => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  // It listens on a port.
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, sockets }
}

test('A provider whose port is closed is unavailable, and has certainly accepted nothing', async (context) => {
  const upstream = await startUpstream()
  await upstream.close()
  const heard = await hear(connect(context, upstream.baseUrl))
  assert.deepEqual(heard.batches, [])
  assert.deepEqual(heard.problem, {
    fault: 'unavailable',
    message: 'The model provider cannot be reached.',
    accepted: false,
  })
})

test('A provider that hangs up before it answers may have accepted the call', async (context) => {
  const server = createNetServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close())
  const { port } = server.address() as AddressInfo // It listens on a port.
  const heard = await hear(connect(context, `http://127.0.0.1:${port}/v1`))
  assert.deepEqual(heard.batches, [])
  assert.deepEqual(heard.problem, {
    fault: 'unavailable',
    message: 'The connection to the model provider broke off.',
    accepted: true,
  })
})

test('A provider that never answers is given up after the time for its first byte', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  upstream.answer(() => NEVER)
  const heard = await hear(connect(context, upstream.baseUrl, { timeouts: { firstByte_ms: 50 } }))
  assert.deepEqual(heard.batches, [])
  assert.deepEqual(heard.problem, LATE)
  await upstream.received[0]?.closed
})

test('A provider that falls silent amid its words is given up after the idle time', async (context) => {
  const upstream = await startUpstream()
  context.after(() => upstream.close())
  upstream.answer(() => ({ chunks: [chunk({ content: 'Hi' })], end: 'hang' }))
  const heard = await hear(connect(context, upstream.baseUrl, { timeouts: { idle_ms: 500 } }))
  assert.deepEqual(heard.events, [hi])
  assert.deepEqual(heard.problem, LATE)
  await upstream.received[0]?.closed
})

for (const end of ['before its first byte', 'amid its words'] as const) {
  test(`An abort ${end} throws the reason and closes the connection`, async (context) => {
    const upstream = await startUpstream()
    context.after(() => upstream.close())
    const control = new AbortController()
    const reason = new Error('The client went away.')
    upstream.answer(() => {
      if (end === 'amid its words') return { chunks: [chunk({ content: 'Hi' })], end: 'hang' }
      control.abort(reason)
      return NEVER
    })
    const onBatch = (events: number) => (events > 0 ? control.abort(reason) : undefined)
    const heard = await hear(connect(context, upstream.baseUrl), { signal: control.signal, onBatch })
    assert.equal(heard.error, reason)
    assert.deepEqual(heard.events, end === 'amid its words' ? [hi] : [])
    await upstream.received[0]?.closed
  })
}

test('A call that is aborted before it is sent opens no connection', async (context) => {
  const { baseUrl, sockets } = await serve(context, (response) => response.end())
  const reason = new Error('Too late.')
  const heard = await hear(connect(context, baseUrl), { signal: AbortSignal.abort(reason) })
  assert.equal(heard.error, reason)
  assert.equal(sockets.length, 0)
})

test('After [DONE] the same connection takes the next call', async (context) => {
  const { baseUrl, sockets } = await serve(context, (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`${chunk({ content: 'Hi' }, { finish_reason: 'stop' })}${DONE}: and some more\n\n`)
    setImmediate(() => response.end(': to come\n\n'))
  })
  // With one connection at most, the next call waits until it is free, or gone.
  const adapter = connect(context, baseUrl, { connectionsMax: 1 })
  for (let call = 0; call < 3; call++) {
    const { events, error } = await hear(adapter)
    assert.equal(error, undefined)
    assert.deepEqual(events, [hi, { type: 'finish', reason: 'stop' }])
  }
  assert.equal(sockets.length, 1)
})

test('An event of 50 MB is refused long before all of it is sent', async (context) => {
  const piece = Buffer.alloc(1_000_000, 'x')
  let sent = 0
  const closed = Promise.withResolvers<void>()
  const { baseUrl } = await serve(context, (response) => {
    response.once('close', closed.resolve)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const more = () => {
      while (sent < 50 && !response.destroyed) {
        sent++
        if (!response.write(sent === 1 ? `data: ${piece}` : piece)) return
      }
    }
    response.on('drain', more)
    more()
  })
  const heard = await hear(connect(context, baseUrl))
  assert.deepEqual(heard.problem, {
    fault: 'invalid_response',
    message: 'The model provider sent an event of more than 1000000 bytes.',
    accepted: true,
  })
  await closed.promise
  assert.ok(sent < 20, `${sent} MB were sent`)
})

/** An answer whose body is made of texts and of what comes after them. */
function answering(texts: readonly string[], goOn: (signal: AbortSignal) => Promise<unknown>): Transport {
  return {
    send: ({ signal }) =>
      Promise.resolve({
        status: 200,
        headers: { 'content-type': 'text/event-stream' },
        body: bodyOf(
          (async function* () {
            for (const text of texts) yield new TextEncoder().encode(text)
            await goOn(signal)
          })(),
        ),
      }),
  }
}

/** An answer that says this and then stays open until it is aborted. */
function endless(...texts: string[]): Transport {
  return answering(texts, async (signal) => {
    if (!signal.aborted) await once(signal, 'abort')
    throw signal.reason
  })
}

/** An answer that says this and then breaks off. */
function broken(...texts: string[]): Transport {
  return answering(texts, () =>
    Promise.reject(new TransportError({ isUnsent: false, isTimeout: false, cause: undefined })),
  )
}

const aftermaths = [
  {
    after: 'the finish',
    chunks: [chunk({ content: 'Hi' }, { finish_reason: 'stop' })],
    last: { type: 'finish', reason: 'stop' },
    fault: undefined,
  },
  {
    after: 'an error amid the words',
    chunks: [chunk({ content: 'Hi' }), 'data: {"error":{"code":400,"message":"No."}}\n\n'],
    last: hi,
    fault: 'bad_request',
  },
] as const
for (const { after, chunks, last, fault } of aftermaths) {
  test(`A provider that keeps the connection open after ${after} is waited for 5 seconds`, async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    let isOver = false
    const hearing = hear(chatAdapter(endless(...chunks), 'https://a.example/v1')).finally(() => {
      isOver = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    context.mock.timers.tick(4999)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(isOver, false)
    context.mock.timers.tick(1)
    const heard = await hearing
    assert.deepEqual(heard.events.at(-1), last)
    assert.equal(heard.problem?.fault, fault)
  })
}

const instants = [
  {
    end: 'an error for a first event',
    chunks: ['data: {"error":{"code":503,"message":"No."}}\n\n'],
    fault: 'unavailable',
  },
  { end: '[DONE]', chunks: [chunk({ content: 'Hi' }, { finish_reason: 'stop' }), DONE], fault: undefined },
  { end: 'garbage', chunks: [chunk({ content: 'Hi' }), 'data: bye\n\n'], fault: 'invalid_response' },
] as const
for (const { end, chunks, fault } of instants) {
  test(`After ${end}, nothing more is waited for`, async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const heard = await hear(chatAdapter(endless(...chunks), 'https://a.example/v1'))
    assert.equal(heard.problem?.fault, fault)
  })
}

const FINISHED = chunk({ content: 'Hi' }, { finish_reason: 'stop' })
const reads = [
  { what: 'words, finish and [DONE]', transport: endless(FINISHED + DONE), said: 2 },
  {
    what: 'words, and then garbage in the same read',
    transport: endless(`${chunk({ content: 'Hi' })}data: bye\n\n`),
    said: 1,
  },
  { what: 'a whole answer whose connection breaks', transport: broken(FINISHED), said: 2 },
  {
    what: 'words in many reads',
    transport: endless(...['a', 'b', 'c'].map((content) => chunk({ content })), DONE),
    said: 4,
  },
]
for (const { what, transport, said } of reads) {
  test(`Whoever hears ${what} is waited for: nothing else is said meanwhile, and the call is not over`, async () => {
    let [now, most, heard] = [0, 0, 0]
    const sent = chatAdapter(transport, 'https://a.example/v1')
      .prepare(modelCall())
      .send(new AbortController().signal, async (batch) => {
        now++
        most = Math.max(most, now)
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
        heard += batch.length
        now--
      })
    await sent.catch(() => {})
    assert.deepEqual({ now, most, heard }, { now: 0, most: 1, heard: said })
  })
}

test('An answer that has ended leaves no timer behind', async (context) => {
  const timers = [context.mock.method(globalThis, 'setTimeout'), context.mock.method(globalThis, 'clearTimeout')]
  await hear(chatAdapter(endless(FINISHED, DONE), 'https://a.example/v1'))
  const [set, cleared] = timers.map(({ mock }) => mock.calls)
  assert.equal(set?.length, 1)
  assert.equal(cleared?.at(-1)?.arguments[0], set?.[0]?.result)
})

test('An abort while usage is waited for throws the reason: nobody is there to be answered', async () => {
  const control = new AbortController()
  const reason = new Error('The client went away.')
  const adapter = chatAdapter(endless(chunk({ content: 'Hi' }, { finish_reason: 'stop' })), 'https://a.example/v1')
  const onBatch = (events: number) => (events > 0 ? control.abort(reason) : undefined)
  const heard = await hear(adapter, { signal: control.signal, onBatch })
  assert.equal(heard.error, reason)
  assert.deepEqual(heard.events, [hi])
})
