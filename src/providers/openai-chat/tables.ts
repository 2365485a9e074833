import type { StopReason } from '../../core/model-event.ts'
import type { ReasoningEffort } from '../../protocol/create-request.ts'
import type { CallIdForm } from '../call-id.ts'
import type { ContentTable } from '../content.ts'
import { dialectMaker, type Spoken } from '../dialect.ts'
import type { ParamNames } from '../error-answer.ts'
import { drop, keep, map, type FieldTable } from '../fields.ts'

/**
 * Chat Completions `finish_reason` → ours. Tool calls are told from the calls, not from here: OpenAI
 * itself says `stop` where `tool_choice` named a function.
 *
 * @see https://platform.openai.com/docs/api-reference/chat (read 2026-11-22)
 */
export const FINISH_REASON: Readonly<Record<string, StopReason>> = {
  stop: 'stop',
  tool_calls: 'stop',
  function_call: 'stop',
  tool_call: 'stop', // DeepSeek hosted by Azure.
  eos: 'stop', // Together.
  length: 'max_output_tokens',
  model_length: 'max_output_tokens', // Mistral.
  content_filter: 'content_filter',
}

/** What an unknown `finish_reason` counts as: providers invent words for a normal end. */
export const FINISH_REASON_DEFAULT: StopReason = 'stop'

/** How a dialect differs from OpenAI's own, as data. */
export interface Quirks {
  /** The field that limits the answer. */
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens'
  /** Whether it knows the role `developer`; else it is `system`. */
  readonly developerRole: boolean
  /** Where the reasoning effort goes; null where the dialect has none. */
  readonly effort: 'reasoning_effort' | 'reasoning.effort' | null
  /** Efforts it knows; others are clamped to the nearest below, or the lowest. */
  readonly efforts: readonly ReasoningEffort[]
  /** `json_schema` in `response_format`. */
  readonly jsonSchema: boolean
  /** `<think>…</think>` at the start of the text is reasoning. */
  readonly inlineThink: boolean
  /** The field in which an assistant turn's reasoning text is sent back; null where it must not be. */
  readonly replayReasoning: 'reasoning_content' | 'reasoning' | null
  /** Whether that field must stand in every turn of an assistant, empty where its reasoning is not known. */
  readonly needsReasoning: boolean
  /** The form of a tool call's id; null where every id is taken. */
  readonly callId: CallIdForm | null
  /** The field of the seed. */
  readonly seedField: 'seed' | 'random_seed'
  /** Optional request fields that the dialect takes. Others are dropped with a warning. */
  readonly fields: ReadonlySet<OptionalField>
}

/** Request fields that not every dialect takes. */
export type OptionalField =
  | 'seed'
  | 'user'
  | 'logprobs'
  | 'presence_penalty'
  | 'frequency_penalty'
  | 'parallel_tool_calls'
  | 'service_tier'
  | 'verbosity'
  | 'prompt_cache_key'
  | 'safety_identifier'
  | 'stream_options'
  | 'file'

const SAMPLING = ['seed', 'presence_penalty', 'frequency_penalty'] as const
const COMMON = [...SAMPLING, 'user', 'logprobs', 'parallel_tool_calls', 'stream_options'] as const
const OPENAI = [...COMMON, 'service_tier', 'verbosity', 'prompt_cache_key', 'safety_identifier', 'file'] as const

const LOW_TO_HIGH = ['low', 'medium', 'high'] as const

const GENERIC: Quirks = {
  maxTokensField: 'max_tokens',
  developerRole: false,
  effort: 'reasoning_effort',
  efforts: LOW_TO_HIGH,
  jsonSchema: true,
  inlineThink: true,
  replayReasoning: null,
  needsReasoning: false,
  callId: null,
  seedField: 'seed',
  fields: new Set<OptionalField>([...COMMON, 'file']),
}

/** One spelling of Chat Completions. */
export type Dialect = Spoken<Quirks>

const dialect = dialectMaker(GENERIC)

const OPENAI_QUIRKS: Partial<Quirks> = {
  maxTokensField: 'max_completion_tokens',
  developerRole: true,
  efforts: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'],
  inlineThink: false,
  callId: { pattern: /^.{1,40}$/s, length: 32 },
  fields: new Set<OptionalField>(OPENAI),
}

/**
 * The dialects, each from its provider's reference, read 2026-11-22; what the references leave out is
 * taken from recorded traffic.
 */
