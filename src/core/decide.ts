import { parseJson } from '../protocol/json.ts'
import type { MessagePhase, OutputItem } from '../protocol/output-item.ts'
import type { UnnumberedEvent } from '../protocol/event.ts'
import type { Response } from '../protocol/response.ts'
import { closeItem, closePart, closeSummary } from './close.ts'
import { decideNative, decideNativeEnd, decideNativeEvent } from './decide-native.ts'
import { evolve } from './evolve.ts'
import { ModelEventError, type OutputEvent, type ToolCallEvent } from './model-event.ts'
import { added, closeWhole, nextItemId } from './open-items.ts'
import { unreachable } from './unreachable.ts'

/** Events that bring an item or part into being, and where the next delta goes. */
interface Opened {
  readonly events: readonly UnnumberedEvent[]
  readonly index: number
  readonly part: number
  readonly id: string
}

/**
 * Turns what the provider said into what the client sees: ids, indexes, opening and closing.
 * Pure: everything it needs to know is in the snapshot.
 *
 * Messages and reasoning stand strictly one after the other. Calls do too, as soon as their arguments
 * are whole; a provider that says something else amid the arguments of a call leaves that call open.
 *
 * @throws {ModelEventError} Arguments for a call that is not open.
 */
export function decide(response: Response, event: OutputEvent): readonly UnnumberedEvent[] {
  switch (event.type) {
    case 'text':
    case 'refusal':
      return event.text === '' ? [] : decideText(response, event)
    case 'reasoning':
      return event.text === '' ? [] : decideReasoning(response, event.text)
    case 'reasoning_seal':
      return decideSeal(response, event.sealed)
    case 'annotation':
      return decideAnnotation(response, event.annotation)
    case 'tool_call':
      return decideCall(response, event)
    case 'tool_arguments':
      return event.delta === '' ? [] : decideArguments(response, event)
    case 'break':
      return decideBreak(response, event.phase)
    case 'native':
      return decideNative(response, event)
    case 'native_event':
      return decideNativeEvent(response, event)
    case 'native_end':
      return decideNativeEnd(response, event)
    default:
      return unreachable(event)
  }
}

/** Opens an empty text part where the model ended its turn without a word. */
export function decideEmptyText(response: Response): readonly UnnumberedEvent[] {
  return openPart(response, 'output_text').events
}

function decideText(response: Response, event: Extract<OutputEvent, { type: 'text' | 'refusal' }>): UnnumberedEvent[] {
  const opened = openPart(response, event.type === 'text' ? 'output_text' : 'refusal')
  const place = { item_id: opened.id, output_index: opened.index, content_index: opened.part }
  if (event.type === 'refusal') {
    return [...opened.events, { type: 'response.refusal.delta', ...place, delta: event.text }]
  }
  const logprobs = event.logprobs === undefined ? [] : [...event.logprobs]
  const delta: UnnumberedEvent = { type: 'response.output_text.delta', ...place, delta: event.text, logprobs }
  return opened.events.length === 0 ? [delta] : [...opened.events, delta]
}

function decideAnnotation(
  response: Response,
  annotation: Extract<OutputEvent, { type: 'annotation' }>['annotation'],
): UnnumberedEvent[] {
  const opened = openPart(response, 'output_text')
  const item = response.output[opened.index]
  const part = item?.type === 'message' ? item.content[opened.part] : undefined
  const annotation_index = part?.type === 'output_text' ? part.annotations.length : 0
  return [
    ...opened.events,
    {
      type: 'response.output_text.annotation.added',
      item_id: opened.id,
      output_index: opened.index,
      content_index: opened.part,
      annotation_index,
      annotation,
    },
  ]
}

function openPart(response: Response, type: 'output_text' | 'refusal'): Opened {
  const index = response.output.length - 1
  const last = response.output[index]
  if (last?.type !== 'message' || last.status !== 'in_progress') return openMessage(response, type)
  const part = last.content.length - 1
  const open = last.content[part]
  if (open?.type === type) return { events: [], index, part, id: last.id }
  const closing = open === undefined ? [] : closePart(last, index)
  const added = addedPart(type, { item_id: last.id, output_index: index, content_index: part + 1 })
  return { events: [...closing, added], index, part: part + 1, id: last.id }
}

function openMessage(response: Response, type: 'output_text' | 'refusal'): Opened {
  const index = response.output.length
  const id = nextItemId(response, 'message')
  const part = addedPart(type, { item_id: id, output_index: index, content_index: 0 })
  return { events: [...addMessage(response), part], index, part: 0, id }
}

function addMessage(response: Response, phase?: MessagePhase): UnnumberedEvent[] {
  const id = nextItemId(response, 'message')
  const message: OutputItem = { type: 'message', id, role: 'assistant', status: 'in_progress', content: [] }
  const item = phase === undefined ? message : { ...message, phase }
  return [...closeWhole(response), added(response.output.length, item)]
}

