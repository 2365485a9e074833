import type { ModelEvent } from '../../core/model-event.ts'
import { isJsonObject } from '../../protocol/json.ts'
import type { Logprob } from '../../protocol/part.ts'
import { argumentsText } from '../call-arguments.ts'
import { createCallIds, type CallIds } from '../call-id.ts'
import { createReader, type Ending } from '../ending.ts'
import { readErrorChunk } from '../error-answer.ts'
import type { AnswerReader } from '../exchange.ts'
import { numberIn, objectIn, objectsIn, textIn } from '../loose.ts'
import type { ReaderOptions } from '../posted.ts'
import { createThought, type Thought } from '../thought.ts'
import { readCitation } from './citations.ts'
import { FINISH_REASON, FINISH_REASON_DEFAULT, PARAM_NAMES } from './tables.ts'
import { readUsage } from './usage.ts'
import type {
  OneOrAll,
  WireAnswer,
  WireEnding,
  WireEvent,
  WireLogprobs,
  WireMessage,
  WirePart,
  WireToolCall,
} from './wire.ts'

/** Reads the events of one answer, and whole answers. */
export interface CohereReader extends AnswerReader {
  read(event: WireEvent): ModelEvent[]
  readWhole(answer: WireAnswer): ModelEvent[] | undefined
}

/** What is remembered between events. */
interface State extends Ending {
  readonly options: ReaderOptions
  readonly thought: Thought
  /** Our ids of the calls, by their index. */
  readonly calls: Map<unknown, string>
  /** Where in our text each content begins: citations count from there. */
  readonly contents: Map<unknown, number>
  /** Code points of the text so far. */
  length: number
  idOf?: CallIds
}

type Handler = (event: WireEvent, state: State) => ModelEvent[]

/** What each event says. Those that only begin or end something say nothing. */
const HANDLERS: ReadonlyMap<unknown, Handler> = new Map<unknown, Handler>([
  ['content-start', readContent],
  ['content-delta', readContent],
  ['citation-start', (event, state) => readCitations(messageOf(event), state)],
  ['tool-plan-delta', (event, state) => readPlan(messageOf(event), state)],
  ['tool-call-start', (event, state) => readCalls(messageOf(event), state, event.index)],
  ['tool-call-delta', readCallDelta],
  ['message-end', ({ delta }, state) => readEnding(objectIn(delta), state)],
  ['message-start', () => []],
  ['content-end', () => []],
  ['citation-end', () => []],
  ['tool-call-end', () => []],
])

/** Makes a reader for one answer of Cohere. */
export function createCohereReader(options: ReaderOptions): CohereReader {
  const state: State = { options, thought: createThought(), calls: new Map(), contents: new Map(), length: 0 }
  return createReader(state, {
    read: (event) => readEvent(event, state),
    readWhole: (answer) => readAnswer(answer, state),
    settle: () => state.thought.settle(),
  })
}

function readEvent(event: WireEvent, state: State): ModelEvent[] {
  const handle = HANDLERS.get(event.type) ?? readStray
  return state.failure === undefined && state.reason === undefined ? handle(event, state) : []
}

/** In the order in which a stream would have said it, and citations while their text is open. */
function readAnswer(answer: WireAnswer, state: State): ModelEvent[] | undefined {
  if (!isJsonObject(answer.message)) {
    readStray(answer, state)
    return state.failure === undefined ? undefined : []
  }
  const message = objectIn(answer.message)
  const events = [
    ...readContents(message, answer.logprobs, state),
    ...readCitations(message, state),
    ...readPlan(message, state),
    ...readCalls(message, state, 0),
  ]
  return [...events, ...readEnding(answer, state)]
}

function messageOf({ delta }: WireEvent): Partial<WireMessage> {
  return objectIn(objectIn(delta).message)
}

/** The one of an event, or all of an answer. */
function entriesOf<Entry extends object>(value: OneOrAll<Entry> | string | undefined): readonly Entry[] {
  return objectsIn(Array.isArray(value) ? (value as readonly Entry[]) : [value as Entry])
}

function readContent(event: WireEvent, state: State): ModelEvent[] {
  const { content } = messageOf(event)
  return entriesOf(content).flatMap((part) => readPart(part, { index: event.index, logprobs: event.logprobs }, state))
}

function readContents({ content }: Partial<WireMessage>, logprobs: WireAnswer['logprobs'], state: State): ModelEvent[] {
  const parts: readonly WirePart[] = typeof content === 'string' ? [{ text: content }] : entriesOf(content)
  const isOneText = parts.filter(({ text }) => textIn(text) !== '').length === 1
  const pieces = isOneText ? objectsIn(logprobs) : []
  return parts.flatMap((part, index) => readPart(part, { index, logprobs: pieces }, state))
}

