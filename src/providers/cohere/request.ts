import type { ModelCall } from '../../core/model-call.ts'
import { badRequest } from '../../protocol/error.ts'
import type { UserPart } from '../../protocol/input-item.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { clampEffort } from '../effort.ts'
import { functionTool } from '../function-tool.ts'
import { given, sampling } from '../given.ts'
import { speaking } from '../speaking.ts'
import { thoughtIn } from '../thought.ts'
import { alternate, gatherTurns, spokenIn, type Saying, type SidedTurn, type ToolResult } from '../turns.ts'
import { EFFORTS, THINKING_TOKENS, TOP_P } from './tables.ts'

/** A body for POST /chat, and what had to be changed in it. */
export interface CohereRequest {
  readonly body: JsonObject
  readonly warnings: readonly string[]
}

/** Fields of a body, and of what the client is to be warned. */
interface Worded {
  readonly wire: JsonObject
  readonly warnings: readonly string[]
}

/**
 * Translates a call that holds nothing that Cohere lacks. Deterministic and append-only: the same beginning of a
 * thread gives the same beginning of the messages, so that the provider's prompt cache holds.
 *
 * @throws {ApiError} 400 for a format beside tools.
 */
export function buildCohereRequest(call: ModelCall): CohereRequest {
  const worded = [buildTools(call), buildTopP(call.topP), buildThinking(call), buildLogprobs(call.topLogprobs)]
  const body: JsonObject = {
    model: call.model,
    messages: buildMessages(call),
    ...given('max_tokens', call.maxOutputTokens),
    ...sampling(call),
    ...Object.assign({}, ...worded.map(({ wire }) => wire)),
    ...buildFormat(call),
    stream: call.canStream,
  }
  return { body, warnings: worded.flatMap(({ warnings }) => warnings) }
}

/** The system speaks first, and once: what it says later stands on the user's side. */
function buildMessages(call: ModelCall): readonly JsonObject[] {
  const { system, turns } = alternate(gatherTurns(speaking(call.history, (state) => state !== undefined)))
  const rules = [...(call.instructions === undefined ? [] : [call.instructions]), ...system].join('\n\n')
  return [...(rules === '' ? [] : [{ role: 'system', content: rules }]), ...turns.flatMap(buildTurn)]
}

function buildTurn(turn: SidedTurn): JsonObject[] {
  if (turn.role === 'assistant') return assistantMessage(turn.said)
  const said = turn.parts.length === 0 ? [] : [{ role: 'user', content: content(turn.parts) }]
  return [...turn.results.map(toolMessage), ...said]
}

function assistantMessage(said: readonly Saying[]): JsonObject[] {
  const { text, calls } = spokenIn(said)
  if (text === '' && calls.length === 0) return []
  const toolCalls = calls.map(({ callId, name, arguments: args }) => ({
    id: callId,
    type: 'function',
    function: { name, arguments: args === '' ? '{}' : args },
  }))
  return [
    {
      role: 'assistant',
      ...assistantContent(thoughtIn(said, 'thinking'), text),
      ...given('tool_plan', thoughtIn(said, 'tool_plan') || undefined),
      ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
    },
  ]
}

function assistantContent(thinking: string, text: string): JsonObject {
  if (thinking === '') return text === '' ? {} : { content: text }
  const said = text === '' ? [] : [{ type: 'text', text }]
  return { content: [{ type: 'thinking', thinking }, ...said] }
}

function toolMessage({ callId, output }: ToolResult): JsonObject {
  return { role: 'tool', tool_call_id: callId, content: typeof output === 'string' ? output : content(output) }
}

/** Plain text as a string; parts only where there is more. */
function content(parts: readonly UserPart[]): JsonValue {
  const [only] = parts
  if (parts.length === 1 && only?.type === 'input_text') return only.text
  return parts.flatMap(userPart)
}

function userPart(part: UserPart): JsonObject[] {
  if (part.type === 'input_text') return [{ type: 'text', text: part.text }]
  if (part.type !== 'input_image') return []
  const detail = part.detail === 'original' ? 'high' : (part.detail ?? undefined) // Their high leaves nothing out.
  return [{ type: 'image_url', image_url: { url: part.image_url ?? '', ...given('detail', detail) } }]
}

/** Cohere can be made to call some tool, or none: one that is named is the only one offered. */
function buildTools({ tools, toolChoice: choice }: ModelCall): Worded {
  const offered = typeof choice === 'object' ? tools.filter(({ name }) => name === choice.name) : tools
  if (offered.length === 0) return { wire: {}, warnings: [] }
  const strict = offered.filter((tool) => tool.strict === true)
  const isStrict = strict.length === offered.length
  const force = choice === 'required' || typeof choice === 'object' ? 'REQUIRED' : undefined
  return {
    wire: {
      tools: offered.map(functionTool),
      ...given('strict_tools', isStrict || undefined),
      ...given('tool_choice', choice === 'none' ? 'NONE' : force),
    },
    warnings:
      strict.length === 0 || isStrict
        ? []
        : ['strict of tools was left out: the provider takes it for all tools or for none'],
  }
}

function buildTopP(wanted: number | undefined): Worded {
  if (wanted === undefined) return { wire: {}, warnings: [] }
  const p = Math.min(Math.max(wanted, TOP_P.min), TOP_P.max)
  return { wire: { p }, warnings: p === wanted ? [] : [`top_p ${wanted} was sent as ${p}`] }
}

function buildThinking({ effort: wanted, maxOutputTokens }: ModelCall): Worded {
  if (wanted === undefined) return { wire: {}, warnings: [] }
  if (wanted === 'none') return { wire: { thinking: { type: 'disabled' } }, warnings: [] }
  const { effort = wanted, warnings } = clampEffort(wanted, EFFORTS)
  const budget = THINKING_TOKENS[effort]
  const tokens = budget === undefined ? undefined : Math.min(budget, maxOutputTokens ?? budget)
  return { wire: { thinking: { type: 'enabled', ...given('token_budget', tokens) } }, warnings }
}

function buildLogprobs(rivals: number | undefined): Worded {
  return {
    wire: given('logprobs', rivals === undefined ? undefined : true),
    warnings: rivals ? ['top_logprobs was left out: the provider tells the probability of its own tokens alone'] : [],
  }
}

function buildFormat({ format, tools }: ModelCall): JsonObject {
  if (format.type === 'text') return {}
  if (tools.length > 0) {
    throw badRequest(
      'unsupported_parameter',
      'text.format',
      'This provider takes no text.format beside tools: leave one of them out.',
    )
  }
  // Schemas come from JSON.
  const schema = format.type === 'json_schema' ? (format.schema as JsonObject) : undefined
  return { response_format: { type: 'json_object', ...given('json_schema', schema) } }
}
