import type { ModelCall } from '../../core/model-call.ts'
import { badRequest } from '../../protocol/error.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { given } from '../given.ts'
import type { ModelFacts } from './models.ts'

/** The highest temperature of the wire, which is its default too. */
const TEMPERATURE_MAX = 1

/** Values from here on count as the default of `top_p`. */
const TOP_P_DEFAULT = 0.99

/** The lowest `top_p` beside thinking. */
const TOP_P_MIN_THINKING = 0.95

/** The settings of sampling, as one model takes them. */
export interface Sampling {
  readonly fields: JsonObject
  readonly warnings: readonly string[]
}

/**
 * `temperature` and `top_p`, left out where they say no more than the default.
 *
 * @param isThinking Whether the model is asked to think.
 * @throws {ApiError} 400 `unsupported_parameter` for values that the model would refuse.
 * @see https://platform.claude.com/docs/en/api/messages/create (read 2026-11-22)
 */
export function buildSampling(
  { temperature, topP }: Pick<ModelCall, 'temperature' | 'topP'>,
  { sampling }: ModelFacts,
  isThinking: boolean,
): Sampling {
  const isFixed = sampling === 'none' || isThinking
  if (isFixed) check('temperature', temperature === undefined || temperature === TEMPERATURE_MAX)
  if (isFixed) check('top_p', topP === undefined || topP >= (sampling === 'none' ? TOP_P_DEFAULT : TOP_P_MIN_THINKING))
  if (isFixed) return { fields: sampling === 'none' ? {} : given('top_p', topP), warnings: [] }
  const isBoth = temperature !== undefined && topP !== undefined && sampling === 'one'
  const [heat, top, left] = isBoth ? oneOf(temperature, topP) : [temperature, topP, []]
  const isHot = heat !== undefined && heat > TEMPERATURE_MAX
  return {
    fields: { ...given('temperature', isHot ? TEMPERATURE_MAX : heat), ...given('top_p', top) },
    warnings: [...left, ...(isHot ? [`temperature ${heat} was sent as 1: the provider takes no more`] : [])],
  }
}

/** Where a model takes one of them: the one that says more than the default. */
function oneOf(temperature: number, topP: number): [number | undefined, number | undefined, string[]] {
  if (temperature === TEMPERATURE_MAX) return [undefined, topP, []]
  const isDefault = topP >= TOP_P_DEFAULT
  return [temperature, undefined, isDefault ? [] : ['top_p was left out: the model takes it or temperature, not both']]
}

function check(param: 'temperature' | 'top_p', isTaken: boolean): void {
  if (isTaken) return
  throw badRequest(
    'unsupported_parameter',
    param,
    `${param} cannot be used: this model takes its default alone, at least while it thinks. Leave it out.`,
  )
}
