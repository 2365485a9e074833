import type { ModelEvent } from '../../core/model-event.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { createCallIds } from '../call-id.ts'
import { createReader, usageOf, type Ending } from '../ending.ts'
import { readErrorChunk } from '../error-answer.ts'
import { brokenOff, type AnswerReader } from '../exchange.ts'
import { firstCount, isCount, objectIn, objectsIn, textIn } from '../loose.ts'
import { argue, cite, END, openItem, refuse, sayText, think } from './items.ts'
import { Output, type Item } from './output.ts'
import { INCOMPLETE_REASON, INCOMPLETE_REASON_DEFAULT, PARAM_NAMES } from './tables.ts'
import type { WireEvent, WireItem, WireResponse, WireUsage } from './wire.ts'

/** What a reader is told. */
export interface ReaderOptions {
  /** Begins the ids of calls that came without one. */
  readonly callIdPrefix: string
  /** Whether thoughts that are not encrypted come back. */
  readonly takesThoughts: boolean
  /** Strings that no message may show. */
  readonly secrets: readonly string[]
}

/** What is remembered between events. */
interface State {
  readonly options: ReaderOptions
  readonly ending: Ending
  readonly output: Output
}

type Handler = (event: WireEvent, state: State) => ModelEvent[]

/** What is read, by the type of its event. Of others, those inside native items are carried on. */
const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['response.output_text.delta', readText],
  ['response.refusal.delta', (event, state) => readRefusal(event, state)],
  ['response.output_text.annotation.added', readAnnotation],
  ['response.reasoning_summary_text.delta', (event, state) => readThought(event, state, 'summary')],
  ['response.reasoning_text.delta', (event, state) => readThought(event, state, 'thought')],
  ['response.reasoning.delta', (event, state) => readThought(event, state, 'thought')], // Open Responses.
  ['response.function_call_arguments.delta', readArguments],
  ['response.function_call_arguments.done', (event, state) => readRest(event, state, event.arguments)],
  ['response.custom_tool_call_input.delta', readArguments],
  ['response.custom_tool_call_input.done', (event, state) => readRest(event, state, event.input)],
  ['response.output_item.added', ({ output_index: place, item }, state) => open(place, objectIn(item), state)],
  ['response.output_item.done', ({ output_index: place, item }, state) => close(place, objectIn(item), state)],
  ['response.completed', ({ response }, state) => settle(objectIn(response), state, 'completed')],
  ['response.incomplete', ({ response }, state) => settle(objectIn(response), state, 'incomplete')],
  ['response.failed', ({ response }, state) => settle(objectIn(response), state, 'failed')],
  ['error', readError],
])

/** Makes a reader for one answer of POST /responses. */
export function createResponsesReader(options: ReaderOptions): AnswerReader {
  const ending: Ending = {}
  const state: State = { options, ending, output: new Output(createCallIds(options.callIdPrefix)) }
  return createReader(ending, {
    read: (document: WireEvent) => readEvent(document, state),
    readWhole: (answer: WireResponse) => readWhole(answer, state),
    settle: () => {
      if (ending.reason === undefined) throw brokenOff() // A stream may be over without its end.
      return []
    },
  })
}

function readEvent(event: WireEvent, state: State): ModelEvent[] {
  if (state.ending.reason !== undefined) return []
  if (state.ending.failure !== undefined) {
    noteUsage(objectIn(event.response).usage, state) // An error comes first, what it has cost after it.
    return []
  }
  const read = HANDLERS.get(textIn(event.type))
  return read === undefined ? carry(event, state) : read(event, state)
}

function readWhole(answer: WireResponse, state: State): ModelEvent[] | undefined {
  const { status, output, error } = answer
  if (!Array.isArray(output) && error == null) return undefined
  const isOver = status == null || status === 'completed' || status === 'incomplete'
  return settle(answer, state, error == null ? (isOver ? 'completed' : textIn(status)) : 'failed')
}

/** What happens inside an item that is none of ours. Everything else that is not known is passed over. */
function carry(event: WireEvent, { output }: State): ModelEvent[] {
  const item = output.at(event.output_index, event.item_id)
  if (item?.kind !== 'native' || item.isDone) return []
  return [{ type: 'native_event', back: output.back(item), event: event as JsonObject }] // It came as JSON.
}

/** The item that an event is about: where it never opened, it opens now. */
function itemOf({ output_index: place, item_id: id }: WireEvent, { output }: State, type: string): Item | undefined {
  const known = output.at(place, id)
  const item = known ?? output.open(place, { type, ...(typeof id === 'string' ? { id } : {}) })
  return item?.wire.type === type && !item.isDone ? item : undefined
}

