import { Type, type Static } from 'typebox'
import { Metadata, ReasoningEffort } from './create-request.ts'
import { AnyObject, nullable, tagged } from './optional.ts'
import { OutputItem } from './output-item.ts'
import { TextFormat, Verbosity } from './text-format.ts'
import { ToolChoice } from './tool.ts'
import { Usage } from './usage.ts'

/** States of a response. The last four are terminal: they never change. */
export const RESPONSE_STATUSES = ['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled'] as const

export const ResponseStatus = Type.Enum([...RESPONSE_STATUSES], { $id: 'ResponseStatus' })
export type ResponseStatus = (typeof RESPONSE_STATUSES)[number]

/** Why a response ended before its time. */
export const IncompleteDetails = Type.Object(
  { reason: Type.Enum(['max_output_tokens', 'content_filter']) },
  { $id: 'IncompleteDetails' },
)
export type IncompleteDetails = Static<typeof IncompleteDetails>

/** Why a response failed. `code` stays inside OpenAI's list for this field; `type` is read by the AI SDK. */
export const ResponseError = Type.Object(
  {
    type: Type.String(),
    code: Type.Enum(['server_error', 'rate_limit_exceeded', 'invalid_prompt']),
    message: Type.String(),
  },
  { $id: 'ResponseError' },
)
export type ResponseError = Static<typeof ResponseError>

const EchoedFunction = Type.Object(
  {
    type: Type.Literal('function'),
    name: Type.String(),
    description: nullable(Type.String()),
    parameters: nullable(AnyObject),
    strict: nullable(Type.Boolean()),
  },
  { $id: 'EchoedFunctionTool' },
)

const EchoedOther = Type.Object(
  { type: Type.Enum(['custom', 'namespace', 'tool_search', 'web_search', 'web_search_2025_08_26']) },
  { $id: 'EchoedOtherTool' },
)

/** A tool as the response echoes it. */
export const EchoedTool = tagged([EchoedFunction, EchoedOther], { $id: 'EchoedTool', unknownCode: 'invalid_value' })
export type EchoedTool = Static<typeof EchoedTool>

/** The response object, in every state. All fields are always there, but for `user`. */
export const Response = Type.Object(
  {
    id: Type.String({ pattern: '^resp_[A-Za-z0-9_-]{1,64}$' }),
    object: Type.Literal('response'),
    created_at: Type.Integer(),
    completed_at: nullable(Type.Integer()),
    status: ResponseStatus,
    incomplete_details: nullable(IncompleteDetails),
    model: Type.String(),
    previous_response_id: nullable(Type.String()),
    instructions: nullable(Type.String()),
    output: Type.Array(OutputItem),
    output_text: Type.String(),
    error: nullable(ResponseError),
    tools: Type.Array(EchoedTool),
    tool_choice: ToolChoice,
    truncation: Type.Enum(['auto', 'disabled']),
    parallel_tool_calls: Type.Boolean(),
    text: Type.Object({ format: TextFormat, verbosity: Type.Optional(Verbosity) }),
    top_p: Type.Number(),
    temperature: Type.Number(),
    presence_penalty: Type.Number(),
    frequency_penalty: Type.Number(),
    top_logprobs: Type.Integer(),
    reasoning: nullable(
      Type.Object({
        effort: nullable(ReasoningEffort),
        summary: nullable(Type.Enum(['auto', 'concise', 'detailed'])),
      }),
    ),
    usage: nullable(Usage),
    max_output_tokens: nullable(Type.Integer()),
    max_tool_calls: nullable(Type.Integer()),
    store: Type.Boolean(),
    background: Type.Boolean(),
    service_tier: Type.String(),
    metadata: Metadata,
    safety_identifier: nullable(Type.String()),
    prompt_cache_key: nullable(Type.String()),
    seed: Type.Optional(Type.Integer()),
    user: Type.Optional(Type.String()),
  },
  { $id: 'Response' },
)
export type Response = Static<typeof Response>

/** A state that never changes. */
export type TerminalStatus = Exclude<ResponseStatus, 'queued' | 'in_progress'>

/** Whether a response has reached a state that never changes. */
export function isTerminal(status: ResponseStatus): status is TerminalStatus {
  return status !== 'queued' && status !== 'in_progress'
}
