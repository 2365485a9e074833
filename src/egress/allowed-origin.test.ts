import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createPlainServer, type RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { connect, type AddressInfo, type Server } from 'node:net'
import { test, type TestContext } from 'node:test'
import { fakeClock } from '../engine/testing/fake-clock.ts'
import { selfSigned } from './testing/certificate.ts'
import { PNG } from './testing/small-web.ts'
import { openUserFetcher, type Outside } from './user-fetch.ts'

const CERTIFICATE = selfSigned(['files.corp', '127.0.0.1'])

/** A private server, reached as it is: the sockets are real, and so are their addresses. */
async function open(context: TestContext, protocol: 'http' | 'https') {
  const hosts: unknown[] = []
  const answer: RequestListener = ({ headers }, response) => {
    hosts.push(headers.host)
    response.end(PNG)
  }
  const server: Server = protocol === 'http' ? createPlainServer(answer) : createServer(CERTIFICATE, answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close())
  const { port } = server.address() as AddressInfo // It listens on a port.
  return { hosts, port }
}

/** Fetches with some origins allowed; every name leads to this machine. */
function fetchWith(allow: readonly string[], outside: Partial<Outside> = {}) {
  const fetcher = openUserFetcher(
    { allow, resolver: undefined },
    { resolve: async () => ['127.0.0.1'], ca: CERTIFICATE.cert, after: fakeClock().after, ...outside },
  )
  return (url: string) => fetcher.fetch(url, 'image', new AbortController().signal)
}

for (const protocol of ['http', 'https'] as const) {
  for (const host of ['127.0.0.1', 'FILES.corp']) {
    test(`A private origin over ${protocol} at ${host} is reached where it is allowed, and nowhere beside it`, async (context) => {
      const { hosts, port } = await open(context, protocol)
      const origin = `${protocol}://${host}:${port}`
      const fetchImage = fetchWith([origin])
      assert.deepEqual(await fetchImage(`${origin}/cat.png`), { mediaType: 'image/png', bytes: PNG })
      assert.deepEqual(hosts, [`${host.toLowerCase()}:${port}`])
      const beside = [
        `${protocol === 'http' ? 'https' : 'http'}://${host}:${port}/`,
        `${protocol}://${host}:${port + 1}/`,
        `${protocol}://files.corp.:${port}/`,
        `${protocol}://localhost:${port}/`,
        `${protocol}://files.corp.images.example:${port}/`,
        `https://${host}/`,
      ]
      for (const url of beside) await assert.rejects(fetchImage(url), /must be an https URL|leads nowhere/)
      await assert.rejects(fetchWith([])(`${origin}/`), /must be an https URL/)
      assert.equal(hosts.length, 1)
    })
  }
}

test('An allowed origin on the usual port is private all the same, and no other name that leads there', async (context) => {
  const { hosts, port } = await open(context, 'https')
  const fetchImage = fetchWith(['https://files.corp'], { connect: (goal) => connect({ ...goal, port }) })
  assert.equal((await fetchImage('https://files.corp/')).mediaType, 'image/png')
  await assert.rejects(fetchImage('https://images.example/'), /leads nowhere/)
  assert.equal(hosts.length, 1)
})

test('The certificate of an allowed origin is checked', async (context) => {
  const { hosts, port } = await open(context, 'https')
  const origin = `https://files.corp:${port}`
  await assert.rejects(fetchWith([origin], { ca: selfSigned(['files.corp']).cert })(origin), /leads nowhere/)
  await assert.rejects(fetchWith([`https://other.corp:${port}`])(`https://other.corp:${port}`), /leads nowhere/)
  assert.deepEqual(hosts, [])
})
