import type { ModelEvent } from '../../core/model-event.ts'
import { createChatReader } from '../openai-chat/stream.ts'
import { DIALECTS, type DialectName } from '../openai-chat/tables.ts'
import type { WireChunk } from '../openai-chat/wire.ts'

/** A chunk with one choice that says this. Anything may be in it: providers send what they like. */
export function delta(says: unknown, choice: object = {}, chunk: object = {}): WireChunk {
  // The reader's input is whatever a provider sends.
  return { choices: [{ index: 0, delta: says, ...choice }], ...chunk } as WireChunk
}

/** The chunk that says why the model stopped. */
export function finish(reason: string, chunk: object = {}): WireChunk {
  return delta({}, { finish_reason: reason }, chunk)
}

/** Reads one answer from beginning to end. */
export function readAll(chunks: readonly WireChunk[], dialect: DialectName = 'generic'): ModelEvent[] {
  const reader = createChatReader(DIALECTS[dialect].quirks, { callIdPrefix: 'call_made_', secrets: [] })
  return [...chunks.flatMap((chunk) => reader.read(chunk)), ...reader.end()]
}

/** All the text of one kind, joined. */
export function joined(events: readonly ModelEvent[], type: 'text' | 'reasoning' | 'refusal'): string {
  return events.map((event) => (event.type === type ? event.text : '')).join('')
}
