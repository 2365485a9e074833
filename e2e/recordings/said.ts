/** Tokens as a recording counts them; a detail that its family has no word for is absent, and not compared. */
export interface CountedUsage {
  readonly input: number
  readonly output: number
  readonly cached?: number
  readonly written?: number
  readonly reasoning?: number
}

/** What a recording says, whatever the wire looked like. */
export interface Said {
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[]
  readonly outcome: 'completed' | 'max_output_tokens' | 'content_filter' | 'failed' | 'error'
  /** Undefined where the recording counts none. */
  readonly usage: CountedUsage | undefined
  readonly refusal: string
  /** What its citations point at, in order: a URL, or the JSON of an annotation without one. */
  readonly annotations: readonly string[]
  /** What its items are, in order, where the family tells them apart. */
  readonly items?: readonly object[]
}
