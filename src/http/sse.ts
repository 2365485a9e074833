import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { ResponseEvent } from '../protocol/event.ts'

/** How a stream is sent. */
export interface StreamOptions {
  readonly headers: Readonly<Record<string, string>>
  /** Silence after which a comment is sent, so that proxies keep the connection. */
  readonly keepalive_ms: number
  /** How long the client may leave us waiting for room in its socket. */
  readonly stall_ms: number
  /** Whether deltas are padded, so that their length says less about the text. */
  readonly obfuscate: boolean
  /** Fires when the client has gone away; the batches must end by it. */
  readonly gone: AbortSignal
}

const KEEPALIVE = ': keepalive\n\n'

const DONE = 'data: [DONE]\n\n'

/** Longest padding of a delta, in bytes. */
const PADDING_BYTES_MAX = 16

/** No line ends here, but some readers (Python's `splitlines`) take them for such. */
const FOREIGN_LINE_ENDS = /[\u0085\u2028\u2029]/g

/** One event as it stands on the wire. */
export function frame(event: ResponseEvent): string {
  const data = JSON.stringify(event).replace(FOREIGN_LINE_ENDS, escapeJson)
  return `event: ${event.type}\ndata: ${data}\n\n`
}

function escapeJson(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * Sends events as they come: all events of a batch in one write, each event whole. Waits where the
 * client reads slowly, and hangs up where it has stopped reading.
 */
export async function sendEvents(
  response: ServerResponse,
  batches: AsyncIterable<readonly ResponseEvent[]>,
  options: StreamOptions,
): Promise<void> {
  const { gone } = options
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...options.headers,
  })
  response.flushHeaders()
  const heartbeat = setInterval(() => response.writableNeedDrain || response.write(KEEPALIVE), options.keepalive_ms)
  try {
    for await (const batch of batches) {
      const text = batch.map((event) => frame(options.obfuscate ? pad(event) : event)).join('')
      heartbeat.refresh()
      if (!response.write(text)) await drained(response, options.stall_ms, gone)
      if (gone.aborted) return
    }
    if (!gone.aborted) response.end(DONE)
  } finally {
    clearInterval(heartbeat)
  }
}

async function drained(response: ServerResponse, stall_ms: number, gone: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const wake = () => resolve()
  const timer = setTimeout(() => response.destroy(), stall_ms)
  response.once('drain', wake)
  gone.addEventListener('abort', wake, { once: true })
  if (gone.aborted) wake()
  await promise
  clearTimeout(timer)
  response.off('drain', wake)
  gone.removeEventListener('abort', wake)
}

function pad(event: ResponseEvent): ResponseEvent {
  if (event.type !== 'response.output_text.delta') return event
  const length = 1 + ((randomBytes(1)[0] ?? 0) % PADDING_BYTES_MAX)
  return { ...event, obfuscation: randomBytes(length).toString('base64url') }
}
