import { Type, type Static, type TProperties } from 'typebox'
import { ErrorDetail } from './error.ts'
import type { JsonValue } from './json.ts'
import { tagged } from './optional.ts'
import { OutputItem, type NativeType } from './output-item.ts'
import { Annotation, Logprob, OutputText, ReasoningText, Refusal, SummaryText } from './part.ts'
import { Response } from './response.ts'

const Index = Type.Integer({ minimum: 0 })
const sequence = { sequence_number: Index }
const atItem = { item_id: Type.String(), output_index: Index }
const atContent = { ...atItem, content_index: Index }
const atSummary = { ...atItem, summary_index: Index }

const eventOf = <const Name extends string, Fields extends TProperties>(name: Name, fields: Fields) =>
  Type.Object({ type: Type.Literal(name), ...fields, ...sequence }, { $id: `Event_${name}` })

const lifecycle = <const Name extends string>(name: Name) => eventOf(name, { response: Response })

const ContentPart = tagged([OutputText, Refusal, ReasoningText], { $id: 'ContentPart', unknownCode: 'invalid_value' })

const variants = [
  lifecycle('response.created'),
  lifecycle('response.queued'),
  lifecycle('response.in_progress'),
  lifecycle('response.completed'),
  lifecycle('response.incomplete'),
  lifecycle('response.failed'),
  eventOf('response.output_item.added', { output_index: Index, item: OutputItem }),
  eventOf('response.output_item.done', { output_index: Index, item: OutputItem }),
  eventOf('response.content_part.added', { ...atContent, part: ContentPart }),
  eventOf('response.content_part.done', { ...atContent, part: ContentPart }),
  eventOf('response.output_text.delta', {
    ...atContent,
    delta: Type.String(),
    logprobs: Type.Array(Logprob),
    obfuscation: Type.Optional(Type.String()),
  }),
  eventOf('response.output_text.done', { ...atContent, text: Type.String(), logprobs: Type.Array(Logprob) }),
  eventOf('response.output_text.annotation.added', {
    ...atContent,
    annotation_index: Index,
    annotation: Annotation,
  }),
  eventOf('response.refusal.delta', { ...atContent, delta: Type.String() }),
  eventOf('response.refusal.done', { ...atContent, refusal: Type.String() }),
  eventOf('response.function_call_arguments.delta', { ...atItem, delta: Type.String() }),
  eventOf('response.function_call_arguments.done', { ...atItem, name: Type.String(), arguments: Type.String() }),
  eventOf('response.custom_tool_call_input.delta', { ...atItem, delta: Type.String() }),
  eventOf('response.custom_tool_call_input.done', { ...atItem, input: Type.String() }),
  eventOf('response.reasoning_summary_part.added', { ...atSummary, part: SummaryText }),
  eventOf('response.reasoning_summary_part.done', { ...atSummary, part: SummaryText }),
  eventOf('response.reasoning_summary_text.delta', { ...atSummary, delta: Type.String() }),
  eventOf('response.reasoning_summary_text.done', { ...atSummary, text: Type.String() }),
  Type.Object(
    {
      type: Type.Literal('error'),
      code: Type.String(),
      message: Type.String(),
      param: Type.String(),
      error: ErrorDetail,
      ...sequence,
    },
    { $id: 'Event_error' },
  ),
]

const OWN_TYPES: ReadonlySet<string> = new Set(variants.map((event) => event.properties.type.const))

/** What happens inside an item of a kind that its provider alone knows, before the log has numbered it. */
export interface UnnumberedNativeEvent {
  readonly type: NativeType
  readonly item_id: string
  readonly output_index: number
  readonly [field: string]: JsonValue
}

/** The same with its number. Whatever else it has, it has neither `response` nor `error`. */
export interface NativeEvent extends UnnumberedNativeEvent {
  readonly sequence_number: number
}

const NativeEvent = Type.Unsafe<NativeEvent>(
  Type.Object(
    { type: Type.String({ not: { enum: [...OWN_TYPES] } }), ...atItem, ...sequence },
    { $id: 'Event_native', additionalProperties: true },
  ),
)

type OwnEvent = Static<(typeof variants)[number]>

/** Every event that a stream may carry, numbered. */
export const ResponseEvent = tagged([...variants, NativeEvent], { $id: 'ResponseEvent', unknownCode: 'invalid_value' })
export type ResponseEvent = OwnEvent | NativeEvent

/** The name of an event. */
export type ResponseEventType = ResponseEvent['type']

type WithoutNumber<Event> = Event extends unknown ? Omit<Event, 'sequence_number'> : never

/** An event before the log has numbered it. */
export type UnnumberedEvent = WithoutNumber<OwnEvent> | UnnumberedNativeEvent

/** Whether the type of an event has no schema here. */
export function isNativeType(type: string): type is NativeType {
  return !OWN_TYPES.has(type)
}

/** Whether an event is one that its provider alone knows. */
export function isNativeEvent<Event extends UnnumberedEvent>(
  event: Event,
): event is Extract<Event, UnnumberedNativeEvent> {
  return isNativeType(event.type)
}

/** Whether an event bears the whole response. */
export function bearsResponse<Event extends UnnumberedEvent>(
  event: Event,
): event is Extract<Event, { response: Response }> {
  return 'response' in event
}

/** Event types after which nothing follows. */
export const TERMINAL_EVENTS: ReadonlySet<string> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
])
