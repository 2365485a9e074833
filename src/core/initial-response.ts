import type { CreateRequest } from '../protocol/create-request.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { EchoedTool, Response } from '../protocol/response.ts'
import type { RequestedTextFormat, TextFormat } from '../protocol/text-format.ts'
import type { Tool } from '../protocol/tool.ts'

/** What a response is known by before the model has said a word. */
export interface Identity {
  readonly id: ResponseId
  /** Unix time in whole seconds. */
  readonly createdAt: number
}

/** The first snapshot of a response: every field there, nothing said yet. */
export function initialResponse(request: CreateRequest, identity: Identity): Response {
  const background = request.background ?? false
  return {
    id: identity.id,
    object: 'response',
    created_at: identity.createdAt,
    completed_at: null,
    status: background ? 'queued' : 'in_progress',
    incomplete_details: null,
    model: request.model,
    previous_response_id: request.previous_response_id ?? null,
    instructions: request.instructions ?? null,
    output: [],
    output_text: '',
    error: null,
    tools: (request.tools ?? []).map(echoTool),
    tool_choice: request.tool_choice ?? 'auto',
    truncation: request.truncation ?? 'disabled',
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    text: {
      format: flatFormat(request.text?.format ?? { type: 'text' }),
      ...(request.text?.verbosity == null ? {} : { verbosity: request.text.verbosity }),
    },
    top_p: request.top_p ?? 1,
    temperature: request.temperature ?? 1,
    presence_penalty: request.presence_penalty ?? 0,
    frequency_penalty: request.frequency_penalty ?? 0,
    top_logprobs: request.top_logprobs ?? 0,
    reasoning: echoReasoning(request),
    usage: null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    store: request.store ?? true,
    background,
    service_tier: tierOf(request.service_tier ?? 'default'),
    metadata: request.metadata ?? {},
    safety_identifier: request.safety_identifier ?? null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    ...(request.seed == null ? {} : { seed: request.seed }),
    ...(request.user == null ? {} : { user: request.user }),
  }
}

/** Flattens the nested `json_schema` of the API document: both shapes are accepted, the flat one echoed. */
export function flatFormat(format: RequestedTextFormat): TextFormat {
  if (format.type !== 'json_schema') return format
  const { name, schema, description, strict } = 'json_schema' in format ? format.json_schema : format
  return {
    type: 'json_schema',
    name,
    schema,
    ...(description == null ? {} : { description }),
    ...(strict == null ? {} : { strict }),
  }
}

function echoTool(tool: Tool): EchoedTool {
  if (tool.type !== 'function') return tool
  return {
    ...tool,
    description: tool.description ?? null,
    parameters: tool.parameters ?? null,
    strict: tool.strict ?? null,
  }
}

function echoReasoning(request: CreateRequest): Response['reasoning'] {
  const { reasoning } = request
  if (reasoning == null) return null
  const summary = reasoning.summary ?? reasoning.generate_summary ?? null
  return { effort: reasoning.effort ?? null, summary: summary === 'none' ? null : summary }
}

/** `auto` lets the server choose: until the provider says otherwise, that is the default tier. */
function tierOf(requested: string): string {
  return requested === 'auto' ? 'default' : requested
}
