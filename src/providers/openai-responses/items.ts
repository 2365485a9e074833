import type { ModelEvent, ToolCallEvent } from '../../core/model-event.ts'
import { isJsonObject, type JsonObject } from '../../protocol/json.ts'
import { argumentsText } from '../call-arguments.ts'
import { readLogprob, type WireLogprob } from '../logprobs.ts'
import { objectsIn, textIn } from '../loose.ts'
import type { Item, ItemKind, Output, Voice } from './output.ts'
import type { WireItem, WirePart } from './wire.ts'

/** A piece of what an item says. */
interface Piece {
  readonly text: string
  readonly part: number
}

/** Says text of a message. */
export function sayText(
  output: Output,
  item: Item,
  { text, part, logprobs }: Piece & { readonly logprobs?: readonly WireLogprob[] | null | undefined },
): ModelEvent[] {
  const lead = output.lead(item, 'text', part)
  const probable = objectsIn(logprobs).map(readLogprob)
  item.said += text.length
  return [...lead, { type: 'text', text, ...(probable.length === 0 ? {} : { logprobs: probable }) }]
}

/** Says that a message refuses. */
export function refuse(output: Output, item: Item, { text, part }: Piece): ModelEvent[] {
  const lead = output.lead(item, 'refusal', part)
  item.refused += text.length
  return [...lead, { type: 'refusal', text }]
}

/** Thinks aloud. Some say the same twice, as a summary and as it is: what came first is told. */
export function think(
  output: Output,
  item: Item,
  { text, part, voice }: Piece & { readonly voice: Voice },
): ModelEvent[] {
  if (item.voice !== undefined && item.voice !== voice) return []
  const lead = output.lead(item, voice, part)
  item.said += text.length
  return [...lead, { type: 'reasoning', text }]
}

/** Cites a source, of whatever kind, where the text that it belongs to is being said. */
export function cite(output: Output, item: Item, annotation: unknown): ModelEvent[] {
  if (!isJsonObject(annotation) || typeof annotation['type'] !== 'string') return []
  const lead = item.hasBegun ? [] : output.lead(item, 'text', item.part)
  if (!output.isSpeaking(item)) return []
  item.cited++
  const plain = Object.entries(annotation).filter(([, value]) => typeof value !== 'object' || value === null)
  return [...lead, { type: 'annotation', annotation: { ...Object.fromEntries(plain), type: annotation['type'] } }]
}

/** Says more of what a call is given. */
export function argue(item: Item, delta: string): ModelEvent[] {
  if (delta === '') return []
  item.said += delta.length
  return [{ type: 'tool_arguments', callId: item.callId, delta }]
}

/** What the opening of an item says: messages and reasoning wait for their first word. */
export function openItem(output: Output, item: Item): ModelEvent[] {
  if (item.kind === 'call') {
    output.begin(item)
    return [callEvent(item)]
  }
  if (item.kind !== 'native') return []
  output.begin(item)
  return [{ type: 'native', item: item.wire as JsonObject, isOpen: true }] // It came as JSON.
}

/** A call of a tool that the provider knows as it is says so. */
function callEvent({ wire, callId }: Item): ToolCallEvent {
  const { type, name, namespace } = wire
  const call = { type: 'tool_call' as const, callId, name: textIn(name) }
  if (type === 'tool_search_call') return { ...call, name: 'tool_search', kind: 'tool_search' }
  const within = textIn(namespace) === '' ? {} : { namespace: textIn(namespace) }
  if (type === 'custom_tool_call') return { ...call, kind: 'custom', ...within }
  return textIn(namespace) === '' ? call : { ...call, kind: 'function', ...within }
}

/** The whole of an item, and what is needed to tell what of it has not been told. */
interface Whole {
  readonly wire: Partial<WireItem>
  readonly takesThoughts: boolean
}

type End = (output: Output, item: Item, whole: Whole) => ModelEvent[]

/** What the end of an item says: the rest of it, where its pieces did not say it. */
export const END: Readonly<Record<ItemKind, End>> = {
  message: (output, item, { wire }) => endMessage(output, item, objectsIn(wire.content)),
  reasoning: endReasoning,
  call: (_, item, { wire }) => endCall(item, wire),
  native: (output, item, { wire }) => [{ type: 'native_end', back: output.back(item), item: wire as JsonObject }],
}

function endMessage(output: Output, item: Item, parts: readonly WirePart[]): ModelEvent[] {
  const told = { text: item.said, refusal: item.refused, annotations: item.cited }
  return parts.flatMap((wire, part) => {
    const text = textIn(wire.text)
    const refusal = textIn(wire.refusal)
    const annotations = objectsIn(wire.annotations)
    const rest = {
      text: text.slice(told.text),
      refusal: refusal.slice(told.refusal),
      annotations: annotations.slice(told.annotations),
    }
    const logprobs = told.text === 0 ? wire.logprobs : undefined
    told.text = Math.max(0, told.text - text.length)
    told.refusal = Math.max(0, told.refusal - refusal.length)
    told.annotations = Math.max(0, told.annotations - annotations.length)
    return [
      ...(rest.text === '' ? [] : sayText(output, item, { text: rest.text, part, logprobs })),
      ...(rest.refusal === '' ? [] : refuse(output, item, { text: rest.refusal, part })),
      ...rest.annotations.flatMap((annotation) => cite(output, item, annotation)),
    ]
  })
}

function endReasoning(output: Output, item: Item, { wire, takesThoughts }: Whole): ModelEvent[] {
  const late = output.after(item)
  const summary = objectsIn(wire.summary)
  const hasSummary = summary.some(({ text }) => textIn(text) !== '')
  const voice = item.voice ?? (hasSummary ? 'summary' : 'thought')
  let told = item.said
  const rest = (voice === 'summary' ? summary : objectsIn(wire.content)).flatMap(({ text }, part) => {
    const whole = textIn(text)
    const left = whole.slice(told)
    told = Math.max(0, told - whole.length)
    return left === '' ? [] : think(output, item, { text: left, part, voice })
  })
  const state = stateOf(wire, late)
  const comesBack = state['encrypted_content'] !== undefined || (takesThoughts && item.said > 0)
  if (!comesBack) return rest
  output.begin(item)
  return [...rest, { type: 'reasoning_state', state }]
}

/** Reasoning as it goes back: without what is only ever said of an answer. */
function stateOf({ id, summary, content, encrypted_content: encrypted }: Partial<WireItem>, late: number): JsonObject {
  const thoughts = objectsIn(content).map(plainPart)
  return {
    type: 'reasoning',
    ...(typeof id === 'string' ? { id } : {}),
    summary: objectsIn(summary).map(plainPart),
    ...(thoughts.length === 0 ? {} : { content: thoughts }),
    ...(typeof encrypted === 'string' && encrypted !== '' ? { encrypted_content: encrypted } : {}),
    ...(late === 0 ? {} : { late }),
  }
}

function plainPart({ type, text }: WirePart): JsonObject {
  return { type: textIn(type), text: textIn(text) }
}

function endCall(item: Item, wire: Partial<WireItem>): ModelEvent[] {
  const whole = item.wire.type === 'custom_tool_call' ? textIn(wire.input) : argumentsText(wire.arguments)
  return argue(item, whole.slice(item.said))
}
