import type { WireLogprob } from '../logprobs.ts'

/**
 * What we read of an answer of `POST /api/chat`: a line of a stream and a whole answer have the same fields.
 * Everything is optional: nothing that a provider sends is certain.
 *
 * @see https://docs.ollama.com/api/chat (read 2026-11-22)
 */
export interface WireAnswer {
  readonly message?: WireMessage | null
  readonly done?: boolean | null
  readonly done_reason?: string | null
  readonly prompt_eval_count?: number | null
  /** How much of the prompt was in the cache: since 2026. */
  readonly prompt_eval_cached_count?: number | null
  readonly eval_count?: number | null
  readonly logprobs?: readonly WireLogprob[] | null
  /** A sentence, in a line of its own, once the stream has begun. */
  readonly error?: unknown
}

export interface WireMessage {
  readonly content?: string | null
  readonly thinking?: string | null
  readonly tool_calls?: readonly WireToolCall[] | null
}

/** Always whole: calls do not come in fragments. */
export interface WireToolCall {
  /** Absent before the end of 2025. */
  readonly id?: string | null
  readonly function?: WireFunction | null
}

export interface WireFunction {
  readonly name?: string | null
  /** An object. */
  readonly arguments?: unknown
}
