import * as fc from 'fast-check'
import type { ErrorDetail } from '../../protocol/error.ts'
import type { JsonObject } from '../../protocol/json.ts'
import type { Annotation, Logprob } from '../../protocol/part.ts'
import type { Usage } from '../../protocol/usage.ts'
import type { Ending } from '../conclude.ts'
import type { OutputEvent, ToolCallEvent } from '../model-event.ts'

const ODD_PIECES = ['', ' ', '\n', 'word ', '👩‍👩‍👧', '\ud83d', '\ude00', '"\\', '\u0000', 'é', '\u0085', '\u2028\u2029']

/** Words, nothing, whitespace, controls, emoji, and half an emoji: providers cut between surrogates. */
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_PIECES) },
)

const token = { token: piece, logprob: fc.double({ min: -20, max: 0, noNaN: true }), bytes: fc.array(fc.nat(255)) }

const logprob: fc.Arbitrary<Logprob> = fc.record({
  ...token,
  top_logprobs: fc.array(fc.record(token), { maxLength: 2 }),
})

const annotation: fc.Arbitrary<Annotation> = fc.oneof(
  fc.record({ type: fc.constant('url_citation'), url: fc.webUrl(), title: piece, start_index: fc.nat(99) }),
  fc.record({ type: fc.constant('file_citation'), file_id: piece }),
)

const textEvent: fc.Arbitrary<OutputEvent> = fc.record(
  { type: fc.constant('text' as const), text: piece, logprobs: fc.array(logprob, { maxLength: 2 }) },
  { requiredKeys: ['type', 'text'] },
)

/** Fields that a provider may put anywhere, also those by which our own events and items are told. */
const oddFields = fc.dictionary(
  fc.oneof(
    piece,
    fc.constantFrom('delta', 'response', 'error', 'logprobs', 'content_index', 'call_id', 'arguments', '__proto__'),
  ),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 4 },
) as fc.Arbitrary<JsonObject>

const nativeItem: fc.Arbitrary<JsonObject> = fc
  .tuple(
    oddFields,
    fc.constantFrom('web_search_call', 'mcp_list_tools', 'acme:trace', 'tool_search_call'),
    fc.constantFrom('in_progress', 'searching', 'completed', 'failed', undefined),
  )
  .map(([fields, type, status]) => ({
    ...fields,
    ...(type === 'tool_search_call' ? { execution: 'server' } : {}),
    ...(status === undefined ? {} : { status }),
    type,
    id: 'theirs_1',
  }))

const nativeEvent = fc
  .tuple(
    oddFields,
    fc.constantFrom(
      'response.web_search_call.searching',
      'response.shell_call_command.delta',
      'response.output_text.delta',
      'response.completed',
      'a\nb',
    ),
  )
  .map(([fields, type]): JsonObject => ({ ...fields, type, sequence_number: 7, item_id: 'theirs_1' }))

/** Native items, whole or open, what happens inside them, and what is too late for it. */
const nativeOutput: fc.Arbitrary<OutputEvent> = fc.oneof(
  fc.record(
    {
      type: fc.constant('native' as const),
      item: nativeItem,
      isOpen: fc.boolean(),
      sealed: piece,
    },
    { requiredKeys: ['type', 'item'] },
  ),
  fc.record({ type: fc.constant('native_event' as const), back: fc.nat(2), event: nativeEvent }),
  fc.record(
    { type: fc.constant('native_end' as const), back: fc.nat(2), item: nativeItem, sealed: piece },
    { requiredKeys: ['type', 'back', 'item'] },
  ),
)

const spokenEvent: fc.Arbitrary<OutputEvent> = fc.oneof(
  { weight: 4, arbitrary: textEvent },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('refusal' as const), text: piece }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('annotation' as const), annotation }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('reasoning' as const), text: piece }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reasoning_seal' as const), sealed: piece }) },
  {
    weight: 1,
    arbitrary: fc.record(
      { type: fc.constant('break' as const), phase: fc.constantFrom('commentary' as const, 'final_answer') },
      { requiredKeys: ['type'] },
    ),
  },
  { weight: 2, arbitrary: nativeOutput },
)

/** One call before it has an id: how it begins, and the pieces of its arguments. */
interface CallPlan {
  readonly begin: Omit<ToolCallEvent, 'type' | 'callId'>
  readonly pieces: readonly string[]
}

/** Arguments of a function: a whole object, an object cut short, none, blanks, or text that is no JSON. */
const argumentsText = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .dictionary(piece, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 })
      .map((value) => JSON.stringify(value)),
  },
  { weight: 1, arbitrary: fc.constantFrom('', ' ', '{"city": "Par', '[1, 2]', 'no json', '{"a": 1} \n') },
)

const functionPlan: fc.Arbitrary<CallPlan> = fc
  .tuple(argumentsText, fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 9 }), fc.boolean())
  .map(([text, sizes, isNamed]) => ({
    begin: { name: 'get_weather', ...(isNamed ? { kind: 'function' as const, namespace: 'forecast' } : {}) },
    pieces: cutText(text, sizes),
  }))

