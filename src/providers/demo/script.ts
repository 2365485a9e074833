import type { CallableTool, HistoryItem, ModelCall } from '../../core/model-call.ts'
import type { ModelEvent, StopReason } from '../../core/model-event.ts'
import { UpstreamError, type UpstreamFault } from '../../core/upstream-error.ts'
import type { Usage } from '../../protocol/usage.ts'
import { exampleValue } from './example-value.ts'

/** One thing the demo model does. */
export type Step =
  | { readonly kind: 'say'; readonly event: ModelEvent }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'fail'; readonly error: UpstreamError }

/** Longest pause that a message may ask for. */
const WAIT_MS_MAX = 900_000

/** Most words that a message may ask for. */
const WORDS_MAX = 100_000

/** Texts up to this length are said word by word, longer ones in blocks: an echo may be as long as any input. */
const WORDWISE_CHARS_MAX = 100_000

/** Commands at the beginning of the last user message: `/name argument`. */
const COMMANDS: Readonly<Record<string, (argument: string, call: ModelCall) => Step[]>> = {
  think: (argument) => [
    ...words('reasoning', `The user asks: ${argument}`),
    ...words('text', `Thought about: ${argument}`),
  ],
  refuse: (argument) => words('refusal', `The demo model will not talk about ${argument}`),
  say: (argument) => words('text', argument),
  words: (argument) => countedWords(Math.min(WORDS_MAX, Number.parseInt(argument, 10) || 10)),
  wait: (argument) => {
    const seconds = Number.parseFloat(argument) || 1
    return [
      ...words('text', 'Waiting '),
      { kind: 'wait', ms: Math.min(WAIT_MS_MAX, Math.max(0, seconds * 1000)) },
      ...words('text', 'done.'),
    ]
  },
  fail: (argument) => [failure(argument)],
  break: (argument) => [...words('text', 'This answer breaks off '), failure(argument)],
  filter: () => [...words('text', 'This answer is cut by a filter '), finish('content_filter', NOTHING)],
}

/** What a status in `/fail STATUS` stands for. */
const FAULTS: Readonly<Record<string, UpstreamFault>> = {
  400: 'bad_request',
  401: 'auth',
  404: 'model_not_found',
  408: 'timeout',
  429: 'rate_limited',
  500: 'unavailable',
  503: 'unavailable',
}

/**
 * Decides the whole answer from the call alone.
 *
 * In this order: a command at the beginning of the last user message; the output of a tool is reported;
 * a tool is called where the choice demands one or the message names it; a JSON format gets a value that
 * its schema accepts; `What is my name?` is answered from the thread; anything else is echoed.
 */
export function planAnswer(call: ModelCall): Step[] {
  const text = lastUserText(call.history)
  const [, name = '', argument = ''] = /^\/([a-z]+)\s*([\s\S]*)$/.exec(text) ?? []
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  const spoken = command === undefined ? answer(call, text) : command(argument, call)
  const thinks = command === undefined && call.effort !== undefined && call.effort !== 'none'
  const thought = thinks ? words('reasoning', `Thinking about: ${text}`) : []
  return limit([...thought, ...spoken], call)
}

function answer(call: ModelCall, text: string): Step[] {
  const last = call.history.at(-1)
  if (last?.type === 'function_call_output') return reportOutputs(call)
  const tools = toolsToCall(call, text)
  if (tools.length > 0)
    return tools.flatMap((tool, index) => callTool(tool, `${call.callIdPrefix}${index}`, subjectOf(text)))
  if (call.format.type === 'json_schema') {
    return words('text', JSON.stringify(exampleValue(call.format.schema, subjectOf(text))))
  }
  if (call.format.type === 'json_object') return words('text', JSON.stringify({ answer: text }))
  return words('text', recall(call.history, text) ?? `You said: ${text}`)
}

/** Tools whose choice is forced, or all that the message names (one, where parallel calls are off). */
function toolsToCall(call: ModelCall, text: string): readonly CallableTool[] {
  const { toolChoice, tools } = call
  if (toolChoice === 'none' || tools.length === 0) return []
  if (typeof toolChoice === 'object') return tools.filter((tool) => tool.name === toolChoice.name)
  const named = tools.filter((tool) => isNamed(tool, text))
  const chosen = named.length > 0 || toolChoice !== 'required' ? named : tools.slice(0, 1)
  return call.parallelToolCalls === false ? chosen.slice(0, 1) : chosen
}

/** Whether a message holds a word of a tool's name: `get_weather` is named by "the weather". */
function isNamed(tool: CallableTool, text: string): boolean {
  const said = new Set(text.toLowerCase().match(/[a-z]+/g))
  const parts = tool.name.toLowerCase().match(/[a-z]{4,}/g) ?? []
  return parts.some((part) => said.has(part))
}