/** Where a piece of content belongs, and how probable its tokens were. */
interface Piece {
  readonly index: number | null | undefined
  readonly logprobs: OneOrAll<WireLogprobs> | undefined
}

function readPart({ text: wireText, thinking }: WirePart, { index, logprobs }: Piece, state: State): ModelEvent[] {
  const thoughts = state.thought.add('thinking', textIn(thinking))
  if (thoughts.length > 0) state.length = 0 // What is said now is another message.
  const text = textIn(wireText)
  if (text === '') return thoughts
  if (!state.contents.has(index)) state.contents.set(index, state.length)
  state.length += [...text].length
  const told = entriesOf(logprobs).map(readLogprobs)
  return [
    ...thoughts,
    ...state.thought.settle(),
    { type: 'text', text, ...(told.length > 0 ? { logprobs: told } : {}) },
  ]
}

/** The tokens of a piece of text are not told apart: their probability is that of them all. */
function readLogprobs({ text, logprobs }: WireLogprobs): Logprob {
  const numbers: readonly unknown[] = Array.isArray(logprobs) ? logprobs : []
  const logprob = numbers.reduce<number>((sum, value) => sum + (typeof value === 'number' ? value : 0), 0)
  return { token: textIn(text), logprob, bytes: [...Buffer.from(textIn(text))], top_logprobs: [] }
}

function readCitations({ citations }: Partial<WireMessage>, { contents }: State): ModelEvent[] {
  const last = [...contents.values()].at(-1) ?? 0
  return entriesOf(citations).flatMap((citation) =>
    readCitation(citation, contents.get(citation.content_index) ?? last),
  )
}

/** What it means to do with its tools: it is thinking, and wants it back under its own name. */
function readPlan({ tool_plan: plan }: Partial<WireMessage>, state: State): ModelEvent[] {
  if (textIn(plan) !== '') state.length = 0
  return state.thought.add('tool_plan', textIn(plan))
}

function readCalls(message: Partial<WireMessage>, state: State, first: number | null | undefined): ModelEvent[] {
  return entriesOf(message.tool_calls).flatMap((call, place) => readCall(call, state, numberIn(first) + place))
}

function readCall({ id, function: called }: WireToolCall, state: State, index: number): ModelEvent[] {
  const { name, arguments: args } = objectIn(called)
  if (textIn(name) === '') return []
  const idOf = (state.idOf ??= createCallIds(state.options.callIdPrefix))
  const callId = idOf(textIn(id))
  state.calls.set(index, callId)
  state.length = 0
  return [
    ...state.thought.settle(),
    { type: 'tool_call', callId, name: textIn(name) },
    ...readArguments(callId, argumentsText(args)),
  ]
}

function readCallDelta(event: WireEvent, { calls }: State): ModelEvent[] {
  const callId = calls.get(numberIn(event.index))
  if (callId === undefined) return []
  const [call] = entriesOf(messageOf(event).tool_calls)
  return readArguments(callId, argumentsText(objectIn(call?.function).arguments))
}

function readArguments(callId: string, delta: string): ModelEvent[] {
  return delta === '' ? [] : [{ type: 'tool_arguments', callId, delta }]
}

function readEnding({ finish_reason: reason, usage: wireUsage, error }: WireEnding, state: State): ModelEvent[] {
  const usage = readUsage(wireUsage)
  if (usage !== undefined) state.usage = usage
  const isTimeout = reason === 'TIMEOUT'
  const hasFailed = isTimeout || textIn(reason).startsWith('ERROR') || textIn(error) !== ''
  if (hasFailed) fail({ message: textIn(error), ...(isTimeout ? { status_code: 504 } : {}) }, state)
  else state.reason = FINISH_REASON.get(reason) ?? FINISH_REASON_DEFAULT
  return []
}

/** A document that is no event: an error, as it stands in an error answer, or something new. */
function readStray(document: Pick<WireEvent, 'error' | 'message'>, state: State): ModelEvent[] {
  const { error, message } = document
  const complaint = error != null && error !== '' ? error : typeof message === 'string' ? document : undefined
  if (complaint !== undefined) fail(complaint, state)
  return []
}

function fail(complaint: unknown, state: State): void {
  state.failure ??= readErrorChunk(complaint, { ...state.options, paramNames: PARAM_NAMES })
}
