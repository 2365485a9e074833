import { createHash } from 'node:crypto'
import type { AssistantPart, CallableChoice, HistoryItem, ModelCall } from '../../core/model-call.ts'
import { badRequest } from '../../protocol/error.ts'
import type { UserPart } from '../../protocol/input-item.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import type { TextFormat } from '../../protocol/text-format.ts'
import type { OptionalField, Quirks } from './tables.ts'

/** A body for POST /chat/completions, and what had to be left out of it. */
export interface ChatRequest {
  readonly body: JsonObject
  readonly warnings: readonly string[]
}

type Message = { readonly [key: string]: JsonValue }

/**
 * Translates a call. Deterministic and append-only: the same beginning of a thread gives the same
 * beginning of the messages, so that the provider's prompt cache holds.
 *
 * @throws {ApiError} What the dialect lacks and must not be dropped: a JSON schema, a URL.
 */
export function buildChatRequest(call: ModelCall, quirks: Quirks, forwardsUrls: boolean): ChatRequest {
  const warnings: string[] = []
  const take = (field: OptionalField, value: JsonValue | undefined, wire: JsonObject): JsonObject => {
    if (value === undefined) return {}
    if (quirks.fields.has(field)) return wire
    warnings.push(`${field} was left out: the provider does not take it`)
    return {}
  }
  const instructions: Message[] =
    call.instructions === undefined ? [] : [{ role: roleOf('developer', quirks), content: call.instructions }]
  const body: JsonObject = {
    model: call.model,
    messages: [...instructions, ...buildMessages(call.history, quirks, forwardsUrls)],
    ...buildTools(call, take),
    ...given(quirks.maxTokensField, call.maxOutputTokens),
    ...given('temperature', call.temperature),
    ...given('top_p', call.topP),
    ...take('presence_penalty', call.presencePenalty, given('presence_penalty', call.presencePenalty)),
    ...take('frequency_penalty', call.frequencyPenalty, given('frequency_penalty', call.frequencyPenalty)),
    ...take('seed', call.seed, given('seed', call.seed)),
    ...take('user', call.user, given('user', call.user)),
    ...take('logprobs', call.topLogprobs, { logprobs: true, ...given('top_logprobs', call.topLogprobs || undefined) }),
    ...take('service_tier', call.serviceTier, given('service_tier', call.serviceTier)),
    ...take('verbosity', call.verbosity, given('verbosity', call.verbosity)),
    ...take('prompt_cache_key', call.promptCacheKey, given('prompt_cache_key', call.promptCacheKey)),
    ...take('safety_identifier', call.safetyIdentifier, given('safety_identifier', call.safetyIdentifier)),
    ...buildEffort(call.effort, quirks, warnings),
    ...buildFormat(call.format, quirks),
    ...(call.canStream ? { stream: true } : {}),
    ...(call.canStream && quirks.fields.has('stream_options') ? { stream_options: { include_usage: true } } : {}),
  }
  return { body, warnings }
}

function given(field: string, value: JsonValue | undefined): JsonObject {
  return value === undefined ? {} : { [field]: value }
}

function roleOf(role: 'user' | 'system' | 'developer', quirks: Quirks): string {
  return role === 'developer' && !quirks.developerRole ? 'system' : role
}

/** What an assistant turn is made of while its items are gathered: one message upstream. */
interface Turn {
  readonly text: AssistantPart[]
  readonly calls: Message[]
  readonly reasoning: string[]
  readonly states: JsonObject[]
}

function buildMessages(history: readonly HistoryItem[], quirks: Quirks, forwardsUrls: boolean): Message[] {
  const messages: Message[] = []
  let turn: Turn | undefined
  const flush = () => {
    if (turn !== undefined) messages.push(...assistantMessage(turn, quirks))
    turn = undefined
  }
  for (const item of history) {
    if (item.type === 'function_call_output') {
      flush()
      messages.push(toolMessage(item, quirks, forwardsUrls))
    } else if (item.type === 'message' && item.role !== 'assistant') {
      flush()
      messages.push({ role: roleOf(item.role, quirks), content: userContent(item.parts, quirks, forwardsUrls) })
    } else {
      // An assistant that speaks after its calls has begun another turn.
      if (turn !== undefined && turn.calls.length > 0 && item.type === 'message') flush()
      turn ??= { text: [], calls: [], reasoning: [], states: [] }
      addToTurn(turn, item, quirks)
    }
  }
  flush()
  return messages
}

function addToTurn(turn: Turn, item: HistoryItem, quirks: Quirks): void {
  if (item.type === 'message' && item.role === 'assistant') turn.text.push(...item.parts)
  if (item.type === 'reasoning') {
    if (item.text !== '') turn.reasoning.push(item.text)
    if (isJsonObject(item.state)) turn.states.push(item.state)
  }
  if (item.type === 'function_call') {
    const signature = turn.states.find((state) => state['call_id'] === item.callId)?.['extra_content']
    turn.calls.push({
      id: callIdFor(item.callId, quirks),
      type: 'function',
      function: { name: item.name, arguments: item.arguments === '' ? '{}' : item.arguments },
      ...(signature === undefined ? {} : { extra_content: signature }),
    })
  }
}

