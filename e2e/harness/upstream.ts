import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request that the upstream has received. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The parsed body; undefined where it was not JSON. */
  readonly body: Record<string, unknown> | undefined
  /** Resolves when the connection of this request is closed, by whichever side. */
  readonly closed: Promise<void>
}

/** How the upstream answers one request. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Whether it ends before anything is sent, even the status. */
  readonly isHeadless?: boolean
  /** Written one after the other, each in a write of its own; a promise is waited for, and written where it is text. */
  readonly chunks?: readonly (string | Uint8Array | Promise<unknown>)[]
  /**
   * Written after `chunks`: each is asked for when the one before has been handed to the system. It is ended early
   * where that fails, because the other side has gone.
   */
  readonly more?: AsyncIterable<string | Uint8Array>
  /**
   * How it ends: properly; cut off after all chunks have arrived; by a reset, which may overtake the last
   * of them; or never.
   */
  readonly end?: 'end' | 'cut' | 'reset' | 'hang'
}

/** A model provider on a real socket, scripted by the test. */
export interface Upstream {
  /** With `/v1`. */
  readonly baseUrl: string
  readonly received: readonly Received[]
  /** Answers the following requests. */
  answer(script: (request: Received, index: number) => Answer | Promise<Answer>): void
  close(): Promise<void>
}

/** Starts an upstream that answers 500 until it is told what to say. */
export async function startUpstream(): Promise<Upstream> {
  const received: Received[] = []
  let script: (request: Received, index: number) => Answer | Promise<Answer> = () => ({ status: 500 })
  const server = await serveAnswers(async (request) => {
    received.push(request)
    return script(request, received.length - 1)
  })
  return {
    baseUrl: `${server.origin}/v1`,
    received,
    answer: (next) => {
      script = next
    },
    close: () => server.close(),
  }
}

/** A server on a real socket that answers each request as it is told. */
export interface AnswerServer {
  /** Such as `http://127.0.0.1:43210`. */
  readonly origin: string
  /** Breaks off whatever is under way. */
  close(): Promise<void>
}

/** Starts a server. A request that breaks off before its end is none. */
export async function serveAnswers(answerTo: (request: Received) => Answer | Promise<Answer>): Promise<AnswerServer> {
  const server = createServer(async (request, response) => {
    const closed = new Promise<void>((resolve) => response.once('close', resolve))
    const text = await readBody(request)
    if (text === undefined) return
    const seen: Received = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : undefined,
      closed,
    }
    await send(response, await answerTo(seen))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // It listens on a port.
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** All of a body; undefined where the other side hung up before. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = []
  try {
    for await (const part of request) parts.push(part as Buffer)
  } catch {
    return undefined // Whatever breaks off a body has closed its connection.
  }
  return Buffer.concat(parts).toString()
}

async function send(response: ServerResponse, answer: Answer): Promise<void> {
  const { status = 200, headers = { 'content-type': 'text/event-stream' }, end = 'end' } = answer
  if (answer.isHeadless !== true) {
    response.writeHead(status, { ...headers })
    response.flushHeaders()
  }
  for await (const chunk of piecesOf(answer)) {
    if (response.destroyed) return
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) continue
    const error = await new Promise((resolve) => response.write(chunk, resolve))
    if (error != null) return
  }
  if (end === 'end') response.end()
  if (end === 'cut') response.socket?.destroy()
  if (end === 'reset') response.socket?.resetAndDestroy()
}

async function* piecesOf({ chunks = [], more }: Answer): AsyncGenerator {
  yield* chunks
  if (more !== undefined) yield* more
}

/** A Chat Completions chunk as a server-sent event. */
export function chunk(delta: object, rest: { finish_reason?: string; usage?: object } = {}): string {
  const { finish_reason = null, usage } = rest
  const body = {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason }],
    ...(usage && { usage }),
  }
  return `data: ${JSON.stringify(body)}\n\n`
}

/** The end of a Chat Completions stream. */
export const DONE = 'data: [DONE]\n\n'

/** A whole streamed answer that says one text. */
export function says(text: string): Answer {
  const usage = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }
  return {
    chunks: [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: text }),
      chunk({}, { finish_reason: 'stop', usage }),
      DONE,
    ],
  }
}
