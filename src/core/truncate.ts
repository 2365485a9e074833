import { badRequest } from '../protocol/error.ts'
import { estimateFrame, estimateItem } from './estimate.ts'
import type { HistoryItem, ModelCall } from './model-call.ts'

/**
 * Fits a call into the model's context window.
 *
 * `auto` drops the oldest items until the rest fits: a call goes together with its output and with the
 * reasoning before it; system and developer messages and the last item stay. `disabled` refuses.
 * Sizes are estimates (four characters a token): the provider has the last word.
 *
 * @param contextWindow Tokens the model can take, input and output together; undefined where unknown.
 * @throws {ApiError} `context_length_exceeded`: it does not fit and nothing (more) may be dropped.
 */
export function fitToWindow(
  call: ModelCall,
  truncation: 'auto' | 'disabled',
  contextWindow: number | undefined,
): ModelCall {
  if (contextWindow === undefined) return call
  const room = contextWindow - estimateFrame(call) - (call.maxOutputTokens ?? 0)
  const sizes = call.history.map(estimateItem)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= room) return call
  const history = truncation === 'auto' ? dropOldest(call.history, sizes, total - room) : undefined
  if (history !== undefined) return { ...call, history }
  throw badRequest(
    'context_length_exceeded',
    'input',
    `The input is about ${contextWindow - room + total} tokens with its instructions, tools and room for the answer; ` +
      `the model takes ${contextWindow}. Shorten it, or send truncation: "auto" to drop the oldest items.`,
  )
}

/** The history without its oldest items, or undefined where even that is too much. */
function dropOldest(
  history: readonly HistoryItem[],
  sizes: readonly number[],
  excess: number,
): readonly HistoryItem[] | undefined {
  const dropped = new Set<number>()
  let freed = 0
  for (let index = 0; index < history.length - 1 && freed < excess; index++) {
    if (dropped.has(index) || isPinned(history[index])) continue
    const group = groupOf(history, index)
    if (group.includes(history.length - 1)) continue
    for (const member of group) {
      dropped.add(member)
      freed += sizes[member] ?? 0
    }
  }
  return freed < excess ? undefined : history.filter((_, index) => !dropped.has(index))
}

function isPinned(item: HistoryItem | undefined): boolean {
  return item?.type === 'message' && (item.role === 'system' || item.role === 'developer')
}

/** The items that must go together: a run of reasoning and calls, with every output of those calls. */
function groupOf(history: readonly HistoryItem[], start: number): number[] {
  const group: number[] = []
  const calls = new Set<string>()
  let index = start
  for (; index < history.length; index++) {
    const item = history[index]
    if (item?.type === 'function_call') calls.add(item.callId)
    else if (item?.type !== 'reasoning' && item?.type !== 'native') break
    group.push(index)
  }
  if (group.length === 0) return [start]
  for (; index < history.length; index++) {
    const item = history[index]
    if (item?.type === 'function_call_output' && calls.has(item.callId)) group.push(index)
  }
  return group
}
