import type { ModelEvent } from '../core/model-event.ts'

const OPEN = '<think>'
const CLOSE = '</think>'

/** Tells inline reasoning from text, across any cut of the input. */
export interface ThinkSplitter {
  /** The next piece of content. */
  push(text: string): ModelEvent[]
  /** The end: what was held back because it might have been a tag. */
  flush(): ModelEvent[]
}

/**
 * Splits `<think>…</think>` at the very start of an answer from the answer itself. The tags and the
 * white space around them are dropped; a tag that is never closed leaves everything as reasoning.
 */
export function createThinkSplitter(): ThinkSplitter {
  return new Splitter()
}

class Splitter implements ThinkSplitter {
  #mode: 'start' | 'opened' | 'thinking' | 'gap' | 'text' = 'start'
  #held = ''

  push(text: string): ModelEvent[] {
    if (this.#mode === 'text') return say('text', text)
    this.#held += text
    const events: ModelEvent[] = []
    for (let before = ''; this.#held !== '' && before !== `${this.#mode}${this.#held}`;) {
      before = `${this.#mode}${this.#held}`
      events.push(...this.#step())
    }
    return events
  }

  flush(): ModelEvent[] {
    const mode = this.#mode
    const rest = this.#take(this.#held.length)
    if (mode === 'thinking') return say('reasoning', rest.trimEnd())
    return mode === 'gap' || mode === 'opened' ? [] : say('text', rest)
  }

  #step(): ModelEvent[] {
    if (this.#mode === 'text') return say('text', this.#take(this.#held.length))
    if (this.#mode === 'gap' || this.#mode === 'opened') {
      this.#held = this.#held.trimStart()
      if (this.#held !== '') this.#mode = this.#mode === 'gap' ? 'text' : 'thinking'
      return []
    }
    if (this.#mode === 'start') {
      this.#begin()
      return []
    }
    const end = this.#held.indexOf(CLOSE)
    if (end === -1) return say('reasoning', this.#take(this.#held.length - tailOf(this.#held)))
    const thought = this.#take(end).trimEnd()
    this.#held = this.#held.slice(CLOSE.length)
    this.#mode = 'gap'
    return say('reasoning', thought)
  }

  #begin(): void {
    const trimmed = this.#held.trimStart()
    if (OPEN.startsWith(trimmed.slice(0, OPEN.length)) && trimmed.length < OPEN.length) return
    this.#mode = trimmed.startsWith(OPEN) ? 'opened' : 'text'
    if (this.#mode === 'opened') this.#held = trimmed.slice(OPEN.length)
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, length)
    this.#held = this.#held.slice(length)
    return taken
  }
}

/** How much of the end must wait: white space and the beginning of a closing tag. */
function tailOf(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (CLOSE.startsWith(text.slice(-length))) return length + spaceBefore(text.slice(0, -length))
  }
  return spaceBefore(text)
}

function spaceBefore(text: string): number {
  return text.length - text.trimEnd().length
}

function say(type: 'text' | 'reasoning', text: string): ModelEvent[] {
  return text === '' ? [] : [{ type, text }]
}
