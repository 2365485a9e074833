import type { ModelEvent } from '../../../core/model-event.ts'
import type { JsonObject } from '../../../protocol/json.ts'
import { createResponsesReader } from '../stream.ts'
import { completed } from './events.ts'

/** What a reader is told that takes no thoughts. */
export const OPTIONS = { callIdPrefix: 'call_made_', takesThoughts: false, secrets: [] }

/** Everything that documents say, the finish without its usage. */
export function read(documents: readonly JsonObject[], options: Partial<typeof OPTIONS> = {}): readonly ModelEvent[] {
  const reader = createResponsesReader({ ...OPTIONS, ...options })
  const said = documents.flatMap((document) => reader.read(document))
  return [...said, ...reader.end()]
}

/** Items at their places. */
export function placed(...items: readonly (readonly JsonObject[])[]): JsonObject[] {
  return items.flatMap((events, output_index) => events.map((event) => ({ output_index, ...event })))
}

/** Says text. */
export const text = (said: string): ModelEvent => ({ type: 'text', text: said })

/** Thinks aloud. */
export const think = (said: string): ModelEvent => ({ type: 'reasoning', text: said })

/** Says more of what a call is given. */
export const args = (callId: string, delta: string): ModelEvent => ({ type: 'tool_arguments', callId, delta })

/** Cites. */
export const cited = (annotation: JsonObject & { type: string }): ModelEvent => ({ type: 'annotation', annotation })

/** What follows is said apart. */
export const BREAK: ModelEvent = { type: 'break' }

/** The model has ended by itself. */
export const STOP: ModelEvent = { type: 'finish', reason: 'stop' }

/** The end of a whole answer. */
export const END = completed()

/** An item begins. */
export const added = (item: JsonObject, output_index = 0): JsonObject => ({
  type: 'response.output_item.added',
  output_index,
  item,
})

/** An item ends. */
export const done = (item: JsonObject, output_index = 0): JsonObject => ({
  type: 'response.output_item.done',
  output_index,
  item,
})

/** A piece of text. */
export const delta = (said: string, rest: JsonObject = {}): JsonObject => ({
  type: 'response.output_text.delta',
  output_index: 0,
  content_index: 0,
  delta: said,
  ...rest,
})

/** A message. */
export const WORDS = { type: 'message', id: 'msg_1', content: [{ type: 'output_text', text: 'Hi', annotations: [] }] }

/** A thought as it is. */
export const THOUGHT = { type: 'reasoning_text', text: 'Hm.' }
