import type { ReasoningEffort } from '../../protocol/create-request.ts'
import type { JsonObject } from '../../protocol/json.ts'
import type { AnyObject } from '../../protocol/optional.ts'
import { clampEffort } from '../effort.ts'
import { isWithin } from '../schema-keywords.ts'

/** How a model is told how much to think. */
export type Thinking =
  | { readonly by: 'level'; readonly efforts: readonly ReasoningEffort[] }
  | { readonly by: 'budget'; readonly efforts: readonly ReasoningEffort[]; readonly thinksUnasked: boolean }

const LEVELS = ['low', 'medium', 'high'] as const
const BUDGETED = ['minimal', 'low', 'medium', 'high'] as const

/**
 * How models think, by their names: the first row that fits. Those from Gemini 3 on take a level, and none of them
 * can be kept from thinking; those of 2.5 take a budget. Others do not think, or nobody knows.
 *
 * @see https://ai.google.dev/gemini-api/docs/thinking (read 2026-11-22)
 * @see https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking (read 2026-11-22)
 * @see https://github.com/tetsuo-ai/agenc-core/pull/2393 (levels tried out on 2026-09-11; read 2026-11-22)
 */
const THINKING: readonly (readonly [model: RegExp, thinking: Thinking | undefined])[] = [
  [/^gemini-2\.5-.*(?:image|tts|audio)/, undefined],
  [/^gemini-2\.5-flash-lite/, { by: 'budget', efforts: ['none', ...BUDGETED], thinksUnasked: false }],
  [/^gemini-2\.5-flash/, { by: 'budget', efforts: ['none', ...BUDGETED], thinksUnasked: true }],
  [/^gemini-2\.5-/, { by: 'budget', efforts: [...BUDGETED, 'max'], thinksUnasked: true }],
  [/^gemini-[12]\b/, undefined],
  [/^gemini-3-pro/, { by: 'level', efforts: ['low', 'high'] }],
  [/^gemini-3\.1-flash-image/, { by: 'level', efforts: ['minimal', 'high'] }],
  [/^gemini-3(?:\.[156])?-flash/, { by: 'level', efforts: ['minimal', ...LEVELS] }],
  [/^gemini-(?:\d|[a-z-]+-latest$)/, { by: 'level', efforts: LEVELS }],
]

/** Tokens that stand for an effort, as Google's own Chat Completions have it; the most that 2.5 Pro takes. */
const BUDGET: Readonly<Partial<Record<ReasoningEffort, number>>> = {
  none: 0,
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  max: 32_768,
}

/** The settings for thinking, and what the client is to be told of them. */
export interface ThinkingConfig {
  readonly wire: JsonObject
  readonly warnings: readonly string[]
}

/**
 * How much a model is to think, and whether its thoughts are shown: asking a model that does not think for its
 * thoughts is an error to Vertex.
 */
export function thinkingConfig(
  model: string,
  { effort: wanted, showsThoughts }: { effort: ReasoningEffort | undefined; showsThoughts: boolean },
): ThinkingConfig {
  const thinking = THINKING.find(([pattern]) => pattern.test(model))?.[1]
  const shown: JsonObject = showsThoughts ? { includeThoughts: true } : {}
  if (thinking === undefined) {
    const isLost = wanted !== undefined && wanted !== 'none'
    return { wire: {}, warnings: isLost ? ['reasoning.effort was left out: the model is not known to think'] : [] }
  }
  const { effort, warnings } =
    wanted === undefined ? { effort: undefined, warnings: [] } : clampEffort(wanted, thinking.efforts)
  if (thinking.by === 'level') {
    return { wire: { ...shown, ...(effort === undefined ? {} : { thinkingLevel: effort.toUpperCase() }) }, warnings }
  }
  const budget = effort === undefined ? undefined : BUDGET[effort]
  if (budget === undefined) return { wire: thinking.thinksUnasked ? shown : {}, warnings }
  return { wire: { ...(budget === 0 ? {} : shown), thinkingBudget: budget }, warnings }
}

/**
 * Whether a model is of Gemini 3 or later. These give ids to calls and want them back, take images in results, a
 * resolution for each image, tools together with a JSON schema, and no call without a signature.
 *
 * @see https://ai.google.dev/gemini-api/docs/function-calling (read 2026-11-22)
 */
export function isFromThree(model: string): boolean {
  return /^gemini-(?:[3-9]|\d\d|[a-z-]+-latest$)/.test(model)
}

/**
 * Whether Google keeps a model to a JSON schema. Before Gemini 3 it does not where the model has tools; of a schema,
 * it passes over what it does not know.
 *
 * @see https://ai.google.dev/gemini-api/docs/structured-output (read 2026-11-22)
 */
export function takesSchemas(model: string, hasTools = false, schema: AnyObject = {}): boolean | 'in part' {
  if (!model.startsWith('gemini-') || (hasTools && !isFromThree(model))) return false
  return isWithin(schema as JsonObject, ENFORCED) || 'in part' // Schemas come from JSON.
}

/** Keywords of `responseJsonSchema`. @see https://ai.google.dev/api/generate-content#generationconfig (read 2026-11-22) */
const ENFORCED: ReadonlySet<string> = new Set([
  '$defs',
  '$ref',
  'type',
  'format',
  'enum',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'anyOf',
  'oneOf',
  'properties',
  'additionalProperties',
  'required',
  'propertyOrdering',
])