function readText(event: WireEvent, state: State): ModelEvent[] {
  const text = textIn(event.delta)
  const item = text === '' ? undefined : itemOf(event, state, 'message')
  return item === undefined ? [] : sayText(state.output, item, { text, logprobs: event.logprobs, part: partOf(event) })
}

function readRefusal(event: WireEvent, state: State): ModelEvent[] {
  const text = textIn(event.delta)
  const item = text === '' ? undefined : itemOf(event, state, 'message')
  return item === undefined ? [] : refuse(state.output, item, { text, part: partOf(event) })
}

function readThought(event: WireEvent, state: State, voice: 'summary' | 'thought'): ModelEvent[] {
  const text = textIn(event.delta)
  const item = text === '' ? undefined : itemOf(event, state, 'reasoning')
  return item === undefined ? [] : think(state.output, item, { text, voice, part: partOf(event) })
}

function partOf({ content_index: content, summary_index: summary }: WireEvent): number {
  return firstCount(content, summary)
}

function readAnnotation(event: WireEvent, { output }: State): ModelEvent[] {
  const item = output.at(event.output_index, event.item_id)
  return item?.kind === 'message' ? cite(output, item, event.annotation) : []
}

function readArguments(event: WireEvent, { output }: State): ModelEvent[] {
  const item = output.at(event.output_index, event.item_id)
  return item?.kind === 'call' && !item.isDone ? argue(item, textIn(event.delta)) : []
}

/** The whole of what a call is given: some have said none of it before. */
function readRest(event: WireEvent, { output }: State, whole: string | null | undefined): ModelEvent[] {
  const item = output.at(event.output_index, event.item_id)
  return item?.kind === 'call' && !item.isDone ? argue(item, textIn(whole).slice(item.said)) : []
}

function open(place: unknown, wire: Partial<WireItem>, { output }: State): ModelEvent[] {
  const known = output.at(place, undefined)
  if (known !== undefined && !known.isDone) return []
  const item = output.open(place, wire)
  return item === undefined ? [] : openItem(output, item)
}

function close(place: unknown, wire: Partial<WireItem>, state: State): ModelEvent[] {
  const { output, options } = state
  const known = output.at(place, wire.id)
  const item = known ?? output.open(place, wire)
  if (item === undefined || item.isDone || item.wire.type !== wire.type) return []
  const opening = known === undefined ? openItem(output, item) : []
  item.isDone = true
  return [...opening, ...END[item.kind](output, item, { wire, takesThoughts: options.takesThoughts })]
}

/** The response is over. What its stream has not told of its output is in there. */
function settle(response: Partial<WireResponse>, state: State, assumed: string): ModelEvent[] {
  const { ending, output } = state
  const status = OVER.has(textIn(response.status)) ? textIn(response.status) : assumed
  noteUsage(response.usage, state)
  const tier = textIn(response.service_tier)
  if (tier !== '' && tier !== 'auto') ending.serviceTier = tier
  if (status === 'failed' || status === 'cancelled') {
    ending.failure ??= complaint(response.error, state)
    return []
  }
  if (!OVER.has(status)) return []
  const isUntold = output.isEmpty()
  const events = objectsIn(response.output).flatMap((wire, place) =>
    isUntold || output.at(place, undefined)?.isDone === false ? close(place, wire, state) : [],
  )
  ending.reason = status === 'completed' ? 'stop' : incompleteReason(response)
  return events
}

/** States after which nothing comes. */
const OVER: ReadonlySet<string> = new Set(['completed', 'incomplete', 'failed', 'cancelled'])

function incompleteReason({ incomplete_details: details }: Partial<WireResponse>) {
  return INCOMPLETE_REASON.get(textIn(details?.reason)) ?? INCOMPLETE_REASON_DEFAULT
}

/** Errors stand in an object of their own, or flat in the event. */
function readError(event: WireEvent, state: State): ModelEvent[] {
  const { code, message, param } = event
  state.ending.failure ??= complaint(event.error ?? { code, message, param }, state)
  return []
}

function complaint(error: unknown, { options: { secrets } }: State) {
  return readErrorChunk(error, { secrets, paramNames: PARAM_NAMES })
}

function noteUsage(wire: WireUsage | null | undefined, { ending }: State): void {
  const { input_tokens: input, output_tokens: output, ...details } = objectIn(wire)
  if (!isCount(input) || !isCount(output)) return
  const { cached_tokens: cached, cache_write_tokens: written } = objectIn(details.input_tokens_details)
  const { reasoning_tokens: reasoning } = objectIn(details.output_tokens_details)
  ending.usage = usageOf({
    input,
    cached: firstCount(cached),
    written: firstCount(written),
    output,
    reasoning: firstCount(reasoning),
  })
}
