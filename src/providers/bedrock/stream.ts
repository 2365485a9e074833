import type { ModelEvent } from '../../core/model-event.ts'
import { UpstreamError } from '../../core/upstream-error.ts'
import { isJsonObject } from '../../protocol/json.ts'
import { argumentsText } from '../call-arguments.ts'
import { createCallIds, type CallIds } from '../call-id.ts'
import { createReader, type Ending } from '../ending.ts'
import type { AnswerReader } from '../exchange.ts'
import { objectsIn, textIn } from '../loose.ts'
import { CitedText, type CitedBlock } from './citations.ts'
import { SignedThinking } from './thinking-block.ts'
import { MALFORMED, STOP_REASON, STOP_REASON_DEFAULT } from './tables.ts'
import { readUsage } from './usage.ts'
import type { WireAnswer, WireBlock, WireBlockDelta, WireCall, WireDelta, WireEvent, WirePlace } from './wire.ts'

/** Reads the events that the SDK has decoded: there may be bytes in them. */
export interface ConverseReader extends AnswerReader {
  read(event: WireEvent): ModelEvent[]
}

/** What a reader is told. */
export interface ReaderOptions {
  /** Begins the ids of calls that came without one. */
  readonly callIdPrefix: string
  /** Who made the model: only its own models can read the thinking that it has signed. */
  readonly vendor: string
}

/** What is remembered between events. */
interface State {
  readonly options: ReaderOptions
  readonly callIds: CallIds
  readonly text: CitedText
  /** Blocks that have begun and not ended, by their index. */
  readonly blocks: Map<unknown, Block>
  readonly ending: Ending
}

/** One block of the message, whatever it is made of. */
interface Block {
  /** Undefined in blocks that call nothing of ours. */
  callId: string | undefined
  readonly thinking: SignedThinking
  readonly cited: CitedBlock
}

type Handlers<Wire> = {
  readonly [Field in keyof Wire]-?: (value: NonNullable<Wire[Field]>, state: State) => ModelEvent[]
}

/** Events, by their names. Blocks of text and of thinking have no start. */
const EVENTS: Handlers<WireEvent> = {
  messageStart: () => [],
  contentBlockStart: (event, state) => startBlock(event.start?.toolUse, blockOf(event, state), state),
  contentBlockDelta: readDelta,
  contentBlockStop: (event, state) => endBlock(event.contentBlockIndex, state),
  messageStop: ({ stopReason }, state) => {
    if (typeof stopReason === 'string') stop(stopReason, state)
    return []
  },
  metadata: ({ usage: wire, serviceTier }, { ending }) => {
    const usage = readUsage(wire)
    if (usage !== undefined) ending.usage = usage
    ending.serviceTier = textIn(serviceTier?.type) || (ending.serviceTier ?? '')
    return []
  },
}

const EVENT_NAMES = Object.keys(EVENTS) as (keyof WireEvent)[] // The keys of the table.

/** Makes a reader for the events of one answer of ConverseStream, or for a whole answer of Converse. */
export function createConverseReader(options: ReaderOptions): ConverseReader {
  const state: State = {
    options,
    callIds: createCallIds(options.callIdPrefix),
    text: new CitedText(),
    blocks: new Map(),
    ending: {},
  }
  return createReader(state.ending, {
    read: (event) => readEvent(event, state),
    readWhole: (answer) => wholeAsStreamed(answer)?.flatMap((event) => readEvent(event, state)),
    settle: () => [...state.blocks.keys()].flatMap((index) => endBlock(index, state)),
  })
}

/** After a failure, only what was used is still of interest. */
function readEvent(event: WireEvent, state: State): ModelEvent[] {
  const isOver = state.ending.failure !== undefined
  return EVENT_NAMES.flatMap((name) => (isOver && name !== 'metadata' ? [] : handle(name, event[name], state)))
}

function handle<Name extends keyof WireEvent>(name: Name, event: WireEvent[Name], state: State): ModelEvent[] {
  return isJsonObject(event) ? EVENTS[name](event, state) : []
}

