/**
 * What we read of an answer of generateContent: chunk and whole alike. Everything is optional, and nothing is
 * trusted to be what it should be.
 *
 * @see https://ai.google.dev/api/generate-content (read 2026-11-22)
 */
export interface WireChunk {
  readonly candidates?: readonly WireCandidate[] | null
  readonly promptFeedback?: WireFeedback | null
  readonly usageMetadata?: WireUsage | null
  readonly error?: unknown
}

/** Why there are no candidates. */
export interface WireFeedback {
  readonly blockReason?: WireWord
  readonly blockReasonMessage?: string | null
}

/** A word of a closed list; Vertex may send its number. */
export type WireWord = string | number | null

export interface WireCandidate {
  readonly index?: number | null
  readonly content?: { readonly parts?: readonly WirePart[] | null } | null
  readonly finishReason?: WireWord
  readonly finishMessage?: string | null
  readonly citationMetadata?: WireCitations | null
  readonly groundingMetadata?: WireGrounding | null
  readonly logprobsResult?: WireLogprobs | null
}

export interface WirePart {
  readonly text?: string | null
  readonly thought?: boolean | null
  readonly thoughtSignature?: string | null
  readonly functionCall?: WireFunctionCall | null
  readonly inlineData?: { readonly mimeType?: string | null; readonly data?: string | null } | null
}

export interface WireFunctionCall {
  readonly id?: string | null
  readonly name?: string | null
  readonly args?: unknown
}

/** AI Studio says `citationSources`, Vertex `citations`. */
export interface WireCitations {
  readonly citationSources?: readonly WireCitation[] | null
  readonly citations?: readonly WireCitation[] | null
}

/** Indexes are offsets in bytes. */
export interface WireCitation {
  readonly startIndex?: number | null
  readonly endIndex?: number | null
  readonly uri?: string | null
  readonly title?: string | null
}

export interface WireGrounding {
  readonly groundingChunks?: readonly WireSource[] | null
  readonly groundingSupports?: readonly WireSupport[] | null
}

/** A source: one of these, each with an address of its own. */
export interface WireSource {
  readonly web?: WirePlace | null
  readonly retrievedContext?: WirePlace | null
  readonly maps?: WirePlace | null
  readonly image?: WirePlace | null
}

export interface WirePlace {
  readonly uri?: string | null
  /** Of the page that shows an image. */
  readonly sourceUri?: string | null
  readonly title?: string | null
}

export interface WireSupport {
  readonly segment?: { readonly startIndex?: number | null; readonly endIndex?: number | null } | null
  readonly groundingChunkIndices?: readonly number[] | null
}

export interface WireLogprobs {
  readonly chosenCandidates?: readonly WireToken[] | null
  readonly topCandidates?: readonly { readonly candidates?: readonly WireToken[] | null }[] | null
}

export interface WireToken {
  readonly token?: string | null
  readonly logProbability?: number | null
}

export interface WireUsage {
  readonly promptTokenCount?: number | null
  readonly cachedContentTokenCount?: number | null
  readonly toolUsePromptTokenCount?: number | null
  readonly candidatesTokenCount?: number | null
  readonly thoughtsTokenCount?: number | null
  readonly totalTokenCount?: number | null
  /** AI Studio's word for the tier. */
  readonly serviceTier?: WireWord
  /** Vertex's. */
  readonly trafficType?: WireWord
}
