import type { ModelEvent } from '../../core/model-event.ts'
import { firstCount, objectIn, objectsIn, textIn } from '../loose.ts'
import type { WireCitation, WireSource } from './wire.ts'

/**
 * What a citation of the text points at, an annotation for each of its sources. A source with a URL is a page. Any
 * other is a document, or what a tool gave back: a file whose id is theirs, such as `call_1:0` for the first result
 * of a call, with the same offsets as a page has. Thinking and plans are cited too: they have no annotations.
 *
 * @param before How much of our text stands before the content that is cited, in code points.
 * @see https://docs.cohere.com/docs/tool-use-citations (read 2026-11-22)
 */
export function readCitation({ type, start, end, sources }: Partial<WireCitation>, before: number): ModelEvent[] {
  if (textIn(type) !== '' && type !== 'TEXT_CONTENT') return []
  const place = { start_index: before + firstCount(start), end_index: before + firstCount(end, start) }
  return objectsIn(sources).map((source) => ({ type: 'annotation', annotation: annotate(source, place) }))
}

interface Place {
  readonly start_index: number
  readonly end_index: number
}

function annotate(source: WireSource, place: Place) {
  const { title, url } = objectIn(source.document ?? source.tool_output)
  const id = textIn(source.id)
  const name = textIn(title) || id
  return isWebUrl(textIn(url))
    ? { type: 'url_citation', url: textIn(url), title: name, ...place }
    : { type: 'file_citation', file_id: id, filename: name, index: place.end_index, ...place }
}

function isWebUrl(url: string): boolean {
  return /^https?:\/\//.test(url)
}
