import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { LookupAddress } from 'node:dns'
import {
  connect,
  createServer as createMuteServer,
  isIP,
  type AddressInfo,
  type Server,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net'
import type { TestContext } from 'node:test'
import type { UserFetcher } from '../../core/fetcher.ts'
import { fakeClock, type FakeClock } from '../../engine/testing/fake-clock.ts'
import { openUserFetcher, type Outside, type UserFetchLimits } from '../user-fetch.ts'
import { selfSigned } from './certificate.ts'

/** An address of the public Internet; nothing is ever sent there. */
export const PUBLIC_ADDRESS = '93.184.215.14'

/** A PNG of a pixel, as far as anybody looks. */
export const PNG = Buffer.concat([
  Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex'),
  Buffer.from('the rest'),
])

/** Answers a request to the small web. */
export type WebHandler = (request: IncomingMessage, response: ServerResponse) => void

/** What users can reach in a test: one server with TLS that stands for every public address. */
export interface SmallWeb {
  readonly fetcher: UserFetcher
  readonly clock: FakeClock
  /** Where it was connected to: what was looked up, or the address in the URL, and the port. */
  readonly connections: readonly { readonly addresses: readonly string[]; readonly port: number }[]
  /** What the server was asked for. */
  readonly requests: readonly { readonly host: string; readonly path: string }[]
  /** The server's sides of its connections. */
  readonly sockets: readonly Socket[]
  fetchImage(url: string, signal?: AbortSignal): ReturnType<UserFetcher['fetch']>
}

/** How a small web differs from the plain one. */
export interface WebOptions {
  readonly handler?: WebHandler
  /** The addresses of a name; without it each has the same public one. */
  readonly resolve?: Outside['resolve']
  readonly allow?: readonly string[]
  readonly limits?: Partial<UserFetchLimits>
  /** What sockets say that they lead to; without it the first address that was looked up. */
  readonly remoteAddress?: string
  readonly certificate?: ReturnType<typeof selfSigned>
  /** Whether nobody listens. */
  readonly isDown?: boolean
  /** Whether it takes connections and says nothing, not even for TLS. */
  readonly isMute?: boolean
}

const CERTIFICATE = selfSigned(['images.example', 'other.example', PUBLIC_ADDRESS])

/** Opens a small web; it is closed with the test. */
export async function openSmallWeb(context: TestContext, options: WebOptions = {}): Promise<SmallWeb> {
  const requests: { host: string; path: string }[] = []
  const sockets: Socket[] = []
  const connections: { addresses: readonly string[]; port: number }[] = []
  const { handler = sendPng, certificate = CERTIFICATE } = options
  const answer: WebHandler = (request, response) => {
    requests.push({ host: request.headers.host ?? '', path: request.url ?? '' })
    handler(request, response)
  }
  const server: Server =
    options.isMute === true ? createMuteServer((socket) => socket.resume()) : createServer(certificate, answer)
  server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo // It listens on a port.
  if (options.isDown === true) await once(server.close(), 'close')
  const clock = fakeClock()
  const outside: Partial<Outside> = {
    resolve: options.resolve ?? (async () => [PUBLIC_ADDRESS]),
    connect(goal) {
      const addresses = addressesOf(goal)
      connections.push({ addresses, port: goal.port })
      const remote = options.remoteAddress ?? addresses[0]
      return Object.defineProperty(connect(port, '127.0.0.1'), 'remoteAddress', { value: remote })
    },
    ca: certificate.cert,
    after: clock.after,
  }
  const { allow = [], limits = {} } = options
  const fetcher = openUserFetcher({ allow, resolver: undefined, limits }, outside)
  const fetchImage = (url: string, signal = new AbortController().signal) => fetcher.fetch(url, 'image', signal)
  return { fetcher, clock, connections, requests, sockets, fetchImage }
}

function sendPng(_: IncomingMessage, response: ServerResponse): void {
  response.end(PNG)
}

/** Where a socket would go: asked as sockets ask. */
function addressesOf({ host = '', lookup }: TcpNetConnectOpts): readonly string[] {
  if (isIP(host) !== 0) return [host]
  let found: readonly string[] = []
  lookup?.(host, { all: true }, (_, addresses) => {
    found = (addresses as LookupAddress[]).map(({ address }) => address) // All were asked for.
  })
  return found
}
