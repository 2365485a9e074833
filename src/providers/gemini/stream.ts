import type { ModelEvent } from '../../core/model-event.ts'
import { UpstreamError } from '../../core/upstream-error.ts'
import { isJsonObject, type JsonObject } from '../../protocol/json.ts'
import type { Logprob } from '../../protocol/part.ts'
import { createReader, type Ending } from '../ending.ts'
import { readErrorChunk } from '../error-answer.ts'
import type { AnswerReader } from '../exchange.ts'
import { numberIn, objectsIn, textIn } from '../loose.ts'
import { readCitations, readGrounding } from './citations.ts'
import { imageItem } from './images.ts'
import { endingOf, PARAM_NAMES, tierOf } from './tables.ts'
import { TextRun } from './text-run.ts'
import { readUsage } from './usage.ts'
import type { WireCandidate, WireChunk, WireFeedback, WireLogprobs, WirePart, WireToken, WireUsage } from './wire.ts'

/** What a reader is told. */
export interface ReaderOptions {
  /** Begins the ids of calls that came without one. */
  readonly callIdPrefix: string
  /** Strings that no message may show. */
  readonly secrets: readonly string[]
}

/** Reads the chunks of one answer, and whole answers: they have the same fields. */
export interface GeminiReader extends AnswerReader {
  read(chunk: WireChunk): ModelEvent[]
  readWhole(answer: WireChunk): ModelEvent[] | undefined
  readList(chunks: readonly WireChunk[]): ModelEvent[] | undefined
}

/** What is remembered between chunks. */
interface State extends Ending {
  readonly options: ReaderOptions
  /** The text that is being said. */
  run: TextRun | undefined
  readonly callIds: Set<string>
  /** Why a filter has stopped the answer, in Google's words. */
  refusal: string
}

/** Makes a reader for one answer of generateContent or streamGenerateContent. */
export function createGeminiReader(options: ReaderOptions): GeminiReader {
  const state: State = { options, run: undefined, callIds: new Set(), refusal: '' }
  const read = (chunk: WireChunk) =>
    CHUNK.flatMap((readField) => (state.failure === undefined ? readField(chunk, state) : []))
  /** A stream that was not asked for as events is one list of its chunks. */
  const readList = (chunks: readonly WireChunk[]) => {
    const events = chunks.flatMap(read)
    return state.reason === undefined && state.failure === undefined ? undefined : events
  }
  const settle = (): ModelEvent[] => {
    const { refusal } = state
    const said: ModelEvent[] = refusal === '' ? [] : [{ type: 'refusal', text: refusal }]
    return [...closeRun(state), ...said]
  }
  return { ...createReader(state, { read, readWhole: (answer) => readList([answer]), settle }), readList }
}

/** What a chunk may hold, in the order in which it is read: a failure ends the reading. */
const CHUNK: readonly ((chunk: WireChunk, state: State) => ModelEvent[])[] = [
  ({ usageMetadata }, state) => noteUsage(usageMetadata, state),
  ({ error }, state) => noteError(error, state),
  ({ promptFeedback }, state) => noteBlock(promptFeedback, state),
  ({ candidates }, state) => objectsIn(candidates).flatMap((candidate) => readCandidate(candidate, state)),
]

/** Only one answer is asked for: that at index 0. */
function readCandidate(candidate: WireCandidate, state: State): ModelEvent[] {
  if ((candidate.index ?? 0) !== 0) return []
  const parts = objectsIn(candidate.content?.parts)
  const events = withLogprobs(
    parts.flatMap((part) => PART[kindOf(part)](part, state)),
    candidate.logprobsResult,
  )
  state.run?.cite(readCitations(candidate.citationMetadata), readGrounding(candidate.groundingMetadata))
  noteFinish(candidate, state)
  return events
}

type PartKind = 'call' | 'thought' | 'text' | 'image' | 'other'

/** A part that holds nothing but a signature is one without text. */
function kindOf(part: WirePart): PartKind {
  if (isJsonObject(part.functionCall)) return 'call'
  const isText = typeof part.text === 'string' || Object.keys(part).every((key) => BESIDES.has(key))
  if (!isText) return part.thought !== true && imageItem(part) !== undefined ? 'image' : 'other'
  return part.thought === true ? 'thought' : 'text'
}

const BESIDES: ReadonlySet<string> = new Set(['thought', 'thoughtSignature'])

