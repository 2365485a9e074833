/**
 * What we read of an event of `POST /v2/chat`, streamed. Everything is optional: nothing that a provider sends is
 * certain.
 *
 * @see https://docs.cohere.com/reference/chat-stream (read 2026-11-22)
 */
export interface WireEvent {
  readonly type?: string | null
  /** Of the content, the call or the citation that it is about. */
  readonly index?: number | null
  readonly delta?: WireDelta | null
  readonly logprobs?: WireLogprobs | null
  readonly error?: unknown
  /** Of an error that is a document of its own: words. */
  readonly message?: unknown
}

export interface WireDelta extends WireEnding {
  readonly message?: WireMessage | null
}

/** How an answer ended: in the last event, or in the answer itself. */
export interface WireEnding {
  readonly finish_reason?: string | null
  readonly usage?: WireUsage | null
  /** Why it failed, where `finish_reason` is `ERROR`. */
  readonly error?: string | null
}

/**
 * What we read of an answer in one piece.
 *
 * @see https://docs.cohere.com/reference/chat (read 2026-11-22)
 */
export interface WireAnswer extends WireEnding {
  readonly message?: WireMessage | null
  readonly logprobs?: readonly WireLogprobs[] | null
}

/** One of a kind, as events have it, or all of them, as answers do. */
export type OneOrAll<Value> = Value | readonly Value[] | null

export interface WireMessage {
  readonly content?: OneOrAll<WirePart> | string
  readonly tool_plan?: string | null
  readonly tool_calls?: OneOrAll<WireToolCall>
  readonly citations?: OneOrAll<WireCitation>
}

export interface WirePart {
  readonly text?: string | null
  readonly thinking?: string | null
}

export interface WireToolCall {
  readonly id?: string | null
  readonly function?: WireFunction | null
}

export interface WireFunction {
  readonly name?: string | null
  readonly arguments?: unknown
}

export interface WireCitation {
  /** `TEXT_CONTENT` where the text is cited; thinking and plans are, too. */
  readonly type?: string | null
  /** Offsets in the text of one content. */
  readonly start?: number | null
  readonly end?: number | null
  readonly content_index?: number | null
  readonly sources?: readonly WireSource[] | null
}

/** A document, or what a tool gave back. */
export interface WireSource {
  readonly id?: string | null
  readonly document?: WireDocument | null
  readonly tool_output?: WireDocument | null
}

export interface WireDocument {
  readonly title?: string | null
  readonly url?: string | null
}

/** The probabilities of the tokens of one piece of text. */
export interface WireLogprobs {
  readonly text?: string | null
  readonly logprobs?: readonly number[] | null
}

export interface WireUsage {
  readonly tokens?: WireTokens | null
  /** What is paid for: less than what was read. */
  readonly billed_units?: WireTokens | null
  readonly cached_tokens?: number | null
}

export interface WireTokens {
  readonly input_tokens?: number | null
  readonly output_tokens?: number | null
  readonly reasoning_tokens?: number | null
}
