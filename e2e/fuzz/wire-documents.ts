import { isJsonObject, parseJson, type JsonValue } from '../../src/protocol/json.ts'
import { frame } from '../../src/providers/bedrock/testing/frames.ts'

/** A piece of an answer, as it goes over the wire. */
type Piece = string | Uint8Array

/** A part of an answer: bytes as they are, or a document and what stands around it. */
type Segment = { readonly bytes: Piece } | { readonly document: JsonValue; readonly around: (text: string) => Piece }

/** An answer whose JSON documents can be told from what carries them: events, lines, frames, or nothing. */
export interface Documents {
  readonly documents: readonly JsonValue[]
  /** The pieces of the answer with other texts in the places of its documents; those without stay. */
  withTexts(texts: ReadonlyMap<number, string>): Piece[]
}

/** Finds the documents in the pieces of an answer. */
export function documentsIn(pieces: readonly Piece[]): Documents {
  const segments = pieces.flatMap((piece) => (typeof piece === 'string' ? segmentsOf(piece) : [frameSegment(piece)]))
  const carriers = segments.flatMap((segment) => ('document' in segment ? [segment] : []))
  return {
    documents: carriers.map(({ document }) => document),
    withTexts: (texts) =>
      segments.map((segment) => {
        if ('bytes' in segment) return segment.bytes
        return segment.around(texts.get(carriers.indexOf(segment)) ?? JSON.stringify(segment.document))
      }),
  }
}

/** A text is one document, or lines of which some hold one. */
function segmentsOf(text: string): Segment[] {
  const json = text.trimEnd()
  const whole = documentSegment(json, ['', text.slice(json.length)])
  if (whole !== undefined) return [whole]
  return text.split(/(?<=\n)/).map((line) => {
    const [, before = '', json = '', after = ''] = /^(data: ?)?(.*?)(\r?\n?)$/s.exec(line) ?? []
    return documentSegment(json, [before, after]) ?? { bytes: line }
  })
}

function documentSegment(json: string, [before, after]: readonly [string, string]): Segment | undefined {
  const document = parseJson(json)
  if (!isJsonObject(document) && !Array.isArray(document)) return undefined
  // It was parsed, and holds nothing but JSON.
  return { document: document as JsonValue, around: (text) => before + text + after }
}

const PRELUDE_BYTES = 12
const CHECK_BYTES = 4

/** A frame of an AWS event stream whose headers are texts; other bytes stay as they are. */
function frameSegment(bytes: Uint8Array): Segment {
  const buffer = Buffer.from(bytes)
  if (buffer.length < PRELUDE_BYTES + CHECK_BYTES || buffer.readUInt32BE(0) !== buffer.length) return { bytes }
  const bodyAt = PRELUDE_BYTES + buffer.readUInt32BE(4)
  const document = parseJson(buffer.toString('utf8', bodyAt, buffer.length - CHECK_BYTES))
  if (!isJsonObject(document)) return { bytes }
  const headers = headersIn(buffer.subarray(PRELUDE_BYTES, bodyAt))
  return { document: document as JsonValue, around: (text) => frame(headers, text) } // It was parsed.
}

function headersIn(bytes: Buffer): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let at = 0; at < bytes.length;) {
    const nameEnd = at + 1 + bytes.readUInt8(at)
    const valueAt = nameEnd + 3 // Behind its type and its length.
    const valueEnd = valueAt + bytes.readUInt16BE(nameEnd + 1)
    headers[bytes.toString('utf8', at + 1, nameEnd)] = bytes.toString('utf8', valueAt, valueEnd)
    at = valueEnd
  }
  return headers
}
