import type { Usage } from '../../protocol/usage.ts'
import { usageOf } from '../ending.ts'
import { firstCount, isCount } from '../loose.ts'
import type { WireUsage } from './wire.ts'

/**
 * Usage in our words; undefined where the counts are not there (yet): Databricks sends nulls until the end.
 *
 * xAI and Google leave reasoning out of `completion_tokens` but in the total: ours counts it as output.
 */
export function readUsage(wire: WireUsage | null | undefined): Usage | undefined {
  if (wire == null || !isCount(wire.prompt_tokens) || !isCount(wire.completion_tokens)) return undefined
  const { prompt_tokens: input, completion_tokens: said, prompt_tokens_details: details } = wire
  const output = Math.max(said, firstCount(wire.total_tokens) - input)
  const named = firstCount(wire.completion_tokens_details?.reasoning_tokens, wire.reasoning_tokens)
  return usageOf({
    input,
    cached: firstCount(
      details?.cached_tokens,
      wire.prompt_cache_hit_tokens,
      wire.cache_read_input_tokens,
      wire.cached_tokens,
    ),
    written: firstCount(details?.cache_write_tokens, wire.cache_creation_input_tokens),
    output,
    reasoning: Math.min(named || output - said, output),
  })
}
