import type { FinishEvent, ModelEvent } from '../../core/model-event.ts'
import type { UpstreamError } from '../../core/upstream-error.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import type { Usage } from '../../protocol/usage.ts'
import { readErrorChunk } from '../error-answer.ts'
import type { AnswerReader } from '../exchange.ts'
import { numberIn, objectsIn, textIn } from '../loose.ts'
import { readLogprob } from '../logprobs.ts'
import { FINISH_REASON, FINISH_REASON_DEFAULT, PARAM_NAMES, type Quirks } from './tables.ts'
import { createThinkSplitter, type ThinkSplitter } from '../think.ts'
import { ChatThought } from './thought.ts'
import { createCallTracker, type CallTracker } from './tool-calls.ts'
import { readUsage } from './usage.ts'
import type {
  WireAnnotation,
  WireChoice,
  WireChunk,
  WireDelta,
  WirePart,
  WireReasoningDetail,
  WireToolCall,
} from './wire.ts'

/** Reads the chunks of one answer, and whole answers: they have the same fields. */
export interface ChatReader extends AnswerReader {
  read(chunk: WireChunk): ModelEvent[]
  readWhole(answer: WireChunk): ModelEvent[] | undefined
}

/** What is remembered between chunks. */
interface State {
  readonly options: ReaderOptions
  readonly think: ThinkSplitter | undefined
  /** Made for the first call: most answers have none, and thousands of them may be under way. */
  calls: CallTracker | undefined
  readonly details: WireReasoningDetail[]
  readonly thought: ChatThought | undefined
  finish: FinishEvent['reason'] | undefined
  usage: Usage | undefined
  serviceTier: string | undefined
  failure: UpstreamError | undefined
}

type Handler = (delta: WireDelta, state: State, choice: WireChoice) => ModelEvent[]

/** Fields of a delta, in the order in which they are read: reasoning comes before what it led to. */
const HANDLERS: readonly (readonly [fields: readonly (keyof WireDelta)[], read: Handler])[] = [
  [['reasoning_details', 'reasoning_content', 'reasoning'], readReasoning],
  [['content'], readContent],
  [['refusal'], ({ refusal }) => say('refusal', refusal)],
  [['annotations'], ({ annotations }) => objectsIn(annotations).flatMap(readAnnotation)],
  [['extra_content'], ({ extra_content: extra }) => [reasoningState({ extra_content: extra as JsonValue })]], // From JSON.
  [['tool_calls'], ({ tool_calls: calls }, state) => readCalls(objectsIn(calls), state)],
  [['function_call'], ({ function_call: call }, state) => readCalls([{ index: 0, function: call ?? null }], state)],
]

/** What a reader is told. */
export interface ReaderOptions {
  /** Begins the ids of calls that came without one. */
  readonly callIdPrefix: string
  /** Strings that no message may show. */
  readonly secrets: readonly string[]
}

/** Makes a reader for one answer of a Chat Completions provider. */
export function createChatReader(quirks: Quirks, options: ReaderOptions): ChatReader {
  return new Reader(quirks, options)
}

class Reader implements ChatReader {
  readonly #state: State

