import type { JsonObject } from '../../../protocol/json.ts'

/** One event of a stream, as it goes over the wire. */
export function frame(event: JsonObject & { readonly type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

/** A block of text. */
export function text(value: string): JsonObject {
  return { type: 'text', text: value }
}

/** A block begins. */
export function begins(index: number, content_block: JsonObject): string {
  return frame({ type: 'content_block_start', index, content_block })
}

/** A piece of a block. */
export function piece(index: number, delta: JsonObject): string {
  return frame({ type: 'content_block_delta', index, delta })
}

/** A block from its beginning to its end. */
export function block(index: number, ...events: readonly string[]): string[] {
  return [...events, frame({ type: 'content_block_stop', index })]
}

/** A block of text, piece by piece. */
export function says(index: number, ...pieces: readonly string[]): string[] {
  const deltas = pieces.map((value) => piece(index, { type: 'text_delta', text: value }))
  return block(index, begins(index, text('')), ...deltas)
}

/** A block of thinking, piece by piece, signed at its end if it is signed. */
export function thinks(index: number, pieces: readonly string[], signature?: string): string[] {
  const deltas = pieces.map((thinking) => piece(index, { type: 'thinking_delta', thinking }))
  const signed = signature === undefined ? [] : [piece(index, { type: 'signature_delta', signature })]
  return block(index, begins(index, { type: 'thinking', thinking: '', signature: '' }), ...deltas, ...signed)
}

/** The message has stopped, and is over. */
export function stops(reason: string, delta: JsonObject = {}, usage: JsonObject = { output_tokens: 5 }): string[] {
  const stopped = { stop_reason: reason, stop_sequence: null, ...delta }
  return [frame({ type: 'message_delta', delta: stopped, usage }), frame({ type: 'message_stop' })]
}

/** An error inside a stream. */
export function fails(type: string, message: string): string {
  return frame({ type: 'error', error: { details: null, type, message } })
}

/** An answer in one piece. */
export function whole(content: readonly JsonObject[], rest: JsonObject = {}): JsonObject {
  const usage = { input_tokens: 9, output_tokens: 5 }
  return { type: 'message', role: 'assistant', content, stop_reason: 'end_turn', stop_sequence: null, usage, ...rest }
}
