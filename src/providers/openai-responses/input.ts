import type { CallOrigin, HistoryItem } from '../../core/model-call.ts'
import type { UserPart } from '../../protocol/input-item.ts'
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import { callIdFor } from '../call-id.ts'
import { fileSource } from '../content.ts'
import { given } from '../given.ts'
import { gatherTurns, type Saying, type ToolResult } from '../turns.ts'
import type { Quirks } from './tables.ts'
import { ownName } from './tools.ts'

/**
 * A history as a list of input items, none of which the provider would have to look up. Append-only: a longer history
 * begins with the same items.
 */
export function buildInput(history: readonly HistoryItem[], quirks: Quirks): JsonObject[] {
  const calls = new Map<string, CallOrigin>()
  const input: JsonObject[] = []
  let thoughts: JsonObject[] = []
  for (const turn of gatherTurns(history)) {
    if (turn.role === 'assistant') {
      const said = sayAll(turn.said, { quirks, calls })
      const end = said.findLastIndex(({ type }) => type !== 'reasoning') + 1
      if (end > 0) input.push(...thoughts, ...said.slice(0, end))
      thoughts = end > 0 ? said.slice(end) : [...thoughts, ...said]
    } else if (turn.role === 'tool') {
      input.push(...turn.results.map((result) => resultItem(result, { quirks, calls })))
    } else {
      thoughts = [] // Thoughts that led to nothing are refused.
      input.push({ type: 'message', role: turn.role, content: userContent(turn.parts) })
    }
  }
  return input
}

interface Context {
  readonly quirks: Quirks
  /** What the calls so far were, by their ids: results are worded like their calls. */
  readonly calls: Map<string, CallOrigin>
}

function sayAll(said: readonly Saying[], context: Context): JsonObject[] {
  const items: JsonObject[] = []
  for (const saying of said) {
    if (saying.type === 'reasoning') think(saying.state, items, context.quirks)
    else if (saying.type === 'native') items.push(saying.item)
    else if (saying.type === 'function_call') items.push(callItem(saying, context))
    else items.push(...assistantMessage(saying, context.quirks))
  }
  return items
}

/** Reasoning goes back as it came, to where it stood: some providers end it after what it has led to. */
function think(state: JsonValue | undefined, items: JsonObject[], { takesThoughts }: Quirks): void {
  if (!isJsonObject(state) || state['type'] !== 'reasoning') return
  const { late, ...item } = state
  if (typeof item['encrypted_content'] !== 'string' && !takesThoughts) return
  items.splice(Math.max(0, items.length - (typeof late === 'number' ? late : 0)), 0, item)
}

function callItem(call: Extract<Saying, { type: 'function_call' }>, { quirks, calls }: Context): JsonObject {
  const { callId, name, origin } = call
  const common = { call_id: wireCallId(callId, quirks) }
  const args = call.arguments === '' ? '{}' : call.arguments
  if (!quirks.ownTools || origin === undefined) return { type: 'function_call', ...common, name, arguments: args }
  calls.set(callId, origin)
  switch (origin.kind) {
    case 'function':
      return { type: 'function_call', ...common, ...namesOf(origin), arguments: args }
    case 'custom':
      return { type: 'custom_tool_call', ...common, ...namesOf(origin), input: origin.input }
    case 'tool_search': {
      const sought = parseJson(args)
      return { type: 'tool_search_call', ...common, execution: 'client', arguments: isJsonObject(sought) ? sought : {} }
    }
  }
}

function namesOf({ name, namespace }: { name: string; namespace?: string }): JsonObject {
  return { name: ownName(name), ...given('namespace', namespace && ownName(namespace)) }
}

function resultItem({ callId, output }: ToolResult, { quirks, calls }: Context): JsonObject {
  const common = { call_id: wireCallId(callId, quirks) }
  const kind = calls.get(callId)?.kind ?? 'function'
  if (kind === 'tool_search') {
    const found = typeof output === 'string' ? parseJson(output) : undefined
    // What was found is a list of tools: `core/history.ts` has written it.
    const tools = Array.isArray(found) ? (found as JsonObject[]) : []
    return { type: 'tool_search_output', ...common, execution: 'client', tools }
  }
  const type = kind === 'custom' ? 'custom_tool_call_output' : 'function_call_output'
  return { type, ...common, output: typeof output === 'string' ? output : userContent(output) }
}

function wireCallId(callId: string, { callId: form }: Quirks): string {
  return form === null ? callId : callIdFor(callId, form)
}

function assistantMessage({ parts, phase }: Extract<Saying, { type: 'message' }>, { phases }: Quirks): JsonObject[] {
  const content = parts.flatMap((part): JsonObject[] => {
    if (part.type === 'refusal') return [{ type: 'refusal', refusal: part.refusal }]
    return part.text === '' ? [] : [{ type: 'output_text', text: part.text }]
  })
  if (content.length === 0) return []
  return [{ type: 'message', role: 'assistant', content, ...given('phase', phases ? phase : undefined) }]
}

/** Plain text as a string, which every server reads; parts only where there is more than text. */
function userContent(parts: readonly UserPart[]): JsonValue {
  const [only] = parts
  return parts.length === 1 && only?.type === 'input_text' ? only.text : parts.map(userPart)
}

function userPart(part: UserPart): JsonObject {
  if (part.type === 'input_text') return { type: 'input_text', text: part.text }
  if (part.type === 'input_image') {
    const detail = given('detail', part.detail ?? undefined)
    return { type: 'input_image', ...given('image_url', part.image_url ?? undefined), ...detail }
  }
  const source = fileSource(part)
  const name = part.filename ?? undefined
  const detail = given('detail', part.detail ?? undefined)
  if ('url' in source) return { type: 'input_file', ...given('filename', name), file_url: source.url, ...detail }
  const data = `data:${source.mediaType};base64,${source.base64}`
  return { type: 'input_file', filename: name ?? 'file', file_data: data, ...detail }
}
