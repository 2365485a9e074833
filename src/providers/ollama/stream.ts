import type { ModelEvent } from '../../core/model-event.ts'
import { argumentsText } from '../call-arguments.ts'
import { createCallIds, type CallIds } from '../call-id.ts'
import { createReader, type Ending } from '../ending.ts'
import { readErrorChunk } from '../error-answer.ts'
import type { AnswerReader } from '../exchange.ts'
import { readLogprob } from '../logprobs.ts'
import { objectIn, objectsIn, textIn } from '../loose.ts'
import { createThinkSplitter, type ThinkSplitter } from '../think.ts'
import type { ReaderOptions } from '../posted.ts'
import { createThought, type Thought } from '../thought.ts'
import { DONE_REASON, DONE_REASON_DEFAULT, PARAM_NAMES } from './tables.ts'
import { readUsage } from './usage.ts'
import type { WireAnswer, WireMessage, WireToolCall } from './wire.ts'

/** Reads the lines of one answer, and whole answers: they have the same fields. */
export interface OllamaReader extends AnswerReader {
  read(line: WireAnswer): ModelEvent[]
  readWhole(answer: WireAnswer): ModelEvent[] | undefined
}

/** What is remembered between lines. */
interface State extends Ending {
  readonly options: ReaderOptions
  readonly thought: Thought
  /** Models whose template is unknown to the server think in their text. */
  readonly think: ThinkSplitter
  idOf?: CallIds
}

type Handler = (message: Partial<WireMessage>, state: State, line: WireAnswer) => ModelEvent[]

/** Fields of a message, in the order in which they are read: thinking comes before what it led to. */
const HANDLERS: readonly (readonly [field: keyof WireMessage, read: Handler])[] = [
  ['thinking', ({ thinking }, { thought }) => thought.add('thinking', textIn(thinking))],
  ['content', readContent],
  ['tool_calls', ({ tool_calls: calls }, state) => objectsIn(calls).flatMap((call) => readCall(call, state))],
]

/** Makes a reader for one answer of Ollama. */
export function createOllamaReader(options: ReaderOptions): OllamaReader {
  const state: State = { options, thought: createThought(), think: createThinkSplitter() }
  return createReader(state, {
    read: (line) => readLine(line, state),
    readWhole: (answer) => (answer['error'] == null && answer['done'] !== true ? undefined : readLine(answer, state)),
    settle: () => settle(state),
  })
}

function readLine(line: WireAnswer, state: State): ModelEvent[] {
  const { error } = line
  if (error != null && error !== '')
    state.failure ??= readErrorChunk(error, { ...state.options, paramNames: PARAM_NAMES })
  if (state.failure !== undefined) return []
  const message = objectIn(line.message)
  const events = HANDLERS.flatMap(([field, read]) => (message[field] == null ? [] : read(message, state, line)))
  if (line.done === true) {
    state.reason = DONE_REASON.get(line.done_reason) ?? DONE_REASON_DEFAULT
    const usage = readUsage(line)
    if (usage !== undefined) state.usage = usage
  }
  return events
}

function readContent({ content }: Partial<WireMessage>, state: State, line: WireAnswer): ModelEvent[] {
  const spoken = state.think.push(textIn(content))
  const logprobs = objectsIn(line.logprobs).map(readLogprob)
  const [only] = spoken
  const isOneText = spoken.length === 1 && only?.type === 'text' && logprobs.length > 0
  return tell(isOneText ? [{ ...only, logprobs }] : spoken, state)
}

/** What the text turned out to be: thoughts are gathered, and end where something is said. */
function tell(spoken: readonly ModelEvent[], { thought }: State): ModelEvent[] {
  return spoken.flatMap((event) =>
    event.type === 'reasoning' ? thought.add('thinking', event.text) : [...thought.settle(), event],
  )
}

function readCall({ id, function: called }: WireToolCall, state: State): ModelEvent[] {
  const { name, arguments: args } = objectIn(called)
  if (textIn(name) === '') return []
  const idOf = (state.idOf ??= createCallIds(state.options.callIdPrefix))
  const callId = idOf(textIn(id))
  const delta = argumentsText(args)
  const begun: ModelEvent[] = [...settle(state), { type: 'tool_call', callId, name: textIn(name) }]
  return delta === '' ? begun : [...begun, { type: 'tool_arguments', callId, delta }]
}

/** What was held back belongs before what comes now. */
function settle(state: State): ModelEvent[] {
  return [...tell(state.think.flush(), state), ...state.thought.settle()]
}
