import type { AssistantPart, HistoryItem } from '../../core/model-call.ts'
import type { UserPart } from '../../protocol/input-item.ts'
import { isJsonObject, parseJson, type JsonObject } from '../../protocol/json.ts'
import type { InputImage } from '../../protocol/part.ts'
import { argumentsObject } from '../call-arguments.ts'
import { fileSource, imageSource, type Source } from '../content.ts'
import { alternate, gatherTurns, type Saying, type SidedTurn, type ToolResult } from '../turns.ts'
import { imagePart } from './images.ts'
import { plainPart, readSignature, signedParts } from './signatures.ts'

/** A conversation in Google's words. */
export interface Conversation {
  /** What the system says before anybody has spoken. */
  readonly system: readonly string[]
  readonly contents: readonly JsonObject[]
}

/** Stands in for the signature of a call that another model has made: Google refuses its own models without one. */
const FOREIGN_SIGNATURE = 'skip_thought_signature_validator'

/**
 * Translates a history. Append-only: a longer history begins with the same contents.
 *
 * @param fromThree Whether the model is of Gemini 3 or later.
 */
export function buildContents(history: readonly HistoryItem[], fromThree: boolean): Conversation {
  const { system, turns } = alternate(gatherTurns(history.filter(isSaid)))
  return { system, contents: turns.map((turn) => ({ role: ROLE[turn.role], parts: partsOf(turn, fromThree) })) }
}

/** What makes a part: no item that is no image, no message without a word, no thoughts of another provider, no signature without its call. */
function isSaid(item: HistoryItem, index: number, history: readonly HistoryItem[]): boolean {
  if (item.type === 'native') return imagePart(item.item) !== undefined
  if (item.type !== 'reasoning')
    return item.type !== 'message' || item.role !== 'assistant' || textOf(item.parts) !== ''
  const signature = readSignature(item.state)
  if (signature === undefined) return false
  return !('call_id' in signature) || history[index + 1]?.type === 'function_call'
}

const ROLE = { assistant: 'model', user: 'user' } as const

function partsOf(turn: SidedTurn, fromThree: boolean): readonly JsonObject[] {
  if (turn.role === 'assistant') return modelParts(turn.said, fromThree)
  const results = turn.results.map((result) => buildResult(result, fromThree))
  return [
    ...results.map(({ response }) => response),
    ...results.flatMap(({ beside }) => beside),
    ...turn.parts.map((part) => userPart(part, fromThree)),
  ]
}

function modelParts(said: readonly Saying[], fromThree: boolean): readonly JsonObject[] {
  const parts: JsonObject[] = []
  /** The text that was said last, as long as nothing has come after it. */
  let text = ''
  let signature: { readonly call_id: string; readonly thoughtSignature: string } | undefined
  for (const item of said) {
    if (item.type === 'message') {
      text = textOf(item.parts)
      parts.push(...plainPart(text))
      continue
    }
    if (item.type === 'native') parts.push(...[imagePart(item.item)].filter((part) => part !== undefined))
    const signed = item.type === 'reasoning' ? readSignature(item.state) : undefined
    if (signed !== undefined && 'texts' in signed) {
      parts.splice(text === '' ? parts.length : -1, 1, ...signedParts(text, signed.texts))
    }
    if (signed !== undefined && 'part' in signed) parts.push(signed.part)
    if (signed !== undefined && 'call_id' in signed) signature = signed
    if (item.type === 'function_call') {
      parts.push(callPart(item, { signature: signatureOf(item.callId, signature), fromThree }))
      signature = undefined
    }
    text = ''
  }
  return fromThree ? withSignature(parts) : parts
}

type CallItem = Extract<Saying, { type: 'function_call' }>

/** An id that was used twice has a number behind it by now. */
function signatureOf(
  callId: string,
  signature: { readonly call_id: string; readonly thoughtSignature: string } | undefined,
): string | undefined {
  const isHere = callId === signature?.call_id || callId.startsWith(`${signature?.call_id}_`)
  return isHere ? signature?.thoughtSignature : undefined
}

function callPart(
  { callId, name, arguments: text }: CallItem,
  { signature, fromThree }: { readonly signature: string | undefined; readonly fromThree: boolean },
): JsonObject {
  return {
    functionCall: { ...idOf(callId, fromThree), name, args: argumentsObject(text) },
    ...(signature === undefined ? {} : { thoughtSignature: signature }),
  }
}

/** Of calls that are made at once, the first must be signed. */
function withSignature(parts: readonly JsonObject[]): readonly JsonObject[] {
  const isCall = (part: JsonObject) => part['functionCall'] !== undefined
  if (parts.some((part) => isCall(part) && part['thoughtSignature'] !== undefined)) return parts
  const first = parts.findIndex(isCall)
  return parts.map((part, index) => (index === first ? { ...part, thoughtSignature: FOREIGN_SIGNATURE } : part))
}

/** Earlier models know no ids, and some of their servers refuse them. */
function idOf(callId: string, fromThree: boolean): JsonObject {
  return fromThree ? { id: callId } : {}
}

/** The answer to a call, and what cannot stand in it. */
interface WireResult {
  readonly response: JsonObject
  readonly beside: readonly JsonObject[]
}

/** Before Gemini 3, images and files stand behind the answers, in the same turn. */
function buildResult({ callId, name, output }: ToolResult, fromThree: boolean): WireResult {
  const items = typeof output === 'string' ? [] : output
  const media = items.filter(({ type }) => type !== 'input_text').map((part) => userPart(part, false))
  const response: JsonObject = {
    ...idOf(callId, fromThree),
    name,
    response: responseOf(typeof output === 'string' ? output : textsOf(output)),
    ...(media.length === 0 || !fromThree ? {} : { parts: media }),
  }
  const beside = media.length === 0 || fromThree ? [] : [{ text: `What ${name} returned:` }, ...media]
  return { response: { functionResponse: response }, beside }
}

/** Numbers of so many digits would not be the same after they were read. */
const LONG_NUMBER = /\d{16}/

/** An object as it is; everything else under the name that Google gives it. */
function responseOf(text: string): JsonObject {
  const value = LONG_NUMBER.test(text) ? undefined : parseJson(text)
  return isJsonObject(value) ? value : { output: text }
}

function userPart(part: UserPart, fromThree: boolean): JsonObject {
  if (part.type === 'input_text') return { text: part.text }
  if (part.type === 'input_file') return dataPart(fileSource(part))
  return { ...dataPart(imageSource(part)), ...(fromThree ? resolutionOf(part) : {}) }
}

/** A URL that was fetched stands here as data. */
function dataPart(source: Source): JsonObject {
  if ('url' in source) return { fileData: { fileUri: source.url } }
  return { inlineData: { mimeType: source.mediaType, data: source.base64 } }
}

const RESOLUTION: Readonly<Record<string, string>> = {
  low: 'MEDIA_RESOLUTION_LOW',
  high: 'MEDIA_RESOLUTION_HIGH',
  original: 'MEDIA_RESOLUTION_ULTRA_HIGH',
}

function resolutionOf({ detail }: InputImage): JsonObject {
  const level = RESOLUTION[detail ?? 'auto']
  return level === undefined ? {} : { mediaResolution: { level } }
}

function textOf(parts: readonly AssistantPart[]): string {
  return parts.map((part) => (part.type === 'output_text' ? part.text : part.refusal)).join('')
}

function textsOf(parts: readonly UserPart[]): string {
  return parts.flatMap((part) => (part.type === 'input_text' ? [part.text] : [])).join('\n')
}
