import { Type, type Static } from 'typebox'
import type { JsonValue } from './json.ts'
import { tagged } from './optional.ts'
import { OutputText, ReasoningText, Refusal, SummaryText } from './part.ts'

const Id = Type.String({ minLength: 1 })

/** Where an output item stands. An item that ends `incomplete` was cut short. */
export const OutputItemStatus = Type.Enum(['in_progress', 'completed', 'incomplete'], { $id: 'OutputItemStatus' })
export type OutputItemStatus = Static<typeof OutputItemStatus>

/** What an assistant message is: said on the way to the answer, or the answer. */
export const MessagePhase = Type.Enum(['commentary', 'final_answer'], { $id: 'MessagePhase' })
export type MessagePhase = Static<typeof MessagePhase>

const MessagePart = tagged([OutputText, Refusal], { $id: 'MessagePart', unknownCode: 'invalid_value' })
export type MessagePart = Static<typeof MessagePart>

export const OutputMessage = Type.Object(
  {
    type: Type.Literal('message'),
    id: Id,
    role: Type.Literal('assistant'),
    status: OutputItemStatus,
    content: Type.Array(MessagePart),
    phase: Type.Optional(MessagePhase),
  },
  { $id: 'OutputMessage' },
)
export type OutputMessage = Static<typeof OutputMessage>

export const OutputFunctionCall = Type.Object(
  {
    type: Type.Literal('function_call'),
    id: Id,
    call_id: Id,
    name: Type.String(),
    namespace: Type.Optional(Type.String()),
    arguments: Type.String(),
    status: OutputItemStatus,
  },
  { $id: 'OutputFunctionCall' },
)
export type OutputFunctionCall = Static<typeof OutputFunctionCall>

export const OutputCustomToolCall = Type.Object(
  {
    type: Type.Literal('custom_tool_call'),
    id: Id,
    call_id: Id,
    name: Type.String(),
    namespace: Type.Optional(Type.String()),
    input: Type.String(),
    status: OutputItemStatus,
  },
  { $id: 'OutputCustomToolCall' },
)
export type OutputCustomToolCall = Static<typeof OutputCustomToolCall>

export const OutputToolSearchCall = Type.Object(
  {
    type: Type.Literal('tool_search_call'),
    id: Id,
    call_id: Id,
    execution: Type.Literal('client'),
    arguments: Type.Unknown(),
    status: OutputItemStatus,
  },
  { $id: 'OutputToolSearchCall' },
)
export type OutputToolSearchCall = Static<typeof OutputToolSearchCall>

export const OutputReasoning = Type.Object(
  {
    type: Type.Literal('reasoning'),
    id: Id,
    summary: Type.Array(SummaryText),
    content: Type.Array(ReasoningText),
    encrypted_content: Type.Optional(Type.String()),
    status: OutputItemStatus,
  },
  { $id: 'OutputReasoning' },
)
export type OutputReasoning = Static<typeof OutputReasoning>

const OWN_ITEMS = [OutputMessage, OutputFunctionCall, OutputReasoning, OutputCustomToolCall, OutputToolSearchCall]
const OWN_TYPES: readonly string[] = OWN_ITEMS.map((item) => item.properties.type.const)

/** The type of what we have no schema for. The ending is there for the compiler alone: it tells such types from ours. */
export type NativeType = `${string} (native)`

/**
 * An item of a kind that its provider alone knows, such as a search that it has made by itself: the type is none of
 * ours, or the provider has searched for tools where ours is a call that the client answers.
 */
export interface OutputNativeItem {
  readonly type: NativeType
  readonly id: string
  /** `in_progress` while more of it comes; else whatever the provider calls it, if anything. */
  readonly status?: string
  /** What its provider is told of it on the way back, sealed. */
  readonly encrypted_content?: string
  readonly [field: string]: JsonValue | undefined
}

export const OutputNativeItem = Type.Unsafe<OutputNativeItem>(
  Type.Object(
    {
      type: Type.String(),
      id: Id,
      status: Type.Optional(Type.String()),
      encrypted_content: Type.Optional(Type.String()),
    },
    {
      $id: 'OutputNativeItem',
      additionalProperties: true,
      anyOf: [
        { properties: { type: { not: { enum: OWN_TYPES } } } },
        {
          properties: { type: { const: 'tool_search_call' }, execution: { const: 'server' } },
          required: ['execution'],
        },
      ],
    },
  ),
)

export const OutputItem = tagged(
  [OutputMessage, OutputFunctionCall, OutputReasoning, OutputCustomToolCall, OutputToolSearchCall, OutputNativeItem],
  { $id: 'OutputItem', unknownCode: 'unknown_item_type' },
)
export type OutputItem = Static<typeof OutputItem>

/** Whether an item is one that its provider alone knows. */
export function isNativeItem<Item extends { readonly type: string }>(
  item: Item,
): item is Extract<Item, OutputNativeItem> {
  if (!OWN_TYPES.includes(item.type)) return true
  return item.type === 'tool_search_call' && 'execution' in item && item.execution === 'server'
}