const wholePlan: fc.Arbitrary<CallPlan> = fc
  .tuple(fc.constantFrom('custom' as const, 'tool_search' as const), piece)
  .map(([kind, input]) => ({ begin: { name: kind === 'custom' ? 'patch' : 'tool_search', kind }, pieces: [input] }))

/** Calls whose beginnings and arguments are interleaved in any order. */
const callGroup: fc.Arbitrary<readonly CallStep[]> = fc
  .array(fc.oneof({ weight: 3, arbitrary: functionPlan }, { weight: 1, arbitrary: wholePlan }), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((plans) => {
    const slots = plans.flatMap(({ pieces }, call) => [call, ...pieces.map(() => call)])
    return fc.shuffledSubarray(slots, { minLength: slots.length }).map((order) => stepsOf(plans, order))
  })

/** A step of call `call` of its group: its beginning, or a piece of its arguments. */
interface CallStep {
  readonly call: number
  readonly begin?: CallPlan['begin']
  readonly piece?: string
}

function stepsOf(plans: readonly CallPlan[], order: readonly number[]): CallStep[] {
  const done = new Map<number, number>()
  return order.map((call) => {
    const at = done.get(call) ?? 0
    done.set(call, at + 1)
    const plan = plans[call]
    return at === 0 && plan !== undefined ? { call, begin: plan.begin } : { call, piece: plan?.pieces[at - 1] ?? '' }
  })
}

type Segment = { readonly spoken: readonly OutputEvent[] } | { readonly steps: readonly CallStep[] }

const segment: fc.Arbitrary<Segment> = fc.oneof(
  { weight: 2, arbitrary: fc.array(spokenEvent, { minLength: 1, maxLength: 6 }).map((spoken) => ({ spoken })) },
  { weight: 1, arbitrary: callGroup.map((steps) => ({ steps })) },
)

/** Everything a provider may legally say in one turn, in any order. */
export const arbitraryOutput: fc.Arbitrary<readonly OutputEvent[]> = fc
  .array(segment, { maxLength: 6 })
  .map((segments) =>
    segments.flatMap((part, index) => ('spoken' in part ? part.spoken : callEvents(part.steps, index))),
  )

function callEvents(steps: readonly CallStep[], group: number): OutputEvent[] {
  return steps.map(({ call, begin, piece }) => {
    const callId = `call_${group}_${call}`
    return begin === undefined
      ? { type: 'tool_arguments', callId, delta: piece ?? '' }
      : { type: 'tool_call', callId, ...begin }
  })
}

const count = fc.nat(100_000)

const usage: fc.Arbitrary<Usage> = fc.record({
  input_tokens: count,
  input_tokens_details: fc.record({ cached_tokens: count, cache_write_tokens: count }),
  output_tokens: count,
  output_tokens_details: fc.record({ reasoning_tokens: count }),
  total_tokens: count,
})

const error: fc.Arbitrary<ErrorDetail> = fc.record({
  type: fc.constantFrom('server_error' as const, 'rate_limit_error', 'invalid_request_error', 'api_error'),
  message: piece,
  param: fc.constantFrom('', 'model'),
  code: fc.constantFrom('upstream_unavailable', 'rate_limit_exceeded'),
})

/** Every way a run can end. */
export const arbitraryEnding: fc.Arbitrary<Ending> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('finished' as const),
      reason: fc.constantFrom('stop' as const, 'max_output_tokens', 'content_filter'),
      usage,
      serviceTier: fc.constantFrom('default', 'flex'),
    },
    { requiredKeys: ['kind', 'reason', 'usage'] },
  ),
  fc.record({ kind: fc.constant('failed' as const), error, usage: fc.option(usage) }),
  fc.record({ kind: fc.constant('cancelled' as const), usage: fc.option(usage) }),
)

/** Cuts a text into pieces of the given sizes, taken in turn; without sizes it stays whole. */
export function cutText(text: string, sizes: readonly number[]): string[] {
  const pieces: string[] = []
  let at = 0
  for (let turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? text.length
    pieces.push(text.slice(at, at + size))
    at += size
  }
  return pieces
}

/** Says the same with other cuts: every delta in pieces of the given sizes, log probabilities with the first. */
export function recut(said: readonly OutputEvent[], sizes: readonly number[]): OutputEvent[] {
  const whole = new Set(
    said.flatMap((event) => (event.type === 'tool_call' && event.kind === 'tool_search' ? [event.callId] : [])),
  )
  return said.flatMap((event): OutputEvent[] => {
    switch (event.type) {
      case 'text':
      case 'refusal':
      case 'reasoning':
        return cutText(event.text, sizes).map((text, at) =>
          at === 0 ? { ...event, text } : { type: event.type, text },
        )
      case 'tool_arguments':
        if (whole.has(event.callId)) return [event]
        return cutText(event.delta, sizes).map((delta) => ({ ...event, delta }))
      case 'annotation':
      case 'reasoning_seal':
      case 'tool_call':
      case 'break':
      case 'native':
      case 'native_event':
      case 'native_end':
        return [event]
    }
  })
}
