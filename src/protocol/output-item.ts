import { Type, type Static } from 'typebox'
import { tagged } from './optional.ts'
import { OutputText, ReasoningText, Refusal, SummaryText } from './part.ts'

const Id = Type.String({ minLength: 1 })

/** Where an output item stands. An item that ends `incomplete` was cut short. */
export const OutputItemStatus = Type.Enum(['in_progress', 'completed', 'incomplete'], { $id: 'OutputItemStatus' })
export type OutputItemStatus = Static<typeof OutputItemStatus>

const MessagePart = tagged([OutputText, Refusal], { $id: 'MessagePart', unknownCode: 'invalid_value' })
export type MessagePart = Static<typeof MessagePart>

export const OutputMessage = Type.Object(
  {
    type: Type.Literal('message'),
    id: Id,
    role: Type.Literal('assistant'),
    status: OutputItemStatus,
    content: Type.Array(MessagePart),
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

export const OutputItem = tagged(
  [OutputMessage, OutputFunctionCall, OutputReasoning, OutputCustomToolCall, OutputToolSearchCall],
  { $id: 'OutputItem', unknownCode: 'unknown_item_type' },
)
export type OutputItem = Static<typeof OutputItem>
