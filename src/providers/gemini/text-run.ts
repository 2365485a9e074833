import type { ModelEvent } from '../../core/model-event.ts'
import { annotate, type Citation } from './citations.ts'
import type { SignedText } from './signatures.ts'

/**
 * The parts of text that follow one another: one message. What is said of it as a whole comes at its end: its
 * sources, and the signatures of its parts.
 */
export class TextRun {
  #text = ''
  readonly #parts: { chars: number; thoughtSignature?: string }[] = []
  #citations: readonly Citation[] = []
  #grounding: readonly Citation[] = []

  /** A part is said; its text and its signature may be empty. */
  add(text: string, thoughtSignature: string): void {
    this.#text += text
    const last = this.#parts.at(-1)
    if (thoughtSignature !== '') this.#parts.push({ chars: text.length, thoughtSignature })
    else if (last !== undefined && last.thoughtSignature === undefined) last.chars += text.length
    else if (text !== '') this.#parts.push({ chars: text.length })
  }

  /** Quotations are told as they come; grounding once, and then anew as a whole. */
  cite(quoted: readonly Citation[], grounding: readonly Citation[]): void {
    if (quoted.length > 0) this.#citations = [...this.#citations, ...quoted]
    if (grounding.length > 0) this.#grounding = grounding
  }

  /** Nothing more is said: annotations first, because a state ends the message before it. */
  close(): ModelEvent[] {
    const annotations = annotate(this.#text, [...this.#citations, ...this.#grounding])
    const isSigned = this.#parts.some(({ thoughtSignature }) => thoughtSignature !== undefined)
    const texts: readonly SignedText[] = this.#parts
    return isSigned ? [...annotations, { type: 'reasoning_state', state: { texts: [...texts] } }] : annotations
  }
}