function callTool(tool: CallableTool, callId: string, subject: string): Step[] {
  const args = JSON.stringify(exampleValue({ type: 'object', ...tool.parameters }, subject))
  const half = Math.ceil(args.length / 2)
  return [
    say({ type: 'tool_call', callId, name: tool.name }),
    say({ type: 'tool_arguments', callId, delta: args.slice(0, half) }),
    say({ type: 'tool_arguments', callId, delta: args.slice(half) }),
  ]
}

function reportOutputs(call: ModelCall): Step[] {
  const names = new Map(
    call.history.flatMap((item) => (item.type === 'function_call' ? [[item.callId, item.name]] : [])),
  )
  const firstOutput = call.history.findLastIndex((item) => item.type !== 'function_call_output') + 1
  const reports = call.history.slice(firstOutput).flatMap((item) => {
    if (item.type !== 'function_call_output') return []
    const output = typeof item.output === 'string' ? item.output : JSON.stringify(item.output)
    return [`The tool ${names.get(item.callId) ?? 'unknown'} returned: ${output}`]
  })
  return words('text', reports.join('\n'))
}

function recall(history: readonly HistoryItem[], text: string): string | undefined {
  if (!/what(?:'s| is) my name/i.test(text)) return undefined
  const said = history
    .map((item) => /my name is (\p{L}+)/iu.exec(textOf(item))?.[1])
    .findLast((name) => name !== undefined)
  return said === undefined ? 'You have not told me your name.' : `Your name is ${said}.`
}

function lastUserText(history: readonly HistoryItem[]): string {
  const last = history.findLast((item) => item.type === 'message' && item.role === 'user')
  return last === undefined ? '' : textOf(last)
}

function textOf(item: HistoryItem): string {
  if (item.type !== 'message') return ''
  return item.parts
    .map((part) => {
      if (part.type === 'input_text' || part.type === 'output_text') return part.text
      return part.type === 'input_image' ? '[image]' : part.type === 'input_file' ? '[file]' : ''
    })
    .join(' ')
    .trim()
}

/** What a message is about: its last capitalised word, or all of it. */
function subjectOf(text: string): string {
  return text.match(/\p{Lu}\p{L}+/gu)?.at(-1) ?? text
}

function words(type: 'text' | 'reasoning' | 'refusal', text: string): Step[] {
  const pieces = text.length > WORDWISE_CHARS_MAX ? /[\s\S]{1,4096}/gu : /\s*\S+\s*?(?=\s|$)|\s+$/g
  return (text.match(pieces) ?? []).map((piece) => say({ type, text: piece }))
}

function countedWords(count: number): Step[] {
  return Array.from({ length: count }, (_, index) =>
    say({ type: 'text', text: `${index === 0 ? '' : ' '}word${index}` }),
  )
}

function failure(argument: string): Step {
  const status = Number.parseInt(argument, 10) || 500
  const fault = FAULTS[status] ?? (status < 500 ? 'bad_request' : 'unavailable')
  const message = `The demo model was asked to fail with status ${status}.`
  return { kind: 'fail', error: new UpstreamError({ fault, message, status, accepted: true }) }
}

function say(event: ModelEvent): Step {
  return { kind: 'say', event }
}

/** Tokens: one for each step that says something. */
interface Spent {
  readonly input: number
  readonly output: number
  readonly reasoning: number
}

const NOTHING: Spent = { input: 0, output: 0, reasoning: 0 }

/** Counts the tokens, and stops the answer where it has used up `max_output_tokens`. */
function limit(steps: readonly Step[], call: ModelCall): Step[] {
  const input = call.history.map(textOf).join(' ').split(/\s+/).filter(Boolean).length
  const allowed = call.maxOutputTokens ?? Number.MAX_SAFE_INTEGER
  let spent: Spent = { ...NOTHING, input }
  const kept: Step[] = []
  for (const step of steps) {
    if (step.kind === 'fail') return [...kept, step]
    if (step.kind === 'say' && step.event.type === 'finish') return [...kept, finish(step.event.reason, spent)]
    if (step.kind === 'say' && spent.output === allowed) return [...kept, finish('max_output_tokens', spent)]
    if (step.kind === 'say') spent = spend(spent, step.event)
    kept.push(step)
  }
  return [...kept, finish('stop', spent)]
}

function spend(spent: Spent, event: ModelEvent): Spent {
  const reasoning = spent.reasoning + (event.type === 'reasoning' ? 1 : 0)
  return { ...spent, output: spent.output + 1, reasoning }
}

function finish(reason: StopReason, spent: Spent): Step {
  const usage: Usage = {
    input_tokens: spent.input,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: spent.output,
    output_tokens_details: { reasoning_tokens: spent.reasoning },
    total_tokens: spent.input + spent.output,
  }
  return say({ type: 'finish', reason, usage })
}
