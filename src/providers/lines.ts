import { eventTooLong, type EventDecoder, type WireEvent } from './sse.ts'

/**
 * Makes a decoder for a stream of JSON documents, one on each line (NDJSON). Line ends of both kinds, empty lines
 * and characters split between pieces are handled.
 *
 * @param lineCharsMax Longest line.
 * @see https://github.com/ndjson/ndjson-spec
 */
export function createLineDecoder(lineCharsMax: number): EventDecoder {
  const decoder = new TextDecoder()
  let rest = ''
  let tooLong = false
  const cut = (text: string): WireEvent[] => {
    if (tooLong) return []
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    const whole = lines.findIndex((line) => line.length > lineCharsMax)
    tooLong = whole !== -1 || rest.length > lineCharsMax
    return (whole === -1 ? lines : lines.slice(0, whole)).map((data) => ({ name: undefined, data }))
  }
  return {
    push: (piece) => cut(decoder.decode(piece, { stream: true })),
    end: () => cut(`${decoder.decode()}\n`),
    failure: () => (tooLong ? eventTooLong(lineCharsMax) : undefined),
  }
}
