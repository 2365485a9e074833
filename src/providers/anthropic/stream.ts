import type { FinishEvent, ModelEvent, StopReason } from '../../core/model-event.ts'
import type { UpstreamError } from '../../core/upstream-error.ts'
import type { Usage } from '../../protocol/usage.ts'
import { readErrorChunk } from '../error-answer.ts'
import type { AnswerReader } from '../exchange.ts'
import { objectsIn, textIn } from '../loose.ts'
import { BlockReader } from './blocks.ts'
import { PARAM_NAMES, SERVED_TIER, STOP_REASON, STOP_REASON_DEFAULT } from './tables.ts'
import { mergeUsage, readUsage } from './usage.ts'
import type { WireDelta, WireEvent, WireMessage, WireUsage } from './wire.ts'

/** Reads the events of one answer, and whole answers. */
export interface MessagesReader extends AnswerReader {
  read(event: WireEvent): ModelEvent[]
  readWhole(answer: WireMessage): ModelEvent[] | undefined
}

/** What a reader is told. */
export interface ReaderOptions {
  /** Begins the ids of calls that came without one. */
  readonly callIdPrefix: string
  /** Strings that no message may show. */
  readonly secrets: readonly string[]
}

/** What is remembered between events. */
interface State {
  readonly options: ReaderOptions
  readonly blocks: BlockReader
  usage: WireUsage
  finish: StopReason | undefined
  failure: UpstreamError | undefined
}

/** Events by their type. Others, such as `ping`, say nothing. */
const HANDLERS: ReadonlyMap<unknown, (event: WireEvent, state: State) => ModelEvent[]> = new Map([
  ['message_start', ({ message }: WireEvent, state: State) => count(message?.usage, state)],
  [
    'content_block_start',
    ({ index, content_block: block }: WireEvent, { blocks }: State) =>
      objectsIn([block ?? {}]).flatMap((wire) => blocks.begin(index, wire)),
  ],
  [
    'content_block_delta',
    ({ index, delta }: WireEvent, { blocks }: State) =>
      objectsIn([delta ?? {}]).flatMap((wire) => blocks.piece(index, wire)),
  ],
  ['content_block_stop', ({ index }: WireEvent, { blocks }: State) => blocks.end(index)],
  [
    'message_delta',
    ({ delta, usage }: WireEvent, state: State) => [...count(usage, state), ...stop(delta ?? {}, state)],
  ],
  ['message_stop', (_: WireEvent, state: State) => stop({ stop_reason: 'end_turn' }, state)],
])

/** Makes a reader for one answer of a Messages provider. */
export function createMessagesReader(options: ReaderOptions): MessagesReader {
  return new Reader(options)
}

class Reader implements MessagesReader {
  readonly #state: State

  constructor(options: ReaderOptions) {
    const blocks = new BlockReader(options.callIdPrefix)
    this.#state = { options, blocks, usage: {}, finish: undefined, failure: undefined }
  }

  read(event: WireEvent): ModelEvent[] {
    const state = this.#state
    fail(event, state)
    return state.failure === undefined ? (HANDLERS.get(event.type)?.(event, state) ?? []) : []
  }

  readWhole(answer: WireMessage): ModelEvent[] | undefined {
    const state = this.#state
    fail(answer, state)
    if (state.failure !== undefined) return []
    if (!Array.isArray(answer.content)) return undefined
    const said = objectsIn(answer.content).flatMap((block, index) => [
      ...state.blocks.begin(index, block),
      ...state.blocks.end(index),
    ])
    const { usage, stop_reason: reason, stop_details } = answer
    const why: WireDelta = { stop_reason: reason ?? 'end_turn', stop_details: stop_details ?? null }
    return [...said, ...count(usage, state), ...stop(why, state)]
  }

  hasFinished(): boolean {
    return this.#state.finish !== undefined
  }

  failure(): UpstreamError | undefined {
    return this.#state.failure
  }

  usage(): Usage | undefined {
    return readUsage(this.#state.usage)
  }

  end(): ModelEvent[] {
    return [...this.#state.blocks.endAll(), finishEvent(this.#state)]
  }
}

/** The error comes as an event of its own, or in the place of the whole answer. */
function fail({ error }: { readonly error?: unknown }, state: State): void {
  if (error == null || error === '') return
  state.failure ??= readErrorChunk(error, { ...state.options, paramNames: PARAM_NAMES })
}

function count(usage: WireUsage | null | undefined, state: State): ModelEvent[] {
  state.usage = mergeUsage(state.usage, usage)
  return []
}

/** Why the message stopped: the first word about it counts. A refusal may say why. */
function stop({ stop_reason: reason, stop_details: details }: WireDelta, state: State): ModelEvent[] {
  if (typeof reason !== 'string' || reason === '' || state.finish !== undefined) return []
  state.finish = STOP_REASON.get(reason) ?? STOP_REASON_DEFAULT
  const explanation = reason === 'refusal' ? textIn(details?.explanation) : ''
  return explanation === '' ? [] : [...state.blocks.endAll(), { type: 'refusal', text: explanation }]
}

function finishEvent(state: State): FinishEvent {
  const usage = readUsage(state.usage)
  const serviceTier = SERVED_TIER.get(textIn(state.usage.service_tier))
  return {
    type: 'finish',
    reason: state.finish ?? STOP_REASON_DEFAULT,
    ...(usage === undefined ? {} : { usage }),
    ...(serviceTier === undefined ? {} : { serviceTier }),
  }
}
