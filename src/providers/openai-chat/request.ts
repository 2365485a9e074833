import type { AssistantPart, CallableChoice, ModelCall } from '../../core/model-call.ts'
import type { UserPart } from '../../protocol/input-item.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import type { TextFormat } from '../../protocol/text-format.ts'
import { callIdFor } from '../call-id.ts'
import { clampEffort } from '../effort.ts'
import { given } from '../given.ts'
import { gatherTurns, type Saying, type ToolResult, type Turn } from '../turns.ts'
import type { Quirks } from './tables.ts'

/** A body for POST /chat/completions, and what had to be changed in it. */
export interface ChatRequest {
  readonly body: JsonObject
  readonly warnings: readonly string[]
}

type Message = { readonly [key: string]: JsonValue }

/**
 * Translates a call that holds nothing that the dialect lacks. Deterministic and append-only: the same beginning of
 * a thread gives the same beginning of the messages, so that the provider's prompt cache holds.
 */
export function buildChatRequest(call: ModelCall, quirks: Quirks): ChatRequest {
  const instructions: Message[] =
    call.instructions === undefined ? [] : [{ role: roleOf('developer', quirks), content: call.instructions }]
  const { wire: effort, warnings } = buildEffort(call.effort, quirks)
  const body: JsonObject = {
    model: call.model,
    messages: [...instructions, ...gatherTurns(call.history).flatMap((turn) => buildTurn(turn, quirks))],
    ...buildTools(call),
    ...given(quirks.maxTokensField, call.maxOutputTokens),
    ...given('temperature', call.temperature),
    ...given('top_p', call.topP),
    ...given('presence_penalty', call.presencePenalty),
    ...given('frequency_penalty', call.frequencyPenalty),
    ...given(quirks.seedField, call.seed),
    ...given('user', call.user),
    ...given('logprobs', call.topLogprobs === undefined ? undefined : true),
    ...given('top_logprobs', call.topLogprobs || undefined),
    ...given('service_tier', call.serviceTier),
    ...given('verbosity', call.verbosity),
    ...given('prompt_cache_key', call.promptCacheKey),
    ...given('safety_identifier', call.safetyIdentifier),
    ...effort,
    ...buildFormat(call.format),
    ...(call.canStream ? { stream: true } : {}),
    ...(call.canStream && quirks.fields.has('stream_options') ? { stream_options: { include_usage: true } } : {}),
  }
  return { body, warnings }
}

function roleOf(role: 'user' | 'system' | 'developer', quirks: Quirks): string {
  return role === 'developer' && !quirks.developerRole ? 'system' : role
}

function buildTurn(turn: Turn, quirks: Quirks): Message[] {
  switch (turn.role) {
    case 'assistant':
      return assistantMessage(turn.said, quirks)
    case 'tool':
      return turn.results.map((result) => toolMessage(result, quirks))
    default:
      return [{ role: roleOf(turn.role, quirks), content: userContent(turn.parts) }]
  }
}

/** What an assistant turn is made of while its items are gathered: one message upstream. */
interface Gathered {
  readonly text: AssistantPart[]
  readonly calls: Message[]
  readonly states: JsonObject[]
}

function gather(said: readonly Saying[], quirks: Quirks): Gathered {
  const gathered: Gathered = { text: [], calls: [], states: [] }
  for (const item of said) {
    if (item.type === 'message') gathered.text.push(...item.parts)
    if (item.type === 'reasoning' && isJsonObject(item.state)) gathered.states.push(item.state)
    if (item.type === 'function_call') {
      const signature = gathered.states.find((state) => state['call_id'] === item.callId)?.['extra_content']
      gathered.calls.push({
        id: wireCallId(item.callId, quirks),
        type: 'function',
        function: { name: item.name, arguments: item.arguments === '' ? '{}' : item.arguments },
        ...given('extra_content', signature),
      })
    }
  }
  return gathered
}

