import type { JsonObject, JsonValue } from '../../../protocol/json.ts'

/** An event as it goes over the wire. */
export function frame(event: JsonObject & { readonly type?: JsonValue }): string {
  return `event: ${typeof event.type === 'string' ? event.type : ''}\ndata: ${JSON.stringify(event)}\n\n`
}

/** The events of a stream: those around the items, and those of the items, at their places. */
export function stream(items: readonly (readonly JsonObject[])[], rest: JsonObject = {}): string[] {
  const inside = items.flatMap((events, output_index) => events.map((event) => ({ output_index, ...event })))
  return numbered([{ type: 'response.created', response: STARTED }, ...inside, completed(rest)]).map(frame)
}

/** Events with numbers, as most send them. */
export function numbered(events: readonly JsonObject[]): JsonObject[] {
  return events.map((event, sequence_number) => ({ ...event, sequence_number }))
}

const STARTED = { id: 'resp_1', object: 'response', status: 'in_progress', output: [], usage: null }

/** The last event of a whole answer. */
export function completed(rest: JsonObject = {}): JsonObject {
  return { type: 'response.completed', response: { ...STARTED, status: 'completed', ...rest } }
}

/** A message, said in pieces. */
export function message(pieces: readonly string[], rest: JsonObject = {}): JsonObject[] {
  const item = { type: 'message', id: 'msg_1', role: 'assistant', ...rest }
  const part = { type: 'output_text', text: pieces.join(''), annotations: [], logprobs: [] }
  const place = { item_id: 'msg_1', content_index: 0 }
  return [
    { type: 'response.output_item.added', item: { ...item, status: 'in_progress', content: [] } },
    { type: 'response.content_part.added', ...place, part: { ...part, text: '' } },
    ...pieces.map((delta) => ({ type: 'response.output_text.delta', ...place, delta, logprobs: [], obfuscation: 'x' })),
    { type: 'response.output_text.done', ...place, text: part.text, logprobs: [] },
    { type: 'response.content_part.done', ...place, part },
    { type: 'response.output_item.done', item: { ...item, status: 'completed', content: [part] } },
  ]
}

/** Reasoning, summed up in parts; `seal` is its encrypted content. */
export function reasoning(parts: readonly string[], seal?: string): JsonObject[] {
  const item = { type: 'reasoning', id: 'rs_1' }
  const summary = parts.map((text) => ({ type: 'summary_text', text }))
  const sealed = seal === undefined ? {} : { encrypted_content: seal }
  return [
    { type: 'response.output_item.added', item: { ...item, summary: [] } },
    ...parts.flatMap((delta, summary_index) => [
      { type: 'response.reasoning_summary_part.added', item_id: 'rs_1', summary_index },
      { type: 'response.reasoning_summary_text.delta', item_id: 'rs_1', summary_index, delta },
      { type: 'response.reasoning_summary_text.done', item_id: 'rs_1', summary_index, text: delta },
    ]),
    { type: 'response.output_item.done', item: { ...item, summary, ...sealed } },
  ]
}

/** A call of a function, its arguments in pieces. */
export function call(call_id: string, pieces: readonly string[], name = 'weather'): JsonObject[] {
  const id = `fc_${call_id}`
  const item = { type: 'function_call', id, call_id, name }
  return [
    { type: 'response.output_item.added', item: { ...item, status: 'in_progress', arguments: '' } },
    ...pieces.map((delta) => ({ type: 'response.function_call_arguments.delta', item_id: id, delta })),
    { type: 'response.function_call_arguments.done', item_id: id, arguments: pieces.join('') },
    { type: 'response.output_item.done', item: { ...item, status: 'completed', arguments: pieces.join('') } },
  ]
}
