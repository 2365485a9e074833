import { createParser, type ParseError } from 'eventsource-parser'
import { UpstreamError } from '../core/upstream-error.ts'

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
 * between pieces are handled.
 *
 * @param eventBytesMax Longest event.
 */
export function createEventDecoder(eventBytesMax: number): EventDecoder {
  const decoder = new TextDecoder()
  let batch: WireEvent[] = []
  let tooLong = false
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
    if (!tooLong) parser.feed(text)
    return batch
  }
  return {
    push: (piece) => feed(decoder.decode(piece, { stream: true })),
    end: () => feed(`${decoder.decode()}\n\n`),
    failure: () => (tooLong ? eventTooLong(eventBytesMax) : undefined),
  }
}

/** The failure that a document over the limit is. */
export function eventTooLong(bytesMax: number): UpstreamError {
  return new UpstreamError({
    fault: 'invalid_response',
    message: `The model provider sent an event of more than ${bytesMax} bytes.`,
    accepted: true,
  })
}
