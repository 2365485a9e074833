import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { HEADERS } from './stopped-server.ts'

/** A client of bytes, to see what becomes of its connection. */
export interface ByteClient {
  /** Everything that has come so far. */
  text(): string
  /** Resolves when what has come fits a pattern, or nothing more will come. */
  until(pattern: RegExp): Promise<string>
  send(method: string, path: string, body?: object): void
  write(text: string): void
  /** Reads nothing more. */
  stall(): void
  /** Resolves with how it ended: `end` where the server has hung up properly, else the error's code. */
  readonly ended: Promise<string>
  destroy(): void
}

/** Connects, and sends nothing yet. */
export async function dial(origin: string): Promise<ByteClient> {
  const { port, hostname } = new URL(origin)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  return byteClient(socket)
}

function byteClient(socket: Socket): ByteClient {
  let text = ''
  let arrival = Promise.withResolvers<void>()
  const wake = () => {
    arrival.resolve()
    arrival = Promise.withResolvers()
  }
  const ended = new Promise<string>((resolve) => {
    socket.on('end', () => resolve('end')).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
  })
  void ended.then(wake)
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    wake()
  })
  return {
    text: () => text,
    ended,
    async until(pattern) {
      while (!pattern.test(text) && !socket.closed && !socket.readableEnded) await arrival.promise
      return text
    },
    send(method, path, body) {
      const json = body === undefined ? '' : JSON.stringify(body)
      const lines = [
        `${method} ${path} HTTP/1.1`,
        'host: localhost',
        ...Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}`),
        ...(body === undefined ? [] : [`content-length: ${Buffer.byteLength(json)}`]),
      ]
      socket.write(`${lines.join('\r\n')}\r\n\r\n${json}`)
    },
    write: (piece) => void socket.write(piece),
    stall: () => void socket.pause(),
    destroy: () => void socket.destroy(),
  }
}
