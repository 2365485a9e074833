import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Flow } from '../core/flow.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import { bearsResponse, TERMINAL_EVENTS, type ResponseEvent } from '../protocol/event.ts'
import type { FlushPace } from './flush-pace.ts'

/** How a stream is sent. */
export interface StreamOptions {
  readonly headers: Readonly<Record<string, string>>
  /** Silence after which a comment is sent, so that proxies keep the connection. */
  readonly keepalive_ms: number
  /** How long the client may leave us waiting for room in its socket. */
  readonly stall_ms: number
  /** Whether deltas are padded, so that their length says less about the text. */
  readonly obfuscate: boolean
  readonly textOf: SnapshotText
  /** When deltas may be held to be written together. */
  readonly pace: FlushPace
}

const KEEPALIVE = ': keepalive\n\n'

const DONE = 'data: [DONE]\n\n'

/** Most characters that are kept back to be written with what follows. */
const HELD_CHARS_MAX = 16 * 1024

/**
 * Most bytes of one write: a client that reads has room for so many more within the stall time, however much it is
 * sent, and however slow it is.
 */
const WRITE_BYTES_MAX = 64 * 1024

/** Longest padding of a delta, in bytes. */
const PADDING_BYTES_MAX = 16

/** No line ends here, but some readers (Python's `splitlines`) take them for such. */
const FOREIGN_LINE_ENDS = /[\u0085\u2028\u2029]/g

/** One event as it stands on the wire. */
export function frame(event: ResponseEvent, textOf: SnapshotText): string {
  return `event: ${event.type}\ndata: ${dataOf(event, textOf)}\n\n`
}

/** An event's JSON. Deltas fill a template, which takes a third of the time; a snapshot's text is known. */
function dataOf(event: ResponseEvent, textOf: SnapshotText): string {
  if (isPlainDelta(event)) {
    const { type, item_id: id, output_index: output, content_index: content, delta, sequence_number: number } = event
    const place = `"item_id":"${id}","output_index":${output},"content_index":${content}`
    return `{"type":"${type}",${place},"delta":${oneLine(JSON.stringify(delta))},"logprobs":[],"sequence_number":${number}}`
  }
  if (bearsResponse(event)) {
    const text = oneLine(textOf(event.response))
    return `{"type":"${event.type}","response":${text},"sequence_number":${event.sequence_number}}`
  }
  return oneLine(JSON.stringify(event))
}

type TextDelta = Extract<ResponseEvent, { type: 'response.output_text.delta' }>

/** Whether there is nothing but text in it. Its ids are ours, and need no quoting. */
function isPlainDelta(event: ResponseEvent): event is TextDelta {
  return event.type === 'response.output_text.delta' && event.logprobs.length === 0 && event.obfuscation === undefined
}

function oneLine(json: string): string {
  return json.replace(FOREIGN_LINE_ENDS, escapeJson)
}

function escapeJson(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * Sends events as they come: all events of a batch in one write, each event whole. Waits where the
 * client reads slowly, and hangs up where it has stopped reading. A busy process holds deltas for a moment, to
 * write those of several batches at once; nothing else is ever held.
 */
export async function sendEvents(
  response: ServerResponse,
  events: Flow<readonly ResponseEvent[]>,
  options: StreamOptions,
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...options.headers,
  })
  const writer = new EventWriter(response, options)
  try {
    const over = events.each((batch) => writer.send(batch))
    if (!response.headersSent) response.flushHeaders()
    await over
    if (!response.destroyed) response.end(writer.rest() + DONE)
  } catch (error) {
    // Whoever is told of it hangs up, and with it goes what has not left this process.
    await written(response, writer.rest(), options.stall_ms)
    throw error
  } finally {
    writer.stop()
  }
}

