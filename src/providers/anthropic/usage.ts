import type { Usage } from '../../protocol/usage.ts'
import { firstCount, isCount } from '../loose.ts'
import type { WireUsage } from './wire.ts'

/** Counts as they came so far: later ones stand in the place of earlier ones, field by field. */
export function mergeUsage(before: WireUsage, next: WireUsage | null | undefined): WireUsage {
  if (typeof next !== 'object' || next === null) return before
  const later = <Field extends keyof WireUsage>(field: Field) => next[field] ?? before[field] ?? null
  return {
    input_tokens: later('input_tokens'),
    cache_creation_input_tokens: later('cache_creation_input_tokens'),
    cache_read_input_tokens: later('cache_read_input_tokens'),
    output_tokens: later('output_tokens'),
    output_tokens_details: later('output_tokens_details'),
    service_tier: later('service_tier'),
  }
}

/**
 * Usage in our words; undefined where the counts are not there. The wire counts input without what the cache held and
 * took: ours counts all of it.
 */
export function readUsage(wire: WireUsage): Usage | undefined {
  const { input_tokens: fresh, output_tokens: output } = wire
  if (!isCount(fresh) || !isCount(output)) return undefined
  const cached = firstCount(wire.cache_read_input_tokens)
  const written = firstCount(wire.cache_creation_input_tokens)
  const input = fresh + cached + written
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: firstCount(wire.output_tokens_details?.thinking_tokens) },
    total_tokens: input + output,
  }
}
