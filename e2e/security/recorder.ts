import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** A request as it arrived, byte for byte. */
export interface Recorded {
  /** Request line and headers, without the blank line. */
  readonly head: string
  readonly body: string
}

/** An upstream that reads no more HTTP than it must, and keeps every byte. */
export interface Recorder {
  /** With `/v1`. */
  readonly baseUrl: string
  readonly requests: Recorded[]
  /** Connections that were opened. */
  connections(): number
  /** Bytes that belong to no request, of all connections. */
  leftovers(): string
  close(): Promise<void>
}

/** Starts an upstream that answers every request with the same text. */
export async function startRecorder(contentType: string, text: string): Promise<Recorder> {
  const requests: Recorded[] = []
  const rests = new Map<number, string>()
  let connections = 0
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  const server = createServer((socket) => {
    const number = connections++
    let rest = ''
    socket.setEncoding('latin1')
    socket.on('error', () => {}) // Whoever hangs up has the right to.
    socket.on('data', (chunk: string) => {
      rest += chunk
      for (let request = takeRequest(rest); request !== undefined; request = takeRequest(rest)) {
        requests.push(request)
        rest = rest.slice(request.head.length + 4 + request.body.length)
        socket.write(answer)
      }
      rests.set(number, rest)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // It listens on a port.
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    connections: () => connections,
    leftovers: () => [...rests.values()].join(''),
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** A request of known length at the beginning of a text; undefined until all of it is there. */
function takeRequest(text: string): Recorded | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = text.slice(0, end)
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  const body = text.slice(end + 4, end + 4 + length)
  return body.length === length ? { head, body } : undefined
}
