import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How often each process is asked whether it is ready, as balancers do. */
const LOOK_MS = 250

/** A process that does not answer in time is not ready. */
const LOOK_MS_MAX = 1000

/** An HTTP balancer before processes that come and go. */
export interface Balancer {
  readonly origin: string
  /** The processes that there are: those of them that are ready are asked, in turn. */
  use(origins: readonly string[]): void
  /** Those that were ready when they were asked last. */
  ready(): readonly string[]
  close(): Promise<void>
}

/**
 * Starts a balancer. It looks at `/ready`, asks the other process where a connection is refused, passes on everything
 * else as it comes, and breaks the client's connection where the other one breaks.
 */
export async function startBalancer(): Promise<Balancer> {
  const proxy = new Proxy()
  const server = createServer((incoming, answer) => void proxy.pass(incoming, answer))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // It listens on an IP socket.
  const looking = setInterval(() => void proxy.look(), LOOK_MS)
  return {
    origin: `http://127.0.0.1:${port}`,
    use: (origins) => proxy.use(origins),
    ready: () => proxy.ready(),
    close: async () => {
      clearInterval(looking)
      await closeServer(server)
    },
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server.close(), 'close')
  server.closeAllConnections()
  await closed
}

class Proxy {
  readonly #agent = new Agent({ keepAlive: false })
  #ready = new Map<string, boolean>()
  #turn = 0

  use(origins: readonly string[]): void {
    this.#ready = new Map(origins.map((origin) => [origin, this.#ready.get(origin) ?? false]))
    void this.look()
  }

  ready(): readonly string[] {
    return [...this.#ready].flatMap(([origin, isReady]) => (isReady ? [origin] : []))
  }

  async look(): Promise<void> {
    const look = async (origin: string) => {
      const signal = AbortSignal.timeout(LOOK_MS_MAX)
      const isReady = await fetch(`${origin}/ready`, { signal }).then(
        (answer) => answer.ok,
        () => false,
      )
      if (this.#ready.has(origin)) this.#ready.set(origin, isReady)
    }
    await Promise.all(Array.from(this.#ready.keys(), look))
  }

  async pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = Buffer.concat(await incoming.toArray())
    const first = this.#turn++
    const ready = this.ready()
    for (let tries = 0; tries < ready.length; tries++) {
      const isTaken = await this.#ask(ready[(first + tries) % ready.length] ?? '', { incoming, answer, body })
      if (isTaken) return
    }
    answer.writeHead(502).end('Nobody is ready.')
  }

  /** @returns false where the connection was refused: then nothing was sent. */
  #ask(origin: string, { incoming, answer, body }: Passing): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const { method, url, headers } = incoming
    const sent = request(origin + url, { agent: this.#agent, method, headers: { ...headers, connection: 'close' } })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNREFUSED') answer.destroy()
      resolve(error.code !== 'ECONNREFUSED')
    })
    sent.on('response', (received) => {
      resolve(true)
      const { connection: _, ...own } = received.headers
      answer.writeHead(received.statusCode ?? 502, own)
      received.on('error', () => answer.destroy()).pipe(answer)
    })
    answer.on('close', () => sent.destroy())
    sent.end(body)
    return promise
  }
}

/** A request on its way. */
interface Passing {
  readonly incoming: IncomingMessage
  readonly answer: ServerResponse
  readonly body: Buffer
}
