import type { ModelEvent, OutputEvent } from '../core/model-event.ts'
import type { Sealer } from '../core/seal.ts'
import type { JsonValue } from '../protocol/json.ts'
import type { Response } from '../protocol/response.ts'
import type { PreparedRun } from './prepare.ts'

/** What decides how reasoning is shown. */
export interface ReasoningContext {
  readonly plan: Pick<PreparedRun, 'request' | 'route'>
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
  if (event.type === 'finish' || isHidden(context, event)) return ended
  const said = event.type === 'reasoning_state' ? seal(context, event.state) : event
  return ended.length === 0 ? [said] : [...ended, said]
}

function seal({ plan, sealer }: ReasoningContext, state: JsonValue): OutputEvent {
  return { type: 'reasoning_seal', sealed: sealer.seal(state, plan.route.adapter.id) }
}

/** Whether an event ends reasoning that the client wants sealed, and the provider has not signed. */
function endsUnsealed({ plan, response }: ReasoningContext, event: ModelEvent): boolean {
  if (plan.request.include?.includes('reasoning.encrypted_content') !== true) return false
  const last = response.output.at(-1)
  const isOpen = last?.type === 'reasoning' && last.status === 'in_progress'
  return isOpen && event.type !== 'reasoning' && event.type !== 'reasoning_state'
}

/** `summary: "none"` hides the thinking; what the provider wants back is kept all the same. */
function isHidden({ plan }: ReasoningContext, event: ModelEvent): boolean {
  const { reasoning } = plan.request
  return event.type === 'reasoning' && (reasoning?.summary ?? reasoning?.generate_summary) === 'none'
}
