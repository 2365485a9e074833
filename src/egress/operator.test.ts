import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createNetServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { TransportError, type TransportAnswer, type TransportRequest } from '../core/transport.ts'
import { openOperatorEgress } from './operator.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server that keeps its sockets, and a way out to it. */
async function open(context: TestContext, handler: Handler, connectionsMax = 1) {
  const sockets: Socket[] = []
  const server = createServer((request, response) => {
    request.resume().once('end', () => handler(request, response))
  })
  server.on('connection', (socket) => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const egress = openOperatorEgress({ connect_ms: 5000, connectionsMax })
  context.after(async () => {
    await egress.close()
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // It listens on a port.
  const send = (fields: Partial<TransportRequest> = {}) => egress.send({ ...requestTo(`${origin}/`), ...fields })
  return { egress, origin, sockets, send }
}

function requestTo(url: string): TransportRequest {
  const signal = new AbortController().signal
  return { method: 'GET', url: new URL(url), headers: {}, firstByte_ms: 60_000, idle_ms: 60_000, signal }
}

async function textOf(answer: TransportAnswer): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of answer.body) parts.push(part)
  return Buffer.concat(parts).toString()
}

test('A request arrives as it was given, and its answer as it was sent', async (context) => {
  let seen: unknown
  const { send, origin } = await open(context, (request, response) => {
    const { method, url, headers } = request
    seen = { method, url, key: headers['x-key'], cookie: headers.cookie, length: headers['content-length'] }
    response.writeHead(418, { 'x-answer': 'yes', 'set-cookie': ['a=1', 'b=2'] }).end('short and stout')
  })
  const url = new URL(`${origin}/v1/chat?api-version=1`)
  const answer = await send({ method: 'POST', url, headers: { 'x-key': 'abc' }, body: '{"a":"…"}' })
  assert.equal(answer.status, 418)
  assert.equal(answer.headers['x-answer'], 'yes')
  assert.equal(await textOf(answer), 'short and stout')
  assert.deepEqual(seen, { method: 'POST', url: '/v1/chat?api-version=1', key: 'abc', cookie: undefined, length: '11' })
  await textOf(await send())
  assert.deepEqual(seen, { method: 'GET', url: '/', key: undefined, cookie: undefined, length: undefined })
})

test('A redirect is an answer, not a way', async (context) => {
  const paths: unknown[] = []
  const { send } = await open(context, (request, response) => {
    paths.push(request.url)
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  assert.equal((await send()).status, 302)
  assert.deepEqual(paths, ['/'])
})

test('The hints of a 103 are not taken for the answer', async (context) => {
  const { send } = await open(context, (_, response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' })
    response.end('late')
  })
  const answer = await send()
  assert.equal(answer.status, 200)
  assert.equal(await textOf(answer), 'late')
})

/** Answers with 50 MB, as fast as they are taken, and counts what each request has been sent. */
function sendMuch(sent: number[]): Handler {
  const piece = Buffer.alloc(1_000_000, 'x')
  return (_, response) => {
    const index = sent.push(0) - 1
    const more = () => {
      for (let count = sent[index] ?? 0; count < 50 && !response.destroyed; count++) {
        sent[index] = count + 1
        if (!response.write(piece)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  }
}

test('A reader that is slow pauses its sender, and no other', async (context) => {
  const sent: number[] = []
  const { send } = await open(context, sendMuch(sent), 2)
  const slow = (await send()).body[Symbol.asyncIterator]()
  const first = await slow.next()
  assert.equal((await textOf(await send())).length, 50_000_000)
  assert.ok((sent[0] ?? 0) < 20, `${sent[0]} of 50 MB were sent while one chunk was read`)
  let bytes = first.done === true ? 0 : first.value.length
  for (let read = await slow.next(); read.done !== true; read = await slow.next()) bytes += read.value.length
  assert.equal(bytes, 50_000_000)
})

// No clock runs in the following: what ends there does not end by the time allowed for leaving.

test('A reader that leaves with much to come cuts the connection', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const sent: number[] = []
  const { send, sockets } = await open(context, sendMuch(sent))
  for await (const _ of (await send()).body) break
  for await (const _ of (await send()).body) break
  assert.equal(sockets.length, 2)
  assert.ok((sent[0] ?? 0) < 20, `${sent[0]} of 50 MB were sent`)
})

test('A reader that leaves a paused connection cuts it', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const { send, sockets } = await open(context, sendMuch([]), 2)
  const closed = Promise.withResolvers<unknown>()
  const slow = (await send()).body[Symbol.asyncIterator]()
  await slow.next()
  assert.equal((await textOf(await send())).length, 50_000_000)
  sockets[0]?.once('close', closed.resolve)
  await slow.return?.()
  await closed.promise
})

test('A reader that leaves with little to come lets it come, and the connection is used again', async (context) => {
  const left = Promise.withResolvers<void>()
  const { send, sockets } = await open(context, (_, response) => {
    response.write('first')
    void left.promise.then(() => response.end('rest'))
  })
  for await (const _ of (await send()).body) break
  left.resolve()
  assert.equal(await textOf(await send()), 'firstrest')
  assert.equal(sockets.length, 1)
})

test('A reader that leaves a connection where nothing more comes closes it after a second', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const closed = Promise.withResolvers<void>()
  const { send } = await open(context, (_, response) => {
    response.once('close', closed.resolve).write('first')
  })
  for await (const _ of (await send()).body) break
  context.mock.timers.tick(1000)
  await closed.promise
})

test('An abort amid the body ends the reader with its reason and closes the connection', async (context) => {
  const closed = Promise.withResolvers<void>()
  const { send } = await open(context, (_, response) => {
    response.once('close', closed.resolve).write('first')
  })
  const control = new AbortController()
  const reason = new Error('Enough.')
  const answer = await send({ signal: control.signal })
  const reading = (async () => {
    for await (const _ of answer.body) control.abort(reason)
  })()
  await assert.rejects(reading, (error) => error === reason)
  await closed.promise
})

test('An abort whose reason is no error is an error all the same', async (context) => {
  const { send } = await open(context, () => {})
  await assert.rejects(send({ signal: AbortSignal.abort('enough') }), /The call was aborted/)
})

test('A request that waits for a connection can be aborted, and is never sent', async (context) => {
  const paths: unknown[] = []
  const { send, origin } = await open(context, (request, response) => {
    paths.push(request.url)
    response.write('first')
  })
  const first = await send()
  const control = new AbortController()
  const waiting = send({ url: new URL(`${origin}/waiting`), signal: control.signal })
  control.abort(new Error('Enough.'))
  await assert.rejects(waiting, /Enough/)
  for await (const _ of first.body) break
  const third = await send({ url: new URL(`${origin}/third`) })
  assert.equal(third.status, 200)
  assert.deepEqual(paths, ['/', '/third'])
})

interface FailureRow {
  readonly how: string
  readonly answer: (socket: Socket) => void
  readonly fields?: Partial<TransportRequest>
  readonly expected: { readonly isUnsent: boolean; readonly isTimeout: boolean }
}

const failures: readonly FailureRow[] = [
  { how: 'resets', answer: (socket) => socket.resetAndDestroy(), expected: { isUnsent: false, isTimeout: false } },
  { how: 'hangs up', answer: (socket) => socket.end(), expected: { isUnsent: false, isTimeout: false } },
  {
    how: 'speaks no HTTP',
    answer: (socket) => socket.end('SSH-2.0-x\r\n'),
    expected: { isUnsent: false, isTimeout: false },
  },
  { how: 'is silent', answer: () => {}, fields: { firstByte_ms: 50 }, expected: { isUnsent: false, isTimeout: true } },
  {
    how: 'falls silent amid the body',
    answer: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
    fields: { idle_ms: 500 },
    expected: { isUnsent: false, isTimeout: true },
  },
  {
    how: 'ends amid the body',
    answer: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
    expected: { isUnsent: false, isTimeout: false },
  },
  {
    how: 'sends headers without end',
    answer: (socket) => socket.write(`HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(100_000)}\r\n\r\n`),
    expected: { isUnsent: false, isTimeout: false },
  },
]
for (const { how, answer, fields, expected } of failures) {
  test(`A server that ${how} is told as ${JSON.stringify(expected)}`, async (context) => {
    const server = createNetServer((socket) => socket.on('error', () => {}).once('data', () => answer(socket)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const egress = openOperatorEgress({ connect_ms: 5000, connectionsMax: 1 })
    context.after(async () => {
      await egress.close()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/` // It listens on a port.
    const asking = egress.send({ ...requestTo(url), ...fields }).then(textOf)
    await assert.rejects(asking, (error) => isFailure(error, expected))
  })
}

test('A port that nobody listens on is certain not to have seen the request', async (context) => {
  const { egress, origin } = await open(context, () => {})
  const server = createNetServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // It listens on a port.
  server.close()
  await once(server, 'close')
  assert.notEqual(origin, `http://127.0.0.1:${port}`)
  const asking = egress.send(requestTo(`http://127.0.0.1:${port}/`))
  await assert.rejects(asking, (error) => isFailure(error, { isUnsent: true, isTimeout: false }))
})

function isFailure(error: unknown, expected: FailureRow['expected']): boolean {
  assert.ok(error instanceof TransportError, String(error))
  assert.deepEqual({ isUnsent: error.isUnsent, isTimeout: error.isTimeout }, expected)
  assert.ok(error.cause instanceof Error)
  return true
}

test('A body of megabytes arrives whole and with its length, and the connection is used again', async (context) => {
  const seen: unknown[] = []
  const server = await open(context, ({ headers }, response) => {
    seen.push([headers['content-length'], headers['transfer-encoding']])
    response.end('taken')
  })
  const body = 'é'.repeat(2_000_000)
  for (let turn = 0; turn < 2; turn++) assert.equal(await textOf(await server.send({ method: 'POST', body })), 'taken')
  assert.deepEqual(seen, [
    ['4000000', undefined],
    ['4000000', undefined],
  ])
  assert.equal(server.sockets.length, 1)
})
