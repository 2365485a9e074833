import type { ModelEvent } from '../../core/model-event.ts'

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
  let mode: 'start' | 'opened' | 'thinking' | 'gap' | 'text' = 'start'
  let held = ''

  const step = (): ModelEvent[] | undefined => {
    if (mode === 'text') return say('text', take(held.length))
    if (mode === 'gap' || mode === 'opened') {
      held = held.trimStart()
      if (held !== '') mode = mode === 'gap' ? 'text' : 'thinking'
      return undefined
    }
    if (mode === 'start') {
      const trimmed = held.trimStart()
      if (OPEN.startsWith(trimmed.slice(0, OPEN.length)) && trimmed.length < OPEN.length) return undefined
      mode = trimmed.startsWith(OPEN) ? 'opened' : 'text'
      if (mode === 'opened') held = trimmed.slice(OPEN.length)
      return undefined
    }
    const end = held.indexOf(CLOSE)
    if (end === -1) return say('reasoning', take(held.length - tailOf(held)))
    const thought = take(end).trimEnd()
    held = held.slice(CLOSE.length)
    mode = 'gap'
    return say('reasoning', thought)
  }

  const take = (length: number): string => {
    const taken = held.slice(0, length)
    held = held.slice(length)
    return taken
  }

  return {
    push(text) {
      held += text
      const events: ModelEvent[] = []
      for (let before = ''; held !== '' && before !== `${mode}${held}`;) {
        before = `${mode}${held}`
        events.push(...(step() ?? []))
      }
      return events
    },
    flush() {
      const rest = take(held.length)
      if (mode === 'thinking') return say('reasoning', rest.trimEnd())
      return mode === 'gap' || mode === 'opened' ? [] : say('text', rest)
    },
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