export const DIALECTS = {
  generic: dialect({}),
  openai: dialect({
    baseUrl: 'https://api.openai.com/v1',
    families: /^(?:gpt-|o1|o3|o4|chatgpt-)/,
    quirks: OPENAI_QUIRKS,
  }),
  // Its models of other makers know no developer, and those of OpenAI read a system message as his.
  azure: dialect({ keyHeader: 'api-key', quirks: { ...OPENAI_QUIRKS, developerRole: false } }),
  vllm: dialect({ quirks: { replayReasoning: 'reasoning' } }),
  ollama: dialect({
    baseUrl: 'http://127.0.0.1:11434/v1',
    quirks: {
      efforts: ['none', ...LOW_TO_HIGH],
      fields: new Set<OptionalField>([...SAMPLING, 'stream_options']),
    },
  }),
  'llama.cpp': dialect({ quirks: { effort: null, replayReasoning: 'reasoning_content' } }),
  groq: dialect({
    baseUrl: 'https://api.groq.com/openai/v1',
    keyVariable: 'GROQ_API_KEY',
    quirks: {
      maxTokensField: 'max_completion_tokens',
      fields: new Set<OptionalField>(['seed', 'user', 'parallel_tool_calls', 'service_tier', 'stream_options']),
    },
  }),
  mistral: dialect({
    baseUrl: 'https://api.mistral.ai/v1',
    keyVariable: 'MISTRAL_API_KEY',
    families: /^(?:mistral-|magistral-|codestral|ministral-|pixtral-)/,
    quirks: {
      effort: null,
      callId: { pattern: /^[A-Za-z0-9]{9}$/, length: 9 },
      seedField: 'random_seed',
      fields: new Set<OptionalField>(['seed', 'presence_penalty', 'frequency_penalty', 'parallel_tool_calls']),
    },
  }),
  deepseek: dialect({
    baseUrl: 'https://api.deepseek.com/v1',
    keyVariable: 'DEEPSEEK_API_KEY',
    families: /^deepseek-/,
    quirks: {
      efforts: ['minimal', ...LOW_TO_HIGH, 'xhigh', 'max'],
      jsonSchema: false,
      replayReasoning: 'reasoning_content',
      needsReasoning: true,
      fields: new Set<OptionalField>(['presence_penalty', 'frequency_penalty', 'logprobs', 'stream_options']),
    },
  }),
  openrouter: dialect({
    baseUrl: 'https://openrouter.ai/api/v1',
    keyVariable: 'OPENROUTER_API_KEY',
    quirks: {
      maxTokensField: 'max_completion_tokens',
      effort: 'reasoning.effort',
      efforts: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'],
      replayReasoning: 'reasoning',
      inlineThink: false,
    },
  }),
  together: dialect({ baseUrl: 'https://api.together.xyz/v1', keyVariable: 'TOGETHER_API_KEY' }),
  fireworks: dialect({ baseUrl: 'https://api.fireworks.ai/inference/v1', keyVariable: 'FIREWORKS_API_KEY' }),
  xai: dialect({
    baseUrl: 'https://api.x.ai/v1',
    keyVariable: 'XAI_API_KEY',
    families: /^grok-/,
    quirks: { maxTokensField: 'max_completion_tokens', inlineThink: false },
  }),
  zai: dialect({
    baseUrl: 'https://api.z.ai/api/paas/v4',
    keyVariable: 'ZAI_API_KEY',
    families: /^glm-/,
    quirks: { effort: null, jsonSchema: false, fields: new Set<OptionalField>(['stream_options']) },
  }),
  alibaba: dialect({
    baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    keyVariable: 'DASHSCOPE_API_KEY',
    families: /^qwen/,
    quirks: { effort: null },
  }),
  cerebras: dialect({
    baseUrl: 'https://api.cerebras.ai/v1',
    keyVariable: 'CEREBRAS_API_KEY',
    quirks: {
      maxTokensField: 'max_completion_tokens',
      fields: new Set<OptionalField>(['seed', 'user', 'logprobs', 'parallel_tool_calls', 'stream_options']),
    },
  }),
  perplexity: dialect({
    baseUrl: 'https://api.perplexity.ai',
    keyVariable: 'PERPLEXITY_API_KEY',
    families: /^sonar/,
    quirks: { fields: new Set<OptionalField>(['presence_penalty', 'frequency_penalty', 'stream_options']) },
  }),
  google: dialect({
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    quirks: { inlineThink: false, fields: new Set<OptionalField>(['stream_options']) },
  }),
  anthropic: dialect({
    baseUrl: 'https://api.anthropic.com/v1',
    quirks: {
      effort: null,
      jsonSchema: false,
      inlineThink: false,
      fields: new Set<OptionalField>(['parallel_tool_calls', 'stream_options']),
    },
  }),
} as const satisfies Record<string, Dialect>

/** The name of a dialect. */
export type DialectName = keyof typeof DIALECTS

/** Parameters of ours by those of Chat Completions. */
export const PARAM_NAMES: ParamNames = new Map([
  ['max_tokens', 'max_output_tokens'],
  ['max_completion_tokens', 'max_output_tokens'],
  ['random_seed', 'seed'],
  ['messages', 'input'],
  ['response_format', 'text.format'],
  ['reasoning_effort', 'reasoning.effort'],
])

/** What becomes of request fields in a dialect. */
export function fieldsOf(quirks: Quirks): FieldTable {
  const optional = (field: OptionalField, to: string = field) => (quirks.fields.has(field) ? map(to) : drop())
  return {
    instructions: map('messages[0]'),
    tools: map('tools'),
    toolChoice: map('tool_choice'),
    parallelToolCalls: optional('parallel_tool_calls'),
    maxOutputTokens: map(quirks.maxTokensField),
    temperature: map('temperature'),
    topP: map('top_p'),
    presencePenalty: optional('presence_penalty'),
    frequencyPenalty: optional('frequency_penalty'),
    seed: optional('seed', quirks.seedField),
    topLogprobs: optional('logprobs', 'logprobs, top_logprobs'),
    format: map('response_format'),
    verbosity: optional('verbosity'),
    effort: quirks.effort === null ? drop() : map(quirks.effort),
    summary: keep('thinking is shown as the provider shows it'),
    user: optional('user'),
    safetyIdentifier: optional('safety_identifier'),
    promptCacheKey: optional('prompt_cache_key'),
    serviceTier: optional('service_tier'),
    metadata: keep('stored and echoed by Antiphon'),
  }
}

/** What becomes of images and files in a dialect. */
export function contentOf(quirks: Quirks): ContentTable {
  return {
    imageData: 'map',
    imageUrl: 'map',
    imageDetail: 'map',
    fileData: quirks.fields.has('file') ? 'map' : 'reject',
    fileUrl: quirks.fields.has('file') ? 'fetch' : 'reject',
    resultParts: 'move',
  }
}
