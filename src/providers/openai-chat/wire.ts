import type { WireLogprob } from '../logprobs.ts'

/**
 * What we read of a Chat Completions answer: chunk and whole alike. Everything is optional, because
 * providers leave out or null whatever they like.
 *
 * @see https://platform.openai.com/docs/api-reference/chat (read 2026-11-22)
 */
export interface WireChunk {
  readonly choices?: readonly WireChoice[] | null
  readonly usage?: WireUsage | null
  /** Groq puts a copy of the usage here. */
  readonly x_groq?: { readonly usage?: WireUsage | null; readonly error?: unknown } | null
  readonly service_tier?: string | null
  readonly error?: unknown
}

export interface WireChoice {
  readonly index?: number | null
  readonly delta?: WireDelta | null
  /** A whole answer has `message` where a chunk has `delta`; so have the chunks of some providers. */
  readonly message?: WireDelta | null
  readonly finish_reason?: string | null
  readonly logprobs?: { readonly content?: readonly WireLogprob[] | null } | null
}

export interface WireDelta {
  readonly content?: string | readonly WirePart[] | null
  readonly refusal?: string | null
  readonly reasoning_content?: string | null
  readonly reasoning?: string | null
  readonly reasoning_details?: readonly WireReasoningDetail[] | null
  readonly annotations?: readonly WireAnnotation[] | null
  readonly tool_calls?: readonly WireToolCall[] | null
  /** The tool call of before 2024. */
  readonly function_call?: WireFunction | null
  readonly extra_content?: unknown
}

/** A content part: Mistral sends arrays of these amid plain strings. */
export interface WirePart {
  readonly type?: string
  readonly text?: string | null
  readonly thinking?: string | readonly WirePart[] | null
}

export interface WireReasoningDetail {
  readonly type?: string
  readonly index?: number | null
  readonly text?: string | null
  readonly summary?: string | null
  readonly signature?: string | null
  readonly data?: string | null
}

export interface WireAnnotation {
  readonly type?: string
  readonly url_citation?: {
    readonly url?: string
    readonly title?: string | null
    readonly start_index?: number | null
    readonly end_index?: number | null
  }
}

export interface WireToolCall {
  readonly index?: number | null
  readonly id?: string | null
  readonly function?: WireFunction | null
  readonly extra_content?: unknown
}

export interface WireFunction {
  readonly name?: string | null
  readonly arguments?: unknown
}

export interface WireUsage {
  readonly prompt_tokens?: number | null
  readonly completion_tokens?: number | null
  readonly total_tokens?: number | null
  readonly reasoning_tokens?: number | null
  /** Together. */
  readonly cached_tokens?: number | null
  readonly prompt_tokens_details?: {
    readonly cached_tokens?: number | null
    readonly cache_write_tokens?: number | null
  } | null
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number | null } | null
  /** DeepSeek. */
  readonly prompt_cache_hit_tokens?: number | null
  /** Databricks. */
  readonly cache_read_input_tokens?: number | null
  readonly cache_creation_input_tokens?: number | null
}
