import type { JsonValue } from '../protocol/json.ts'
import type { Annotation, Logprob } from '../protocol/part.ts'
import type { Usage } from '../protocol/usage.ts'

/** Why the model stopped. `stop` also stands for "it wants its tools run". */
export type StopReason = 'stop' | 'max_output_tokens' | 'content_filter'

/** What kind of tool a call is for, as the client offered it. */
export type ToolKind = 'function' | 'custom' | 'tool_search'

/** A call begins. `callId` is unique within the response; arguments follow under the same id. */
export interface ToolCallEvent {
  readonly type: 'tool_call'
  readonly callId: string
  readonly name: string
  /** Absent from adapters: set where the name is mapped back to the tool that the client offered. */
  readonly kind?: ToolKind
  readonly namespace?: string
}

/** The model ended its turn, with all that the provider said about it. */
export interface FinishEvent {
  readonly type: 'finish'
  readonly reason: StopReason
  /** Absent where the provider reported none. */
  readonly usage?: Usage
  /** The tier that the provider says it served. */
  readonly serviceTier?: string
}

/**
 * What a provider said, in neutral words. Adapters yield only these; ids, indexes, opening, closing
 * and numbering are the core's business.
 */
export type ModelEvent =
  | { readonly type: 'text'; readonly text: string; readonly logprobs?: readonly Logprob[] }
  | { readonly type: 'refusal'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  /** What the provider wants back with the next turn, byte for byte: signatures, encrypted thinking. */
  | { readonly type: 'reasoning_state'; readonly state: JsonValue }
  | { readonly type: 'annotation'; readonly annotation: Annotation }
  | ToolCallEvent
  | { readonly type: 'tool_arguments'; readonly callId: string; readonly delta: string }
  | FinishEvent

/** A model event as `decide` takes it: reasoning state is sealed by then, the finish handled apart. */
export type OutputEvent =
  | Exclude<ModelEvent, { type: 'reasoning_state' } | { type: 'finish' }>
  | { readonly type: 'reasoning_seal'; readonly sealed: string }
