import type { StopReason } from '../../core/model-event.ts'
import type { ReasoningEffort } from '../../protocol/create-request.ts'
import type { ContentTable } from '../content.ts'
import type { ParamNames } from '../error-answer.ts'
import type { DialectFacts } from '../family.ts'
import { drop, map, OPENAI_ALONE, type FieldTable } from '../fields.ts'

/**
 * Where Ollama is. Its API has no version: what its reference calls the base URL ends in `/api`, and so does
 * `base_url`. An address without any path gets it.
 *
 * @see https://docs.ollama.com/api/introduction (read 2026-11-22)
 */
export const DIALECTS = {
  ollama: { baseUrl: 'http://127.0.0.1:11434/api' },
  'ollama-cloud': { baseUrl: 'https://ollama.com/api', keyVariable: 'OLLAMA_API_KEY' },
} as const satisfies Record<string, DialectFacts>

/** The name of a dialect. */
export type DialectName = keyof typeof DIALECTS

/**
 * `done_reason` → ours. `load` and `unload` come where there was nothing to answer.
 *
 * @see https://github.com/ollama/ollama/blob/main/docs/api.md (read 2026-11-22)
 */
export const DONE_REASON: ReadonlyMap<unknown, StopReason> = new Map<unknown, StopReason>([
  ['stop', 'stop'],
  ['length', 'max_output_tokens'],
  ['load', 'stop'],
  ['unload', 'stop'],
])

/** What an unknown `done_reason`, or none, counts as. */
export const DONE_REASON_DEFAULT: StopReason = 'stop'

/**
 * Levels of `think`. Models that know no levels take each for their default, which is to think; servers from before
 * the middle of 2026 refuse levels but for gpt-oss. `none` is `think: false`.
 *
 * @see https://docs.ollama.com/capabilities/thinking (read 2026-11-22)
 */
export const THINK_LEVELS: readonly ReasoningEffort[] = ['low', 'medium', 'high', 'max']

/** Parameters of ours by those of Ollama. */
export const PARAM_NAMES: ParamNames = new Map([
  ['messages', 'input'],
  ['num_predict', 'max_output_tokens'],
  ['think', 'reasoning.effort'],
  ['format', 'text.format'],
])

/**
 * What becomes of request fields.
 *
 * @see https://docs.ollama.com/api/chat (read 2026-11-22)
 */
export const FIELDS: FieldTable = {
  ...OPENAI_ALONE,
  instructions: map('messages[0]'),
  tools: map('tools'),
  // Not a field of theirs. A choice that cannot be kept by what is offered is warned of: see request.ts.
  toolChoice: map('tools: none are offered, or only the one that is named'),
  parallelToolCalls: drop(),
  maxOutputTokens: map('options.num_predict'),
  temperature: map('options.temperature'),
  topP: map('options.top_p'),
  presencePenalty: map('options.presence_penalty'),
  frequencyPenalty: map('options.frequency_penalty'),
  seed: map('options.seed'),
  topLogprobs: map('logprobs, top_logprobs'),
  format: map('format'),
  effort: map('think'),
  promptCacheKey: drop('the provider caches by itself'),
}

/** What becomes of images and files: images are sent as their bytes alone. */
export const CONTENT: ContentTable = {
  imageData: 'map',
  imageUrl: 'fetch',
  imageDetail: 'drop',
  fileData: 'reject',
  fileUrl: 'reject',
  resultParts: 'map',
}
