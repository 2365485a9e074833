import type { UnnumberedEvent } from '../protocol/event.ts'
import type {
  OutputCustomToolCall,
  OutputFunctionCall,
  OutputItem,
  OutputItemStatus,
  OutputMessage,
  OutputNativeItem,
  OutputReasoning,
} from '../protocol/output-item.ts'

/** What closing an item says before `response.output_item.done`, by item type. */
export function closeItem(item: OutputItem, index: number, status: OutputItemStatus): UnnumberedEvent[] {
  const whole = status === 'completed' ? withWholeArguments(item) : item
  return [...closeContent(item, whole, index), itemDone(index, { ...whole, status })]
}

/** What closing has said of an item that is closed, by item type. */
export function closingOf(item: OutputItem, index: number): UnnumberedEvent[] {
  return [...closeContent(item, item, index), itemDone(index, item)]
}

/** An item has ended. */
export function itemDone(index: number, item: OutputItem): UnnumberedEvent {
  return { type: 'response.output_item.done', output_index: index, item }
}

function closeContent(item: OutputItem, whole: OutputItem, index: number): UnnumberedEvent[] {
  switch (whole.type) {
    case 'message':
      return closePart(whole, index)
    case 'reasoning':
      return closeSummary(whole, index)
    case 'function_call':
      return closeArguments(item, whole, index)
    case 'custom_tool_call':
      return closeInput(whole, index)
    case 'tool_search_call':
      return []
    default:
      return nothingFor(whole)
  }
}

/** What its provider alone knows has no parts that we know. */
function nothingFor(_item: OutputNativeItem): UnnumberedEvent[] {
  return []
}

/** A call without arguments is a call with an empty object: providers send either. Blanks sent already stay. */
function withWholeArguments(item: OutputItem): OutputItem {
  return item.type === 'function_call' && item.arguments.trim() === ''
    ? { ...item, arguments: `${item.arguments}{}` }
    : item
}

/** Ends the open part of a message: the last one. */
export function closePart(item: OutputMessage, index: number): UnnumberedEvent[] {
  const content_index = item.content.length - 1
  const part = item.content[content_index]
  if (part === undefined) return []
  const place = { item_id: item.id, output_index: index, content_index }
  const done: UnnumberedEvent =
    part.type === 'output_text'
      ? { type: 'response.output_text.done', ...place, text: part.text, logprobs: part.logprobs }
      : { type: 'response.refusal.done', ...place, refusal: part.refusal }
  return [done, { type: 'response.content_part.done', ...place, part }]
}

/** Ends the open part of a summary: the last one. */
export function closeSummary(item: OutputReasoning, index: number): UnnumberedEvent[] {
  const part = item.summary.at(-1)
  if (part === undefined) return []
  const place = { item_id: item.id, output_index: index, summary_index: item.summary.length - 1 }
  return [
    { type: 'response.reasoning_summary_text.done', ...place, text: part.text },
    { type: 'response.reasoning_summary_part.done', ...place, part },
  ]
}

/** Clients that gather deltas must see the braces too, where we supplied them. */
function closeArguments(item: OutputItem, whole: OutputFunctionCall, index: number): UnnumberedEvent[] {
  const place = { item_id: whole.id, output_index: index }
  const said = item.type === 'function_call' ? item.arguments : ''
  const supplied: UnnumberedEvent[] =
    said === whole.arguments
      ? []
      : [{ type: 'response.function_call_arguments.delta', ...place, delta: whole.arguments.slice(said.length) }]
  return [
    ...supplied,
    { type: 'response.function_call_arguments.done', ...place, name: whole.name, arguments: whole.arguments },
  ]
}

function closeInput(item: OutputCustomToolCall, index: number): UnnumberedEvent[] {
  return [{ type: 'response.custom_tool_call_input.done', item_id: item.id, output_index: index, input: item.input }]
}
