import { once } from 'node:events'
import { connect } from 'node:net'
import { TEST_KEY } from '../harness/server.ts'

/** A client of bytes, which reads as it is told. */
export interface ByteClient {
  send(bytes: string): void
  /** Everything that has come so far. */
  text(): string
  /** Resolves when what has come fits a pattern. @throws The connection was closed before. */
  until(pattern: RegExp): Promise<string>
  /** Reads nothing more. */
  pause(): void
  /** Reads what is there now, and then nothing more. */
  readSome(): void
  /** From now on reads what is there, and rests so long, again and again. */
  dawdle(rest_ms: number): void
  resume(): void
  /** Leaves without a word. */
  reset(): void
  /** Resolves with everything when the server has hung up. */
  readonly closed: Promise<string>
}

/** Connects to a server. */
export async function dialStage(origin: string): Promise<ByteClient> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  const pieces: string[] = []
  let [tail, isReadingSome] = ['', false]
  let arrival = Promise.withResolvers<void>()
  const wake = () => {
    arrival.resolve()
    arrival = Promise.withResolvers()
  }
  socket.setEncoding('utf8').on('data', (piece: string) => {
    if (isReadingSome) socket.pause()
    pieces.push(piece)
    tail = (tail + piece).slice(-4096)
    wake()
  })
  socket.on('error', () => {}) // It may be reset.
  const text = () => pieces.join('')
  const closed = once(socket, 'close').then(text)
  void closed.then(wake)
  await once(socket, 'connect')
  return {
    send: (bytes) => void socket.write(bytes),
    text,
    closed,
    async until(pattern) {
      while (!pattern.test(tail)) {
        if (socket.closed) throw new Error(`The connection closed before ${String(pattern)}: ${tail}`)
        await arrival.promise
      }
      return text()
    },
    pause: () => void socket.pause(),
    readSome() {
      isReadingSome = true
      socket.resume()
    },
    dawdle(rest_ms) {
      isReadingSome = true
      const again = setInterval(() => socket.resume(), rest_ms)
      socket.once('close', () => clearInterval(again))
    },
    resume() {
      isReadingSome = false
      socket.resume()
    },
    reset: () => void socket.resetAndDestroy(),
  }
}

/** A request as bytes: a POST of a body, or whatever the line says. */
export function rawRequest(body: object | undefined, line = 'POST /v1/responses'): string {
  const json = body === undefined ? '' : JSON.stringify(body)
  const head = [
    `${line} HTTP/1.1`,
    'host: localhost',
    `authorization: Bearer ${TEST_KEY}`,
    ...(body === undefined ? [] : ['content-type: application/json', `content-length: ${Buffer.byteLength(json)}`]),
  ]
  return `${head.join('\r\n')}\r\n\r\n${json}`
}
