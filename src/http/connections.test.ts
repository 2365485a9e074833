import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { watchConnections } from './connections.ts'

const ASK = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

type Exchange = [request: IncomingMessage, response: ServerResponse]

/** A server whose answers the test gives, and clients in bytes. */
async function fresh(t: TestContext) {
  const server = createServer()
  const connections = watchConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // It listens on TCP.
  t.after(() => connections.cut())
  t.after(() => server.close())
  const dial = async () => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    await Promise.all([once(socket, 'connect'), once(server, 'connection')])
    return socket
  }
  const ask = async (socket: Socket): Promise<ServerResponse> => {
    const asked = once(server, 'request') as Promise<Exchange> // Node's event.
    socket.write(ASK)
    return (await asked)[1]
  }
  return { server, connections, dial, ask }
}

/** Everything a client still hears until it is hung up on; it hangs up in turn. */
async function heard(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

test('answers say that they are the last, those that are under way included', async (t) => {
  const { connections, dial, ask } = await fresh(t)
  const [before, after, begun] = [await dial(), await dial(), await dial()]
  const [first, streaming] = [await ask(before), await ask(begun)]
  streaming.write('a')
  connections.announceEnd()
  first.end('one')
  ;(await ask(after)).end('two')
  assert.match(await heard(before), /\r\nConnection: close\r\n[\s\S]*one$/)
  assert.match(await heard(after), /\r\nConnection: close\r\n[\s\S]*two$/)
  streaming.end()
  const [text] = (await once(begun, 'data')) as [string]
  assert.match(text, /\r\nConnection: keep-alive\r\n/, 'its head had gone already')
  assert.equal((await ask(begun)).shouldKeepAlive, false)
})

test('who waits for no answer is hung up on, at once or when the answer is there; who has asked nothing is not', async (t) => {
  const { connections, dial, ask } = await fresh(t)
  const [idle, waiting, silent] = [await dial(), await dial(), await dial()]
  ;(await ask(idle)).end('idle')
  await once(idle, 'data')
  const response = await ask(waiting)
  response.write('begun')
  connections.hangUp()
  assert.equal(await heard(idle), '')
  response.end('-whole')
  assert.match(await heard(waiting), /begun[\s\S]*-whole/)
  const late = await ask(silent)
  late.end('late')
  assert.match(await heard(silent), /late$/)
})

test('an answer that is made and not yet sent is not cut by a server that closes', async (t) => {
  const { server, connections, dial, ask } = await fresh(t)
  const [client, size] = [await dial(), 30_000_000]
  const response = await ask(client)
  response.setHeader('connection', 'close')
  response.end(Buffer.alloc(size, 'a'))
  server.close()
  connections.hangUp()
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok((await heard(client)).length > size)
})

test('no answer is under way once all have ended, or their clients have gone', async (t) => {
  const { connections, dial, ask } = await fresh(t)
  await connections.answered()
  const [one, other] = [await dial(), await dial()]
  const [answer] = [await ask(one), await ask(other)]
  let isSilent = false
  const silent = connections.answered().then(() => (isSilent = true))
  answer.end()
  await once(one, 'data')
  assert.equal(isSilent, false)
  other.resetAndDestroy()
  await silent
})

test('a client that leaves with several requests open, one behind the other, leaves nothing behind', async (t) => {
  const { server, connections, dial } = await fresh(t)
  const client = await dial()
  let asked = 0
  const both = new Promise<void>((resolve) => server.on('request', () => ++asked === 2 && resolve()))
  client.write(ASK + ASK)
  await both
  client.resetAndDestroy()
  await connections.answered()
})

test('whoever is still there is cut', async (t) => {
  const { connections, dial, ask } = await fresh(t)
  const [silent, waiting] = [await dial(), await dial()]
  await ask(waiting)
  connections.cut()
  await Promise.all([
    once(silent, 'close'),
    once(
      waiting.on('error', () => {}),
      'close',
    ),
    connections.answered(),
  ])
})