function addedPart(
  type: 'output_text' | 'refusal',
  place: { item_id: string; output_index: number; content_index: number },
): UnnumberedEvent {
  return {
    type: 'response.content_part.added',
    ...place,
    part: type === 'output_text' ? { type, text: '', annotations: [], logprobs: [] } : { type, refusal: '' },
  }
}

function decideReasoning(response: Response, text: string): UnnumberedEvent[] {
  const { events, index, id, item } = openReasoning(response)
  const part = Math.max(0, item.summary.length - 1)
  const place = { item_id: id, output_index: index, summary_index: part }
  const opening = item.summary.length > 0 ? [] : [addedSummary(place)]
  return [...events, ...opening, { type: 'response.reasoning_summary_text.delta', ...place, delta: text }]
}

function addedSummary(place: { item_id: string; output_index: number; summary_index: number }): UnnumberedEvent {
  return { type: 'response.reasoning_summary_part.added', ...place, part: { type: 'summary_text', text: '' } }
}

/** What follows is said apart: by a message of its own, or in a further part of a summary. */
function decideBreak(response: Response, phase: MessagePhase | undefined): UnnumberedEvent[] {
  if (phase !== undefined) return addMessage(response, phase)
  const index = response.output.length - 1
  const last = response.output[index]
  if (last?.type === 'message' && last.status === 'in_progress') return closeItem(last, index, 'completed')
  if (last?.type !== 'reasoning' || last.status !== 'in_progress' || last.summary.length === 0) return []
  const place = { item_id: last.id, output_index: index, summary_index: last.summary.length }
  return [...closeSummary(last, index), addedSummary(place)]
}

/** The sealed state ends its reasoning item: what comes later belongs to another. */
function decideSeal(response: Response, sealed: string): UnnumberedEvent[] {
  const { events, index, item } = openReasoning(response)
  return [...events, ...closeItem({ ...item, encrypted_content: sealed }, index, 'completed')]
}

function openReasoning(response: Response) {
  const last = response.output.at(-1)
  if (last?.type === 'reasoning' && last.status === 'in_progress') {
    return { events: [], index: response.output.length - 1, id: last.id, item: last }
  }
  const index = response.output.length
  const id = nextItemId(response, 'reasoning')
  const item = { type: 'reasoning' as const, id, summary: [], content: [], status: 'in_progress' as const }
  return { events: [...closeWhole(response), added(index, item)], index, id, item }
}

function decideCall(response: Response, event: ToolCallEvent): UnnumberedEvent[] {
  return [...closeWhole(response), added(response.output.length, callItem(response, event))]
}

function callItem(response: Response, { callId, name, kind = 'function', namespace }: ToolCallEvent): OutputItem {
  const id = nextItemId(response, CALL_TYPE[kind])
  const common = { id, call_id: callId, status: 'in_progress' as const }
  const named = { name, ...(namespace === undefined ? {} : { namespace }) }
  switch (kind) {
    case 'function':
      return { type: 'function_call', ...common, ...named, arguments: '' }
    case 'custom':
      return { type: 'custom_tool_call', ...common, ...named, input: '' }
    case 'tool_search':
      return { type: 'tool_search_call', ...common, execution: 'client', arguments: '' }
    default:
      return unreachable(kind)
  }
}

const CALL_TYPE = {
  function: 'function_call',
  custom: 'custom_tool_call',
  tool_search: 'tool_search_call',
} as const

function decideArguments(response: Response, event: { callId: string; delta: string }): UnnumberedEvent[] {
  const index = response.output.findLastIndex((item) => 'call_id' in item && item.call_id === event.callId)
  const item = response.output[index]
  if (item === undefined) throw new ModelEventError('The provider sent arguments for a call that it had not begun.')
  if (item.status !== 'in_progress') {
    if (event.delta.trim() === '') return []
    throw new ModelEventError('The provider sent arguments for a call that had ended.')
  }
  const place = { item_id: item.id, output_index: index, delta: event.delta }
  switch (item.type) {
    case 'function_call':
      return [{ type: 'response.function_call_arguments.delta', ...place }]
    case 'custom_tool_call':
      return [{ type: 'response.custom_tool_call_input.delta', ...place }]
    case 'tool_search_call':
      return closeItem({ ...item, arguments: parseJson(event.delta) ?? event.delta }, index, 'completed')
    default:
      throw new ModelEventError('The provider sent arguments for an item that is no call.')
  }
}

/** Folds events that are not numbered yet. */
export function foldAll(response: Response, events: readonly UnnumberedEvent[]): Response {
  return events.reduce(evolve, response)
}
