import { badRequest } from '../protocol/error.ts'
import { mintItemId, type ResponseId } from '../protocol/id.ts'
import { isMessage, type InputItem, type UserPart } from '../protocol/input-item.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../protocol/json.ts'
import type { MessagePhase, OutputItem } from '../protocol/output-item.ts'
import type { Tool } from '../protocol/tool.ts'
import type { AssistantPart, HistoryItem } from './model-call.ts'
import { customArguments, loweredName } from './tool-names.ts'
import { unreachable } from './unreachable.ts'

/** An input item as it is stored and listed: typed, with an id, contents as parts. */
export type StoredItem = JsonObject & { readonly id: string; readonly type: string }

/** An entry of a thread: an input item of some turn, or what the model said. */
export type ThreadItem = InputItem | OutputItem

/**
 * Gives every input item a type, an id and its contents in parts. Ids that clients made are kept,
 * unless one is used twice in this request.
 */
export function storeInput(input: string | readonly InputItem[], responseId: ResponseId): readonly StoredItem[] {
  const items: readonly InputItem[] =
    typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input
  const seen = new Set<string>()
  return items.map((item, index) => {
    const type = item.type ?? 'message'
    const given = item.id ?? ''
    const id = given === '' || seen.has(given) ? mintItemId(responseId, type, { side: 'input', index }) : given
    seen.add(id)
    // Input items come from JSON and hold nothing else.
    return { ...(withParts(item) as JsonObject), id, type, ...statusOf(item) }
  })
}

function statusOf(item: InputItem): { status?: string } {
  if (!('call_id' in item || 'role' in item) || 'encrypted_content' in item) return {}
  const { status } = item as { readonly status?: string | null } // Where it has one, it is text.
  return { status: status ?? 'completed' }
}

function withParts(item: InputItem): InputItem {
  if (!isMessage(item) || typeof item.content !== 'string') return item
  return item.role === 'assistant'
    ? { ...item, content: [{ type: 'output_text', text: item.content, annotations: [] }] }
    : { ...item, content: [{ type: 'input_text', text: item.content }] }
}

/** A thread as one provider is to be shown it. */
export interface History {
  readonly items: readonly HistoryItem[]
  /** Tools that items of the thread brought with them (`additional_tools`, `tool_search_output`). */
  readonly tools: readonly Tool[]
  /** What was left out, in words for the `antiphon-warnings` header. */
  readonly warnings: readonly string[]
}

/**
 * Turns a thread into a provider's view of it.
 *
 * @param unseal Opens the `encrypted_content` of reasoning that this provider made; undefined for any other.
 * @throws {ApiError} A tool output without its call, or a call without its output.
 */
export function toHistory(thread: readonly ThreadItem[], unseal: Unseal): History {
  const items: HistoryItem[] = []
  const tools: Tool[] = []
  const left = new Set<string>()
  for (const item of thread) {
    if (item.type === 'additional_tools' || (item.type === 'tool_search_output' && !isServers(item))) {
      tools.push(...item.tools)
    }
    const shown = showItem(item, unseal)
    if (shown === undefined) left.add(`${item.type ?? 'message'} items were left out: the provider has none`)
    else items.push(...shown)
    if (isForeign(item, shown)) left.add(FOREIGN)
  }
  checkPairs(items)
  return { items, tools, warnings: [...left] }
}

const FOREIGN = 'sealed reasoning was left out: another provider or account made it'

/** Whether an item is reasoning whose seal could not be opened. */
function isForeign(item: ThreadItem, [shown]: readonly HistoryItem[] = []): boolean {
  const isSealed = item.type === 'reasoning' && item.encrypted_content != null
  return isSealed && shown?.type === 'reasoning' && shown.state === undefined
}

type Unseal = (encrypted: string) => JsonValue | undefined

/** The entries that an item becomes; undefined where the provider has no such thing. */
function showItem(item: ThreadItem, unseal: Unseal): HistoryItem[] | undefined {
  if (isServers(item)) return showNative(item, unseal)
  switch (item.type) {
    case undefined:
    case 'message':
      return [showMessage(item)]
    case 'function_call':
    case 'custom_tool_call':
    case 'tool_search_call':
      return item.status === 'incomplete' ? [] : [showCall(item)] // Cut short, it was never run.
    case 'function_call_output':
    case 'custom_tool_call_output':
      return [{ type: 'function_call_output', callId: item.call_id, output: item.output }]
    case 'tool_search_output': {
      const output = JSON.stringify(item.tools)
      return [{ type: 'function_call_output', callId: item.call_id ?? '', output }]
    }
    case 'reasoning':
      return [showReasoning(item, unseal)]
    case 'additional_tools':
      return []
    default:
      return showNative(item, unseal)
  }
}