function assistantMessage(turn: Turn, quirks: Quirks): Message[] {
  const text = turn.text.map((part) => (part.type === 'output_text' ? part.text : '')).join('')
  const refusal = turn.text.map((part) => (part.type === 'refusal' ? part.refusal : '')).join('')
  const reasoning = turn.reasoning.join('\n\n')
  const states = turn.states.filter((state) => state['call_id'] === undefined)
  if (text === '' && refusal === '' && turn.calls.length === 0) return []
  return [
    {
      role: 'assistant',
      content: text === '' ? (turn.calls.length > 0 ? null : refusal) : text,
      ...(turn.calls.length === 0 ? {} : { tool_calls: turn.calls }),
      ...(quirks.replayReasoning === null || reasoning === '' ? {} : { [quirks.replayReasoning]: reasoning }),
      ...mergeStates(states),
    },
  ]
}

/** The reasoning states of one turn as one: details are gathered, of everything else the last counts. */
function mergeStates(states: readonly JsonObject[]): JsonObject {
  const merged: JsonObject = Object.assign({}, ...states)
  const details = states.flatMap(({ reasoning_details: list }) => (Array.isArray(list) ? (list as JsonValue[]) : []))
  return details.length === 0 ? merged : { ...merged, reasoning_details: details }
}

function toolMessage(
  item: Extract<HistoryItem, { type: 'function_call_output' }>,
  quirks: Quirks,
  forwardsUrls: boolean,
): Message {
  const content = typeof item.output === 'string' ? item.output : userContent(item.output, quirks, forwardsUrls)
  return { role: 'tool', tool_call_id: callIdFor(item.callId, quirks), content }
}

/** Plain text as a string, which every server reads; parts only where there is more than text. */
function userContent(parts: readonly UserPart[], quirks: Quirks, forwardsUrls: boolean): JsonValue {
  const [only] = parts
  if (parts.length === 1 && only?.type === 'input_text') return only.text
  return parts.map((part) => userPart(part, quirks, forwardsUrls))
}

function userPart(part: UserPart, quirks: Quirks, forwardsUrls: boolean): JsonObject {
  if (part.type === 'input_text') return { type: 'text', text: part.text }
  const url = part.type === 'input_image' ? part.image_url : part.file_url
  if (url != null && !forwardsUrls && !/^data:/i.test(url)) {
    throw badRequest(
      'unsupported_input',
      'input',
      'This provider runs in a private network and must not fetch URLs from there: send the data itself (a data: URL or file_data).',
    )
  }
  if (part.type === 'input_image') {
    return { type: 'image_url', image_url: { url: url ?? '', ...(part.detail == null ? {} : { detail: part.detail }) } }
  }
  if (part.file_data == null || !quirks.fields.has('file')) {
    throw badRequest(
      'unsupported_input',
      'input',
      'This provider takes no files of this form: send file_data, or text.',
    )
  }
  return { type: 'file', file: { filename: part.filename ?? 'file', file_data: part.file_data } }
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Mistral takes ids of exactly nine letters and digits: others are hashed to that form. */
function callIdFor(callId: string, quirks: Quirks): string {
  const length = quirks.callIdLength
  if (length === null || (callId.length === length && /^[A-Za-z0-9]+$/.test(callId))) return callId
  const digest = createHash('sha256').update(callId).digest()
  return [...digest.subarray(0, length)].map((byte) => BASE62[byte % BASE62.length]).join('')
}

type Take = (field: OptionalField, value: JsonValue | undefined, wire: JsonObject) => JsonObject

/** Providers refuse an empty list of tools and a choice without tools: neither is sent. */
function buildTools(call: ModelCall, take: Take): JsonObject {
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
    ...take('parallel_tool_calls', call.parallelToolCalls, given('parallel_tool_calls', call.parallelToolCalls)),
  }
}

function wireChoice(choice: CallableChoice): JsonValue {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } }
}

const EFFORT_ORDER = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

function buildEffort(effort: string | undefined, quirks: Quirks, warnings: string[]): JsonObject {
  if (effort === undefined) return {}
  const isOff = effort === 'none' && !quirks.efforts.includes('none')
  if (quirks.effort === null || isOff) {
    warnings.push(`reasoning.effort ${effort} was left out: the provider does not take it`)
    return {}
  }
  const wanted = EFFORT_ORDER.indexOf(effort)
  const known = quirks.efforts.findLast((candidate) => EFFORT_ORDER.indexOf(candidate) <= wanted) ?? quirks.efforts[0]
  if (known === undefined) return {}
  if (known !== effort) warnings.push(`reasoning.effort ${effort} was sent as ${known}`)
  return quirks.effort === 'reasoning.effort' ? { reasoning: { effort: known } } : { reasoning_effort: known }
}

function buildFormat(format: TextFormat, quirks: Quirks): JsonObject {
  if (format.type === 'text') return {}
  if (format.type === 'json_object') return { response_format: { type: 'json_object' } }
  if (!quirks.jsonSchema) {
    throw badRequest(
      'unsupported_parameter',
      'text.format',
      'This provider has no json_schema format: use json_object and describe the shape in the instructions.',
    )
  }
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
