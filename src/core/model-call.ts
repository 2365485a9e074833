import type { JsonObject, JsonValue } from '../protocol/json.ts'
import type { MessagePhase } from '../protocol/output-item.ts'
import type { Metadata, ReasoningEffort } from '../protocol/create-request.ts'
import type { UserPart } from '../protocol/input-item.ts'
import type { AnyObject } from '../protocol/optional.ts'
import type { TextFormat, Verbosity } from '../protocol/text-format.ts'

/** Something an assistant said earlier. */
export type AssistantPart =
  | { readonly type: 'output_text'; readonly text: string }
  | { readonly type: 'refusal'; readonly refusal: string }

/** One entry of the conversation as a provider is shown it, oldest first. */
export type HistoryItem =
  | { readonly type: 'message'; readonly role: 'user' | 'system' | 'developer'; readonly parts: readonly UserPart[] }
  | {
      readonly type: 'message'
      readonly role: 'assistant'
      readonly parts: readonly AssistantPart[]
      readonly phase?: MessagePhase
    }
  /** `name` is the name that the provider knows: see `core/tool-names.ts`. */
  | {
      readonly type: 'function_call'
      readonly callId: string
      readonly name: string
      readonly arguments: string
      readonly origin?: CallOrigin
    }
  | { readonly type: 'function_call_output'; readonly callId: string; readonly output: string | readonly UserPart[] }
  /** `state` is what this provider said under `reasoning_state`; absent where another provider said it. */
  | { readonly type: 'reasoning'; readonly text: string; readonly state: JsonValue | undefined }
  /** An item that this provider alone knows, as it came; it is never there where another provider said it. */
  | { readonly type: 'native'; readonly item: JsonObject }

/** A call as the client knows it, where that is more than one of a function: for providers that know such calls. */
export type CallOrigin =
  | { readonly kind: 'function'; readonly name: string; readonly namespace: string }
  | { readonly kind: 'custom'; readonly name: string; readonly namespace?: string; readonly input: string }
  | { readonly kind: 'tool_search' }

/** What several tools have in common. */
export interface ToolNamespace {
  readonly name: string
  readonly description?: string
}

/** A tool as the client offered it, where that was more than a function: for providers that know such tools. */
export type ToolOrigin =
  | { readonly kind: 'function'; readonly name: string; readonly namespace: ToolNamespace }
  | {
      readonly kind: 'custom'
      readonly name: string
      readonly description?: string
      /** Such as a grammar. */
      readonly format?: AnyObject
      readonly namespace?: ToolNamespace
    }
  | { readonly kind: 'tool_search' }

/** A function as every provider knows it. */
export interface CallableTool {
  readonly name: string
  readonly description: string | undefined
  readonly parameters: AnyObject | undefined
  readonly strict: boolean | undefined
  readonly origin?: ToolOrigin
}

/** How the model may use its tools. */
export type CallableChoice = 'auto' | 'none' | 'required' | { readonly name: string }

/** How a provider that does not show its thinking as it is sums it up. */
export type ReasoningSummary = 'auto' | 'concise' | 'detailed'

/** Everything an adapter needs for one model call. Absent settings were not given by the client. */
export interface ModelCall {
  /** Begins the ids of tool calls that the provider leaves without one; unique to the response. */
  readonly callIdPrefix: string
  /** The model's name at the provider. */
  readonly model: string
  readonly instructions: string | undefined
  readonly history: readonly HistoryItem[]
  readonly tools: readonly CallableTool[]
  readonly toolChoice: CallableChoice | undefined
  /** All tools, where the choice allows some alone: for providers that keep to it themselves, and cache what they know. */
  readonly allTools?: readonly CallableTool[] | undefined
  readonly parallelToolCalls: boolean | undefined
  readonly maxOutputTokens: number | undefined
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly presencePenalty: number | undefined
  readonly frequencyPenalty: number | undefined
  readonly seed: number | undefined
  /** 0 to 20 rivals per token; undefined where no log probabilities are wanted. */
  readonly topLogprobs: number | undefined
  readonly format: TextFormat
  readonly verbosity: Verbosity | undefined
  readonly effort: ReasoningEffort | undefined
  readonly summary?: ReasoningSummary | undefined
  readonly user: string | undefined
  readonly safetyIdentifier: string | undefined
  readonly promptCacheKey: string | undefined
  readonly serviceTier: string | undefined
  readonly metadata: Metadata | undefined
  /** Whether the provider can stream this model; a provider that cannot is read whole. */
  readonly canStream: boolean
}
