import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setStage, turns } from './chaos-stage.ts'

test('latency keeps bytes back for exactly so long, an end behind them, and only in its direction', async (context) => {
  const { proxy, clock, pair } = await setStage(context)
  proxy.set({ latency_ms: 200 }, 'up')
  const { client, server } = await pair()
  client.socket.end('hello')
  server.socket.write('at once')
  await client.hears('at once')
  await proxy.until(({ up }) => up.read === 5)
  await clock.pass(199)
  assert.equal(proxy.counts().up.written, 0)
  await clock.pass(1)
  await proxy.until(({ up }) => up.written === 5)
  await clock.pass(200)
  assert.equal(await server.over, 'end')
  assert.equal(server.text(), 'hello')
})

/** When each of ten messages comes out of a proxy with this seed, in milliseconds. */
async function jitterOf(context: TestContext, seed: number): Promise<number[]> {
  const { proxy, clock, pair } = await setStage(context, seed)
  proxy.set({ latency_ms: 10, jitter_ms: 50 }, 'down')
  const { client, server } = await pair()
  const arrivals: number[] = []
  for (let index = 0; index < 10; index++) {
    server.socket.write(String(index))
    await proxy.until(({ down }) => down.read === index + 1)
    const [first = 0] = clock.sleepers()
    await clock.pass(first)
    await client.hears(String(index))
    arrivals.push(first)
  }
  return arrivals
}

test('jitter is drawn from the seed: the same traffic has the same delays', async (context) => {
  const delays = await jitterOf(context, 7)
  assert.ok(delays.every((delay) => delay >= 10 && delay < 60))
  assert.ok(new Set(delays.map(Math.round)).size > 5, String(delays))
  assert.deepEqual((await jitterOf(context, 7)).map(Math.round), delays.map(Math.round))
  assert.notDeepEqual((await jitterOf(context, 8)).map(Math.round), delays.map(Math.round))
})

test('what is held for a client that has gone is dropped, and its timer with it', async (context) => {
  const { proxy, clock, pair } = await setStage(context)
  proxy.set({ latency_ms: 60_000 }, 'down')
  const { client, server } = await pair()
  server.socket.write('too late')
  await proxy.until(({ down }) => down.read === 8)
  assert.deepEqual(clock.sleepers(), [60_000])
  client.socket.resetAndDestroy()
  assert.equal(await server.over, 'ECONNRESET')
  await proxy.until(({ open }) => open === 0)
  assert.deepEqual(clock.sleepers(), [])
})

test('bandwidth forwards so many bytes in a second, evenly', async (context) => {
  const { proxy, clock, pair } = await setStage(context)
  proxy.set({ bytesPerSecond: 1000 }, 'down')
  const { client, server } = await pair()
  server.socket.end('x'.repeat(1000))
  await proxy.until(({ down }) => down.read === 1000)
  const written: number[] = []
  for (let step = 1; step <= 50; step++) {
    const { down } = await proxy.until(({ down: { writes } }) => writes === step)
    written.push(down.written)
    await turns() // The next look at the clock.
    await clock.pass(20)
  }
  assert.deepEqual(
    written,
    Array.from({ length: 50 }, (_, index) => 20 * (index + 1)),
  )
  assert.equal(await client.over, 'end')
})

test('a byte a second is a byte a second', async (context) => {
  const { proxy, clock, pair } = await setStage(context)
  proxy.set({ bytesPerSecond: 1 }, 'down')
  const { client, server } = await pair()
  server.socket.write('abc')
  await client.hears('a')
  await turns()
  assert.deepEqual(clock.sleepers(), [1000])
  await clock.pass(999)
  assert.equal(client.text(), 'a')
  await clock.pass(1)
  await client.hears('ab')
  proxy.clear()
  await client.hears('abc')
})

test('slices of one byte are writes of one byte', async (context) => {
  const { proxy, pair } = await setStage(context)
  proxy.set({ slice: { least: 1, most: 1 } }, 'down')
  const { client, server } = await pair()
  server.socket.write('déjà vu')
  const { down } = await proxy.until(({ down: { written } }) => written === 9)
  assert.equal(down.writes, 9)
  await client.hears('vu')
  assert.ok(client.reads().length > 1)
})

