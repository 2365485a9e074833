import type { StopReason } from '../../core/model-event.ts'
import type { ReasoningEffort } from '../../protocol/create-request.ts'
import type { ContentTable } from '../content.ts'
import type { ParamNames } from '../error-answer.ts'
import type { DialectFacts } from '../family.ts'
import { drop, map, OPENAI_ALONE, type FieldTable } from '../fields.ts'

/**
 * Where Cohere is.
 *
 * @see https://docs.cohere.com/reference/chat (read 2026-11-22)
 */
export const DIALECTS = {
  cohere: {
    baseUrl: 'https://api.cohere.com/v2',
    keyVariable: 'COHERE_API_KEY',
    otherKeyVariables: ['CO_API_KEY'],
    families: /^command-/,
  },
} as const satisfies Record<string, DialectFacts>

/**
 * `finish_reason` → ours. `ERROR` and `TIMEOUT` are failures: see stream.ts.
 *
 * @see https://docs.cohere.com/reference/chat (read 2026-11-22)
 */
export const FINISH_REASON: ReadonlyMap<unknown, StopReason> = new Map<unknown, StopReason>([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['TOOL_CALL', 'stop'],
  ['MAX_TOKENS', 'max_output_tokens'],
])

/** What an unknown `finish_reason`, or none, counts as. */
export const FINISH_REASON_DEFAULT: StopReason = 'stop'

/** Efforts that can be told apart: thinking is off, on, or on with a budget. */
export const EFFORTS: readonly ReasoningEffort[] = ['none', 'minimal', 'low', 'medium', 'high']

/**
 * Tokens that thinking may take: Cohere knows a budget in place of levels, and thinks as long as it likes without
 * one. The numbers are ours.
 *
 * @see https://docs.cohere.com/docs/reasoning (read 2026-11-22)
 */
export const THINKING_TOKENS: Partial<Record<ReasoningEffort, number>> = { minimal: 512, low: 2048, medium: 8192 }

/** The values that `p` takes: OpenAI's 1 is none of them. */
export const TOP_P = { min: 0.01, max: 0.99 } as const

/** Parameters of ours by those of Cohere. */
export const PARAM_NAMES: ParamNames = new Map([
  ['messages', 'input'],
  ['max_tokens', 'max_output_tokens'],
  ['p', 'top_p'],
  ['response_format', 'text.format'],
  ['thinking', 'reasoning.effort'],
])

/**
 * What becomes of request fields.
 *
 * @see https://docs.cohere.com/reference/chat (read 2026-11-22)
 */
export const FIELDS: FieldTable = {
  ...OPENAI_ALONE,
  instructions: map('messages[0]'),
  tools: map('tools, strict_tools'),
  toolChoice: map('tool_choice; of a tool that is named, it is the only one offered'),
  parallelToolCalls: drop(),
  maxOutputTokens: map('max_tokens'),
  temperature: map('temperature'),
  topP: map('p'),
  presencePenalty: map('presence_penalty'),
  frequencyPenalty: map('frequency_penalty'),
  seed: map('seed'),
  topLogprobs: map('logprobs'),
  format: map('response_format'),
  effort: map('thinking'),
  promptCacheKey: drop('the provider caches by itself'),
}

/** What becomes of images and files. Results of tools are text, or documents of text. */
export const CONTENT: ContentTable = {
  imageData: 'map',
  imageUrl: 'map',
  imageDetail: 'map',
  fileData: 'reject',
  fileUrl: 'reject',
  resultParts: 'move',
}
