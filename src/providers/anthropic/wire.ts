/**
 * What we read of a Messages answer, event by event and whole alike, as recorded traffic has it. Everything is
 * optional: nothing is trusted.
 */
export interface WireEvent {
  readonly type?: unknown
  readonly index?: unknown
  readonly message?: { readonly usage?: WireUsage | null } | null
  readonly content_block?: WireBlock | null
  readonly delta?: WireDelta | null
  readonly usage?: WireUsage | null
  readonly error?: unknown
}

/** A whole answer. */
export interface WireMessage {
  readonly content?: readonly WireBlock[] | null
  readonly stop_reason?: string | null
  readonly stop_details?: WireStopDetails | null
  readonly usage?: WireUsage | null
  readonly error?: unknown
}

export interface WireBlock {
  readonly type?: string | null
  readonly text?: string | null
  readonly citations?: readonly WireCitation[] | null
  readonly thinking?: string | null
  readonly signature?: string | null
  /** Thinking that is redacted: encrypted. */
  readonly data?: string | null
  readonly id?: string | null
  readonly name?: string | null
  readonly input?: unknown
}

/** A piece of a block, by its type; or, of the whole message, why it stopped. */
export interface WireDelta {
  readonly type?: string | null
  readonly text?: string | null
  readonly thinking?: string | null
  readonly signature?: string | null
  readonly partial_json?: string | null
  readonly citation?: WireCitation | null
  readonly stop_reason?: string | null
  readonly stop_details?: WireStopDetails | null
}

/** Why an answer was refused. */
export interface WireStopDetails {
  readonly explanation?: string | null
}

export interface WireCitation {
  readonly url?: string | null
  /** Where a search result is from. */
  readonly source?: string | null
  readonly title?: string | null
}

export interface WireUsage {
  readonly input_tokens?: number | null
  readonly cache_creation_input_tokens?: number | null
  readonly cache_read_input_tokens?: number | null
  readonly output_tokens?: number | null
  readonly output_tokens_details?: { readonly thinking_tokens?: number | null } | null
  readonly service_tier?: string | null
}
