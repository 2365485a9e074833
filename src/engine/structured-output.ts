import type { Take } from '../core/flow.ts'
import type { HistoryItem, ModelCall } from '../core/model-call.ts'
import type { FinishEvent, ModelEvent } from '../core/model-event.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import type { Adapter, PreparedCall } from '../providers/adapter.ts'
import { ApiError } from '../protocol/error.ts'
import type { AnyObject } from '../protocol/optional.ts'
import type { JsonSchemaFormat } from '../protocol/text-format.ts'
import type { Usage } from '../protocol/usage.ts'
import { createSchemaCheck, type SchemaCheck } from './schema-check.ts'

/**
 * Prepares a call. Where a JSON schema is asked for and the provider does not keep its models to it, the text is held
 * until it is whole and has been checked, and the model is asked once more where it is not valid. A provider that
 * enforces nothing is told of the schema in words.
 *
 * @throws {ApiError} What the adapter throws.
 */
export function prepareCall(adapter: Adapter, call: ModelCall): PreparedCall {
  const { format, model, tools } = call
  if (format.type !== 'json_schema') return adapter.prepare(call)
  const takes = adapter.takesSchemas(model, tools.length > 0, format.schema)
  if (takes === true) return adapter.prepare(call)
  const asked = takes === 'in part' ? call : told(call, format)
  return new CheckedCall(adapter, asked, {
    schema: format.schema,
    warning: WARNING[takes === 'in part' ? takes : 'no'],
  })
}

const WARNING = {
  no: 'text.format was put into words and checked here: the provider does not enforce it',
  'in part': 'text.format was checked here: the provider enforces a part of its schema',
} as const

/** What an answer is checked against, and what the client is told of that. */
interface Checking {
  readonly schema: AnyObject
  readonly warning: string
}

type Say = Take<readonly ModelEvent[]>

/** One answer, its text held back. */
interface Held {
  readonly text: readonly ModelEvent[]
  readonly finish: FinishEvent | undefined
  /** Whether the text is the answer: a call, a refusal or a cut end make it something else. */
  readonly isAnswer: boolean
}

class CheckedCall implements PreparedCall {
  readonly warnings: readonly string[]
  readonly #adapter: Adapter
  readonly #call: ModelCall
  readonly #schema: AnyObject
  readonly #first: PreparedCall