/** A whole answer as the events that it would have come in; undefined where it is none. */
function wholeAsStreamed({ output, stopReason, usage, serviceTier }: WireAnswer): WireEvent[] | undefined {
  const content = output?.message?.content
  if (!Array.isArray(content)) return undefined
  return [
    ...objectsIn<WireBlock>(content).flatMap((block, index) => asStreamed(block, index)),
    { metadata: { usage: usage ?? null, serviceTier: serviceTier ?? null } },
    { messageStop: { stopReason: stopReason ?? null } },
  ]
}

function blockOf({ contentBlockIndex: index }: WirePlace, { blocks, text }: State): Block {
  const block = blocks.get(index) ?? { callId: undefined, thinking: new SignedThinking(), cited: text.begin() }
  blocks.set(index, block)
  return block
}

/** A call of a tool. Those of tools that the provider runs itself are its own affair. */
function startBlock(call: WireCall | null | undefined, block: Block, state: State): ModelEvent[] {
  const name = textIn(call?.name)
  if (name === '' || call?.type === 'server_tool_use') return []
  state.text.interrupt()
  block.callId = state.callIds(textIn(call?.toolUseId))
  return [{ type: 'tool_call', callId: block.callId, name }]
}

/** The pieces of a block, by what they are of. */
const DELTAS: {
  readonly [Field in keyof WireDelta]-?: (delta: WireDelta, block: Block, state: State) => ModelEvent[]
} = {
  text: (delta, _, state) => state.text.add(textIn(delta.text)),
  toolUse: ({ toolUse }, { callId }) => {
    const delta = textIn(toolUse?.input)
    return callId === undefined || delta === '' ? [] : [{ type: 'tool_arguments', callId, delta }]
  },
  reasoningContent: ({ reasoningContent }, { thinking }, state) => {
    const said = thinking.add(reasoningContent ?? {})
    if (said.length > 0) state.text.interrupt()
    return said
  },
  citation: ({ citation }, { cited }) => {
    if (isJsonObject(citation)) cited.citations.push(citation)
    return []
  },
}

const DELTA_NAMES = Object.keys(DELTAS) as (keyof WireDelta)[] // The keys of the table.

function readDelta(event: WireBlockDelta, state: State): ModelEvent[] {
  const { delta } = event
  if (!isJsonObject(delta)) return []
  const block = blockOf(event, state)
  return DELTA_NAMES.flatMap((name) => (delta[name] == null ? [] : DELTAS[name](delta, block, state)))
}

/** What is known of a block once it is whole: its signature, and its sources. */
function endBlock(index: unknown, { blocks, options, text }: State): ModelEvent[] {
  const block = blocks.get(index)
  blocks.delete(index)
  if (block === undefined) return []
  const signed = block.thinking.settle(options.vendor)
  if (signed.length > 0) text.interrupt()
  return [...signed, ...text.end(block.cited)]
}

function stop(stopReason: string, { ending }: State): void {
  if (MALFORMED.has(stopReason)) {
    const message = 'The model wrote what its provider could not read.'
    ending.failure = new UpstreamError({ fault: 'invalid_response', message, accepted: true })
  } else ending.reason = STOP_REASON.get(stopReason) ?? STOP_REASON_DEFAULT
}

/** A whole block as the events that it would have come in. */
function asStreamed(block: WireBlock, contentBlockIndex: number): WireEvent[] {
  const { text, toolUse, reasoningContent, citationsContent } = block
  const { reasoningText, redactedContent } = reasoningContent ?? {}
  const deltas: WireDelta[] = [
    ...objectsIn(citationsContent?.citations).map((citation) => ({ citation })),
    ...objectsIn(citationsContent?.content).map((part) => ({ text: part.text ?? null })),
    { text: text ?? null },
    { toolUse: { input: argumentsText(toolUse?.input) } },
    { reasoningContent: { text: reasoningText?.text ?? null, signature: reasoningText?.signature ?? null } },
    { reasoningContent: { redactedContent: redactedContent ?? null } },
  ]
  return [
    ...(toolUse == null ? [] : [{ contentBlockStart: { contentBlockIndex, start: { toolUse } } }]),
    ...deltas.map((delta) => ({ contentBlockDelta: { contentBlockIndex, delta } })),
    { contentBlockStop: { contentBlockIndex } },
  ]
}
