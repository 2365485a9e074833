import type { Usage } from '../../protocol/usage.ts'
import { usageOf } from '../ending.ts'
import { firstCount, isCount } from '../loose.ts'
import type { WireAnswer } from './wire.ts'

/**
 * Usage in our words; undefined where the counts are not there: older servers leave out a prompt that was in the
 * cache as a whole. Thinking is counted in `eval_count`, and nowhere by itself.
 */
export function readUsage(wire: WireAnswer): Usage | undefined {
  const { prompt_eval_count: input, eval_count: output } = wire
  if (!isCount(input) || !isCount(output)) return undefined
  return usageOf({ input, cached: Math.min(firstCount(wire.prompt_eval_cached_count), input), output })
}
