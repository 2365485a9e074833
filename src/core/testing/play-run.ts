import { initialResponse } from '../initial-response.ts'
import { conclude, type Ending } from '../conclude.ts'
import { decide, foldAll } from '../decide.ts'
import { numbered } from '../log-codec.ts'
import type { OutputEvent } from '../model-event.ts'
import type { ResponseEvent, UnnumberedEvent } from '../../protocol/event.ts'
import { mintResponseId } from '../../protocol/id.ts'
import type { Response } from '../../protocol/response.ts'
import type { Usage } from '../../protocol/usage.ts'

/** The hex part of the id that every test response bears. */
export const RESPONSE_HEX = '0123456789abcdef'.repeat(3)

/** The id of every test response. */
export const RESPONSE_ID = mintResponseId(RESPONSE_HEX)

/** When every test run ends, in seconds. */
export const ENDED_AT = 1_700_000_060

/** Usage of a test run. */
export const USAGE: Usage = {
  input_tokens: 11,
  input_tokens_details: { cached_tokens: 3, cache_write_tokens: 0 },
  output_tokens: 7,
  output_tokens_details: { reasoning_tokens: 2 },
  total_tokens: 18,
}

/** The ending of a run whose model stopped by itself. */
export const STOPPED: Ending = { kind: 'finished', reason: 'stop', usage: USAGE }

/** The first snapshot of a test run. */
export function freshResponse(): Response {
  const request = { model: 'demo', input: 'Hello', metadata: { team: 'tests' } }
  return initialResponse(request, { id: RESPONSE_ID, createdAt: 1_700_000_000 })
}

/** A run that has ended: its numbered events and the snapshot they fold to. */
export interface PlayedRun {
  readonly events: readonly ResponseEvent[]
  readonly final: Response
}

/** Plays what a model said from `response.created` to the terminal event. Every snapshot is frozen on the way. */
export function playRun(said: readonly OutputEvent[], ending: Ending, isQueued = false): PlayedRun {
  const first = frozen({ ...freshResponse(), status: isQueued ? ('queued' as const) : ('in_progress' as const) })
  const running = frozen({ ...first, status: 'in_progress' as const })
  const queued: UnnumberedEvent[] = isQueued ? [{ type: 'response.queued', response: first }] : []
  const events: UnnumberedEvent[] = [
    { type: 'response.created', response: first },
    ...queued,
    { type: 'response.in_progress', response: running },
  ]
  let response: Response = running
  for (const event of said) {
    const next = frozen(decide(response, frozen(event)))
    response = frozen(foldAll(response, next))
    events.push(...next)
  }
  const last = frozen(conclude(response, frozen(ending), ENDED_AT))
  events.push(...last)
  return { events: events.map(numbered), final: foldAll(response, last) }
}

/** What a fresh run says for each model event, without the lifecycle around it. */
export function eventsOf(...said: readonly OutputEvent[]): UnnumberedEvent[] {
  return eventsAfter(freshResponse(), said).events
}

/** The events and the snapshot that model events lead to. */
export function eventsAfter(
  before: Response,
  said: readonly OutputEvent[],
): { events: UnnumberedEvent[]; response: Response } {
  const events: UnnumberedEvent[] = []
  let response = before
  for (const event of said) {
    const next = decide(response, event)
    events.push(...next)
    response = foldAll(response, next)
  }
  return { events, response }
}

/** Freezes a value and all it holds: whoever mutates it throws. */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  Object.values(value).forEach(frozen)
  return value
}

/** The same events under the numbers of their places, as a log would have numbered them. */
export function renumbered(events: readonly ResponseEvent[]): readonly ResponseEvent[] {
  return events.map((event, at) => {
    const { sequence_number: _, ...rest } = event
    return numbered(rest, at)
  })
}