/** Whether a search for tools, or what it found, was the provider's own. */
function isServers(item: ThreadItem): boolean {
  return 'execution' in item && item.execution === 'server'
}

/** What its provider alone knows goes back to it as it came: what was not shown has been sealed. */
function showNative(item: ThreadItem, unseal: Unseal): HistoryItem[] | undefined {
  const { id: _, encrypted_content: sealed, ...shown } = item as unknown as JsonObject // Items come from JSON.
  const hidden = typeof sealed === 'string' ? unseal(sealed) : undefined
  return isJsonObject(hidden) ? [{ type: 'native', item: { ...hidden, ...shown } }] : undefined
}

type CallItem = Extract<ThreadItem, { type: 'function_call' | 'custom_tool_call' | 'tool_search_call' }>

function showCall(item: CallItem): HistoryItem {
  const common = { type: 'function_call' as const, callId: item.call_id ?? '' }
  if (item.type === 'tool_search_call') {
    const origin = { kind: 'tool_search' as const }
    return { ...common, name: 'tool_search', arguments: JSON.stringify(item.arguments ?? {}), origin }
  }
  const { name, namespace: given } = item
  const namespace = given ?? undefined
  const lowered = { ...common, name: loweredName(name, namespace) }
  const within = namespace === undefined ? {} : { namespace }
  switch (item.type) {
    case 'function_call': {
      const origin = namespace === undefined ? {} : { origin: { kind: 'function' as const, name, namespace } }
      return { ...lowered, arguments: item.arguments, ...origin }
    }
    case 'custom_tool_call': {
      const origin = { kind: 'custom' as const, name, ...within, input: item.input }
      return { ...lowered, arguments: customArguments(item.input), origin }
    }
    default:
      return unreachable(item)
  }
}

type MessageItem = Extract<ThreadItem, { content: unknown; role: string }>

function showMessage(item: MessageItem): HistoryItem {
  if (item.role !== 'assistant') {
    const parts: UserPart[] =
      typeof item.content === 'string' ? [{ type: 'input_text', text: item.content }] : [...item.content]
    return { type: 'message', role: item.role, parts }
  }
  const parts: AssistantPart[] =
    typeof item.content === 'string'
      ? [{ type: 'output_text', text: item.content }]
      : item.content.map((part) =>
          part.type === 'refusal'
            ? { type: 'refusal', refusal: part.refusal }
            : { type: 'output_text', text: part.text },
        )
  return { type: 'message', role: 'assistant', parts, ...phaseOf(item) }
}

/** A phase that we do not know is kept, and not sent. */
function phaseOf({ phase }: { readonly phase?: string | null }): { phase?: MessagePhase } {
  return phase === 'commentary' || phase === 'final_answer' ? { phase } : {}
}

function showReasoning(item: Extract<ThreadItem, { type: 'reasoning' }>, unseal: Unseal): HistoryItem {
  const text = [...(item.summary ?? []), ...(item.content ?? [])].map((part) => part.text).join('\n\n')
  const encrypted = item.encrypted_content ?? undefined
  return { type: 'reasoning', text, state: encrypted === undefined ? undefined : unseal(encrypted) }
}

/** Providers refuse halves of a pair: we say so first, in one voice. */
function checkPairs(items: readonly HistoryItem[]): void {
  const open = new Set<string>()
  const answered = new Set<string>()
  for (const item of items) {
    if (item.type === 'function_call') open.add(item.callId)
    if (item.type !== 'function_call_output') continue
    if (!open.has(item.callId) && !answered.has(item.callId)) {
      throw badRequest(
        'invalid_value',
        'input',
        `No tool call found for function call output with call_id ${item.callId}.`,
      )
    }
    open.delete(item.callId)
    answered.add(item.callId)
  }
  const [first] = open
  if (first !== undefined) {
    throw badRequest('invalid_value', 'input', `No tool output found for function call ${first}.`)
  }
}
