import type { ModelEvent } from '../../core/model-event.ts'
import { firstCount, objectIn, objectsIn, textIn } from '../loose.ts'
import type { WireCitation, WireCitations, WireGrounding, WirePlace, WireSource, WireSupport } from './wire.ts'

/** A source of some of a text. */
export interface Citation {
  readonly url: string
  readonly title: string
  /** In bytes of the text as UTF-8; undefined where Google does not say what in the text it supports. */
  readonly bytes: { readonly start: number; readonly end: number } | undefined
}

/** The pages that a text quotes at length. */
export function readCitations(metadata: WireCitations | null | undefined): readonly Citation[] {
  const list = [...objectsIn(metadata?.citationSources), ...objectsIn(metadata?.citations)]
  return list.flatMap((wire) => citation(wire, span(wire)))
}

/**
 * The pages that a text is grounded in, each with what it supports. Without a word of that, all of them stand at the
 * end of the text.
 *
 * @see https://ai.google.dev/api/generate-content#GroundingMetadata (read 2026-11-22)
 */
export function readGrounding(metadata: WireGrounding | null | undefined): readonly Citation[] {
  const sources = Array.isArray(metadata?.groundingChunks) ? metadata.groundingChunks.map(placeOf) : []
  const supports = objectsIn(metadata?.groundingSupports)
  if (supports.length === 0) return sources.flatMap((place) => citation(place, undefined))
  return supports.flatMap((support) =>
    indexesOf(support).flatMap((index) => citation(sources[index], span(support.segment))),
  )
}

function indexesOf({ groundingChunkIndices: indexes }: WireSupport): readonly number[] {
  return Array.isArray(indexes) ? indexes.filter((index) => Number.isSafeInteger(index)) : []
}

function placeOf(source: WireSource | null | undefined): WirePlace {
  return source?.web ?? source?.retrievedContext ?? source?.maps ?? source?.image ?? {}
}

/** Both ends may be missing: they are 0 then. */
function span(wire: WireCitation | WireSupport['segment']): Citation['bytes'] {
  return { start: firstCount(wire?.startIndex), end: firstCount(wire?.endIndex) }
}

function citation(place: WirePlace | undefined, bytes: Citation['bytes']): Citation[] {
  const { uri, sourceUri, title } = objectIn(place)
  const url = textIn(uri) || textIn(sourceUri)
  return url === '' ? [] : [{ url, title: textIn(title), bytes }]
}

/** The annotations of a text: offsets in characters, each source once for each place. */
export function annotate(text: string, citations: readonly Citation[]): ModelEvent[] {
  if (citations.length === 0) return []
  const spans = citations.flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes.start, bytes.end]))
  const offsets = characterOffsets(text, [...spans, Infinity])
  const length = offsets.get(Infinity) ?? 0
  const seen = new Set<string>()
  return citations.flatMap(({ url, title, bytes }) => {
    const start = bytes === undefined ? length : (offsets.get(bytes.start) ?? length)
    const end = Math.max(start, bytes === undefined ? length : (offsets.get(bytes.end) ?? length))
    const key = `${start}-${end} ${url}`
    if (seen.has(key)) return []
    seen.add(key)
    const annotation = { type: 'url_citation', url, title, start_index: start, end_index: end }
    return [{ type: 'annotation', annotation }]
  })
}

/** How many characters (code points) end within so many bytes of a text: one walk, however many are asked for. */
function characterOffsets(text: string, bytes: readonly number[]): ReadonlyMap<number, number> {
  const wanted = [...new Set(bytes)].sort((one, other) => one - other)
  const offsets = new Map<number, number>()
  let [read, characters, next] = [0, 0, 0]
  for (const character of text) {
    read += Buffer.byteLength(character)
    while (next < wanted.length && Number(wanted[next]) < read) offsets.set(Number(wanted[next++]), characters)
    characters++
  }
  for (const rest of wanted.slice(next)) offsets.set(rest, characters)
  return offsets
}
