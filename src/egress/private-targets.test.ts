import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { fakeClock } from '../engine/testing/fake-clock.ts'
import { ApiError } from '../protocol/error.ts'
import { privateTargets } from './testing/private-targets.ts'
import { openUserFetcher, type Outside } from './user-fetch.ts'

const LOOPBACKS = ['127.0.0.1', '::1']

/** Who was reached: connections that listeners took, and connections that were tried. */
const reached = { listeners: 0, tried: 0 }
const servers: Server[] = []
let port = 0

before(async () => {
  for (const host of LOOPBACKS) {
    const server = createServer((socket) => {
      reached.listeners++
      socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\n\r\n')
    }).listen(port, host)
    servers.push(server)
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port // It listens on a port, and both on the same.
  }
})

after(() => servers.forEach((server) => server.close()))

/** Every name leads to this machine, and every port to the one that is listened on. */
const inward: Partial<Outside> = {
  resolve: async () => LOOPBACKS,
  connect(goal): Socket {
    reached.tried++
    return connect({ ...goal, port })
  },
  after: fakeClock().after,
}

test('Hundreds of spellings of private targets are refused before anybody is connected to', async () => {
  const targets = privateTargets(port)
  assert.ok(targets.length > 1000, `${targets.length} spellings`)
  const fetcher = openUserFetcher({ allow: ['https://files.example'], resolver: undefined }, inward)
  for (const target of targets) {
    for (const wanted of ['image', 'file'] as const) {
      const outcome: unknown = await fetcher.fetch(target, wanted, new AbortController().signal).catch((error) => error)
      assert.ok(outcome instanceof ApiError, JSON.stringify(target))
      const { status, code, message } = outcome
      assert.deepEqual([status, code], [400, `invalid_${wanted}_url`], JSON.stringify(target))
      assert.match(message, /^The (?:image|file) URL (?:must be an https URL|leads nowhere)/, JSON.stringify(target))
    }
  }
  assert.deepEqual(reached, { listeners: 0, tried: 0 })
})

test('Both listeners would have told of a connection', async () => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    const origin = `http://${host}:${port}`
    const fetcher = openUserFetcher({ allow: [origin], resolver: undefined }, inward)
    await assert.rejects(fetcher.fetch(`${origin}/`, 'image', new AbortController().signal), /must lead to a PNG/)
  }
  assert.deepEqual(reached, { listeners: 3, tried: 3 })
})
