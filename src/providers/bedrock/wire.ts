/**
 * What we read of a Converse answer, streamed and whole. Everything is optional: nothing of it is certain. Bytes come
 * as such in a stream, where the SDK has decoded them, and as base64 in a whole answer.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html (read 2026-11-22)
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (read 2026-11-22)
 */
export interface WireEvent {
  readonly messageStart?: object | null
  readonly contentBlockStart?: WireBlockStart | null
  readonly contentBlockDelta?: WireBlockDelta | null
  readonly contentBlockStop?: WirePlace | null
  readonly messageStop?: WireStop | null
  readonly metadata?: WireMetadata | null
}

/** Which block of the message is meant. */
export interface WirePlace {
  readonly contentBlockIndex?: number | null
}

export interface WireBlockStart extends WirePlace {
  readonly start?: { readonly toolUse?: WireCall | null } | null
}

export interface WireBlockDelta extends WirePlace {
  readonly delta?: WireDelta | null
}

/** A piece of a block: one of these. */
export interface WireDelta {
  readonly text?: string | null
  readonly toolUse?: { readonly input?: string | null } | null
  readonly reasoningContent?: WireReasoningDelta | null
  readonly citation?: WireCitation | null
}

export interface WireReasoningDelta {
  readonly text?: string | null
  readonly signature?: string | null
  readonly redactedContent?: Uint8Array | string | null
}

export interface WireStop {
  readonly stopReason?: string | null
}

export interface WireMetadata {
  readonly usage?: WireUsage | null
  readonly serviceTier?: { readonly type?: string | null } | null
}

export interface WireUsage {
  readonly inputTokens?: number | null
  readonly outputTokens?: number | null
  readonly cacheReadInputTokens?: number | null
  readonly cacheWriteInputTokens?: number | null
}

/** A whole answer. */
export interface WireAnswer extends WireStop, WireMetadata {
  readonly output?: { readonly message?: { readonly content?: readonly WireBlock[] | null } | null } | null
}

/** A whole block: one of these. */
export interface WireBlock {
  readonly text?: string | null
  readonly toolUse?: (WireCall & { readonly input?: unknown }) | null
  readonly reasoningContent?: {
    readonly reasoningText?: { readonly text?: string | null; readonly signature?: string | null } | null
    readonly redactedContent?: string | null
  } | null
  readonly citationsContent?: {
    readonly content?: readonly { readonly text?: string | null }[] | null
    readonly citations?: readonly WireCitation[] | null
  } | null
}

export interface WireCall {
  readonly toolUseId?: string | null
  readonly name?: string | null
  /** `server_tool_use` where the provider runs the tool itself. */
  readonly type?: string | null
}

export interface WireCitation {
  readonly title?: string | null
  readonly location?: { readonly web?: { readonly url?: string | null; readonly domain?: string | null } | null } | null
}
