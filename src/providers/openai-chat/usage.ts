import type { Usage } from '../../protocol/usage.ts'
import type { WireUsage } from './wire.ts'

/**
 * Usage in our words; undefined where the counts are not there (yet): Databricks sends nulls until the end.
 *
 * xAI and Google leave reasoning out of `completion_tokens` but in the total: ours counts it as output.
 */
export function readUsage(wire: WireUsage | null | undefined): Usage | undefined {
  const input = wire?.prompt_tokens
  const completion = wire?.completion_tokens
  if (wire == null || typeof input !== 'number' || typeof completion !== 'number') return undefined
  const output = Math.max(completion, (wire.total_tokens ?? 0) - input)
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens:
        wire.prompt_tokens_details?.cached_tokens ?? wire.prompt_cache_hit_tokens ?? wire.cache_read_input_tokens ?? 0,
      cache_write_tokens: wire.prompt_tokens_details?.cache_write_tokens ?? wire.cache_creation_input_tokens ?? 0,
    },
    output_tokens: output,
    output_tokens_details: {
      reasoning_tokens: wire.completion_tokens_details?.reasoning_tokens ?? wire.reasoning_tokens ?? 0,
    },
    total_tokens: input + output,
  }
}
