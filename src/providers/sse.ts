import { createParser, type ParseError } from 'eventsource-parser'
import { UpstreamError } from '../core/upstream-error.ts'

/** One server-sent event of a provider. */
export interface WireEvent {
  /** The `event:` line; absent in most dialects. */
  readonly name: string | undefined
  readonly data: string
}

/**
 * Decodes a provider's event stream: one batch per read, empty batches left out. Line ends, comments,
 * byte order mark and characters split between reads are handled; a last event that lacks its blank
 * line is delivered all the same.
 *
 * @param eventBytesMax Longest event; a longer one ends the stream after those before it.
 * @throws {UpstreamError} An event is too long.
 */
export async function* decodeEvents(
  body: AsyncIterable<Uint8Array>,
  eventBytesMax: number,
): AsyncGenerator<readonly WireEvent[]> {
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
  const take = () => {
    const full = batch
    batch = []
    return full
  }
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    if (batch.length > 0) yield take()
    if (tooLong) throw eventTooLong(eventBytesMax)
  }
  parser.feed(`${decoder.decode()}\n\n`)
  if (batch.length > 0) yield take()
  if (tooLong) throw eventTooLong(eventBytesMax)
}

function eventTooLong(bytesMax: number): UpstreamError {
  return new UpstreamError({
    fault: 'invalid_response',
    message: `The model provider sent an event of more than ${bytesMax} bytes.`,
    accepted: true,
  })
}
