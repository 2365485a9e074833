import type { StopReason } from '../../core/model-event.ts'
import type { ContentTable } from '../content.ts'
import type { ParamNames } from '../error-answer.ts'
import type { DialectFacts } from '../family.ts'
import { drop, keep, map, type FieldTable } from '../fields.ts'
import { VERTEX_URL } from '../vertex.ts'
import type { WireWord } from './wire.ts'

/**
 * Who speaks generateContent, and where. The address of Vertex depends on the location.
 *
 * @see https://ai.google.dev/api (read 2026-11-22)
 * @see https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/vertex-ai-express-mode-api-reference (read 2026-11-22)
 */
export const DIALECTS = {
  'ai-studio': {
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    keyVariable: 'GEMINI_API_KEY',
    families: /^gemini-/,
  },
  vertex: { baseUrl: VERTEX_URL, families: /^gemini-/, needsUnkeyed: ['project'] },
} as const satisfies Record<string, DialectFacts>

/** The name of a dialect. */
export type DialectName = keyof typeof DIALECTS

/** How an answer ends: as ours do, or without anything of use. */
export type Ending = StopReason | 'broken'

/**
 * `finishReason` → ours. Tool calls are told from the calls: Google says `STOP` there. `CONTINUATION` is the limit
 * of one request, which is lower than that of the model.
 *
 * @see https://ai.google.dev/api/generate-content#FinishReason (read 2026-11-22)
 * @see https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse (read 2026-11-22)
 */
const ENDING: Readonly<Record<string, Ending>> = {
  STOP: 'stop',
  MAX_TOKENS: 'max_output_tokens',
  CONTINUATION: 'max_output_tokens',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  LANGUAGE: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  MODEL_ARMOR: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
  MALFORMED_FUNCTION_CALL: 'broken',
  UNEXPECTED_TOOL_CALL: 'broken',
  TOO_MANY_TOOL_CALLS: 'broken',
  MALFORMED_RESPONSE: 'broken',
  NO_IMAGE: 'broken',
  IMAGE_OTHER: 'broken',
  OTHER: 'broken',
}

/** What Vertex means by a number; recorded are 1 and 2. */
const ENDING_NUMBERS = [
  '',
  'STOP',
  'MAX_TOKENS',
  'SAFETY',
  'RECITATION',
  'OTHER',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'MALFORMED_FUNCTION_CALL',
] as const

/** How an answer ends; undefined while it goes on. An unknown word counts as a normal end. */
export function endingOf(reason: WireWord | undefined): Ending | undefined {
  const word = typeof reason === 'number' ? (ENDING_NUMBERS[reason] ?? 'UNKNOWN') : reason
  if (typeof word !== 'string' || word === '' || word === 'FINISH_REASON_UNSPECIFIED') return undefined
  return (Object.hasOwn(ENDING, word) ? ENDING[word] : undefined) ?? 'stop'
}

/**
 * The tier that has served, by `serviceTier` of AI Studio and `trafficType` of Vertex.
 *
 * @see https://ai.google.dev/gemini-api/docs/priority-inference (read 2026-11-22)
 * @see https://docs.cloud.google.com/vertex-ai/generative-ai/docs/priority-paygo (read 2026-11-22)
 */
const TIERS: ReadonlyMap<WireWord | undefined, string> = new Map([
  ['standard', 'default'],
  ['flex', 'flex'],
  ['priority', 'priority'],
  ['ON_DEMAND', 'default'],
  ['ON_DEMAND_FLEX', 'flex'],
  ['ON_DEMAND_PRIORITY', 'priority'],
])

/** A tier in our words; undefined for any other. */
export function tierOf(word: WireWord | undefined): string | undefined {
  return TIERS.get(word)
}

/** The header that asks Vertex for a tier. */
export const TIER_HEADER = 'x-vertex-ai-llm-shared-request-type'

/** Parameters of ours by those of generateContent, as complaints name them. */
export const PARAM_NAMES: ParamNames = new Map([
  ['contents', 'input'],
  ['system_instruction', 'instructions'],
  ['tools', 'tools'],
  ['tool_config', 'tool_choice'],
  ['generation_config.max_output_tokens', 'max_output_tokens'],
  ['generation_config.temperature', 'temperature'],
  ['generation_config.top_p', 'top_p'],
  ['generation_config.seed', 'seed'],
  ['generation_config.presence_penalty', 'presence_penalty'],
  ['generation_config.frequency_penalty', 'frequency_penalty'],
  ['generation_config.logprobs', 'top_logprobs'],
  ['generation_config.response_logprobs', 'top_logprobs'],
  ['generation_config.response_json_schema', 'text.format'],
  ['generation_config.thinking_config', 'reasoning.effort'],
])

/** What becomes of request fields. */
export function fieldsOf(dialect: DialectName): FieldTable {
  const setting = (name: string) => map(`generationConfig.${name}`)
  return {
    instructions: map('systemInstruction'),
    tools: map('tools[0].functionDeclarations'),
    toolChoice: map('toolConfig.functionCallingConfig'),
    parallelToolCalls: drop('the model itself decides how many calls it makes at once'),
    maxOutputTokens: setting('maxOutputTokens'),
    temperature: setting('temperature'),
    topP: setting('topP'),
    presencePenalty: setting('presencePenalty'),
    frequencyPenalty: setting('frequencyPenalty'),
    seed: setting('seed'),
    topLogprobs: setting('responseLogprobs, logprobs'),
    format: setting('responseMimeType, responseJsonSchema'),
    verbosity: drop(),
    effort: setting('thinkingConfig.thinkingLevel or thinkingBudget'),
    summary: setting('thinkingConfig.includeThoughts'),
    user: drop(),
    safetyIdentifier: drop(),
    promptCacheKey: drop(),
    serviceTier: map(dialect === 'vertex' ? `${TIER_HEADER} (header)` : 'serviceTier'),
    metadata: keep('stored and echoed by Antiphon'),
  }
}

/**
 * What becomes of images and files. Google would take an https URL together with its media type, and of most models
 * alone: a URL does not tell the type, so its content is fetched.
 *
 * @see https://ai.google.dev/gemini-api/docs/file-input-methods (read 2026-11-22)
 * @see https://ai.google.dev/gemini-api/docs/media-resolution (read 2026-11-22)
 */
export const CONTENT: ContentTable = {
  imageData: 'map',
  imageUrl: 'fetch',
  imageDetail: 'map',
  fileData: 'map',
  fileUrl: 'fetch',
  resultParts: 'map',
}
