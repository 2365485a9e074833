import type { Usage } from '../../protocol/usage.ts'
import { usageOf } from '../ending.ts'
import { firstCount, isCount } from '../loose.ts'
import type { WireUsage } from './wire.ts'

/**
 * Usage in our words; undefined where the counts are not there. Converse leaves out of `inputTokens` what it has read
 * from a cache or written to one, and counts reasoning as output without saying how much it was.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html (read 2026-11-22)
 */
export function readUsage(wire: WireUsage | null | undefined): Usage | undefined {
  if (wire == null || !isCount(wire.inputTokens) || !isCount(wire.outputTokens)) return undefined
  const [cached, written] = [firstCount(wire.cacheReadInputTokens), firstCount(wire.cacheWriteInputTokens)]
  return usageOf({ input: wire.inputTokens + cached + written, cached, written, output: wire.outputTokens })
}
