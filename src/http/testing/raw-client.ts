import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** A client that speaks in bytes. */
export interface RawClient {
  readonly socket: Socket
  /** Everything that has come so far. */
  text(): string
  /** Resolves when what has come fits a pattern. */
  until(pattern: RegExp): Promise<string>
  /** Resolves with everything when the server has hung up. */
  readonly closed: Promise<string>
}

/** Connects to an application; the first call makes it listen. */
export async function connectTo(app: FastifyInstance): Promise<RawClient> {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo // It listens on TCP.
  const socket = connect(port, '127.0.0.1')
  let text = ''
  let arrival = Promise.withResolvers<void>()
  const wake = () => {
    arrival.resolve()
    arrival = Promise.withResolvers()
  }
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => {
    text += String(chunk)
    wake()
  })
  socket.on('error', () => {}) // A reset is what some tests ask for.
  socket.on('close', wake)
  const closed = once(socket, 'close').then(() => text)
  await once(socket, 'connect')
  return {
    socket,
    text: () => text,
    closed,
    async until(pattern) {
      while (!pattern.test(text)) {
        if (socket.closed) throw new Error(`The connection closed before ${String(pattern)}: ${text}`)
        await arrival.promise
      }
      return text
    },
  }
}
