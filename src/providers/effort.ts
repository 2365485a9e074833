import type { ReasoningEffort } from '../protocol/create-request.ts'

/** Efforts from none to most. */
const ORDER: readonly ReasoningEffort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

/** The effort that a provider is asked for, and a warning where it is another than the client's. */
export interface ClampedEffort {
  readonly effort: ReasoningEffort | undefined
  readonly warnings: readonly string[]
}

/**
 * The nearest effort that a provider knows: the next below, or its lowest. `none` is never raised to some thinking:
 * it is left out instead.
 */
export function clampEffort(wanted: ReasoningEffort, known: readonly ReasoningEffort[]): ClampedEffort {
  if (wanted === 'none' && !known.includes('none')) {
    return { effort: undefined, warnings: ['reasoning.effort none was left out: the provider does not take it'] }
  }
  const level = ORDER.indexOf(wanted)
  const effort = known.findLast((candidate) => ORDER.indexOf(candidate) <= level) ?? known[0]
  const isSame = effort === wanted || effort === undefined
  return { effort, warnings: isSame ? [] : [`reasoning.effort ${wanted} was sent as ${effort}`] }
}
