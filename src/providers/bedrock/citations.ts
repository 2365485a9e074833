import type { ModelEvent } from '../../core/model-event.ts'
import type { UrlCitation } from '../../protocol/part.ts'
import { textIn } from '../loose.ts'
import type { WireCitation } from './wire.ts'

/** A block of an answer, and what it cites. */
export interface CitedBlock {
  /** Where its text begins, in characters from the beginning of the text that it stands in. */
  readonly from: number
  readonly citations: WireCitation[]
}

/**
 * The text of an answer, as far as nothing has interrupted it, and how long it is: citations come before the text of
 * their block (Claude), or in a block without text, behind what they support (Nova).
 */
export class CitedText {
  /** In characters: code points. */
  #length = 0
  /** Where the last block began that had text. */
  #lastFrom = 0

  /** A block begins here. */
  begin(): CitedBlock {
    return { from: this.#length, citations: [] }
  }

  /** A piece of text. */
  add(text: string): ModelEvent[] {
    if (text === '') return []
    for (const _ of text) this.#length++
    return [{ type: 'text', text }]
  }

  /** Something else is said: the text that follows stands in a message of its own. */
  interrupt(): void {
    this.#length = 0
    this.#lastFrom = 0
  }

  /** A block is whole. */
  end({ from, citations }: CitedBlock): ModelEvent[] {
    const hasText = from < this.#length
    if (hasText) this.#lastFrom = from
    return citations.flatMap((citation) => annotation(citation, this.#lastFrom, this.#length))
  }
}

/**
 * A page that a text is from. Places in documents have no address, and nobody asks for them.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationLocation.html (read 2026-11-22)
 */
function annotation({ title, location }: WireCitation, start: number, end: number): ModelEvent[] {
  const url = textIn(location?.web?.url)
  if (url === '') return []
  const name = textIn(title) || textIn(location?.web?.domain)
  const page: UrlCitation = { type: 'url_citation', url, title: name, start_index: start, end_index: end }
  return [{ type: 'annotation', annotation: page }]
}
