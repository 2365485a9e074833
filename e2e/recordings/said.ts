/** What a recording says, whatever the wire looked like. */
export interface Said {
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[]
  readonly outcome: 'completed' | 'max_output_tokens' | 'content_filter' | 'failed' | 'error'
  /** Input and output tokens; undefined where the recording counts none. */
  readonly usage: { readonly input: number; readonly output: number } | undefined
  readonly refusal: string
  /** What its citations point at, in order: a URL, or the JSON of an annotation without one. */
  readonly annotations: readonly string[]
  /** What its items are, in order, where the family tells them apart. */
  readonly items?: readonly object[]
}
