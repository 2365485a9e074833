import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'

/**
 * What Google wants back with the next turn, byte for byte, and where it belongs: on a call, on the parts of the
 * text before it, or as a part of its own in this very place.
 *
 * @see https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11-22)
 */
export type Signature =
  | { readonly call_id: string; readonly thoughtSignature: string }
  | { readonly texts: readonly SignedText[] }
  | { readonly part: JsonObject }

/** Some of a text, in order: how much of it, in UTF-16 units, and its signature where it has one. */
export type SignedText = { readonly chars: number; readonly thoughtSignature?: string }

/** The signature in a state that came back; undefined where it is none of ours. */
export function readSignature(state: JsonValue | undefined): Signature | undefined {
  if (!isJsonObject(state)) return undefined
  const { call_id, thoughtSignature, texts, part } = state
  if (typeof call_id === 'string' && typeof thoughtSignature === 'string') return { call_id, thoughtSignature }
  if (isJsonObject(part)) return { part }
  const signed = Array.isArray(texts) ? texts.filter(isSignedText) : []
  return signed.length === 0 ? undefined : { texts: signed }
}

function isSignedText(value: unknown): value is SignedText {
  return isJsonObject(value) && Number.isSafeInteger(value['chars']) && Number(value['chars']) >= 0
}

/**
 * A text in its parts, as they came. Where it is another by now, it stays in one part and the last signature
 * follows on a part without text, which is how streams end.
 */
export function signedParts(text: string, texts: readonly SignedText[]): readonly JsonObject[] {
  const length = texts.reduce((sum, { chars }) => sum + chars, 0)
  if (length !== text.length) {
    const last = texts.findLast(({ thoughtSignature }) => thoughtSignature !== undefined)
    return [...plainPart(text), ...(last === undefined ? [] : [signedPart('', last)])]
  }
  let end = 0
  return texts.map((signed) => signedPart(text.slice(end, (end += signed.chars)), signed))
}

/** A part with this text; none where there is no text. */
export function plainPart(text: string): readonly JsonObject[] {
  return text === '' ? [] : [{ text }]
}

function signedPart(text: string, { thoughtSignature }: SignedText): JsonObject {
  return thoughtSignature === undefined ? { text } : { text, thoughtSignature }
}