/** Where a proxy with this seed cuts, when the same bytes come in these pieces. */
async function cutsOf(context: TestContext, seed: number, pieces: readonly string[]): Promise<number[]> {
  const { proxy, pair } = await setStage(context, seed)
  proxy.set({ slice: { least: 1, most: 7 } }, 'down')
  const { client, server } = await pair()
  const cuts = new Set<number>()
  const seeing = proxy.until(({ down }) => {
    cuts.add(down.written)
    return down.written === 100
  })
  for (const piece of pieces) server.socket.write(piece)
  await seeing
  await client.hears(pieces.join(''))
  return [...cuts]
}

test('cuts of random slices are drawn from the seed, at the same offsets however the bytes came', async (context) => {
  const bytes = 'x'.repeat(100)
  const whole = await cutsOf(context, 3, [bytes])
  assert.ok(whole.length > 15 && whole.length < 60, String(whole))
  assert.deepEqual(await cutsOf(context, 3, [bytes]), whole)
  assert.notDeepEqual(await cutsOf(context, 4, [bytes]), whole)
  const apart = new Set(await cutsOf(context, 3, [bytes.slice(0, 33), bytes.slice(33)]))
  assert.ok(whole.every((cut) => apart.has(cut)))
})

test('a change of slices counts from the next byte', async (context) => {
  const { proxy, pair } = await setStage(context)
  proxy.set({ slice: { least: 1000, most: 1000 } }, 'up')
  const { client, server } = await pair()
  client.socket.write('ten bytes ')
  await server.hears('ten bytes ')
  proxy.set({ slice: { least: 1, most: 1 } }, 'up')
  client.socket.write('ten bytes.')
  await server.hears('ten bytes.')
  assert.equal(proxy.counts().up.writes, 11)
})

test('slices may have a pause between them', async (context) => {
  const { proxy, clock, pair } = await setStage(context)
  proxy.set({ slice: { least: 2, most: 2, pause_ms: 30 } }, 'up')
  const { client, server } = await pair()
  client.socket.write('abcd')
  await server.hears('ab')
  await turns()
  await clock.pass(29)
  assert.equal(server.text(), 'ab')
  await clock.pass(1)
  await server.hears('abcd')
})

const limits = [
  { act: 'close', client: 'end', server: 'end' },
  { act: 'reset', client: 'ECONNRESET', server: 'ECONNRESET' },
] as const
for (const { act, ...fates } of limits) {
  for (const bytes of [0, 1, 1000, 100_000]) {
    test(`after exactly ${bytes} bytes, ${act}`, async (context) => {
      const { proxy, pair } = await setStage(context)
      proxy.script(({ set }) => set({ limit: { bytes, act } }, 'down'))
      const { client, server } = await pair()
      server.socket.write('y'.repeat(200_000))
      assert.equal(await client.over, fates.client)
      assert.equal(await server.over, fates.server)
      assert.equal(client.text().length, bytes)
      assert.equal(proxy.counts().down.written, bytes)
      client.socket.end()
      server.socket.end()
      await proxy.until(({ open }) => open === 0)
    })
  }
}

test('a limit that is set during a write counts from behind it', async (context) => {
  const { proxy, pair } = await setStage(context)
  const { client, server } = await pair()
  client.socket.pause()
  server.socket.write(Buffer.alloc(32 * 2 ** 20))
  for (let last = -1; last !== proxy.counts().down.written; await turns(100)) last = proxy.counts().down.written
  const { down } = proxy.counts()
  assert.ok(down.read > down.written)
  proxy.set({ limit: { bytes: 100, act: 'close' } }, 'down')
  client.socket.resume()
  assert.equal(await client.over, 'end')
  assert.equal(proxy.counts().down.writes, down.writes + 2)
  assert.equal(client.text().length, proxy.counts().down.written)
})

test('a limit counts from when it is set, in every connection anew, once', async (context) => {
  const { proxy, pair } = await setStage(context)
  const { client, server } = await pair()
  server.socket.write('before ')
  await client.hears('before ')
  proxy.set({ limit: { bytes: 4, act: 'stall' } }, 'down')
  server.socket.write('half of it')
  await client.hears('half')
  const later = await pair()
  later.server.socket.write('also')
  await later.client.hears('also')
  assert.equal(proxy.counts().down.written, 15)
  proxy.set({ isStalled: false })
  await client.hears('half of it')
  later.server.socket.write(' goes on')
  await later.client.hears('also goes on')
})
