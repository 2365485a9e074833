import type { Usage } from '../../protocol/usage.ts'
import { firstCount, isCount } from '../loose.ts'
import type { WireUsage } from './wire.ts'

/**
 * Usage in our words; undefined where the counts are not there yet: Vertex sends them with the last chunk alone.
 *
 * Google counts apart what its own tools read, and what was thought; and counts no writes into its cache.
 *
 * @see https://ai.google.dev/api/generate-content#UsageMetadata (read 2026-11-22)
 */
export function readUsage(wire: WireUsage | null | undefined): Usage | undefined {
  if (!isCount(wire?.promptTokenCount)) return undefined
  const input = wire.promptTokenCount + firstCount(wire.toolUsePromptTokenCount)
  const thought = firstCount(wire.thoughtsTokenCount)
  const output = Math.max(firstCount(wire.candidatesTokenCount) + thought, firstCount(wire.totalTokenCount) - input)
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: firstCount(wire.cachedContentTokenCount), cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: thought },
    total_tokens: input + output,
  }
}