/** Writes the events of one stream, and a comment where there are none for long. */
class EventWriter {
  readonly #response: ServerResponse
  readonly #options: StreamOptions
  readonly #heartbeat: NodeJS.Timeout
  #held = ''
  /** Whether the next common tick writes what is held then. */
  #isTicking = false
  #last_ms = Number.NEGATIVE_INFINITY

  constructor(response: ServerResponse, options: StreamOptions) {
    this.#response = response
    this.#options = options
    this.#heartbeat = setInterval(() => this.#keepAlive(), options.keepalive_ms)
  }

  /** Sends a batch. @returns what to wait for where the client reads slowly. */
  send(batch: readonly ResponseEvent[]): Promise<void> | undefined {
    this.#heartbeat.refresh()
    const { obfuscate, textOf, pace } = this.#options
    for (const event of batch) this.#held += frame(obfuscate ? pad(event) : event, textOf)
    if (!this.#mayWait(batch)) return this.#flush()
    if (this.#isTicking || isEnd(batch)) return undefined
    this.#isTicking = true
    pace.later(() => this.#flushLate())
    return undefined
  }

  /** What has not been written: the end goes with it. */
  rest(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }

  /** Writes no more comments. */
  stop(): void {
    clearInterval(this.#heartbeat)
  }

  #keepAlive(): void {
    if (!this.#response.writableNeedDrain) this.#response.write(KEEPALIVE)
  }

  #mayWait(batch: readonly ResponseEvent[]): boolean {
    const [before_ms, now_ms] = [this.#last_ms, performance.now()]
    this.#last_ms = now_ms
    if (this.#held.length >= HELD_CHARS_MAX || this.#response.writableNeedDrain) return false
    return isEnd(batch) || (this.#options.pace.mayHold(before_ms, now_ms) && batch.every(isDelta))
  }

  #flush(): Promise<void> | undefined {
    const held = this.rest()
    if (held.length > WRITE_BYTES_MAX) return this.#writePieces(Buffer.from(held))
    if (held !== '' && !this.#response.destroyed) this.#response.write(held)
    return this.#room()
  }

  async #writePieces(bytes: Buffer): Promise<void> {
    for (let from = 0; from < bytes.length && !this.#response.destroyed; from += WRITE_BYTES_MAX) {
      this.#response.write(bytes.subarray(from, from + WRITE_BYTES_MAX))
      await this.#room()
    }
  }

  #flushLate(): void {
    this.#isTicking = false
    void this.#flush() // Whatever comes next waits too; where nothing does, the client is hung up on all the same.
  }

  #room(): Promise<void> | undefined {
    return this.#response.writableNeedDrain ? drained(this.#response, this.#options.stall_ms) : undefined
  }
}

function isEnd(batch: readonly ResponseEvent[]): boolean {
  return TERMINAL_EVENTS.has(batch.at(-1)?.type ?? '')
}

function isDelta(event: ResponseEvent): boolean {
  return 'delta' in event
}

function drained(response: ServerResponse, stall_ms: number): Promise<void> {
  return inTime(response, stall_ms, (wake) => response.once('drain', wake))
}

async function written(response: ServerResponse, text: string, stall_ms: number): Promise<void> {
  if (text === '' || response.destroyed) return
  await inTime(response, stall_ms, (wake) => response.write(text, wake))
}

/** Waits for the client to let something happen, or to go away; hangs up on it after a while. */
async function inTime(response: ServerResponse, stall_ms: number, begin: (wake: () => void) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const wake = () => resolve()
  const timer = setTimeout(() => response.destroy(), stall_ms)
  response.once('close', wake)
  begin(wake)
  if (response.destroyed) wake()
  await promise
  clearTimeout(timer)
  response.off('drain', wake).off('close', wake)
}

function pad(event: ResponseEvent): ResponseEvent {
  if (event.type !== 'response.output_text.delta') return event
  const length = 1 + ((randomBytes(1)[0] ?? 0) % PADDING_BYTES_MAX)
  return { ...event, obfuscation: randomBytes(length).toString('base64url') }
}
