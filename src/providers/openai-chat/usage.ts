import type { Usage } from '../../protocol/usage.ts'
import { firstCount, isCount } from '../loose.ts'
import type { WireUsage } from './wire.ts'

/**
 * Usage in our words; undefined where the counts are not there (yet): Databricks sends nulls until the end.
 *
 * xAI and Google leave reasoning out of `completion_tokens` but in the total: ours counts it as output.
 */
export function readUsage(wire: WireUsage | null | undefined): Usage | undefined {
  if (wire == null || !isCount(wire.prompt_tokens) || !isCount(wire.completion_tokens)) return undefined
  const input = wire.prompt_tokens
  const output = Math.max(wire.completion_tokens, firstCount(wire.total_tokens) - input)
  const details = wire.prompt_tokens_details
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: firstCount(details?.cached_tokens, wire.prompt_cache_hit_tokens, wire.cache_read_input_tokens),
      cache_write_tokens: firstCount(details?.cache_write_tokens, wire.cache_creation_input_tokens),
    },
    output_tokens: output,
    output_tokens_details: {
      reasoning_tokens: firstCount(wire.completion_tokens_details?.reasoning_tokens, wire.reasoning_tokens),
    },
    total_tokens: input + output,
  }
}