const PART: Readonly<Record<PartKind, (part: WirePart, state: State) => ModelEvent[]>> = {
  text({ text, thoughtSignature }, state) {
    const [said, signature] = [textIn(text), textIn(thoughtSignature)]
    if (said === '' && signature === '') return []
    state.run ??= new TextRun()
    state.run.add(said, signature)
    return said === '' ? [] : [{ type: 'text', text: said }]
  },
  thought(part, state) {
    const text = textIn(part.text)
    const said: ModelEvent[] = text === '' ? [] : [{ type: 'reasoning', text }]
    return apart([...said, ...wholePart({ ...part, text })], state)
  },
  call({ functionCall, thoughtSignature }, state) {
    const name = textIn(functionCall?.name)
    if (name === '') return []
    const callId = newCallId(textIn(functionCall?.id), state)
    const signature = textIn(thoughtSignature)
    const signed: ModelEvent[] =
      signature === '' ? [] : [{ type: 'reasoning_state', state: { call_id: callId, thoughtSignature: signature } }]
    const delta = JSON.stringify(functionCall?.args ?? {})
    return apart([...signed, { type: 'tool_call', callId, name }, { type: 'tool_arguments', callId, delta }], state)
  },
  image(part, state) {
    const item = imageItem(part)
    return item === undefined ? [] : apart([{ type: 'native', item }], state)
  },
  /** What we have no word for, such as what Google's own tools do. */
  other: (part, state) => apart(wholePart(part), state),
}

/** Something that stands for itself: the text before it is over. */
function apart(events: ModelEvent[], state: State): ModelEvent[] {
  return events.length === 0 ? events : [...closeRun(state), ...events]
}

/** What is signed must come back as it was. */
function wholePart(part: WirePart): ModelEvent[] {
  if (textIn(part.thoughtSignature) === '') return []
  // Parts come from JSON and hold nothing else.
  return [{ type: 'reasoning_state', state: { part: part as JsonObject } }]
}

function closeRun(state: State): ModelEvent[] {
  const events = state.run?.close() ?? []
  state.run = undefined
  return events
}

/** An id of its own for every call: older models give none. */
function newCallId(wireId: string, { callIds, options }: State): string {
  let callId = wireId
  for (let made = callIds.size; callId === '' || callIds.has(callId); made++) callId = options.callIdPrefix + made
  callIds.add(callId)
  return callId
}

/** Log probabilities belong to the text of their chunk, where that is one. */
function withLogprobs(events: ModelEvent[], wire: WireLogprobs | null | undefined): ModelEvent[] {
  const chosen = objectsIn(wire?.chosenCandidates)
  if (chosen.length === 0 || events.filter(({ type }) => type === 'text').length !== 1) return events
  const rivals = Array.isArray(wire?.topCandidates) ? wire.topCandidates : []
  const logprobs = chosen.map((token, index): Logprob => ({
    ...logprob(token),
    top_logprobs: objectsIn(rivals[index]?.candidates).map(logprob),
  }))
  return events.map((event) => (event.type === 'text' ? { ...event, logprobs } : event))
}

function logprob({ token, logProbability }: WireToken): Omit<Logprob, 'top_logprobs'> {
  const text = textIn(token)
  return { token: text, logprob: numberIn(logProbability), bytes: [...Buffer.from(text)] }
}

function noteUsage(wire: WireUsage | null | undefined, state: State): ModelEvent[] {
  const usage = readUsage(wire)
  if (usage !== undefined) state.usage = usage
  const tier = tierOf(wire?.serviceTier) ?? tierOf(wire?.trafficType)
  if (tier !== undefined) state.serviceTier = tier
  return []
}

function noteError(error: unknown, state: State): ModelEvent[] {
  if (error != null && error !== '') {
    state.failure = readErrorChunk(error, { ...state.options, paramNames: PARAM_NAMES })
  }
  return []
}

/** A question that a filter has stopped: there is no answer. */
function noteBlock(feedback: WireFeedback | null | undefined, state: State): ModelEvent[] {
  const reason = feedback?.blockReason
  if (reason == null || reason === '' || reason === 0 || reason === 'BLOCK_REASON_UNSPECIFIED') return []
  state.reason = 'content_filter'
  state.refusal = textIn(feedback?.blockReasonMessage)
  return []
}

function noteFinish({ finishReason, finishMessage }: WireCandidate, state: State): void {
  const ending = endingOf(finishReason)
  if (ending === undefined) return
  // Calls of tools that were not offered are calls all the same.
  if (ending === 'broken' && state.callIds.size === 0) {
    state.failure = brokenAnswer(finishReason)
    return
  }
  state.reason = ending === 'broken' ? 'stop' : ending
  state.refusal = ending === 'content_filter' ? textIn(finishMessage) : ''
}

function brokenAnswer(reason: WireCandidate['finishReason']): UpstreamError {
  const message =
    reason === 'MALFORMED_FUNCTION_CALL' || reason === 'UNEXPECTED_TOOL_CALL'
      ? 'The model made a call that its provider could not read. Ask again, or describe the tools in simpler words.'
      : `The model provider ended the answer without a usable result (${reason}).`
  return new UpstreamError({ fault: 'invalid_response', message, accepted: true })
}
