import type { CallableTool, ModelCall } from '../../core/model-call.ts'
import type { UserPart } from '../../protocol/input-item.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { argumentsObject } from '../call-arguments.ts'
import { imageSource } from '../content.ts'
import { clampEffort } from '../effort.ts'
import { functionTool } from '../function-tool.ts'
import { given, sampling } from '../given.ts'
import { thoughtIn } from '../thought.ts'
import { gatherTurns, spokenIn, type Saying, type ToolResult, type Turn } from '../turns.ts'
import { THINK_LEVELS } from './tables.ts'

/** A body for POST /api/chat, and what had to be changed in it. */
export interface OllamaRequest {
  readonly body: JsonObject
  readonly warnings: readonly string[]
}

/**
 * Translates a call that holds nothing that Ollama lacks. Deterministic and append-only: the same beginning of a
 * thread gives the same beginning of the messages, so that the server's prompt cache holds.
 */
export function buildOllamaRequest(call: ModelCall): OllamaRequest {
  const instructions = call.instructions === undefined ? [] : [{ role: 'system', content: call.instructions }]
  const { tools, warnings } = offerTools(call)
  const think = buildThink(call.effort)
  const body: JsonObject = {
    model: call.model,
    messages: [...instructions, ...gatherTurns(call.history).flatMap(buildTurn)],
    ...(tools.length === 0 ? {} : { tools: tools.map(functionTool) }),
    ...buildFormat(call.format),
    ...buildOptions(call),
    ...think.wire,
    ...given('logprobs', call.topLogprobs === undefined ? undefined : true),
    ...given('top_logprobs', call.topLogprobs || undefined),
    // A thread that is too long is an error, as everywhere: not an answer to what is left of it.
    truncate: false,
    shift: false,
    stream: call.canStream,
  }
  return { body, warnings: [...warnings, ...think.warnings] }
}

function buildTurn(turn: Turn): JsonObject[] {
  switch (turn.role) {
    case 'assistant':
      return assistantMessage(turn.said)
    case 'tool':
      return turn.results.map(toolMessage)
    default:
      return [{ role: turn.role === 'user' ? 'user' : 'system', ...content(turn.parts) }]
  }
}

function assistantMessage(said: readonly Saying[]): JsonObject[] {
  const { text, calls } = spokenIn(said)
  if (text === '' && calls.length === 0) return []
  const toolCalls = calls.map(({ callId, name, arguments: args }, index) => ({
    id: callId,
    type: 'function',
    function: { index, name, arguments: argumentsObject(args) },
  }))
  return [
    {
      role: 'assistant',
      content: text,
      ...given('thinking', thoughtIn(said, 'thinking') || undefined),
      ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
    },
  ]
}

function toolMessage({ callId, name, output }: ToolResult): JsonObject {
  const said = typeof output === 'string' ? { content: output } : content(output)
  return { role: 'tool', ...said, tool_name: name, tool_call_id: callId }
}

/** A text, and its images as bare base64. */
function content(parts: readonly UserPart[]): JsonObject {
  const texts = parts.flatMap((part) => (part.type === 'input_text' ? [part.text] : []))
  const images = parts.flatMap((part) => {
    const source = part.type === 'input_image' ? imageSource(part) : undefined
    return source !== undefined && 'base64' in source ? [source.base64] : []
  })
  return { content: texts.join('\n'), ...(images.length === 0 ? {} : { images }) }
}

/** `tool_choice` is no field of theirs: what may not be called is not offered. */
function offerTools({ tools, toolChoice: choice, format }: ModelCall): {
  tools: readonly CallableTool[]
  warnings: string[]
} {
  if (choice === 'none') return { tools: [], warnings: [] }
  const offered = typeof choice === 'object' ? tools.filter(({ name }) => name === choice.name) : tools
  if (offered.length === 0) return { tools: offered, warnings: [] }
  const isForced = choice === 'required' || typeof choice === 'object'
  return {
    tools: offered,
    warnings: [
      ...(isForced ? ['tool_choice was left out: the provider cannot be made to call a tool'] : []),
      ...(offered.some(({ strict }) => strict === true)
        ? ['strict of tools was left out: the provider does not take it']
        : []),
      ...(format.type === 'text' ? [] : ['text.format beside tools: the provider may call none of them']),
    ],
  }
}

function buildFormat(format: ModelCall['format']): JsonObject {
  if (format.type === 'text') return {}
  return { format: format.type === 'json_object' ? 'json' : (format.schema as JsonValue) } // Schemas come from JSON.
}

function buildOptions(call: ModelCall): JsonObject {
  const options: JsonObject = {
    ...given('num_predict', call.maxOutputTokens),
    ...given('top_p', call.topP),
    ...sampling(call),
  }
  return Object.keys(options).length === 0 ? {} : { options }
}

function buildThink(wanted: ModelCall['effort']): { wire: JsonObject; warnings: readonly string[] } {
  if (wanted === undefined) return { wire: {}, warnings: [] }
  if (wanted === 'none') return { wire: { think: false }, warnings: [] }
  const { effort, warnings } = clampEffort(wanted, THINK_LEVELS)
  return { wire: given('think', effort), warnings }
}
