import { canCarry } from '../../core/decide-native.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { MessagePhase } from '../../protocol/output-item.ts'
import type { CallIds } from '../call-id.ts'
import { textIn } from '../loose.ts'
import type { WireItem } from './wire.ts'

/** What an item is to us. What is none of ours is carried on as it is. */
export type ItemKind = 'message' | 'reasoning' | 'call' | 'native'

/** In which of its voices an item speaks: reasoning may come as a summary and as it is, with the same words. */
export type Voice = 'text' | 'refusal' | 'summary' | 'thought'

/** An output item while it comes. */
export interface Item {
  readonly kind: ItemKind
  readonly wire: WireItem
  /** Of a call. */
  readonly callId: string
  /** Of a native item: how many had begun before it. */
  readonly native: number
  /** How many items had begun when it was opened, or when it began itself. */
  since: number
  hasBegun: boolean
  isDone: boolean
  voice: Voice | undefined
  part: number
  /** Characters that it has said: as text, as thinking, or as arguments. */
  said: number
  refused: number
  cited: number
}

/** All that has come of one answer. */
export class Output {
  readonly #items = new Map<number, Item>()
  readonly #callIds: CallIds
  #natives = 0
  #begun = 0
  #speaking: Item | undefined
  #hasMessage = false

  constructor(callIds: CallIds) {
    this.#callIds = callIds
  }

  isEmpty(): boolean {
    return this.#items.size === 0
  }

  /** The item at a place, or of an id where none is told. */
  at(place: unknown, id: unknown): Item | undefined {
    if (typeof place === 'number') return this.#items.get(place)
    return typeof id === 'string' ? this.#items.values().find(({ wire }) => wire.id === id) : undefined
  }

  /** An item opens. Where no place is told, it is the next. */
  open(place: unknown, wire: WireItem): Item | undefined {
    const kind = kindOf(wire)
    if (kind === undefined) return undefined
    const item: Item = {
      kind,
      wire,
      callId: kind === 'call' ? this.#callIds(textIn(wire.call_id)) : '',
      native: kind === 'native' ? this.#natives++ : 0,
      since: this.#begun,
      hasBegun: false,
      isDone: false,
      voice: undefined,
      part: 0,
      said: 0,
      refused: 0,
      cited: 0,
    }
    this.#items.set(typeof place === 'number' ? place : this.#items.size, item)
    return item
  }

  /** Something of an item is said, for the first time or not. */
  begin(item: Item): void {
    this.#speaking = item
    if (item.hasBegun) return
    item.hasBegun = true
    item.since = ++this.#begun
  }

  isSpeaking(item: Item): boolean {
    return this.#speaking === item
  }

  /** How many items have begun since this one. */
  after(item: Item): number {
    return this.#begun - item.since
  }

  /** How many native items have begun since this one. */
  back(item: Item): number {
    return this.#natives - 1 - item.native
  }

  /** What must be said before an item speaks, so that it is told from what was said before. */
  lead(item: Item, voice: Voice, part: number): ModelEvent[] {
    const isSame = this.#speaking === item && item.voice === voice
    if (isSame && item.part === part) return []
    const before = this.#speaking
    item.voice = voice
    item.part = part
    this.begin(item)
    if (item.kind === 'message') return this.#leadMessage(item, isSame || before !== item)
    return isSame || (before !== item && before?.kind === 'reasoning') ? [{ type: 'break' }] : []
  }

  #leadMessage({ wire }: Item, isApart: boolean): ModelEvent[] {
    const isFurther = isApart && this.#hasMessage
    this.#hasMessage = true
    const phase = isApart ? phaseOf(wire) : undefined
    if (phase !== undefined) return [{ type: 'break', phase }]
    return isFurther ? [{ type: 'break' }] : []
  }
}

function phaseOf({ phase }: WireItem): MessagePhase | undefined {
  return phase === 'commentary' || phase === 'final_answer' ? phase : undefined
}

const KIND: ReadonlyMap<string, ItemKind> = new Map([
  ['message', 'message'],
  ['reasoning', 'reasoning'],
  ['function_call', 'call'],
  ['custom_tool_call', 'call'],
  ['tool_search_call', 'call'],
])

/**
 * A search for tools is a call where the client makes it. What has no type at all is nothing, and neither is a call
 * of no tool: should its name be told at its end, it opens there.
 */
function kindOf({ type, execution, name }: WireItem): ItemKind | undefined {
  const known = KIND.get(textIn(type))
  if (type === 'tool_search_call') return execution === 'server' ? 'native' : known
  if (known === 'call' && textIn(name) === '') return undefined
  return known ?? (canCarry(type) ? 'native' : undefined)
}
