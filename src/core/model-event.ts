import type { JsonObject, JsonValue } from '../protocol/json.ts'
import type { MessagePhase } from '../protocol/output-item.ts'
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
  /**
   * Present where the call is one of the client's own tool: set where the name is mapped back to it, and by adapters
   * of providers that were offered the tool as it is. The arguments are then what such a tool is given.
   */
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
 * An output item of a kind that only its provider knows; it is whole, unless it is open: then what happens inside it
 * and its end follow.
 */
export interface NativeItemEvent {
  readonly type: 'native'
  /** As the provider words it, under its own id. */
  readonly item: JsonObject
  readonly isOpen?: boolean
  /** Absent from adapters: what its provider will be told of it, for a whole item. */
  readonly sealed?: string
}

/** Something happens inside an open native item. */
export interface NativeInsideEvent {
  readonly type: 'native_event'
  /** How many native items have begun since. */
  readonly back: number
  /** As the provider words it. */
  readonly event: JsonObject
}

/** An open native item is whole. */
export interface NativeEndEvent {
  readonly type: 'native_end'
  /** How many native items have begun since. */
  readonly back: number
  readonly item: JsonObject
  /** Absent from adapters, as above. */
  readonly sealed?: string
}

/** A provider broke its own protocol: arguments for a call that never began, or after it ended. */
export class ModelEventError extends Error {
  override readonly name = 'ModelEventError'
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
  /** What follows is said apart: a message of its own (of this phase, if one is given), or a further part of a summary. */
  | { readonly type: 'break'; readonly phase?: MessagePhase }
  | NativeItemEvent
  | NativeInsideEvent
  | NativeEndEvent
  | FinishEvent

/** A model event as `decide` takes it: reasoning state is sealed by then, the finish handled apart. */
export type OutputEvent =
  | Exclude<ModelEvent, { type: 'reasoning_state' } | { type: 'finish' }>
  | { readonly type: 'reasoning_seal'; readonly sealed: string }
