import type { UnnumberedEvent, UnnumberedNativeEvent } from '../protocol/event.ts'
import type { OutputItem } from '../protocol/output-item.ts'
import type { OutputText } from '../protocol/part.ts'
import type { Response } from '../protocol/response.ts'

/** Folds one event into the snapshot. Pure: never mutates its input. */
export function evolve(response: Response, event: UnnumberedEvent): Response {
  switch (event.type) {
    case 'response.created':
    case 'response.queued':
    case 'response.in_progress':
    case 'response.completed':
    case 'response.incomplete':
    case 'response.failed':
      return event.response
    case 'response.output_item.added':
      return setItem(response, event.output_index, event.item)
    case 'response.output_item.done':
      return withOutputText(setItem(response, event.output_index, event.item))
    case 'response.content_part.added':
    case 'response.content_part.done':
      return changeItem(response, event.output_index, (item) => setPart(item, event.content_index, event.part))
    case 'response.output_text.delta':
      return appendText(response, event)
    case 'response.output_text.annotation.added':
      return changeText(response, event, (part) => ({ ...part, annotations: [...part.annotations, event.annotation] }))
    case 'response.refusal.delta':
      return changeItem(response, event.output_index, (item) => appendRefusal(item, event.content_index, event.delta))
    case 'response.function_call_arguments.delta':
    case 'response.custom_tool_call_input.delta':
      return changeItem(response, event.output_index, (item) => appendArguments(item, event.delta))
    case 'response.function_call_arguments.done':
      return changeItem(response, event.output_index, (item) =>
        item.type === 'function_call' ? { ...item, arguments: event.arguments } : item,
      )
    case 'response.reasoning_summary_part.added':
    case 'response.reasoning_summary_part.done':
      return changeSummary(response, event, () => event.part.text)
    case 'response.reasoning_summary_text.delta':
      return changeSummary(response, event, (text) => text + event.delta)
    case 'response.output_text.done':
    case 'response.refusal.done':
    case 'response.custom_tool_call_input.done':
    case 'response.reasoning_summary_text.done':
    case 'error':
      return response
    default:
      return passOver(response, event)
  }
}

/** What its provider alone knows of an item shows in the item itself, when it ends. */
function passOver(response: Response, _event: UnnumberedNativeEvent): Response {
  return response
}

/** All output text of a response, joined: the `output_text` convenience field. */
export function outputText(output: readonly OutputItem[]): string {
  let text = ''
  for (const item of output) {
    if (item.type !== 'message') continue
    for (const part of item.content) if (part.type === 'output_text') text += part.text
  }
  return text
}

function withOutputText(response: Response): Response {
  return { ...response, output_text: outputText(response.output) }
}

function setItem(response: Response, index: number, item: OutputItem): Response {
  const output = response.output.slice()
  output[index] = item
  return { ...response, output }
}

function changeItem(response: Response, index: number, change: (item: OutputItem) => OutputItem): Response {
  const item = response.output[index]
  return item === undefined ? response : setItem(response, index, change(item))
}

type Part = Extract<UnnumberedEvent, { type: 'response.content_part.added' }>['part']

function setPart(item: OutputItem, index: number, part: Part): OutputItem {
  if (item.type !== 'message' || part.type === 'reasoning_text') return item
  const content = item.content.slice()
  content[index] = part
  return { ...item, content }
}

function changeText(
  response: Response,
  place: { output_index: number; content_index: number },
  change: (part: OutputText) => OutputText,
): Response {
  return changeItem(response, place.output_index, (item) => {
    const part = item.type === 'message' ? item.content[place.content_index] : undefined
    return part?.type === 'output_text' ? setPart(item, place.content_index, change(part)) : item
  })
}

/** Most events are these: no function is made for one. */
function appendText(
  response: Response,
  event: Extract<UnnumberedEvent, { logprobs: unknown; delta: string }>,
): Response {
  const item = response.output[event.output_index]
  const part = item?.type === 'message' ? item.content[event.content_index] : undefined
  if (item?.type !== 'message' || part?.type !== 'output_text') return response
  const logprobs = event.logprobs.length === 0 ? part.logprobs : [...part.logprobs, ...event.logprobs]
  const longer = { ...part, text: part.text + event.delta, logprobs }
  return setItem(response, event.output_index, setPart(item, event.content_index, longer))
}

function appendRefusal(item: OutputItem, index: number, delta: string): OutputItem {
  const part = item.type === 'message' ? item.content[index] : undefined
  return part?.type === 'refusal' ? setPart(item, index, { ...part, refusal: part.refusal + delta }) : item
}

function appendArguments(item: OutputItem, delta: string): OutputItem {
  if (item.type === 'function_call') return { ...item, arguments: item.arguments + delta }
  if (item.type === 'custom_tool_call') return { ...item, input: item.input + delta }
  return item
}

function changeSummary(
  response: Response,
  place: { output_index: number; summary_index: number },
  change: (text: string) => string,
): Response {
  return changeItem(response, place.output_index, (item) => {
    if (item.type !== 'reasoning') return item
    const summary = item.summary.slice()
    summary[place.summary_index] = { type: 'summary_text', text: change(summary[place.summary_index]?.text ?? '') }
    return { ...item, summary }
  })
}
