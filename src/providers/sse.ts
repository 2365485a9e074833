import { createParser, type ParseError } from 'eventsource-parser'
import { UpstreamError } from '../core/upstream-error.ts'
import { isJsonObject, parseJson } from '../protocol/json.ts'

/** One document of a provider's stream. */
export interface WireEvent {
  /** The `event:` line; absent in most dialects. */
  readonly name: string | undefined
  readonly data: string
}

/** Cuts one stream into its documents, piece by piece. */
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
 * between pieces are handled. JSON that follows the events without being one, as Google says what has gone wrong,
 * counts as the last of them.
 *
 * @param eventBytesMax Longest event.
 */
export function createEventDecoder(eventBytesMax: number): EventDecoder {
  const decoder = new TextDecoder()
  let batch: WireEvent[] = []
  let tooLong = false
  let isLineStart = true
  /** What follows the events, from the line that cannot be of one. */
  let bare: string | undefined
  const parser = createParser({
    maxBufferSize: eventBytesMax,
    onEvent: ({ event, data }) => {
      tooLong ||= data.length > eventBytesMax
      if (!tooLong) batch.push({ name: event, data })
    },
    onError: (error: ParseError) => {
      tooLong ||= error.type === 'max-buffer-size-exceeded'
    },
  })
  const feed = (text: string) => {
    batch = []
    const end = bare === undefined ? bareStart(text, isLineStart) : 0
    if (end < text.length) bare = (bare ?? '') + text.slice(end)
    if (text !== '') isLineStart = text.endsWith('\n')
    tooLong ||= (bare?.length ?? 0) > eventBytesMax
    if (!tooLong) parser.feed(end === text.length ? text : text.slice(0, end))
    return batch
  }
  const finish = () => {
    if (!tooLong) parser.feed('\n\n')
    if (bare !== undefined && !tooLong && isJsonObject(parseJson(bare)))
      batch.push({ name: undefined, data: bare.trim() })
    return batch
  }
  return {
    push: (piece) => feed(decoder.decode(piece, { stream: true })),
    end() {
      feed(decoder.decode())
      return finish()
    },
    failure: () => (tooLong ? eventTooLong(eventBytesMax) : undefined),
  }
}

/** Where in a text a line begins like JSON, which no line of an event does; its end where none does. */
function bareStart(text: string, isLineStart: boolean): number {
  if (isLineStart && text.startsWith('{')) return 0
  const before = text.indexOf('\n{')
  return before === -1 ? text.length : before + 1
}

/** The failure that a document over the limit is. */
export function eventTooLong(bytesMax: number): UpstreamError {
  return new UpstreamError({
    fault: 'invalid_response',
    message: `The model provider sent an event of more than ${bytesMax} bytes.`,
    accepted: true,
  })
}