  constructor(adapter: Adapter, call: ModelCall, { schema, warning }: Checking) {
    this.#adapter = adapter
    this.#call = call
    this.#schema = schema
    this.#first = adapter.prepare(call)
    this.warnings = [...this.#first.warnings, warning]
  }

  async send(signal: AbortSignal, say: Say): Promise<void> {
    const check = await createSchemaCheck(this.#schema)
    const first = await listen(this.#first, signal, say)
    const faults = faultsOf(first, check)
    if (faults.length === 0) return release(first, say)
    const again = this.#adapter.prepare(corrected(this.#call, textOf(first), faults))
    const used = first.finish?.usage
    const second = await listen(again, signal, say).catch((error: unknown) => {
      throw afterFirst(error, used)
    })
    const whole = { ...second, finish: addUsage(second.finish, used) }
    const left = faultsOf(whole, check)
    if (left.length === 0) return release(whole, say)
    // What it has cost is told with the text; where there is none, nothing has been said yet.
    await say(whole.finish === undefined || whole.text.length === 0 ? whole.text : [...whole.text, whole.finish])
    throw notKept(left)
  }
}

/** Hears an answer out. Its text is held; what else comes is passed on, and lets the text before it go. */
async function listen(call: PreparedCall, signal: AbortSignal, say: Say): Promise<Held> {
  let text: ModelEvent[] = []
  let finish: FinishEvent | undefined
  let isAnswer = true
  await call.send(signal, (batch) => {
    if (batch.length === 0) return say(batch)
    const passed: ModelEvent[] = []
    for (const event of batch) {
      if (event.type === 'finish') finish = event
      else if (event.type === 'reasoning' || event.type === 'reasoning_state') passed.push(event)
      else if (isAnswer && (event.type === 'text' || event.type === 'annotation')) text.push(event)
      else {
        isAnswer = false
        passed.push(...text, event)
        text = []
      }
    }
    return passed.length === 0 ? undefined : say(passed)
  })
  return { text, finish, isAnswer: isAnswer && (finish?.reason ?? 'stop') === 'stop' }
}

/** What keeps an answer from being valid. */
function faultsOf(held: Held, check: SchemaCheck): readonly string[] {
  return held.isAnswer ? check(bare(textOf(held))) : []
}

/** Tells what was held: without the fence that models like to put around JSON. */
function release({ text, finish, isAnswer }: Held, say: Say): Promise<void> | undefined {
  const whole = textOf({ text })
  const json = isAnswer ? bare(whole) : whole
  const events = json === whole ? text : [{ type: 'text' as const, text: json }]
  return say(finish === undefined ? events : [...events, finish])
}

function textOf({ text }: Pick<Held, 'text'>): string {
  return text.map((event) => (event.type === 'text' ? event.text : '')).join('')
}

const FENCE = /^\s*```(?:json)?[ \t]*\n([\s\S]*?)\n?[ \t]*```\s*$/i

function bare(text: string): string {
  return FENCE.exec(text)?.[1] ?? text
}

function told(call: ModelCall, format: JsonSchemaFormat): ModelCall {
  const words = [
    `Answer with JSON alone, without a word around it, that is valid against the JSON Schema "${format.name}":`,
    JSON.stringify(format.schema),
    ...(format.description == null ? [] : [format.description]),
  ].join('\n')
  return {
    ...call,
    instructions: call.instructions === undefined ? words : `${call.instructions}\n\n${words}`,
    format: { type: 'text' },
  }
}

/** The same call, with what the model said and what is wrong with it. */
function corrected(call: ModelCall, text: string, faults: readonly string[]): ModelCall {
  const complaint = `That is not valid against the JSON Schema: ${faults.join('; ')}. Answer again with valid JSON alone.`
  const said: readonly HistoryItem[] = [
    { type: 'message', role: 'assistant', parts: [{ type: 'output_text', text }] },
    { type: 'message', role: 'user', parts: [{ type: 'input_text', text: complaint }] },
  ]
  return {
    ...call,
    callIdPrefix: `${call.callIdPrefix}_again`,
    history: [...call.history, ...said],
    toolChoice: call.tools.length === 0 ? undefined : 'none',
  }
}

/** A finish with what both tries have used. */
function addUsage(finish: FinishEvent | undefined, before: Usage | undefined): FinishEvent | undefined {
  const usage = finish?.usage
  if (finish === undefined || usage === undefined || before === undefined) return finish
  return { ...finish, usage: sumOf(usage, before) }
}

/** Why the second try failed: the first has been paid for all the same. */
function afterFirst(error: unknown, before: Usage | undefined): unknown {
  if (!(error instanceof UpstreamError)) return error
  const { usage } = error.problem
  const all = usage === undefined || before === undefined ? (usage ?? before) : sumOf(usage, before)
  return new UpstreamError({ ...error.problem, accepted: true, ...(all && { usage: all }) })
}

function sumOf(one: Usage, other: Usage): Usage {
  const { input_tokens_details: input, output_tokens_details: output } = one
  return {
    input_tokens: one.input_tokens + other.input_tokens,
    input_tokens_details: {
      cached_tokens: input.cached_tokens + other.input_tokens_details.cached_tokens,
      cache_write_tokens: input.cache_write_tokens + other.input_tokens_details.cache_write_tokens,
    },
    output_tokens: one.output_tokens + other.output_tokens,
    output_tokens_details: {
      reasoning_tokens: output.reasoning_tokens + other.output_tokens_details.reasoning_tokens,
    },
    total_tokens: one.total_tokens + other.total_tokens,
  }
}

function notKept(faults: readonly string[]): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'invalid_structured_output',
    message: `The model did not keep to text.format.schema, nor when it was asked again: ${faults.join('; ')}.`,
    param: 'text.format',
    headers: { 'x-should-retry': 'false' },
  })
}
