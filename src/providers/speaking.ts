import type { HistoryItem } from '../core/model-call.ts'
import type { JsonValue } from '../protocol/json.ts'

/**
 * What of a thread says something to a provider that refuses empty messages. Thinking counts where it comes back to
 * whoever thought it, and leads to something: providers refuse it at the end of a turn.
 *
 * @param takesBack Whether a state is thinking that the provider wants back.
 */
export function speaking(
  history: readonly HistoryItem[],
  takesBack: (state: JsonValue | undefined) => boolean,
): HistoryItem[] {
  let leadsOn = false
  const kept = history.toReversed().filter((item) => {
    if (item.type === 'reasoning') return leadsOn && takesBack(item.state)
    if (item.type === 'native' || !hasWords(item)) return false
    leadsOn = item.type === 'function_call' || (item.type === 'message' && item.role === 'assistant')
    return true
  })
  return kept.reverse()
}

/** Words of the user are not judged here: a provider that cannot do without is given some. */
function hasWords(item: HistoryItem): boolean {
  if (item.type !== 'message' || item.role !== 'assistant') return true
  return item.parts.some((part) => (part.type === 'output_text' ? part.text : part.refusal).trim() !== '')
}
