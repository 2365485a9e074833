import type { ModelCall } from '../core/model-call.ts'
import { badRequest } from '../protocol/error.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { settleContent, type ContentTable } from './content.ts'

/** What a call asks for beside the conversation. A provider may lack any of it. */
export type CallField = Exclude<keyof ModelCall, 'callIdPrefix' | 'model' | 'history' | 'canStream' | 'allTools'>

/** What becomes of a field at a provider. */
export type Treatment =
  /** It is sent: as what, for the documentation. */
  | { readonly as: 'map'; readonly to: string }
  /** It is left out, with a warning to the client. */
  | { readonly as: 'drop'; readonly why: string }
  /** A request that has it is refused: without it the answer would be another. */
  | { readonly as: 'reject'; readonly why: string }
  /** It is Antiphon's own to keep: nothing is lost where the provider does not hear of it. */
  | { readonly as: 'keep'; readonly why: string }

/** What becomes of every field at one provider. A new field does not compile until every provider has its row. */
export type FieldTable = Readonly<Record<CallField, Treatment>>

/** Why most fields are dropped. */
export const NOT_TAKEN = 'the provider does not take it'

/** The provider is sent this field, under this name. */
export const map = (to: string): Treatment => ({ as: 'map', to })
/** The field is left out with a warning. */
export const drop = (why = NOT_TAKEN): Treatment => ({ as: 'drop', why })
/** The field is refused. */
export const reject = (why: string): Treatment => ({ as: 'reject', why })
/** The field stays here. */
export const keep = (why: string): Treatment => ({ as: 'keep', why })

/** What becomes of fields that OpenAI has and few others, where a provider is one of the others. */
export const OPENAI_ALONE = {
  verbosity: drop(),
  summary: keep('thinking is shown as the provider shows it'),
  user: drop(),
  safetyIdentifier: drop(),
  serviceTier: drop(),
  metadata: keep('stored and echoed by Antiphon'),
} as const satisfies Partial<FieldTable>

/** The fields by the names that clients know. */
export const FIELD_NAMES: Readonly<Record<CallField, string>> = {
  instructions: 'instructions',
  tools: 'tools',
  toolChoice: 'tool_choice',
  parallelToolCalls: 'parallel_tool_calls',
  maxOutputTokens: 'max_output_tokens',
  temperature: 'temperature',
  topP: 'top_p',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
  seed: 'seed',
  topLogprobs: 'top_logprobs',
  format: 'text.format',
  verbosity: 'text.verbosity',
  effort: 'reasoning.effort',
  summary: 'reasoning.summary',
  user: 'user',
  safetyIdentifier: 'safety_identifier',
  promptCacheKey: 'prompt_cache_key',
  serviceTier: 'service_tier',
  metadata: 'metadata',
}

/** Which fields of a call carry a field of a request; empty for what Antiphon does itself. A new field needs a row. */
export const REQUEST_FIELDS: Readonly<Record<keyof CreateRequest, readonly CallField[]>> = {
  model: [],
  input: [],
  instructions: ['instructions'],
  max_output_tokens: ['maxOutputTokens'],
  temperature: ['temperature'],
  top_p: ['topP'],
  tools: ['tools'],
  tool_choice: ['toolChoice'],
  parallel_tool_calls: ['parallelToolCalls'],
  stream: [],
  store: [],
  previous_response_id: [],
  reasoning: ['effort', 'summary'],
  text: ['format', 'verbosity'],
  metadata: ['metadata'],
  truncation: [],
  user: ['user'],
  seed: ['seed'],
  background: [],
  service_tier: ['serviceTier'],
  include: ['topLogprobs'],
  max_tool_calls: [],
  top_logprobs: ['topLogprobs'],
  presence_penalty: ['presencePenalty'],
  frequency_penalty: ['frequencyPenalty'],
  safety_identifier: ['safetyIdentifier'],
  prompt_cache_key: ['promptCacheKey'],
  stream_options: [],
  conversation: [],
  prompt: [],
}

/** A call as its provider takes it, and what it had to do without. */
export interface SettledCall {
  readonly call: ModelCall
  readonly warnings: readonly string[]
}

/**
 * Makes the step that every adapter begins with: what the provider lacks is left out with a warning, or refused.
 *
 * @param tools Whether the provider is offered tools as the client offered them, or functions alone.
 * @returns a function that throws {ApiError} 400 `unsupported_parameter` or `unsupported_input` for what must not
 * be left out.
 */
export function createCallFilter(
  fields: FieldTable,
  content: ContentTable,
  tools: 'own tools' | 'functions' = 'functions',
): (call: ModelCall) => SettledCall {
  const lacking = Object.entries(fields).filter(([, { as }]) => as !== 'map') as [CallField, Treatment][]
  return (call) => {
    const { history, warnings: contentWarnings } = settleContent(call.history, content)
    const others = [...contentWarnings, ...(tools === 'functions' ? grammarWarning(call) : [])]
    const left = lacking.filter(([field]) => isGiven(call, field))
    if (left.length === 0 && history === call.history) return { call, warnings: others }
    const missed = left.filter(([field]) => call[field] !== DEFAULTS[field])
    const warnings = missed.flatMap(([field, treatment]) => explain(FIELD_NAMES[field], treatment))
    const without = Object.fromEntries(left.map(([field]) => [field, NOT_GIVEN[field]]))
    return { call: { ...call, history, ...without }, warnings: [...warnings, ...others] }
  }
}

/** A grammar of a tool that is offered as a function stands in its description: `core/tool-names.ts` has put it there. */
function grammarWarning({ tools }: ModelCall): string[] {
  const told = tools.filter(({ origin }) => origin?.kind === 'custom' && origin.format?.['definition'] !== undefined)
  if (told.length === 0) return []
  const names = told.map(({ name }) => name).join(', ')
  return [`the grammar of ${names} was put into words: the provider does not enforce it`]
}

/** Values that ask for nothing: without them, a provider does the same. Many clients send them all the time. */
const DEFAULTS: Partial<ModelCall> = {
  parallelToolCalls: true,
  presencePenalty: 0,
  frequencyPenalty: 0,
  verbosity: 'medium',
  serviceTier: 'auto',
}

/** What stands where a field was not given; undefined for most. */
const NOT_GIVEN: Partial<ModelCall> = { tools: [], format: { type: 'text' } }

/** Without tools, these mean nothing. */
const TOOL_FIELDS: ReadonlySet<CallField> = new Set(['tools', 'toolChoice', 'parallelToolCalls'])

function isGiven(call: ModelCall, field: CallField): boolean {
  if (call.tools.length === 0 && TOOL_FIELDS.has(field)) return false
  return field === 'format' ? call.format.type !== 'text' : call[field] !== undefined
}

function explain(name: string, treatment: Treatment): string[] {
  if (treatment.as === 'reject')
    throw badRequest('unsupported_parameter', name, `${name} cannot be used: ${treatment.why}.`)
  return treatment.as === 'drop' ? [`${name} was left out: ${treatment.why}`] : []
}
