import { request, type ClientRequest } from 'node:http'
import type { TestContext } from 'node:test'
import type { CallCounts } from './call-ledger.ts'
import { startFaultUpstream, type FaultUpstream, type FaultUpstreamOptions } from './fault-upstream.ts'

/** How an answer came to a client: `end`, or the code of an error. */
export interface Heard {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  readonly over: string
}

/** A call under way. */
export interface Call {
  readonly heard: Promise<Heard>
  readonly sent: ClientRequest
  /** Resolves as soon as so many characters were heard, or as the text ends so. */
  hears(wanted: number | string): Promise<void>
}

/** Sends a call by hand: no client's retries and no pool of connections stand between. */
export function call(upstream: FaultUpstream, prompt: string, stream = true): Call {
  const { promise: heard, resolve } = Promise.withResolvers<Heard>()
  let arrival = Promise.withResolvers<void>()
  let [text, length] = ['', 0]
  let [status, headers]: [number | undefined, Heard['headers']] = [undefined, {}]
  const over = (how: string) => resolve({ status, headers, text, over: how })
  const fail = ({ code = '' }: NodeJS.ErrnoException) => over(code)
  const sent = request(`${upstream.baseUrl}/chat/completions`, { method: 'POST', agent: false }, (answer) => {
    status = answer.statusCode
    headers = answer.headers
    answer.on('error', fail).on('end', () => over('end'))
    answer.setEncoding('utf8').on('data', (piece: string) => {
      length += piece.length
      if (text.length < 10_000) text += piece
      arrival.resolve()
      arrival = Promise.withResolvers()
    })
  })
  sent.on('error', fail)
  sent.end(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: prompt }], stream }))
  return {
    heard,
    sent,
    async hears(wanted) {
      const isHeard = () => (typeof wanted === 'number' ? length >= wanted : text.endsWith(wanted))
      while (!isHeard()) await arrival.promise
    },
  }
}

/** Starts a fault upstream that is closed with the test. */
export async function startFor(context: TestContext, options: FaultUpstreamOptions = {}): Promise<FaultUpstream> {
  const upstream = await startFaultUpstream(options)
  context.after(() => upstream.close())
  return upstream
}

/** What is read of a chunk, or of a whole answer. */
export interface WireChunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string }
    readonly message?: { readonly content?: string }
    readonly finish_reason?: string | null
  }[]
  readonly usage?: object
  readonly error?: { readonly code: number }
}

/** The chunks of a stream whose every event is JSON. */
export function chunksOf(text: string): WireChunk[] {
  const datas = text.split('\n\n').flatMap((block) => /^data: (\{.*)$/s.exec(block)?.[1] ?? [])
  return datas.map((data) => JSON.parse(data) as WireChunk) // The upstream's own.
}

/** The text of a stream. */
export function spokenIn(text: string): string {
  return chunksOf(text)
    .map(({ choices }) => choices?.[0]?.delta?.content ?? '')
    .join('')
}

/** The counts that are not zero, without the version. */
export function shown({ used, said, ...counts }: CallCounts): Record<string, number> {
  const all = { ...counts, version: 0, in: used.input, out: used.output, saidIn: said.input, saidOut: said.output }
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0))
}

/** What is counted of a call without any script. */
export const FINE = { received: 1, begun: 1, finished: 1, in: 5, out: 3, saidIn: 5, saidOut: 3 }
