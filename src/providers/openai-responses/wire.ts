import type { JsonObject } from '../../protocol/json.ts'
import type { WireLogprob } from '../logprobs.ts'

/**
 * What we read of a Responses stream. Everything is optional: no two dialects fill in the same.
 *
 * @see https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11-22)
 */
export interface WireEvent {
  readonly type?: string | null
  readonly output_index?: number | null
  readonly item_id?: string | null
  readonly content_index?: number | null
  readonly summary_index?: number | null
  readonly delta?: string | null
  readonly arguments?: string | null
  readonly input?: string | null
  readonly logprobs?: readonly WireLogprob[] | null
  readonly annotation?: WireAnnotation | null
  readonly item?: WireItem | null
  readonly response?: WireResponse | null
  readonly error?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly param?: unknown
}

/** An output item, whatever its type. */
export interface WireItem {
  readonly type?: string | null
  readonly id?: string | null
  readonly call_id?: string | null
  readonly name?: string | null
  readonly namespace?: string | null
  readonly execution?: string | null
  readonly phase?: string | null
  readonly arguments?: unknown
  readonly input?: string | null
  readonly content?: readonly WirePart[] | null
  readonly summary?: readonly WirePart[] | null
  readonly encrypted_content?: string | null
}

/** A part of a message, or of reasoning. */
export interface WirePart {
  readonly type?: string | null
  readonly text?: string | null
  readonly refusal?: string | null
  readonly annotations?: readonly WireAnnotation[] | null
  readonly logprobs?: readonly WireLogprob[] | null
}

/** A source that a text cites, of any kind. */
export type WireAnnotation = JsonObject

/** The whole response, as the last event and whole answers have it. */
export interface WireResponse {
  readonly status?: string | null
  readonly error?: unknown
  readonly incomplete_details?: { readonly reason?: string | null } | null
  readonly output?: readonly WireItem[] | null
  readonly service_tier?: string | null
  readonly usage?: WireUsage | null
}

/** How many tokens it took. */
export interface WireUsage {
  readonly input_tokens?: number | null
  readonly input_tokens_details?: {
    readonly cached_tokens?: number | null
    readonly cache_write_tokens?: number | null
  } | null
  readonly output_tokens?: number | null
  readonly output_tokens_details?: { readonly reasoning_tokens?: number | null } | null
}
