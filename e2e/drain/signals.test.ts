import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openStoppingSite, untilEnded, watchStream } from './stopped-server.ts'

/** Without a second signal it would take a minute. */
const site = await openStoppingSite({ lameDuck_ms: 30_000, drain_ms: 30_000 })

const HURRIED_MS = 3000

for (const [first, second] of [
  ['SIGTERM', 'SIGTERM'],
  ['SIGINT', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
] as const) {
  test(`O-09: ${first} and then ${second} is fast, and still clean`, async (t) => {
    const server = await site.start()
    const tag = `${first}-${second}`
    const job = await server.ask(`[tag:${tag}] [do: hang@1 | chunks=1]`, { background: true })
    const { id } = (await job.json()) as { id: string }
    const stream = watchStream(await server.ask('[do: hang@2]', { stream: true }))
    await Promise.all([stream.spoken, site.upstream.until(tag, ({ begun }) => begun === 1)])
    server.signal(first)
    await server.command.says(/Stopping/)
    server.signal(second)
    assert.equal(await stream.ended, true, '[DONE] is said')
    assert.equal(stream.events.at(-1)?.type, 'response.failed')
    const { code, signal, stderr, taken_ms } = await server.ended
    assert.deepEqual([code, signal, stderr], [0, null, ''])
    assert.ok(taken_ms < HURRIED_MS, `${taken_ms} ms`)
    t.diagnostic(`ended ${Math.round(taken_ms)} ms after the first signal`)
    const next = await site.start()
    assert.equal(await untilEnded(next, id), 'completed', 'the job was given back')
    next.signal('SIGINT')
    assert.equal((await next.ended).code, 0)
  })
}

test('SIGINT alone takes no request more, and lets what runs end', async () => {
  const server = await site.start()
  const stream = watchStream(await server.ask('[tag:i] [do: chunks=2 hold@1]', { stream: true }))
  await stream.spoken
  server.signal('SIGINT')
  await server.command.says(/Stopping/)
  while (
    await server.get('/live').then(
      () => true,
      () => false,
    )
  );
  await site.upstream.release('i')
  assert.equal(await stream.ended, true)
  assert.equal(stream.events.at(-1)?.type, 'response.completed')
  const { code, taken_ms } = await server.ended
  assert.equal(code, 0)
  assert.ok(taken_ms < HURRIED_MS, `${taken_ms} ms`)
})

test('a third signal ends the process, whatever it does', async () => {
  const server = await site.start()
  const stalled = watchStream(await server.ask('[do: hang@1]', { stream: true }))
  await stalled.spoken
  server.signal('SIGTERM')
  await server.command.says(/Stopping/)
  server.command.process.kill('SIGSTOP') // So that the next two come together.
  server.signal('SIGINT')
  server.signal('SIGTERM')
  server.command.process.kill('SIGCONT')
  const { code, signal } = await server.ended
  assert.deepEqual([code, signal], [130, null])
})

test('a server that still waits for its storage stops when it is told to', async () => {
  const first = await site.start()
  first.signal('SIGINT')
  await first.ended
  const db = new DatabaseSync(join(site.folder, '.antiphon', 'antiphon.db'))
  db.exec('BEGIN IMMEDIATE')
  const waiting = site.spawn('error')
  await waiting.says(/the storage is not there yet/)
  const start_ms = performance.now()
  waiting.process.kill('SIGTERM')
  const { code, signal, stdout } = await waiting.ended
  db.close()
  assert.deepEqual([code, signal], [0, null])
  assert.ok(!stdout.includes('listens on'), stdout)
  assert.ok(performance.now() - start_ms < 10_000)
})
