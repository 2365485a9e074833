import type { UnnumberedEvent } from '../protocol/event.ts'
import { mintItemId, type ResponseId } from '../protocol/id.ts'
import { isJsonObject, parseJson } from '../protocol/json.ts'
import type { OutputFunctionCall, OutputItem, OutputItemStatus } from '../protocol/output-item.ts'
import type { Response } from '../protocol/response.ts'
import { closeItem } from './close.ts'

/** The id of the item that comes next. */
export function nextItemId(response: Response, type: string): string {
  // The engine made the id of this response through protocol/id.ts.
  return mintItemId(response.id as ResponseId, type, { side: 'output', index: response.output.length })
}

/** An item begins. */
export function added(index: number, item: OutputItem): UnnumberedEvent {
  return { type: 'response.output_item.added', output_index: index, item }
}

/** Closes what can take no more when another item begins: a call whose arguments are still coming stays open. */
export function closeWhole(response: Response): UnnumberedEvent[] {
  return response.output.flatMap((item, index) =>
    item.status === 'in_progress' && hasAllOfIt(item) ? closeItem(item, index, 'completed') : [],
  )
}

/**
 * Whether an open item can take no more when another begins. Messages and reasoning end there; the input of
 * a custom call comes in one piece, and a search ends with its own, as does what its provider alone knows.
 */
function hasAllOfIt(item: OutputItem): boolean {
  switch (item.type) {
    case 'function_call':
      return isWholeCall(item)
    case 'custom_tool_call':
      return item.input !== ''
    case 'message':
    case 'reasoning':
      return true
    case 'tool_search_call':
    default:
      return false
  }
}

/** A call whose arguments are a whole JSON object can take no more. */
function isWholeCall(item: OutputFunctionCall): boolean {
  return isJsonObject(parseJson(item.arguments))
}

/** Closes every item that is still open, in order. A call whose arguments are whole is whole, however the run ended. */
export function closeOpen(response: Response, status: OutputItemStatus): UnnumberedEvent[] {
  return response.output.flatMap((item, index) => {
    if (item.status !== 'in_progress') return []
    const isWhole = item.type === 'function_call' && isWholeCall(item)
    return closeItem(item, index, isWhole ? 'completed' : status)
  })
}
