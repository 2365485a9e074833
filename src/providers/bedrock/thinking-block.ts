import type { ModelEvent } from '../../core/model-event.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import { textIn } from '../loose.ts'
import type { WireReasoningDelta } from './wire.ts'

/** The thinking of one block: its text is told as it comes; what its model wants back, once it is whole. */
export class SignedThinking {
  #text = ''
  #signature = ''
  readonly #redacted: Uint8Array[] = []

  /** A piece of it. */
  add(delta: WireReasoningDelta): ModelEvent[] {
    const text = textIn(delta.text)
    this.#text += text
    this.#signature += textIn(delta.signature)
    const { redactedContent: redacted } = delta
    if (typeof redacted === 'string') this.#redacted.push(Buffer.from(redacted, 'base64'))
    if (redacted instanceof Uint8Array) this.#redacted.push(redacted)
    return text === '' ? [] : [{ type: 'reasoning', text }]
  }

  /** It is whole: nothing where it was not signed. */
  settle(vendor: string): ModelEvent[] {
    const redactedContent = Buffer.concat(this.#redacted).toString('base64')
    const reasoningText = { text: this.#text, signature: this.#signature }
    const blocks: JsonObject[] = [
      ...(this.#signature === '' ? [] : [{ reasoningText }]),
      ...(redactedContent === '' ? [] : [{ redactedContent }]),
    ]
    return blocks.map((block) => ({ type: 'reasoning_state', state: { vendor, ...block } }))
  }
}

/** Thinking as Converse takes it back, to the byte. */
export type ThinkingBlock =
  | { readonly reasoningText: { readonly text: string; readonly signature: string } }
  | { readonly redactedContent: Uint8Array }

/** The thinking in a state; undefined where it is not this vendor's. */
export function thinkingIn(state: JsonValue | undefined, vendor: string): ThinkingBlock | undefined {
  if (!isJsonObject(state) || state['vendor'] !== vendor) return undefined
  const { reasoningText, redactedContent } = state
  if (typeof redactedContent === 'string') return { redactedContent: Buffer.from(redactedContent, 'base64') }
  if (!isJsonObject(reasoningText)) return undefined
  const { text, signature } = reasoningText
  return typeof text === 'string' && typeof signature === 'string' ? { reasoningText: { text, signature } } : undefined
}
