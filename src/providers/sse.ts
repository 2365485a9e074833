import { UpstreamError } from '../core/upstream-error.ts'

/** One server-sent event of a provider. */
export interface WireEvent {
  /** The `event:` line; absent in most dialects. */
  readonly name: string | undefined
  readonly data: string
}

/** Reads one event stream, piece by piece. */
export interface EventDecoder {
  /** The events that a piece completes. */
  push(piece: Uint8Array): readonly WireEvent[]
  /** The stream is over: its last event may lack its blank line. */
  end(): readonly WireEvent[]
  /** Set once an event is too long: neither it nor what follows is given out. */
  failure(): UpstreamError | undefined
}

/**
 * Makes a decoder for a provider's event stream. Line ends, comments, byte order mark and characters split
 * between pieces are handled.
 *
 * @param eventBytesMax Longest event.
 */
export function createEventDecoder(eventBytesMax: number): EventDecoder {
  return new Decoder(eventBytesMax)
}

/** One for all: it remembers nothing between two calls. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true })

const BYTE_ORDER_MARK = '\uFEFF'

/**
 * What is remembered between two pieces, in a handful of fields: thousands of streams wait at the same time, and a
 * parser of closures with a decoder of its own took 1.6 kB for each.
 */
class Decoder implements EventDecoder {
  readonly #eventBytesMax: number
  /** The beginning of a character whose end has not come. */
  #bytes: Uint8Array | undefined
  /** The beginning of a line whose end has not come. */
  #line = ''
  #name: string | undefined
  #data: string | undefined
  #hasBegun = false
  /** Whether the last character was a carriage return: a line feed that follows belongs to it. */
  #hasReturned = false
  #isTooLong = false

  constructor(eventBytesMax: number) {
    this.#eventBytesMax = eventBytesMax
  }

  push(piece: Uint8Array): readonly WireEvent[] {
    const bytes = this.#bytes === undefined ? piece : Buffer.concat([this.#bytes, piece])
    const unfinished = unfinishedBytes(bytes)
    this.#bytes = unfinished === 0 ? undefined : Uint8Array.from(bytes.subarray(-unfinished))
    return this.#read(UTF8.decode(unfinished === 0 ? bytes : bytes.subarray(0, -unfinished)))
  }

  end(): readonly WireEvent[] {
    return this.#read(`${UTF8.decode(this.#bytes)}\n\n`)
  }

  failure(): UpstreamError | undefined {
    return this.#isTooLong ? eventTooLong(this.#eventBytesMax) : undefined
  }

  #read(text: string): readonly WireEvent[] {
    const events: WireEvent[] = []
    const fresh = this.#withLineFeeds(text)
    const whole = fresh.lastIndexOf('\n') + 1
    if (whole > 0) this.#readLines(this.#line === '' ? fresh : this.#line + fresh, events)
    this.#keep(whole === 0 ? fresh : fresh.slice(whole), whole > 0)
    return events
  }

  #readLines(lines: string, events: WireEvent[]): void {
    let start = 0
    for (let end = lines.indexOf('\n'); end !== -1 && !this.#isTooLong; end = lines.indexOf('\n', start)) {
      if (end === start) this.#dispatch(events)
      else this.#readLine(lines.slice(start, end))
      start = end + 1
    }
  }

  /** Keeps the beginning of a line, or more of it; of a comment only the mark. */
  #keep(text: string, isNew: boolean): void {
    const before = isNew ? '' : this.#line
    if (before === ':') return
    this.#line = before === '' && text.startsWith(':') ? ':' : before + text
    this.#isTooLong ||= this.#line.length + (this.#data?.length ?? 0) > this.#eventBytesMax
  }

  /** The same text without a byte order mark, and with nothing but line feeds at the ends of its lines. */
  #withLineFeeds(text: string): string {
    if (text === '') return ''
    const isMarked = !this.#hasBegun && text.startsWith(BYTE_ORDER_MARK)
    this.#hasBegun = true
    const rest = isMarked || (this.#hasReturned && text.startsWith('\n')) ? text.slice(1) : text
    this.#hasReturned = rest.endsWith('\r')
    return rest.includes('\r') ? rest.replaceAll(/\r\n?/g, '\n') : rest
  }

  #readLine(line: string): void {
    const colon = line.indexOf(':')
    const end = colon === -1 ? line.length : colon
    const value = line.slice(line.startsWith(' ', end + 1) ? end + 2 : end + 1)
    if (end === 4 && line.startsWith('data')) this.#readData(value)
    if (end === 5 && line.startsWith('event')) this.#name = value === '' ? undefined : value
  }

  #readData(value: string): void {
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
    this.#isTooLong ||= this.#data.length > this.#eventBytesMax
  }

  #dispatch(events: WireEvent[]): void {
    if (this.#data !== undefined) events.push({ name: this.#name, data: this.#data })
    this.#name = undefined
    this.#data = undefined
  }
}

/** How many bytes at the end are the beginning of a character: three at most. */
function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < lengthOfCharacter(byte) ? back : 0
  }
  return 0
}

/** In bytes, by the first of them. */
function lengthOfCharacter(lead: number): number {
  if (lead >= 0xf0) return 4
  return lead >= 0xe0 ? 3 : 2
}

function eventTooLong(bytesMax: number): UpstreamError {
  return new UpstreamError({
    fault: 'invalid_response',
    message: `The model provider sent an event of more than ${bytesMax} bytes.`,
    accepted: true,
  })
}
