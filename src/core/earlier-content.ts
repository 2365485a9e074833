import type { UserPart } from '../protocol/input-item.ts'
import type { HistoryItem } from './model-call.ts'

/** A history without the content that its next model cannot be shown. */
export interface LeftOut {
  readonly history: readonly HistoryItem[]
  /** How many parts were left out. */
  readonly count: number
}

/** How many items at the beginning have been answered already: everything before the assistant spoke last. */
export function answeredItems(history: readonly HistoryItem[]): number {
  const last = history.findLastIndex(
    (item) =>
      item.type === 'function_call' ||
      item.type === 'reasoning' ||
      (item.type === 'message' && item.role === 'assistant'),
  )
  return last + 1
}

/**
 * Leaves out what a model lacks where another one has answered to it already: a thread that once had an image can go
 * on with a model that reads text alone. What was not answered yet stays: to leave that out would be to lose it.
 *
 * @param lacks Whether the model cannot be shown a part; texts are not asked about.
 */
export function leaveOutEarlier(history: readonly HistoryItem[], lacks: (part: UserPart) => boolean): LeftOut {
  let count = 0
  const change = (part: UserPart): UserPart => {
    if (part.type === 'input_text' || !lacks(part)) return part
    count++
    return {
      type: 'input_text',
      text: part.type === 'input_image' ? '(An image is left out here.)' : '(A file is left out here.)',
    }
  }
  const earlier = history.slice(0, answeredItems(history)).map((item) => {
    if (item.type === 'message' && item.role !== 'assistant') return { ...item, parts: item.parts.map(change) }
    if (item.type !== 'function_call_output' || typeof item.output === 'string') return item
    return { ...item, output: item.output.map(change) }
  })
  return count === 0 ? { history, count } : { history: [...earlier, ...history.slice(earlier.length)], count }
}
