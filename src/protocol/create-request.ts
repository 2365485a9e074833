import { Type, type Static } from 'typebox'
import { InputItem, INPUT_ITEMS_MAX } from './input-item.ts'
import { nullable, optional } from './optional.ts'
import { RequestedTextFormat, Verbosity } from './text-format.ts'
import { Tool, ToolChoice } from './tool.ts'

/** Most characters of a string `input` (OpenAI's limit). */
export const INPUT_CHARS_MAX = 10_485_760

/** Most tools in one request. */
export const TOOLS_MAX = 128

/** Efforts that a client may ask for. A provider clamps those that it does not have. */
export const ReasoningEffort = Type.Enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'], {
  $id: 'ReasoningEffort',
})
export type ReasoningEffort = Static<typeof ReasoningEffort>

const Summary = Type.Enum(['none', 'auto', 'concise', 'detailed'])

/** A key of any characters: the pattern of a plain string would let keys with a line break pass unchecked. */
const AnyKey = Type.String({ pattern: '^[\\s\\S]*$' })

/** Metadata: at most 16 keys of 64 characters with values of 512. */
export const Metadata = Type.Record(AnyKey, Type.String({ maxLength: 512 }), {
  $id: 'Metadata',
  maxProperties: 16,
  propertyNames: { maxLength: 64 },
})
export type Metadata = Static<typeof Metadata>

/** Extra output that a client may ask for. */
export const INCLUDE_VALUES = [
  'reasoning.encrypted_content',
  'message.output_text.logprobs',
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'message.input_image.image_url',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
] as const

/** The body of POST /responses, as a client may send it. Fields that it does not name are ignored. */
export const CreateRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 512, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
    input: Type.Union([
      Type.String({ maxLength: INPUT_CHARS_MAX }),
      Type.Array(InputItem, { maxItems: INPUT_ITEMS_MAX, 'x-too-many-code': 'too_many_items' }),
    ]),
    instructions: optional(Type.String()),
    max_output_tokens: optional(Type.Integer({ minimum: 16, maximum: Number.MAX_SAFE_INTEGER })),
    temperature: optional(Type.Number({ minimum: 0, maximum: 2 })),
    top_p: optional(Type.Number({ minimum: 0, maximum: 1 })),
    tools: optional(Type.Array(Tool, { maxItems: TOOLS_MAX, 'x-too-many-code': 'too_many_tools' })),
    tool_choice: optional(ToolChoice),
    parallel_tool_calls: optional(Type.Boolean()),
    stream: optional(Type.Boolean({ default: false })),
    store: optional(Type.Boolean({ default: true })),
    previous_response_id: optional(Type.String()),
    reasoning: optional(
      Type.Object({
        effort: optional(ReasoningEffort),
        summary: optional(Summary),
        generate_summary: optional(Summary),
      }),
    ),
    text: optional(Type.Object({ format: optional(RequestedTextFormat), verbosity: optional(Verbosity) })),
    metadata: optional(Metadata),
    truncation: optional(Type.Enum(['auto', 'disabled'])),
    user: optional(Type.String()),
    seed: optional(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
    background: optional(Type.Boolean()),
    service_tier: optional(Type.Enum(['auto', 'default', 'flex', 'priority'])),
    include: optional(Type.Array(Type.Enum([...INCLUDE_VALUES]))),
    max_tool_calls: optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    top_logprobs: optional(Type.Integer({ minimum: 0, maximum: 20 })),
    presence_penalty: optional(Type.Number({ minimum: -2, maximum: 2 })),
    frequency_penalty: optional(Type.Number({ minimum: -2, maximum: 2 })),
    safety_identifier: optional(Type.String({ maxLength: 128 })),
    prompt_cache_key: optional(Type.String({ maxLength: 1024 })),
    stream_options: optional(Type.Object({ include_obfuscation: optional(Type.Boolean()) })),
    conversation: Type.Optional(nullable(Type.Unknown())),
    prompt: Type.Optional(nullable(Type.Unknown())),
  },
  { $id: 'CreateRequest' },
)
export type CreateRequest = Static<typeof CreateRequest>
