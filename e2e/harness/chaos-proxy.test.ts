import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startChaosProxy } from './chaos-proxy.ts'
import { setStage, turns, watch } from './chaos-stage.ts'

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('what both sides say is passed on, whole and in order, and counted', async (context) => {
  const { proxy, pair } = await setStage(context)
  const { client, server } = await pair()
  const sent = Buffer.from(Array.from({ length: 5_000_000 }, (_, index) => index % 251))
  client.socket.write('question')
  await server.hears('question')
  server.socket.end(sent)
  assert.equal(await client.over, 'end')
  assert.equal(hash(Buffer.from(client.text(), 'latin1')), hash(sent))
  client.socket.end()
  const { connections, open, up, down } = await proxy.until((counts) => counts.open === 0)
  assert.deepEqual([connections, open, up], [1, 0, { read: 8, written: 8, writes: 1 }])
  assert.deepEqual([down.read, down.written], [5_000_000, 5_000_000])
})

for (const [who, other] of [
  ['client', 'server'],
  ['server', 'client'],
] as const) {
  test(`a ${who} that has ended is still answered: connections may be half-closed`, async (context) => {
    const { proxy, pair } = await setStage(context)
    const peers = await pair()
    peers[who].socket.end('all I have to say')
    assert.equal(await peers[other].over, 'end')
    assert.equal(peers[other].text(), 'all I have to say')
    peers[other].socket.write('late ')
    await peers[who].hears('late ')
    assert.equal(proxy.counts().open, 1)
    peers[other].socket.end('answer')
    assert.equal(await peers[who].over, 'end')
    assert.equal(peers[who].text(), 'late answer')
    await proxy.until(({ open }) => open === 0)
  })

  test(`a reset by the ${who} is a reset for the ${other}, behind what was said before`, async (context) => {
    const { proxy, clock, pair } = await setStage(context)
    const peers = await pair()
    proxy.set({ latency_ms: 100 })
    peers[who].socket.write('last words')
    await proxy.until(({ up, down }) => up.read + down.read === 10)
    peers[who].socket.resetAndDestroy()
    await once(peers[who].socket, 'close')
    while (proxy.counts().open > 0) {
      await clock.pass(100)
      await turns()
    }
    assert.equal(await peers[other].over, 'ECONNRESET')
    assert.equal(peers[other].text(), 'last words')
    await proxy.until(({ open }) => open === 0)
  })
}

test('a server that refuses is a reset for the client, and nothing stays open', async (context) => {
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo // It listens on a port.
  gone.close()
  const proxy = await startChaosProxy({ target: { host: '127.0.0.1', port } })
  context.after(() => proxy.close())
  const client = watch(connect(proxy.port, proxy.host))
  assert.equal(await client.over, 'ECONNRESET')
  await proxy.until(({ connections, open }) => connections === 1 && open === 0)
})

test('half-open: neither bytes nor an end nor a reset pass, all sockets stay, and it can end', async (context) => {
  const { proxy, pair } = await setStage(context)
  const { client, server } = await pair()
  client.socket.write('one')
  await server.hears('one')
  proxy.set({ isStalled: true })
  client.socket.write(' two')
  server.socket.end('bye')
  const probe = await pair() // Also of later connections nothing is heard.
  probe.client.socket.write('anybody there?')
  probe.client.socket.resetAndDestroy()
  await once(probe.client.socket, 'close')
  await turns(50)
  assert.deepEqual([server.text(), client.text(), probe.server.text()], ['one', '', ''])
  assert.equal(proxy.counts().open, 2)
  assert.equal(client.socket.readable && server.socket.readable && probe.server.socket.readable, true)
  proxy.set({ isStalled: false })
  await server.hears('one two')
  assert.equal(await client.over, 'end')
  assert.equal(client.text(), 'bye')
  assert.match(await probe.server.over, /^(?:end|ECONNRESET)$/)
})

test('half-open in one direction lets the other pass', async (context) => {
  const { proxy, pair } = await setStage(context)
  proxy.set({ isStalled: true }, 'up')
  const { client, server } = await pair()
  client.socket.write('unheard')
  server.socket.write('heard')
  await client.hears('heard')
  assert.equal(server.text(), '')
  assert.equal(proxy.counts().up.read, 0)
})

test('whoever sends too fast for a stalled reader has to wait: little is held', async (context) => {
  const { proxy, clock, pair } = await setStage(context)
  proxy.set({ latency_ms: 60_000 }, 'down')
  const { server } = await pair()
  server.socket.write(Buffer.alloc(64 * 2 ** 20))
  await proxy.until(({ down }) => down.read >= 2 ** 20)
  await turns(50)
  assert.ok(proxy.counts().down.read < 2 * 2 ** 20, String(proxy.counts().down.read))
  assert.equal(clock.sleepers().length, 1)
})

