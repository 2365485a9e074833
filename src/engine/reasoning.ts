import { hiddenOf } from '../core/decide-native.ts'
import type { ModelEvent, NativeEndEvent, NativeItemEvent, OutputEvent } from '../core/model-event.ts'
import type { Sealer } from '../core/seal.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { JsonValue } from '../protocol/json.ts'
import type { Response } from '../protocol/response.ts'

/** What a client wants of reasoning. */
export interface ReasoningWishes {
  /** `include: ["reasoning.encrypted_content"]`. */
  readonly wantsSeal: boolean
  /** `summary: "none"` hides the thinking; what the provider wants back is kept all the same. */
  readonly isHidden: boolean
}

/** Reads what a client wants of reasoning. */
export function readWishes({ include, reasoning }: CreateRequest): ReasoningWishes {
  return {
    wantsSeal: include?.includes('reasoning.encrypted_content') === true,
    isHidden: (reasoning?.summary ?? reasoning?.generate_summary) === 'none',
  }
}

/** What decides how reasoning is shown. */
export interface ReasoningContext {
  readonly wishes: ReasoningWishes
  /** Whose reasoning it is. */
  readonly providerId: string
  readonly sealer: Sealer
  /** The snapshot so far. */
  readonly response: Response
}

/**
 * What `decide` is given of a model event: states sealed for their provider, thinking left out where the client
 * hides it, and a seal where the client asks for one and the provider signs nothing. The finish gives none.
 */
export function outputEvents(context: ReasoningContext, event: ModelEvent): readonly OutputEvent[] {
  const ended = endsUnsealed(context, event) ? [seal(context, {})] : []
  if (event.type === 'finish' || (event.type === 'reasoning' && context.wishes.isHidden)) return ended
  const said = sealedEvent(context, event)
  return ended.length === 0 ? [said] : [...ended, said]
}

function sealedEvent(context: ReasoningContext, event: Exclude<ModelEvent, { type: 'finish' }>): OutputEvent {
  switch (event.type) {
    case 'reasoning_state':
      return seal(context, event.state)
    case 'native':
      return event.isOpen === true ? event : sealNative(context, event)
    case 'native_end':
      return sealNative(context, event)
    default:
      return event
  }
}

function seal({ providerId, sealer }: ReasoningContext, state: JsonValue): OutputEvent {
  return { type: 'reasoning_seal', sealed: sealer.seal(state, providerId) }
}

/** An item that its provider alone knows goes back to nobody else, and there as it came. */
function sealNative<Event extends NativeItemEvent | NativeEndEvent>(context: ReasoningContext, event: Event): Event {
  return { ...event, sealed: context.sealer.seal(hiddenOf(event.item), context.providerId) }
}

/** Whether an event ends reasoning that the client wants sealed, and the provider has not signed. */
function endsUnsealed({ wishes, response }: ReasoningContext, event: ModelEvent): boolean {
  if (!wishes.wantsSeal) return false
  const last = response.output.at(-1)
  const isOpen = last?.type === 'reasoning' && last.status === 'in_progress'
  return isOpen && !(GOES_ON.has(event.type) || (event.type === 'break' && event.phase === undefined))
}

/** After these, an open reasoning item is still open. */
const GOES_ON: ReadonlySet<ModelEvent['type']> = new Set(['reasoning', 'reasoning_state', 'native_event', 'native_end'])