  constructor(quirks: Quirks, options: ReaderOptions) {
    this.#state = {
      options,
      think: quirks.inlineThink ? createThinkSplitter() : undefined,
      calls: undefined,
      details: [],
      thought: quirks.replayReasoning === null ? undefined : new ChatThought(quirks.replayReasoning),
      finish: undefined,
      usage: undefined,
      serviceTier: undefined,
      failure: undefined,
    }
  }

  read(chunk: WireChunk): ModelEvent[] {
    const events = readChunk(chunk, this.#state)
    return this.#state.thought?.note(events) ?? events
  }

  readWhole(answer: WireChunk): ModelEvent[] | undefined {
    return answer.error == null && objectsIn(answer.choices).length === 0 ? undefined : this.read(answer)
  }

  hasFinished(): boolean {
    return this.#state.finish !== undefined
  }

  failure(): UpstreamError | undefined {
    return this.#state.failure
  }

  usage(): Usage | undefined {
    return this.#state.usage
  }

  end(): ModelEvent[] {
    const events = [...settle(this.#state), finishEvent(this.#state)]
    return this.#state.thought?.note(events) ?? events
  }
}

function readChunk(chunk: WireChunk, state: State): ModelEvent[] {
  state.usage = readUsage(chunk.usage) ?? readUsage(chunk.x_groq?.usage) ?? state.usage
  if (typeof chunk.service_tier === 'string' && chunk.service_tier !== '') state.serviceTier = chunk.service_tier
  const error = chunk.error ?? chunk.x_groq?.error
  if (error != null && error !== '')
    state.failure ??= readErrorChunk(error, { ...state.options, paramNames: PARAM_NAMES })
  if (state.failure !== undefined) return []
  const choice = firstChoice(chunk.choices)
  if (choice === undefined) return []
  const delta = choice.delta ?? choice.message ?? {}
  let events: ModelEvent[] = []
  for (const [fields, read] of HANDLERS) {
    if (!isSaid(delta, fields)) continue
    const said = read(delta, state, choice)
    events = events.length === 0 ? said : [...events, ...said]
  }
  if (typeof choice.finish_reason === 'string' && choice.finish_reason !== '') {
    state.finish = finishReason(choice.finish_reason)
  }
  return events
}

/** Only one answer is asked for: that at index 0. */
function firstChoice(choices: readonly WireChoice[] | null | undefined): WireChoice | undefined {
  for (const choice of objectsIn(choices)) if ((choice.index ?? 0) === 0) return choice
  return undefined
}

function isSaid(delta: WireDelta, fields: readonly (keyof WireDelta)[]): boolean {
  for (const field of fields) if (delta[field] != null) return true
  return false
}

/** The reasoning text has many spellings, and some providers send two of them at once: one is read. */
function readReasoning(delta: WireDelta, state: State): ModelEvent[] {
  const details = objectsIn(delta.reasoning_details)
  state.details.push(...details)
  const spellings = [textIn(delta.reasoning_content), textIn(delta.reasoning), details.map(detailText).join('')]
  return say(
    'reasoning',
    spellings.find((text) => text !== ''),
  )
}

function detailText(detail: WireReasoningDetail): string {
  return textIn(detail.text) || textIn(detail.summary)
}

function readContent(delta: WireDelta, state: State, choice: WireChoice): ModelEvent[] {
  const { content } = delta
  if (content == null || content === '') return []
  if (typeof content === 'string' && choice.logprobs == null && state.details.length === 0) {
    return splitThink(content, state)
  }
  const spoken = typeof content === 'string' ? splitThink(content, state) : objectsIn(content).flatMap(readPart)
  const logprobs = objectsIn(choice.logprobs?.content).map(readLogprob)
  const [only] = spoken
  const events = spoken.length === 1 && only?.type === 'text' && logprobs.length > 0 ? [{ ...only, logprobs }] : spoken
  return events.some(({ type }) => type === 'text') ? [...flushDetails(state), ...events] : events
}

function splitThink(content: string, state: State): ModelEvent[] {
  return state.think === undefined ? [{ type: 'text', text: content }] : state.think.push(content)
}

function readPart(part: WirePart): ModelEvent[] {
  if (part.type !== 'thinking') return say('text', part.text)
  const { thinking } = part
  return typeof thinking === 'string'
    ? say('reasoning', thinking)
    : objectsIn(thinking).flatMap(({ text }) => say('reasoning', text))
}

function readAnnotation({ type, url_citation: citation }: WireAnnotation): ModelEvent[] {
  const url = textIn(citation?.url)
  if (type !== 'url_citation' || url === '') return []
  const annotation = {
    type,
    url,
    title: textIn(citation?.title),
    start_index: numberIn(citation?.start_index),
    end_index: numberIn(citation?.end_index),
  }
  return [{ type: 'annotation', annotation }]
}

/** What was held back belongs before the call that it led to. */
function readCalls(calls: readonly WireToolCall[], state: State): ModelEvent[] {
  const tracker = (state.calls ??= createCallTracker(state.options.callIdPrefix))
  const events = calls.flatMap((call) => tracker.read(call))
  return events.some(({ type }) => type === 'tool_call') ? [...settle(state), ...events] : events
}

function say(type: 'text' | 'refusal' | 'reasoning', value: string | null | undefined): ModelEvent[] {
  const text = textIn(value)
  return text === '' ? [] : [{ type, text }]
}

/** Providers' words are looked up among our own only: `constructor` is none of them. */
function finishReason(word: string): FinishEvent['reason'] {
  return (Object.hasOwn(FINISH_REASON, word) ? FINISH_REASON[word] : undefined) ?? FINISH_REASON_DEFAULT
}

/** Everything that was held back until it was clear what it is. */
function settle(state: State): ModelEvent[] {
  return [...(state.think?.flush() ?? []), ...flushDetails(state)]
}

/** Reasoning that is signed or encrypted must come back next turn as it was: its pieces joined again. */
function flushDetails(state: State): ModelEvent[] {
  const details = state.details.splice(0)
  if (!details.some(({ signature, data }) => signature || data)) return []
  const joined = new Map<string, JsonObject>()
  for (const [place, detail] of details.entries()) {
    const key = JSON.stringify([detail.index ?? place, detail.type])
    const before = joined.get(key)
    // Details come from JSON and hold nothing else.
    joined.set(key, before === undefined ? (detail as JsonObject) : joinDetails(before, detail as JsonObject))
  }
  return [reasoningState({ reasoning_details: [...joined.values()] })]
}

const GROWING_FIELDS: ReadonlySet<string> = new Set(['text', 'summary', 'data'])

function joinDetails(before: JsonObject, next: JsonObject): JsonObject {
  const entries = Object.entries(next).filter(([, value]) => value !== null)
  const grown = entries.map(([key, value]) => {
    const earlier = before[key]
    const grows = GROWING_FIELDS.has(key) && typeof earlier === 'string' && typeof value === 'string'
    return [key, grows ? earlier + value : value] as const
  })
  return { ...before, ...Object.fromEntries(grown) }
}

function reasoningState(state: JsonValue): ModelEvent {
  return { type: 'reasoning_state', state }
}

function finishEvent(state: State): FinishEvent {
  return {
    type: 'finish',
    reason: state.finish ?? FINISH_REASON_DEFAULT,
    ...(state.usage === undefined ? {} : { usage: state.usage }),
    ...(state.serviceTier === undefined ? {} : { serviceTier: state.serviceTier }),
  }
}
