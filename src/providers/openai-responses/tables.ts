import type { StopReason } from '../../core/model-event.ts'
import type { ReasoningEffort } from '../../protocol/create-request.ts'
import type { CallIdForm } from '../call-id.ts'
import type { ContentTable } from '../content.ts'
import { dialectMaker, type Spoken } from '../dialect.ts'
import type { ParamNames } from '../error-answer.ts'
import { drop, keep, map, reject, type FieldTable } from '../fields.ts'

/**
 * Responses `incomplete_details.reason` → ours.
 *
 * @see https://platform.openai.com/docs/api-reference/responses/object (read 2026-11-22)
 */
export const INCOMPLETE_REASON: ReadonlyMap<string, StopReason> = new Map([
  ['max_output_tokens', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
])

/** What an unknown reason counts as: the answer is not whole. */
export const INCOMPLETE_REASON_DEFAULT: StopReason = 'max_output_tokens'

/** How a dialect differs from OpenAI's own, as data. */
export interface Quirks {
  /** Custom tools with their grammars, namespaces and searches are taken as they are; else as functions. */
  readonly ownTools: boolean
  /** Of which models encrypted reasoning is asked for, so that it can come back. */
  readonly encrypts: 'all models' | 'models that reason' | 'none'
  /** Reasoning goes back as plain text where nothing is encrypted. */
  readonly takesThoughts: boolean
  /** Efforts it knows; others are clamped to the nearest below, or the lowest. */
  readonly efforts: readonly ReasoningEffort[]
  /** `text.format`: what it knows of it, and what becomes of JSON without a schema. */
  readonly formats: 'all' | 'schemas alone' | 'json alone' | 'none'
  /** Whether it knows what phase of an answer a message is. */
  readonly phases: boolean
  /** How log probabilities are asked for. */
  readonly logprobs: 'include' | 'logprobs'
  readonly callId: CallIdForm | null
  /** Optional request fields that the dialect takes. Others are dropped with a warning. */
  readonly fields: ReadonlySet<OptionalField>
  readonly content: ContentTable
}

/** Request fields that not every dialect takes. */
export type OptionalField =
  | 'seed'
  | 'user'
  | 'presence_penalty'
  | 'frequency_penalty'
  | 'top_logprobs'
  | 'verbosity'
  | 'summary'
  | 'service_tier'
  | 'safety_identifier'
  | 'prompt_cache_key'

const TAKES_ALL: ContentTable = {
  imageData: 'map',
  imageUrl: 'map',
  imageDetail: 'map',
  fileData: 'map',
  fileUrl: 'map',
  resultParts: 'map',
}

const LOW_TO_HIGH = ['low', 'medium', 'high'] as const
const ALL_EFFORTS = ['none', 'minimal', ...LOW_TO_HIGH, 'xhigh', 'max'] as const

/** Open Responses, which others follow. @see https://www.openresponses.org/specification (read 2026-11-22) */
const GENERIC: Quirks = {
  ownTools: false,
  encrypts: 'all models',
  takesThoughts: false,
  efforts: LOW_TO_HIGH,
  formats: 'all',
  phases: true,
  logprobs: 'include',
  callId: null,
  fields: new Set<OptionalField>([
    'presence_penalty',
    'frequency_penalty',
    'top_logprobs',
    'verbosity',
    'summary',
    'service_tier',
    'safety_identifier',
    'prompt_cache_key',
  ]),
  content: TAKES_ALL,
}

/**
 * OpenAI's own: no seed and no penalties. Models that do not reason refuse to be asked for encrypted reasoning.
 *
 * @see https://platform.openai.com/docs/api-reference/responses/create (read 2026-11-22)
 * @see https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items (read 2026-11-22)
 */
const OPENAI: Partial<Quirks> = {
  ownTools: true,
  encrypts: 'models that reason',
  efforts: ALL_EFFORTS,
  callId: { pattern: /^[\w.:-]{1,64}$/, length: 32 },
  fields: new Set<OptionalField>([
    'user',
    'top_logprobs',
    'verbosity',
    'summary',
    'service_tier',
    'safety_identifier',
    'prompt_cache_key',
  ]),
}

/** One spelling of Responses. */
export type Dialect = Spoken<Quirks>

const dialect = dialectMaker(GENERIC)

/** The dialects. What a reference leaves out is taken from recorded traffic. */
export const DIALECTS = {
  openai: dialect({
    baseUrl: 'https://api.openai.com/v1',
    keyVariable: 'OPENAI_API_KEY',
    families: /^(?:gpt-|o1|o3|o4|chatgpt-)/,
    quirks: OPENAI,
  }),
  /** @see https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/responses (read 2026-11-22) */
  azure: dialect({ keyHeader: 'api-key', quirks: OPENAI }),
  /** @see https://docs.x.ai/docs/api-reference and https://docs.x.ai/docs/guides/files (read 2026-11-22) */
  xai: dialect({
    baseUrl: 'https://api.x.ai/v1',
    quirks: {
      phases: false,
      logprobs: 'logprobs',
      fields: new Set<OptionalField>(['user', 'top_logprobs', 'prompt_cache_key']),
      content: { ...TAKES_ALL, fileData: 'reject', resultParts: 'move' },
    },
  }),
  /** Text alone, and thoughts in the open. @see https://api-docs.deepseek.com/guides/responses_api (read 2026-11-22) */
  deepseek: dialect({
    baseUrl: 'https://api.deepseek.com',
    quirks: {
      encrypts: 'none',
      takesThoughts: true,
      efforts: [...LOW_TO_HIGH, 'xhigh', 'max'],
      formats: 'json alone',
      fields: new Set<OptionalField>(),
      content: {
        imageData: 'reject',
        imageUrl: 'reject',
        imageDetail: 'drop',
        fileData: 'reject',
        fileUrl: 'reject',
        resultParts: 'move',
      },
    },
  }),
  /** @see https://openrouter.ai/docs/api/reference/responses/overview (read 2026-11-22) */
  openrouter: dialect({
    baseUrl: 'https://openrouter.ai/api/v1',
    quirks: {
      takesThoughts: true,
      efforts: ['none', 'minimal', ...LOW_TO_HIGH, 'xhigh'],
      fields: new Set<OptionalField>([...GENERIC.fields, 'user']),
    },
  }),
  /**
   * Formats are read and not kept to. @see https://lmstudio.ai/docs/developer/openai-compat/responses and
   * https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/2403 (read 2026-11-22)
   */
  lmstudio: dialect({
    baseUrl: 'http://127.0.0.1:1234/v1',
    quirks: {
      encrypts: 'none',
      takesThoughts: true,
      formats: 'none',
      phases: false,
      fields: new Set<OptionalField>(),
      content: { ...TAKES_ALL, fileData: 'reject', fileUrl: 'reject', imageUrl: 'fetch', resultParts: 'move' },
    },
  }),
  /** @see https://docs.vllm.ai/en/stable/api/vllm/entrypoints/openai/responses/protocol (read 2026-11-22) */
  vllm: dialect({
    quirks: {
      encrypts: 'none',
      takesThoughts: true,
      formats: 'schemas alone',
      phases: false,
      fields: new Set<OptionalField>(['seed', 'user', 'top_logprobs']),
      content: { ...TAKES_ALL, fileData: 'reject', fileUrl: 'reject', resultParts: 'move' },
    },
  }),
  generic: dialect({}),
} as const satisfies Record<string, Dialect>

/** The name of a dialect. */
export type DialectName = keyof typeof DIALECTS

/** A dialect by its name. The configuration's check allows no other. */
export function dialectOf(name: string): Dialect {
  return DIALECTS[name as DialectName]
}

/** OpenAI's models that reason, as their names tell. */
const REASONS = /^(?:o\d|codex|gpt-(?:[5-9]|\d\d)(?!.*chat))/

/** Whether encrypted reasoning is asked for. A client that sets an effort knows that its model reasons. */
export function asksForSeals(
  { encrypts }: Quirks,
  { model, effort }: { model: string; effort?: ReasoningEffort | undefined },
): boolean {
  if (encrypts !== 'models that reason') return encrypts === 'all models'
  return REASONS.test(model) || (effort !== undefined && effort !== 'none')
}

/** Parameters as clients know them: most have the same names. */
export const PARAM_NAMES: ParamNames = new Map([
  ['input', 'input'],
  ['tools', 'tools'],
  ['tool_choice', 'tool_choice'],
  ['text', 'text.format'],
  ['text.verbosity', 'text.verbosity'],
  ['reasoning', 'reasoning.effort'],
  ['reasoning.summary', 'reasoning.summary'],
])

/** What becomes of request fields in a dialect. */
export function fieldsOf({ fields, formats, logprobs }: Quirks): FieldTable {
  const optional = (field: OptionalField, to: string = field) => (fields.has(field) ? map(to) : drop())
  return {
    instructions: map('instructions'),
    tools: map('tools'),
    toolChoice: map('tool_choice'),
    parallelToolCalls: map('parallel_tool_calls'),
    maxOutputTokens: map('max_output_tokens'),
    temperature: map('temperature'),
    topP: map('top_p'),
    presencePenalty: optional('presence_penalty'),
    frequencyPenalty: optional('frequency_penalty'),
    seed: optional('seed'),
    topLogprobs: optional('top_logprobs', `top_logprobs, ${logprobs}`),
    format: formats === 'none' ? reject('this server has no JSON mode; ask for json_schema') : map('text.format'),
    verbosity: optional('verbosity', 'text.verbosity'),
    effort: map('reasoning.effort'),
    summary: fields.has('summary') ? map('reasoning.summary') : keep('thinking is shown as the provider shows it'),
    user: optional('user'),
    safetyIdentifier: optional('safety_identifier'),
    promptCacheKey: optional('prompt_cache_key'),
    serviceTier: optional('service_tier'),
    metadata: keep('stored and echoed by Antiphon'),
  }
}
