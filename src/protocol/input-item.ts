import { Type, type Static } from 'typebox'
import type { JsonValue } from './json.ts'
import { optional, tagged } from './optional.ts'
import type { NativeType } from './output-item.ts'
import { InputFile, InputImage, InputText, ReasoningText, Refusal, ReplayedText, SummaryText } from './part.ts'
import { TOOL_NAME_CHARS_MAX, Tool } from './tool.ts'

/** Most input items in one request. */
export const INPUT_ITEMS_MAX = 10_000

/** Most parts in one message or tool output. */
export const PARTS_MAX = 10_000

const ItemId = Type.String({ minLength: 1, maxLength: 256 })
const CallId = Type.String({ minLength: 1, maxLength: 256 })
const ToolName = Type.String({ minLength: 1, maxLength: TOOL_NAME_CHARS_MAX })
const ItemStatus = Type.Enum(['in_progress', 'completed', 'incomplete'])

const bookkeeping = { id: optional(ItemId), status: optional(ItemStatus) }

const UserPart = tagged([InputText, InputImage, InputFile], { $id: 'UserPart', unknownCode: 'invalid_value' })
export type UserPart = Static<typeof UserPart>

const AssistantPart = tagged([ReplayedText, Refusal, InputText], {
  $id: 'AssistantPart',
  unknownCode: 'invalid_value',
})

const UserMessage = Type.Object(
  {
    ...bookkeeping,
    type: Type.Optional(Type.Literal('message')),
    role: Type.Enum(['user', 'system', 'developer']),
    content: Type.Union([Type.String(), Type.Array(UserPart, { minItems: 1, maxItems: PARTS_MAX })]),
  },
  { $id: 'UserMessage', title: 'A message with role and content' },
)

const AssistantMessage = Type.Object(
  {
    ...bookkeeping,
    type: Type.Optional(Type.Literal('message')),
    role: Type.Literal('assistant'),
    content: Type.Union([Type.String(), Type.Array(AssistantPart, { maxItems: PARTS_MAX })]),
    phase: optional(Type.String()),
  },
  { $id: 'AssistantMessage', title: 'A message that the model wrote' },
)

const Message = tagged([UserMessage, AssistantMessage], {
  $id: 'InputMessage',
  unknownCode: 'invalid_value',
  propertyName: 'role',
})

const FunctionCall = Type.Object(
  {
    ...bookkeeping,
    type: Type.Literal('function_call'),
    call_id: CallId,
    name: ToolName,
    namespace: optional(Type.String()),
    arguments: Type.String(),
  },
  { $id: 'InputFunctionCall', title: 'A tool/function call made by the model' },
)

const ToolOutput = Type.Union([Type.String(), Type.Array(UserPart, { maxItems: PARTS_MAX })])

const FunctionCallOutput = Type.Object(
  { ...bookkeeping, type: Type.Literal('function_call_output'), call_id: CallId, output: ToolOutput },
  { $id: 'InputFunctionCallOutput', title: 'The result of a tool/function call' },
)

const CustomToolCall = Type.Object(
  {
    ...bookkeeping,
    type: Type.Literal('custom_tool_call'),
    call_id: CallId,
    name: ToolName,
    namespace: optional(Type.String()),
    input: Type.String(),
  },
  { $id: 'InputCustomToolCall' },
)

const CustomToolCallOutput = Type.Object(
  { ...bookkeeping, type: Type.Literal('custom_tool_call_output'), call_id: CallId, output: ToolOutput },
  { $id: 'InputCustomToolCallOutput' },
)

const Reasoning = Type.Object(
  {
    ...bookkeeping,
    type: Type.Literal('reasoning'),
    summary: optional(Type.Array(SummaryText)),
    content: optional(Type.Array(ReasoningText)),
    encrypted_content: optional(Type.String()),
  },
  { $id: 'InputReasoning' },
)

const ItemReference = Type.Object(
  { type: Type.Literal('item_reference'), id: ItemId },
  { $id: 'ItemReference', title: 'An item stored earlier, by its id' },
)

const ToolSearchCall = Type.Object(
  {
    ...bookkeeping,
    type: Type.Literal('tool_search_call'),
    call_id: optional(CallId),
    arguments: Type.Optional(Type.Unknown()),
  },
  { $id: 'InputToolSearchCall' },
)

const ToolSearchOutput = Type.Object(
  {
    ...bookkeeping,
    type: Type.Literal('tool_search_output'),
    call_id: optional(CallId),
    tools: Type.Array(Tool),
  },
  { $id: 'InputToolSearchOutput' },
)

const AdditionalTools = Type.Object(
  { ...bookkeeping, type: Type.Literal('additional_tools'), role: optional(Type.String()), tools: Type.Array(Tool) },
  { $id: 'AdditionalTools', title: 'Further tools, offered from here on' },
)

/**
 * Items of hosted tools that a client plays back from elsewhere. They are stored and listed, and left
 * out of the model call with a warning.
 */
export const FOREIGN_ITEM_TYPES = [
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'computer_call',
  'computer_call_output',
  'local_shell_call',
  'local_shell_call_output',
  'shell_call',
  'shell_call_output',
  'apply_patch_call',
  'apply_patch_call_output',
  'mcp_list_tools',
  'mcp_approval_request',
  'mcp_approval_response',
  'mcp_call',
  'compaction',
] as const

const ForeignItem = Type.Object(
  { id: optional(ItemId), type: Type.Enum([...FOREIGN_ITEM_TYPES]) },
  { $id: 'ForeignItem', title: 'An item of a hosted tool, played back' },
)

const OWN_TYPES = [
  'message',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
  'reasoning',
  'item_reference',
  'tool_search_call',
  'tool_search_output',
  'additional_tools',
  ...FOREIGN_ITEM_TYPES,
]

interface InputNativeItem {
  readonly type: NativeType
  readonly id?: string | null
  readonly encrypted_content: string
  readonly [field: string]: JsonValue | undefined
}

/** An item of a kind that its provider alone knows, as it was given out: sealed. Others of unknown types are refused. */
const InputNativeItem = Type.Unsafe<InputNativeItem>(
  Type.Object(
    { id: optional(ItemId), type: Type.String({ not: { enum: OWN_TYPES } }), encrypted_content: Type.String() },
    { $id: 'InputNativeItem', title: 'An item that its provider alone knows, played back' },
  ),
)

export const InputItem = tagged(
  [
    Message,
    FunctionCall,
    FunctionCallOutput,
    CustomToolCall,
    CustomToolCallOutput,
    Reasoning,
    ItemReference,
    ToolSearchCall,
    ToolSearchOutput,
    AdditionalTools,
    ForeignItem,
    InputNativeItem,
  ],
  { $id: 'InputItem', fallback: 'message', unknownCode: 'unknown_item_type' },
)
export type InputItem = Static<typeof InputItem>

/** Whether an item is a message: the only one that may do without a type. */
export function isMessage(item: InputItem): item is Extract<InputItem, { content: unknown; role: string }> {
  return item.type === undefined || item.type === 'message'
}
