import { Agent, request, type IncomingMessage } from 'node:http'
import { CHAOS_KEY } from './server-life.ts'

/** An answer that has come whole. */
export interface Reply {
  readonly status: number
  readonly text: string
  /** When to come again, where it says so, in seconds. */
  readonly retryAfter?: string | undefined
}

/** How much of a stream has come. */
export interface Heard {
  readonly status: number
  /** The data of its events, as they stood on the wire. */
  readonly events: readonly string[]
  /** `done` after its end mark; `left` where we have hung up; `cut` where somebody else has. */
  readonly over: 'done' | 'left' | 'cut'
  /** The body of an answer that was no stream. */
  readonly text: string
  readonly retryAfter?: string | undefined
}

/** A request. */
export interface Asked {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/v1`. */
  readonly path: string
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

/** A client of one server life: no retries, no help. */
export interface Wire {
  /** @returns undefined where the connection broke before the answer had come whole. */
  ask(asked: Asked): Promise<Reply | undefined>
  /** @param onEvent Is given each event's data as it comes; it hangs up where it says `leave`. */
  follow(asked: Asked, onEvent?: (data: string) => 'leave' | undefined): Promise<Heard>
  close(): void
}

/** Connects to a server. */
export function connectTo(origin: string): Wire {
  const agent = new Agent({ keepAlive: true })
  const send = ({ method, path, body, headers }: Asked) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const sent = request(`${origin}/v1${path}`, {
      agent,
      method,
      headers: {
        authorization: `Bearer ${CHAOS_KEY}`,
        ...(text && { 'content-type': 'application/json' }),
        ...headers,
      },
    })
    sent.end(text)
    return sent
  }
  return {
    async ask(asked) {
      const heard = await listen(send(asked), () => undefined)
      const { status, text, retryAfter } = heard
      return heard.over === 'cut' ? undefined : { status, text, retryAfter }
    },
    follow: (asked, onEvent = () => undefined) => listen(send(asked), onEvent),
    close: () => agent.destroy(),
  }
}

type OnEvent = (data: string) => 'leave' | undefined

/** Never rejects: whatever breaks, what has come until then counts. */
function listen(sent: ReturnType<typeof request>, onEvent: OnEvent): Promise<Heard> {
  const { promise, resolve } = Promise.withResolvers<Heard>()
  const events: string[] = []
  let [status, text, isStream, isDone] = [0, '', false, false]
  let retryAfter: string | undefined
  const end = (over: Heard['over']) => resolve({ status, events, over, text, retryAfter })
  const leave = () => {
    end('left')
    sent.destroy()
  }
  const take = (block: string) => {
    const [, data] = /(?:^|\n)data: (.*)$/.exec(block) ?? []
    if (data === '[DONE]') isDone = true
    else if (data !== undefined) events.push(data)
    if (data !== undefined && !isDone && onEvent(data) === 'leave') leave()
  }
  sent.on('error', () => end('cut'))
  sent.on('response', (answer: IncomingMessage) => {
    status = answer.statusCode ?? 0
    retryAfter = answer.headers['retry-after']
    isStream = answer.headers['content-type']?.startsWith('text/event-stream') === true
    answer.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      if (!isStream) return
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) take(block)
    })
    answer.on('error', () => end('cut'))
    answer.on('close', () => end(answer.complete && (isDone || !isStream) ? 'done' : 'cut'))
  })
  return promise
}
