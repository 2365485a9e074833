import type { ContentBlock, Message, SystemContentBlock, ToolResultBlock } from '@aws-sdk/client-bedrock-runtime'
import type { HistoryItem, ModelCall } from '../../core/model-call.ts'
import { argumentsObject } from '../call-arguments.ts'
import { callIdFor, type CallIdForm } from '../call-id.ts'
import { speaking } from '../speaking.ts'
import { alternate, gatherTurns, type Saying, type SidedTurn, type ToolResult } from '../turns.ts'
import { DocumentNames, partBlocks } from './documents.ts'
import type { ModelFacts } from './models.ts'
import { thinkingIn } from './thinking-block.ts'

/** A thread as Converse takes it. */
export interface ConverseThread {
  readonly system: SystemContentBlock[]
  readonly messages: Message[]
}

/** What Converse takes as the id of a call. */
const CALL_ID: CallIdForm = { pattern: /^[a-zA-Z0-9_-]{1,64}$/, length: 32 }

const CACHE_POINT = { cachePoint: { type: 'default' } } as const

/** Stands where a tool gave nothing back: blocks without a word are refused. */
const NOTHING_BACK = '(The tool gave nothing back.)'

/** Stands beside documents: they are refused in a message without words. */
const SEE_DOCUMENTS = '(See what is attached.)'

/** Stand between words and calls of one side, where a model does not take them in one message. */
const GO_ON = { user: '(Go on.)', assistant: '(I see.)' } as const

/**
 * Translates instructions and history. Append-only but for cache points, which are no part of what is cached: one
 * stands behind the system's words, one at the end of the last message.
 *
 * @throws {ApiError} 400 `unsupported_input` for files that Converse does not know.
 */
export function buildThread(call: ModelCall, facts: ModelFacts): ConverseThread {
  const history = speaking(call.history, (state) => thinkingIn(state, facts.vendor) !== undefined)
  const { system, turns } = alternate(gatherTurns(history))
  const names = new DocumentNames()
  const spoken = turns.map((turn, index) => message(turn, { names, facts, isLast: index === turns.length - 1 }))
  const messages = facts.mixes ? spoken : spoken.flatMap(unmix)
  const isCached = call.promptCacheKey !== undefined
  const texts = [call.instructions ?? '', ...system].flatMap((text) => (text.trim() === '' ? [] : [{ text }]))
  const cachesSystem = isCached && texts.length > 0 && facts.caches.includes('system')
  return {
    system: cachesSystem ? [...texts, CACHE_POINT] : texts,
    messages: isCached ? withCachePoint(messages, facts) : messages,
  }
}

interface Context {
  readonly names: DocumentNames
  readonly facts: ModelFacts
  readonly isLast: boolean
}

function message(turn: SidedTurn, { names, facts, isLast }: Context): Message {
  if (turn.role === 'user') {
    const parts: ContentBlock[] = turn.parts.flatMap((part) => partBlocks(part, names))
    const isMute = parts.some((block) => block.document) && !parts.some((block) => block.text)
    const results = turn.results.map((result) => ({ toolResult: resultBlock(result, names) }))
    return { role: 'user', content: [...results, ...parts, ...(isMute ? [{ text: SEE_DOCUMENTS }] : [])] }
  }
  const content = turn.said.flatMap((item) => saidBlocks(item, facts))
  return { role: 'assistant', content: isLast ? trimEnd(content) : content }
}

/** What an assistant has only begun to say must not end in white space. */
function trimEnd(content: readonly ContentBlock[]): ContentBlock[] {
  const last = content.at(-1)
  return last?.text === undefined ? [...content] : [...content.slice(0, -1), { text: last.text.trimEnd() }]
}

function saidBlocks(item: Saying, { vendor }: ModelFacts): ContentBlock[] {
  switch (item.type) {
    case 'reasoning': {
      const reasoningContent = thinkingIn(item.state, vendor)
      return reasoningContent === undefined ? [] : [{ reasoningContent }]
    }
    case 'function_call': {
      const toolUseId = callIdFor(item.callId, CALL_ID)
      const input = argumentsObject(item.arguments) as DocumentValue // From JSON.
      return [{ toolUse: { toolUseId, name: item.name, input } }]
    }
    case 'message':
      return textBlocks(item)
    default:
      return []
  }
}

/** JSON as the SDK knows it. */
type DocumentValue = NonNullable<NonNullable<ContentBlock['toolUse']>['input']>

function textBlocks({ parts }: Extract<HistoryItem, { role: 'assistant' }>): ContentBlock[] {
  const texts = parts.map((part) => (part.type === 'output_text' ? part.text : part.refusal))
  return texts.flatMap((text) => (text.trim() === '' ? [] : [{ text }]))
}

/** Text stays text, also where it is JSON: every model takes it, and no byte of it changes. */
function resultBlock({ callId, output }: ToolResult, names: DocumentNames): ToolResultBlock {
  const parts = typeof output === 'string' ? [{ type: 'input_text' as const, text: output }] : output
  const content = parts.flatMap((part) => partBlocks(part, names))
  return {
    toolUseId: callIdFor(callId, CALL_ID),
    content: content.length === 0 ? [{ text: NOTHING_BACK }] : content,
  }
}

/** A message for each kind of block, with a word of the other side between. */
function unmix({ role = 'user', content = [] }: Message): Message[] {
  const isTool = ({ toolUse, toolResult }: ContentBlock) => toolUse !== undefined || toolResult !== undefined
  const [words, tools] = [content.filter((block) => !isTool(block)), content.filter(isTool)]
  if (words.length === 0 || tools.length === 0) return [{ role, content }]
  const between: Message =
    role === 'user'
      ? { role: 'assistant', content: [{ text: GO_ON.assistant }] }
      : { role: 'user', content: [{ text: GO_ON.user }] }
  const parts = role === 'user' ? [tools, words] : [words, tools]
  return [{ role, content: parts[0] }, between, { role, content: parts[1] }]
}

function withCachePoint(messages: readonly Message[], { caches }: ModelFacts): Message[] {
  const last = messages.at(-1)
  const hasResults = last?.content?.some((block) => block.toolResult) === true
  const mayCache = caches.includes('messages') && (!hasResults || caches.includes('results'))
  if (last?.role !== 'user' || !mayCache) return [...messages]
  return [...messages.slice(0, -1), { ...last, content: [...(last.content ?? []), CACHE_POINT] }]
}
