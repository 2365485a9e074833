import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { fakeClock, type FakeClock } from '../../src/engine/testing/fake-clock.ts'
import { startChaosProxy, type ChaosProxy } from './chaos-proxy.ts'

/** One side of a connection, and all that has happened to it. */
export interface Peer {
  readonly socket: Socket
  /** Everything read so far. */
  text(): string
  /** How long each read was, in bytes. */
  reads(): readonly number[]
  /** Resolves as soon as so much was read. */
  hears(text: string): Promise<void>
  /** `end`, or the code of an error, whichever comes first; `close` without either. */
  readonly over: Promise<string>
}

/** A proxy between a test and its own server. */
export interface Stage {
  readonly proxy: ChaosProxy
  readonly clock: FakeClock
  /** Connects a client through the proxy, and gives it with the server's side. */
  pair(): Promise<{ client: Peer; server: Peer }>
  /** Connects a client through the proxy. */
  client(): Peer
}

/** A server that says nothing by itself, and a proxy before it whose time stands still, until the test is over. */
export async function setStage(context: TestContext, seed = 1): Promise<Stage> {
  const arrivals: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => arrivals.push(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // It listens on a port.
  const clock = fakeClock()
  const proxy = await startChaosProxy({ target: { host: '127.0.0.1', port }, seed, clock })
  const clients: Socket[] = []
  const client = () => {
    const socket = connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true })
    clients.push(socket)
    return watch(socket)
  }
  context.after(async () => {
    await proxy.close()
    for (const socket of [...clients, ...arrivals]) socket.destroy()
    server.close()
  })
  return {
    proxy,
    clock,
    client,
    async pair() {
      const arrival = once(server, 'connection')
      const opened = client()
      const [socket] = (await arrival) as [Socket] // The server's own event.
      return { client: opened, server: watch(socket) }
    },
  }
}

/** Listens to a socket. */
export function watch(socket: Socket): Peer {
  const reads: Buffer[] = []
  const text = () => Buffer.concat(reads).toString('latin1')
  const { promise: over, resolve } = Promise.withResolvers<string>()
  let arrival = Promise.withResolvers<void>()
  socket.on('data', (bytes: Buffer) => {
    reads.push(bytes)
    arrival.resolve()
    arrival = Promise.withResolvers()
  })
  socket.on('end', () => resolve('end'))
  socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''))
  socket.on('close', () => resolve('close'))
  return {
    socket,
    text,
    over,
    reads: () => reads.map(({ length }) => length),
    async hears(wanted) {
      while (!text().includes(wanted)) await arrival.promise
    },
  }
}

/** Resolves when the event loop has been round so many times. */
export async function turns(count = 1): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