test('a reset of all reaches both sides of every connection at once, and loses what is held', async (context) => {
  const { proxy, pair } = await setStage(context)
  const pairs = [await pair(), await pair()]
  proxy.set({ latency_ms: 1000 })
  pairs[0]?.client.socket.write('lost')
  await proxy.until(({ up }) => up.read === 4)
  proxy.reset()
  for (const { client, server } of pairs) {
    assert.deepEqual([await client.over, await server.over], ['ECONNRESET', 'ECONNRESET'])
    assert.equal(server.text(), '')
  }
  await proxy.until(({ open }) => open === 0)
})

test('a reset toward the client leaves the server talking to nobody, until it ends', async (context) => {
  const { proxy, pair } = await setStage(context)
  const { client, server } = await pair()
  proxy.reset('down')
  assert.equal(await client.over, 'ECONNRESET')
  await new Promise((resolve) => server.socket.write(Buffer.alloc(10_000_000), resolve))
  assert.equal(proxy.counts().open, 1)
  server.socket.end()
  assert.equal(await server.over, 'end')
  await proxy.until(({ open }) => open === 0)
})

test('a reset toward the client closes a server that had ended before', async (context) => {
  const { proxy, pair } = await setStage(context)
  const { client, server } = await pair()
  server.socket.end('bye')
  assert.equal(await client.over, 'end')
  proxy.reset('down')
  assert.equal(await server.over, 'end')
  await proxy.until(({ open }) => open === 0)
})

test('a reset of a connection that has just been ended still closes it', async (context) => {
  const { proxy, pair } = await setStage(context)
  const { client, server } = await pair()
  proxy.set({ limit: { bytes: 1, act: 'close' } }, 'up')
  client.socket.write('x')
  await proxy.until(({ up }) => up.written === 1)
  await turns() // In this turn the limit is acted on.
  proxy.reset()
  await Promise.all([client.over, server.over])
  await proxy.until(({ open }) => open === 0)
})

test('one connection of several can be dealt with alone', async (context) => {
  const { proxy, pair } = await setStage(context)
  proxy.script(({ number, reset }) => number === 1 && reset())
  const first = await pair()
  const second = await pair()
  assert.equal(await second.client.over, 'ECONNRESET')
  const third = await pair()
  assert.deepEqual(
    proxy.live().map(({ number }) => number),
    [0, 2],
  )
  proxy.live()[0]?.set({ isStalled: true })
  first.client.socket.write('stalled')
  third.client.socket.write('passes')
  await third.server.hears('passes')
  assert.equal(first.server.text(), '')
})

test('down refuses connections and resets those that live; up is at the same port', async (context) => {
  const { proxy, pair, client: connectClient } = await setStage(context)
  const { port } = proxy
  const { client, server } = await pair()
  proxy.down()
  assert.deepEqual([await client.over, await server.over], ['ECONNRESET', 'ECONNRESET'])
  assert.equal(await connectClient().over, 'ECONNREFUSED')
  await proxy.up()
  assert.equal(proxy.port, port)
  const again = await pair()
  again.client.socket.write('back')
  await again.server.hears('back')
  assert.equal(proxy.counts().connections, 2)
})

test('close() leaves no socket and no timer, whatever is under way, and may be called again', async (context) => {
  const { proxy, clock, pair, client: connectClient } = await setStage(context)
  proxy.set({ latency_ms: 500 })
  const waiting = await pair()
  waiting.client.socket.write('on its way')
  const ended = await pair()
  ended.client.socket.end()
  const stalled = await pair()
  proxy.live()[2]?.set({ isStalled: true })
  stalled.client.socket.write('held')
  connectClient()
  await proxy.until(({ connections, up }) => connections === 4 && up.read === 10)
  const late = proxy.until(() => false)
  await Promise.all([proxy.close(), assert.rejects(late, /closed/)])
  assert.equal(proxy.counts().open, 0)
  assert.deepEqual(clock.sleepers(), [])
  await proxy.close()
  assert.equal(await connectClient().over, 'ECONNREFUSED')
})

test('the clock of the machine does as well as a fake one', async (context) => {
  const server = createServer((socket) => socket.end('hi')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close())
  const { port } = server.address() as AddressInfo // It listens on a port.
  const proxy = await startChaosProxy({ target: { host: '127.0.0.1', port } })
  proxy.set({ latency_ms: 30 }, 'down')
  const begin_ms = performance.now()
  const client = watch(connect(proxy.port, proxy.host))
  await client.hears('hi')
  assert.ok(performance.now() - begin_ms >= 30)
  const { port: reserved } = proxy
  client.socket.end()
  await proxy.close()
  const left = process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate')
  assert.deepEqual(left, [])
  assert.equal(await watch(connect(reserved, proxy.host)).over, 'ECONNREFUSED')
})
