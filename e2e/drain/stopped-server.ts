import type { Command, Exit } from '../harness/command.ts'
import { openSite, type Site, type Started } from '../harness/site.ts'

const KEY = 'a-key-of-the-drain'

/** What every request bears. */
export const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' } as const

/** How long a server that is stopped has, in milliseconds. */
export interface Times {
  readonly lameDuck_ms: number
  readonly drain_ms: number
}

/** A server in a process of its own, whose model does what the prompt says: `up/any`. */
export interface StoppedServer {
  /** Such as `http://127.0.0.1:43210`. */
  readonly origin: string
  readonly command: Command
  /** Asks for a response: `words` are of the fault upstream's language, such as `[do: hang@2]`. */
  ask(words: string, fields?: object): Promise<Response>
  post(path: string, body: object): Promise<Response>
  get(path: string): Promise<Response>
  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void
  /** How it ended, and how long after the first signal. */
  readonly ended: Promise<Exit & { readonly taken_ms: number }>
}

/** A folder in which servers are started that are to be stopped. */
export interface StoppingSite extends Pick<Site, 'folder' | 'upstream' | 'spawn'> {
  start(): Promise<StoppedServer>
}

/** Prepares a folder. All that is started in it is ended with the file's tests. */
export async function openStoppingSite({ lameDuck_ms, drain_ms }: Times, concurrency = 64): Promise<StoppingSite> {
  const site = await openSite(KEY, (baseUrl) => [
    `providers: { up: { kind: openai-chat, base_url: "${baseUrl}" } }`,
    `timeouts: { lame_duck_ms: ${lameDuck_ms}, drain_ms: ${drain_ms} }`,
    `background: { concurrency: ${concurrency} }`,
  ])
  return { ...site, start: async () => stoppedServer(await site.start()) }
}

/** A server that has started. */
export function stoppedServer({ command, origin }: Started): StoppedServer {
  let first_ms: number | undefined
  const post = (path: string, body: object) =>
    fetch(origin + path, { method: 'POST', headers: HEADERS, body: JSON.stringify(body) })
  return {
    origin,
    command,
    ask: (words, fields = {}) => post('/v1/responses', { model: 'up/any', input: `Speak. ${words}`, ...fields }),
    post,
    get: (path) => fetch(origin + path, { headers: HEADERS }),
    signal(signal) {
      first_ms ??= performance.now()
      command.process.kill(signal)
    },
    ended: command.ended.then((exit) => ({ ...exit, taken_ms: performance.now() - (first_ms ?? 0) })),
  }
}

/** An event of a stream. */
export interface SeenEvent {
  readonly type: string
  readonly sequence_number: number
  readonly response?: { readonly id: string; readonly status: string; readonly output_text: string }
}

/** A stream that is read as it comes. */
export interface SeenStream {
  readonly events: readonly SeenEvent[]
  /** Resolves once a text delta has come. */
  readonly spoken: Promise<void>
  /** Resolves at its end, with whether it has said `[DONE]`; rejects where it was cut. */
  readonly ended: Promise<boolean>
}

/** Reads a stream, and checks that its events are numbered without a gap. */
export function watchStream(answer: Response): SeenStream {
  const events: SeenEvent[] = []
  const spoken = Promise.withResolvers<void>()
  const read = async () => {
    let [rest, isDone] = ['', false]
    for await (const text of (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, data] = /^data: (.*)$/m.exec(block) ?? []
        if (data === '[DONE]') isDone = true
        else if (data !== undefined) take(JSON.parse(data) as SeenEvent)
      }
    }
    return isDone
  }
  const take = (event: SeenEvent) => {
    if (event.sequence_number !== events.length) throw new Error(`Event ${events.length} is ${JSON.stringify(event)}`)
    events.push(event)
    if (event.type === 'response.output_text.delta') spoken.resolve()
  }
  const ended = read().finally(spoken.resolve)
  ended.catch(() => {}) // Whoever wants to know awaits it.
  return { events, spoken: spoken.promise, ended }
}

/** Polls a response until it has ended. */
export async function untilEnded(server: StoppedServer, id: string): Promise<string> {
  for (;;) {
    const { status } = (await (await server.get(`/v1/responses/${id}`)).json()) as { status: string }
    if (status !== 'queued' && status !== 'in_progress') return status
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
