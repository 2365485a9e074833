import type { StopReason } from '../../core/model-event.ts'
import type { ContentTable } from '../content.ts'
import type { ParamNames } from '../error-answer.ts'
import type { DialectFacts } from '../family.ts'
import { drop, keep, map, type FieldTable } from '../fields.ts'
import { VERTEX_URL } from '../vertex.ts'

/**
 * Messages `stop_reason` → ours. `pause_turn` ends a turn of server tools, which nobody here offers.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons (read 2026-11-22)
 */
export const STOP_REASON: ReadonlyMap<string, StopReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['tool_use', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'max_output_tokens'],
  ['model_context_window_exceeded', 'max_output_tokens'],
  ['refusal', 'content_filter'],
])

/** What an unknown `stop_reason` counts as. */
export const STOP_REASON_DEFAULT: StopReason = 'stop'

/**
 * Tiers as clients know them → as Messages does. `auto` uses capacity that was paid for ahead, where there is some.
 *
 * @see https://platform.claude.com/docs/en/api/service-tiers (read 2026-11-22)
 */
export const SERVICE_TIER: ReadonlyMap<string, 'auto' | 'standard_only'> = new Map([
  ['auto', 'auto'],
  ['priority', 'auto'],
  ['default', 'standard_only'],
])

/** The tier that served, as Messages calls it → as clients know it. */
export const SERVED_TIER: ReadonlyMap<string, string> = new Map([
  ['standard', 'default'],
  ['priority', 'priority'],
])

/** The version of the wire. */
export const VERSION = '2023-06-01'

/** The same on Vertex AI, where it stands in the body. */
export const VERTEX_VERSION = 'vertex-2023-10-16'

/** Lets a request say what becomes of thinking that does not fit what stands before it. */
export const BINDING_BETA = 'thinking-binding-controls-2026-08-01'

/** Parts of the wire that not everybody took over. */
export type OptionalField =
  | 'tool_choice'
  | 'metadata'
  | 'service_tier'
  | 'cache_control'
  /** `output_config` and strict tools. */
  | 'schemas'
  /** What becomes of thinking that does not fit what stands before it: `thinking.block_binding`. */
  | 'binding'
  /** URLs of images and documents. */
  | 'url'
  | 'document'

const COMMON = ['tool_choice', 'metadata', 'cache_control', 'binding', 'document'] as const

/** One spelling of Messages: who speaks it, where, and what it lacks. */
export interface Dialect extends DialectFacts {
  /** Headers that carry the key. */
  readonly credential: (key: string) => Readonly<Record<string, string>>
  /** Whether the model and whether to stream stand in the path, as on Vertex AI. */
  readonly isVertex: boolean
  readonly takes: ReadonlySet<OptionalField>
  /** Whether Chat Completions are spoken there too. */
  readonly speaksChat?: boolean
}

/** The credential of most, and of Chat Completions. */
export const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const apiKey = (key: string) => ({ 'x-api-key': key })

/**
 * The dialects. Structured output is switched off on Vertex AI unless an organisation allows it: it is emulated there.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai (read 2026-11-22)
 * @see https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/structured_outputs (read 2026-11-22)
 * @see https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry (read 2026-11-22)
 * @see https://docs.ollama.com/api/anthropic-compatibility (read 2026-11-22)
 */
export const DIALECTS = {
  anthropic: {
    baseUrl: 'https://api.anthropic.com/v1',
    keyVariable: 'ANTHROPIC_API_KEY',
    families: /^claude-/,
    credential: apiKey,
    isVertex: false,
    takes: new Set<OptionalField>([...COMMON, 'service_tier', 'schemas', 'url']),
    speaksChat: true,
  },
  azure: {
    baseUrl: undefined,
    credential: (key: string) => ({ 'api-key': key }),
    isVertex: false,
    takes: new Set<OptionalField>([...COMMON, 'schemas', 'url']),
  },
  vertex: {
    baseUrl: VERTEX_URL,
    needs: ['project', 'location'],
    credential: bearer,
    isVertex: true,
    takes: new Set<OptionalField>(COMMON),
  },
  ollama: {
    baseUrl: 'http://127.0.0.1:11434/v1',
    credential: bearer,
    isVertex: false,
    takes: new Set<OptionalField>(),
  },
  compatible: {
    baseUrl: undefined,
    credential: (key: string) => ({ ...apiKey(key), ...bearer(key) }),
    isVertex: false,
    takes: new Set<OptionalField>(['tool_choice', 'metadata', 'url', 'document']),
  },
} as const satisfies Record<string, Dialect>

/** The name of a dialect. */
export type DialectName = keyof typeof DIALECTS

/** One of the dialects. */
export function dialectOf(name: string): Dialect {
  return DIALECTS[name as DialectName] // The configuration's check allows no other.
}

/** Parameters of ours by those of Messages. */
export const PARAM_NAMES: ParamNames = new Map([
  ['max_tokens', 'max_output_tokens'],
  ['messages', 'input'],
  ['system', 'instructions'],
  ['thinking', 'reasoning.effort'],
  ['output_config', 'text.format'],
])

/** What becomes of request fields in a dialect. */
export function fieldsOf({ takes }: Dialect): FieldTable {
  const optional = (field: OptionalField, to: string) => (takes.has(field) ? map(to) : drop())
  return {
    instructions: map('system'),
    tools: map('tools'),
    toolChoice: map(takes.has('tool_choice') ? 'tool_choice' : 'an instruction'),
    parallelToolCalls: optional('tool_choice', 'tool_choice.disable_parallel_tool_use'),
    maxOutputTokens: map('max_tokens'),
    temperature: map('temperature'),
    topP: map('top_p'),
    presencePenalty: drop(),
    frequencyPenalty: drop(),
    seed: drop(),
    topLogprobs: drop(),
    format: map(takes.has('schemas') ? 'output_config.format' : 'an instruction'),
    verbosity: drop(),
    effort: map('thinking, output_config.effort'),
    summary: map('thinking.display'),
    user: optional('metadata', 'metadata.user_id'),
    safetyIdentifier: optional('metadata', 'metadata.user_id'),
    promptCacheKey: optional('cache_control', 'cache_control'),
    serviceTier: optional('service_tier', 'service_tier'),
    metadata: keep('stored and echoed by Antiphon'),
  }
}

/** What becomes of images and files in a dialect. */
export function contentOf({ takes }: Dialect): ContentTable {
  const url = takes.has('url') ? 'map' : 'fetch'
  return {
    imageData: 'map',
    imageUrl: url,
    imageDetail: 'drop',
    fileData: takes.has('document') ? 'map' : 'reject',
    fileUrl: takes.has('document') ? url : 'reject',
    resultParts: 'map',
  }
}
