import type { ModelEvent } from '../../core/model-event.ts'
import { isJsonObject } from '../../protocol/json.ts'
import type { UrlCitation } from '../../protocol/part.ts'
import { createCallIds, type CallIds } from '../call-id.ts'
import { objectsIn, textIn } from '../loose.ts'
import type { WireBlock, WireCitation, WireDelta } from './wire.ts'

/** A block that has begun, and what is remembered of it until its end. */
interface OpenBlock {
  readonly kind: Kind
  readonly wire: WireBlock
  /** Where its text begins within the part of the message that it is in. */
  readonly start: number
  readonly citations: WireCitation[]
  /** Thinking as it came, which must come back so. */
  thinking: string
  signature: string
  readonly callId: string
  hasArguments: boolean
}

/** What a kind of block says at its beginning, with each piece, and at its end. */
interface Kind {
  readonly begin: (block: OpenBlock) => ModelEvent[]
  readonly pieces: ReadonlyMap<string, (block: OpenBlock, delta: WireDelta) => ModelEvent[]>
  readonly end: (block: OpenBlock, offset: number) => ModelEvent[]
}

/**
 * Kinds of blocks. What tools of the provider's own do is passed over: nobody here offers them, and what they led to
 * is in the text.
 */
const KINDS: ReadonlyMap<string, Kind> = new Map([
  [
    'text',
    {
      begin: ({ wire }) => [...say('text', wire.text)],
      pieces: new Map([
        ['text_delta', (_, { text }) => say('text', text)],
        ['citations_delta', cite],
      ]),
      end: ({ citations, start }, offset) => citations.flatMap((citation) => annotation(citation, start, offset)),
    },
  ],
  [
    'thinking',
    {
      begin: ({ wire }) => say('reasoning', wire.thinking),
      pieces: new Map([
        ['thinking_delta', think],
        ['signature_delta', sign],
      ]),
      end: ({ thinking, signature }) =>
        signature === '' ? [] : [{ type: 'reasoning_state', state: { type: 'thinking', thinking, signature } }],
    },
  ],
  ['redacted_thinking', { begin: redacted, pieces: new Map(), end: () => [] }],
  [
    'tool_use',
    {
      begin: ({ wire, callId }) => [{ type: 'tool_call', callId, name: textIn(wire.name) }],
      pieces: new Map([['input_json_delta', argue]]),
      end: wholeArguments,
    },
  ],
] satisfies [string, Kind][])

/** Reads the blocks of one answer, and where in the message their text stands. */
export class BlockReader {
  readonly #open = new Map<unknown, OpenBlock>()
  readonly #callIds: CallIds
  /** Characters said in the part of the message that is open. */
  #offset = 0

  /** @param callIdPrefix Begins ids of calls that came without one. */
  constructor(callIdPrefix: string) {
    this.#callIds = createCallIds(callIdPrefix)
  }

  begin(index: unknown, wire: WireBlock): ModelEvent[] {
    const ended = this.end(index)
    const kind = kindOf(wire)
    if (kind === undefined) return ended
    const block: OpenBlock = {
      kind,
      wire,
      start: this.#offset,
      citations: [...objectsIn(wire.citations)],
      thinking: textIn(wire.thinking),
      signature: textIn(wire.signature),
      callId: wire.type === 'tool_use' ? this.#callIds(textIn(wire.id)) : '',
      hasArguments: false,
    }
    this.#open.set(index, block)
    return [...ended, ...this.#count(kind.begin(block))]
  }

  /** Pieces of a block that has not begun, or of another kind, say nothing. */
  piece(index: unknown, delta: WireDelta): ModelEvent[] {
    const block = this.#open.get(index)
    const read = block?.kind.pieces.get(textIn(delta.type))
    return block === undefined || read === undefined ? [] : this.#count(read(block, delta))
  }

  end(index: unknown): ModelEvent[] {
    const block = this.#open.get(index)
    if (block === undefined) return []
    this.#open.delete(index)
    return this.#count(block.kind.end(block, this.#offset))
  }

  /** Ends every block that is still open. */
  endAll(): ModelEvent[] {
    return [...this.#open.keys()].flatMap((index) => this.end(index))
  }

  /** Text goes on within its part until something else is said. */
  #count(events: ModelEvent[]): ModelEvent[] {
    for (const event of events) {
      if (event.type === 'text') this.#offset += lengthOf(event.text)
      else if (event.type !== 'tool_arguments' && event.type !== 'annotation') this.#offset = 0
    }
    return events
  }
}

/** A call of nothing is none. */
function kindOf({ type, name }: WireBlock): Kind | undefined {
  return type === 'tool_use' && textIn(name) === '' ? undefined : KINDS.get(textIn(type))
}

/** Length in characters, as clients of any language count them. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}

function say(type: 'text' | 'reasoning', value: string | null | undefined): ModelEvent[] {
  const text = textIn(value)
  return text === '' ? [] : [{ type, text }]
}

function cite({ citations }: OpenBlock, { citation }: WireDelta): ModelEvent[] {
  citations.push(...objectsIn([citation ?? {}]))
  return []
}

/** A page that a text is from. Places in documents have no address, and nobody asked for them. */
function annotation(citation: WireCitation, start: number, end: number): ModelEvent[] {
  const url = [citation.url, citation.source].map(textIn).find((place) => /^https?:\/\//.test(place))
  if (url === undefined) return []
  const title = textIn(citation.title)
  const found: UrlCitation = { type: 'url_citation', url, title, start_index: start, end_index: end }
  return [{ type: 'annotation', annotation: found }]
}

function think(block: OpenBlock, { thinking }: WireDelta): ModelEvent[] {
  block.thinking += textIn(thinking)
  return say('reasoning', thinking)
}

function sign(block: OpenBlock, { signature }: WireDelta): ModelEvent[] {
  block.signature = textIn(signature) || block.signature
  return []
}

function redacted({ wire }: OpenBlock): ModelEvent[] {
  const data = textIn(wire.data)
  return data === '' ? [] : [{ type: 'reasoning_state', state: { type: 'redacted_thinking', data } }]
}

function argue(block: OpenBlock, { partial_json: piece }: WireDelta): ModelEvent[] {
  const delta = textIn(piece)
  if (delta === '') return []
  block.hasArguments = true
  return [{ type: 'tool_arguments', callId: block.callId, delta }]
}

/** Arguments that came with the beginning of their call, all at once. */
function wholeArguments({ wire, callId, hasArguments }: OpenBlock): ModelEvent[] {
  const { input } = wire
  if (hasArguments || !isJsonObject(input) || Object.keys(input).length === 0) return []
  return [{ type: 'tool_arguments', callId, delta: JSON.stringify(input) }]
}
