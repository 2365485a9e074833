import type { HistoryItem } from '../core/model-call.ts'
import type { ModelEvent } from '../core/model-event.ts'
import { isJsonObject } from '../protocol/json.ts'

/** Under what name a provider thinks aloud, and wants to find it again in its next turn. */
export type ThoughtKind = 'thinking' | 'tool_plan'

/** Gathers what a provider thinks, so that the next turn gives it back as it was: no signature vouches for it. */
export interface Thought {
  /** A piece of it. */
  add(kind: ThoughtKind, text: string): ModelEvent[]
  /** It is over, for now: what was thought, as a state. */
  settle(): ModelEvent[]
}

/** Makes one for one answer. */
export function createThought(): Thought {
  return new Gathered()
}

class Gathered implements Thought {
  #kind: ThoughtKind = 'thinking'
  #text = ''

  add(kind: ThoughtKind, text: string): ModelEvent[] {
    if (text === '') return []
    const before = kind === this.#kind ? [] : this.settle()
    this.#kind = kind
    this.#text += text
    return [...before, { type: 'reasoning', text }]
  }

  settle(): ModelEvent[] {
    const text = this.#text
    this.#text = ''
    return text === '' ? [] : [{ type: 'reasoning_state', state: { [this.#kind]: text } }]
  }
}

/** What a provider itself thought in a turn, of one kind; empty where another provider did. */
export function thoughtIn(said: readonly HistoryItem[], kind: ThoughtKind): string {
  const thoughts = said.flatMap((item) => {
    const thought = item.type === 'reasoning' && isJsonObject(item.state) ? item.state[kind] : undefined
    return typeof thought === 'string' ? [thought] : []
  })
  return thoughts.join('\n\n')
}
