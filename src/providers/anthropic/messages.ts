import type { HistoryItem } from '../../core/model-call.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts'
import { argumentsObject } from '../call-arguments.ts'
import { callIdFor, type CallIdForm } from '../call-id.ts'
import { given } from '../given.ts'
import { speaking } from '../speaking.ts'
import { alternate, gatherTurns, type Saying, type SidedTurn, type ToolResult } from '../turns.ts'
import { userBlocks } from './user-blocks.ts'

/** A thread as the wire has it. */
export interface WireThread {
  /** What the system says before anybody has spoken. */
  readonly system: readonly string[]
  readonly messages: readonly JsonObject[]
  /** Whether thinking of earlier turns is in it. */
  readonly hasThinking: boolean
}

/** What the wire takes as the id of a call. */
const CALL_ID: CallIdForm = { pattern: /^[a-zA-Z0-9_-]{1,64}$/, length: 24 }

/** A thread, with every block that says something and no other: the wire refuses empty ones. */
export function buildThread(history: readonly HistoryItem[]): WireThread {
  const said = speaking(history, (state) => thinkingBlock(state) !== undefined)
  const { system, turns } = alternate(gatherTurns(said))
  const hasThinking = said.some(({ type }) => type === 'reasoning')
  return { system, messages: turns.map((turn, index) => message(turn, index === turns.length - 1)), hasThinking }
}

function message(turn: SidedTurn, isLast: boolean): JsonObject {
  if (turn.role === 'user') {
    return { role: 'user', content: [...turn.results.map(resultBlock), ...turn.parts.flatMap(userBlocks)] }
  }
  const content = turn.said.flatMap(saidBlocks)
  return { role: 'assistant', content: isLast ? trimEnd(content) : content }
}

/** What an assistant has only begun to say must not end in white space. */
function trimEnd(content: readonly JsonObject[]): JsonObject[] {
  return content.map((block, index) => {
    const { text } = block
    return index === content.length - 1 && typeof text === 'string' ? { ...block, text: text.trimEnd() } : block
  })
}

function saidBlocks(item: Saying): JsonObject[] {
  switch (item.type) {
    case 'reasoning':
      return [thinkingBlock(item.state)].filter((block) => block !== undefined)
    case 'function_call': {
      const id = callIdFor(item.callId, CALL_ID)
      return [{ type: 'tool_use', id, name: item.name, input: argumentsObject(item.arguments) }]
    }
    case 'message':
      return textBlocks(item)
    default:
      return [] // What other wires alone know was left out before.
  }
}

function textBlocks({ parts }: Extract<HistoryItem, { role: 'assistant' }>): JsonObject[] {
  const texts = parts.map((part) => (part.type === 'output_text' ? part.text : part.refusal))
  return texts.flatMap((text) => (text.trim() === '' ? [] : [{ type: 'text', text }]))
}

/** Thinking as it came, to the byte; undefined for what is none of this wire, or was not signed. */
function thinkingBlock(state: JsonValue | undefined): JsonObject | undefined {
  if (!isJsonObject(state)) return undefined
  const { type, thinking, signature, data } = state
  if (type === 'thinking' && typeof thinking === 'string' && typeof signature === 'string') {
    return { type, thinking, signature }
  }
  return type === 'redacted_thinking' && typeof data === 'string' ? { type, data } : undefined
}

function resultBlock({ callId, output }: ToolResult): JsonObject {
  const content = typeof output === 'string' ? output : output.flatMap(userBlocks)
  const isEmpty = typeof content === 'string' ? content.trim() === '' : content.length === 0
  return {
    type: 'tool_result',
    tool_use_id: callIdFor(callId, CALL_ID),
    ...given('content', isEmpty ? undefined : content),
  }
}