function assistantMessage(said: readonly Saying[], quirks: Quirks): Message[] {
  const turn = gather(said, quirks)
  const text = turn.text.map((part) => (part.type === 'output_text' ? part.text : '')).join('')
  const refusal = turn.text.map((part) => (part.type === 'refusal' ? part.refusal : '')).join('')
  const states = turn.states.filter((state) => state['call_id'] === undefined)
  if (text === '' && refusal === '' && turn.calls.length === 0) return []
  return [
    {
      role: 'assistant',
      content: text === '' ? (turn.calls.length > 0 ? null : refusal) : text,
      ...(turn.calls.length === 0 ? {} : { tool_calls: turn.calls }),
      ...mergeStates(states),
      ...replayed(states, quirks),
    },
  ]
}

/** What this provider itself has thought in the turn, as the dialect wants it back. */
function replayed(states: readonly JsonObject[], { replayReasoning: field, needsReasoning }: Quirks): JsonObject {
  if (field === null) return {}
  const thoughts = states.flatMap(({ [field]: text }) => (typeof text === 'string' ? [text] : []))
  return thoughts.length === 0 && !needsReasoning ? {} : { [field]: thoughts.join('\n\n') }
}

/** The reasoning states of one turn as one: details are gathered, of everything else the last counts. */
function mergeStates(states: readonly JsonObject[]): JsonObject {
  const merged: JsonObject = Object.assign({}, ...states)
  const details = states.flatMap(({ reasoning_details: list }) => (Array.isArray(list) ? (list as JsonValue[]) : []))
  return details.length === 0 ? merged : { ...merged, reasoning_details: details }
}

function toolMessage({ callId, output }: ToolResult, quirks: Quirks): Message {
  const content = typeof output === 'string' ? output : userContent(output)
  return { role: 'tool', tool_call_id: wireCallId(callId, quirks), content }
}

/** Plain text as a string, which every server reads; parts only where there is more than text. */
function userContent(parts: readonly UserPart[]): JsonValue {
  const [only] = parts
  if (parts.length === 1 && only?.type === 'input_text') return only.text
  return parts.map(userPart)
}

function userPart(part: UserPart): JsonObject {
  if (part.type === 'input_text') return { type: 'text', text: part.text }
  if (part.type === 'input_image') {
    const detail = given('detail', part.detail ?? undefined)
    return { type: 'image_url', image_url: { url: part.image_url ?? '', ...detail } }
  }
  // A URL that was fetched stands here as a data URL.
  return { type: 'file', file: { filename: part.filename ?? 'file', file_data: part.file_data ?? part.file_url ?? '' } }
}

function wireCallId(callId: string, { callId: form }: Quirks): string {
  return form === null ? callId : callIdFor(callId, form)
}

/** Providers refuse an empty list of tools and a choice without tools: neither is sent. */
function buildTools(call: ModelCall): JsonObject {
  if (call.tools.length === 0) return {}
  return {
    tools: call.tools.map((tool) => ({
      type: 'function',
      function: {
        name: tool.name,
        ...given('description', tool.description),
        // Parameters come from JSON.
        ...given('parameters', tool.parameters as JsonObject | undefined),
        ...given('strict', tool.strict),
      },
    })),
    ...given('tool_choice', call.toolChoice === undefined ? undefined : wireChoice(call.toolChoice)),
    ...given('parallel_tool_calls', call.parallelToolCalls),
  }
}

function wireChoice(choice: CallableChoice): JsonValue {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } }
}

function buildEffort(wanted: ModelCall['effort'], quirks: Quirks) {
  if (wanted === undefined) return { wire: {}, warnings: [] }
  const { effort, warnings } = clampEffort(wanted, quirks.efforts)
  const wire = quirks.effort === 'reasoning.effort' ? { reasoning: { effort } } : { reasoning_effort: effort }
  return { wire: effort === undefined ? {} : (wire as JsonObject), warnings }
}

function buildFormat(format: TextFormat): JsonObject {
  if (format.type === 'text') return {}
  if (format.type === 'json_object') return { response_format: { type: 'json_object' } }
  const { name, schema, description, strict } = format
  return {
    response_format: {
      type: 'json_schema',
      json_schema: {
        name,
        ...given('description', description ?? undefined),
        schema: schema as JsonObject, // Schemas come from JSON.
        ...given('strict', strict ?? undefined),
      },
    },
  }
}
