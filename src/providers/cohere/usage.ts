import type { Usage } from '../../protocol/usage.ts'
import { usageOf } from '../ending.ts'
import { firstCount, isCount, objectIn } from '../loose.ts'
import type { WireUsage } from './wire.ts'

/** Usage in our words: the tokens that there were, where they are told, else those that are billed. */
export function readUsage(wire: WireUsage | null | undefined): Usage | undefined {
  const { tokens, billed_units: billed, cached_tokens: cached } = objectIn(wire)
  const counts = [objectIn(tokens), objectIn(billed)]
  const counted = counts.find(({ input_tokens: input, output_tokens: output }) => isCount(input) && isCount(output))
  if (counted === undefined) return undefined
  const [input, output] = [firstCount(counted.input_tokens), firstCount(counted.output_tokens)]
  return usageOf({
    input,
    cached: Math.min(firstCount(cached), input),
    output,
    reasoning: Math.min(firstCount(counted.reasoning_tokens), output),
  })
}
