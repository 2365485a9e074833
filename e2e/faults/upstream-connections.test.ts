import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { ProxiedConnection } from '../harness/chaos-proxy.ts'
import { impatientClock } from '../harness/impatient-clock.ts'
import { startTestServer } from '../harness/server.ts'
import { problemIn, retryHeaders, setStage } from './stage.ts'

const FIRST_BYTE_MS = 200
const IDLE_MS = 200

const stage = await setStage({
  clock: impatientClock(),
  timeouts: { first_byte_ms: FIRST_BYTE_MS, idle_ms: IDLE_MS, response_ms: 20_000 },
  provider: { concurrency: 2, queue_ms: 5000 },
})
beforeEach(() => {
  stage.network.script(() => {})
  stage.network.clear()
})

const WAYS = [
  { way: 'a whole answer', stream: false },
  { way: 'a stream', stream: true },
] as const

/** A dead port and a name that nobody has. */
for (const base_url of ['http://127.0.0.1:9/v1', 'http://nobody.invalid/v1']) {
  for (const { way, stream } of WAYS) {
    test(`U-01: ${way} of a provider that is not there, ${new URL(base_url).hostname}: 503 in time`, async () => {
      const server = await startTestServer({
        clock: impatientClock(),
        providers: { gone: { kind: 'openai-chat', base_url } },
      })
      const begun_ms = performance.now()
      const answer = await server.post('/responses', { model: 'gone/any', input: 'Hi', stream })
      const taken_ms = performance.now() - begun_ms
      const { status, code, message } = await problemIn(answer)
      await server.close()
      assert.deepEqual([status, code], [503, 'upstream_unavailable'])
      assert.doesNotMatch(message, /127\.0\.0\.1|nobody/)
      assert.deepEqual(retryHeaders(answer), { after: '2', should: null })
      assert.ok(taken_ms < 11_000, `${taken_ms} ms`)
    })
  }
}

for (const { way, stream } of WAYS) {
  test(`U-02: ${way} of a provider that takes the call and says nothing: 503, its socket closed, its place free`, async () => {
    const tag = `silent-${stream}`
    const answers = [1, 2, 3, 4].map(() => stage.ask(`[tag:${tag}] [do: hang]`, { stream }))
    for (const answer of await Promise.all(answers)) {
      assert.deepEqual(await problemIn(answer).then(({ status, code }) => [status, code]), [503, 'upstream_timeout'])
      assert.equal(answer.headers.get('x-should-retry'), 'false')
    }
    const counts = await stage.upstream.until(tag, ({ open }) => open === 0)
    assert.deepEqual([counts.received, counts.aborted], [4, 4])
    assert.equal((await stage.tell('')).told.status, 'completed')
  })

  test(`U-04: ${way} of a provider that resets the connection before it answers: tried again, then one error`, async () => {
    const tag = `reset-${stream}`
    const answer = await stage.ask(`[tag:${tag}] [do: reset]`, { stream })
    assert.deepEqual(await problemIn(answer).then(({ status, code }) => [status, code]), [503, 'upstream_unavailable'])
    assert.equal(answer.headers.get('x-should-retry'), 'false', 'the provider may have been paid')
    assert.equal((await stage.upstream.counts(tag)).received, 3)
  })
}

test('U-10: a provider that vanishes in the middle of its answer: given up after the idle time, with what was said', async () => {
  const vanished = Promise.withResolvers<ProxiedConnection>()
  stage.network.script((connection) => {
    connection.set({ limit: { bytes: 1500, act: 'stall' } }, 'down')
    vanished.resolve(connection)
  })
  for (const idle of stage.network.live()) idle.reset()
  const { final, code, deltas } = await stage.stream('[tag:half-open] [do: chunks=100]')
  assert.deepEqual([final.status, code], ['failed', 'upstream_timeout'])
  assert.ok(deltas.length > 0)
  assert.equal(final.output_text, deltas.join(''))
  assert.equal((await stage.upstream.counts('half-open')).received, 1)
  stage.network.clear()
  const { number } = await vanished.promise
  await stage.network.until(() => stage.network.live().every((connection) => connection.number !== number))
})

test('U-31: a connection that its provider has closed while it was idle is not used again', async () => {
  await stage.tell('[tag:idle-1]')
  const { connections } = stage.network.counts()
  for (const connection of stage.network.live()) connection.reset()
  const { status, told } = await stage.tell('[tag:idle-2]')
  assert.deepEqual([status, told.status], [200, 'completed'])
  assert.equal((await stage.upstream.counts('idle-2')).received, 1)
  assert.equal(stage.network.counts().connections, connections + 1)
})

test('U-31: a connection that is closed as our next call goes out: the call is made again, and answered once', async () => {
  await stage.tell('[tag:race-1]')
  for (const connection of stage.network.live()) connection.set({ limit: { bytes: 10, act: 'reset' } }, 'up')
  const { status, told } = await stage.tell('[tag:race-2]')
  assert.deepEqual([status, told.status], [200, 'completed'])
  assert.equal((await stage.upstream.counts('race-2')).received, 1)
})

test('U-33: beyond the calls that a provider may have, others wait, and are told when to come back', async () => {
  const narrow = await setStage({ provider: { concurrency: 1, queue_ms: 50 } })
  const first = narrow.ask('[tag:busy] [do: hold]')
  await narrow.upstream.until('busy', ({ held }) => held === 1)
  const others = await Promise.all(Array.from({ length: 20 }, () => narrow.ask('[tag:others]')))
  for (const other of others) {
    assert.deepEqual(await problemIn(other).then(({ status, code }) => [status, code]), [503, 'upstream_unavailable'])
    assert.equal(other.headers.get('retry-after'), '2')
  }
  await narrow.upstream.release('busy')
  assert.equal((await first).status, 200)
  assert.equal((await narrow.upstream.counts('others')).received, 0)
  assert.equal((await narrow.tell('')).status, 200)
})
