import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dial } from './clients.ts'
import { openStoppingSite, watchStream } from './stopped-server.ts'

const ASK = { model: 'up/any', input: 'Hello' }

const site = await openStoppingSite({ lameDuck_ms: 500, drain_ms: 10_000 })

test('a connection is used to its last answer, and hung up on properly', async () => {
  const server = await site.start()
  const [idle, used, fresh, streaming] = await Promise.all(Array.from({ length: 4 }, () => dial(server.origin)))
  assert.ok(idle && used && fresh && streaming)
  for (const client of [idle, used]) {
    client.send('GET', '/v1/models')
    assert.match(await client.until(/"data":/), /\r\nConnection: keep-alive\r\n/)
  }
  streaming.send('POST', '/v1/responses', { ...ASK, input: '[tag:s] [do: chunks=2 hold@1]', stream: true })
  await streaming.until(/output_text\.delta/)
  server.signal('SIGTERM')
  await server.command.says(/Stopping/)

  used.send('POST', '/v1/responses', ASK)
  const second = (await used.until(/"status":"completed"/)).split('HTTP/1.1 ')[2] ?? ''
  assert.match(second, /^200 OK[\s\S]*\r\nConnection: close\r\n/, 'a lame duck answers')
  assert.equal(await used.ended, 'end')
  assert.equal(await idle.ended, 'end')

  await assert.rejects(fetch(`${server.origin}/live`), 'nobody new is taken')
  fresh.send('POST', '/v1/responses', ASK)
  const refused = await fresh.until(/server_stopping/)
  assert.match(refused, /^HTTP\/1\.1 503 Service Unavailable\r\n/)
  for (const line of ['retry-after: 1', 'Connection: close']) assert.ok(refused.includes(`\r\n${line}\r\n`), refused)
  assert.equal(await fresh.ended, 'end')

  await site.upstream.release('s')
  assert.match(await streaming.until(/\[DONE\]/), /event: response\.completed/)
  assert.equal(await streaming.ended, 'end', 'its head said keep-alive, and it is hung up on all the same')
  const { code, taken_ms } = await server.ended
  assert.equal(code, 0)
  assert.ok(taken_ms < 4000, `a connection has held the process for ${taken_ms} ms`)
})

test('a probe sees 200, then 503 while requests are still taken, then nobody', async () => {
  const server = await site.start()
  const probe = () =>
    server.get('/ready').then(
      async ({ status }) => `${status} and ${(await server.ask('[do: chunks=1]')).status}`,
      () => 'nobody',
    )
  const stream = watchStream(await server.ask('[tag:p] [do: chunks=2 hold@1]', { stream: true }))
  await stream.spoken
  const seen = [await probe()]
  server.signal('SIGTERM')
  await server.command.says(/Stopping/)
  while (seen.at(-1) !== 'nobody') {
    const next = await probe().catch(() => 'nobody')
    if (next !== seen.at(-1)) seen.push(next)
  }
  const known = seen.filter((what) => what !== '503 and 503') // Connected before the end, and asked after it.
  assert.deepEqual(known, ['200 and 200', '503 and 200', 'nobody'])
  await site.upstream.release('p')
  assert.equal(await stream.ended, true)
  assert.equal((await server.ended).code, 0)
})
