import { conclude, type Ending } from '../core/conclude.ts'
import { decide, foldAll, ModelEventError } from '../core/decide.ts'
import { estimateUsage } from '../core/estimate.ts'
import { encodeLog, numbered } from '../core/log-codec.ts'
import type { FinishEvent, ModelEvent, OutputEvent } from '../core/model-event.ts'
import type { Sealer } from '../core/seal.ts'
import { internalError, toApiError, UpstreamError } from '../core/upstream-error.ts'
import { ApiError } from '../protocol/error.ts'
import type { UnnumberedEvent } from '../protocol/event.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import { StoreUnavailable, type ResponseStore } from '../store/store.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import type { EventLog } from './event-log.ts'
import type { PreparedRun } from './prepare.ts'
import { runTurn } from './turn.ts'

/** One response from `response.created` to its terminal event, as others see it. */
export interface Run {
  readonly id: ResponseId
  readonly log: EventLog
  /**
   * Resolves when a 200 may be sent: the provider has begun to answer, and the response is stored.
   * Rejects with the error to send instead.
   */
  readonly begun: Promise<void>
  /** Resolves with the terminal snapshot, after it is stored. Never rejects. */
  readonly ended: Promise<Response>
  /** The snapshot so far. */
  snapshot(): Response
  /** The failure that ended the run before the model had said anything, if one did. */
  failure(): ApiError | undefined
  /** Stops the model; what it has said so far is kept, the status is `cancelled`. */
  cancel(): void
  /** Stops everything and ends every reader: the response was deleted, or is another worker's now. */
  abandon(): void
}

/** Limits of one run. */
export interface RunLimits {
  /** Whole response, in milliseconds. */
  readonly response_ms: number
  /** Silence after which a stream is begun without a first event, in milliseconds. */
  readonly keepalive_ms: number
  /** Most bytes of output, as UTF-16 text. */
  readonly outputBytesMax: number
}

/** What a run is made of. */
export interface RunParts {
  readonly plan: PreparedRun
  readonly log: EventLog
  readonly limits: RunLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly sealer: Sealer
  /** Where it is stored; undefined for `store: false`. */
  readonly storage: { readonly responses: ResponseStore; readonly attempt: number } | undefined
  /** Resolves when the response's row is durable: nothing is sent before. */
  readonly accepted: Promise<void>
}

class Cancelled extends Error {}

class DeadlinePassed extends Error {}

const STORE_TRIES_MAX = 5

/** Starts a run. It goes on by itself, whoever reads its log. */
export function startRun(parts: RunParts): Run {
  const { plan, log, clock, limits } = parts
  const control = new AbortController()
  const over = new AbortController()
  const begun = Promise.withResolvers<void>()
  begun.promise.catch(() => {}) // Whoever answers the client looks at it; a background run has nobody.
  const state: RunState = { response: plan.response, finish: undefined, failure: undefined, isAbandoned: false }

  clock.sleep(limits.response_ms, over.signal).then(
    () => control.abort(new DeadlinePassed()),
    () => {},
  )
  const onAccepted = () => {
    clock.sleep(limits.keepalive_ms, over.signal).then(
      () => parts.accepted.then(begun.resolve, () => {}),
      () => {},
    )
  }
  const ended = execute(parts, state, control.signal, { onBegun: begun.resolve, onAccepted }).finally(() => {
    over.abort()
    if (state.failure === undefined) begun.resolve()
    else begun.reject(state.failure)
  })
  return {
    id: plan.id,
    log,
    begun: begun.promise,
    ended,
    snapshot: () => state.response,
    failure: () => (state.response.output.length === 0 ? state.failure : undefined),
    cancel: () => control.abort(new Cancelled()),
    abandon: () => {
      state.isAbandoned = true
      control.abort(new Cancelled())
      log.abandon()
    },
  }
}

interface RunState {
  response: Response
  finish: FinishEvent | undefined
  failure: ApiError | undefined
  isAbandoned: boolean
}

interface RunHooks {
  readonly onBegun: () => void
  readonly onAccepted: () => void
}

async function execute(parts: RunParts, state: RunState, signal: AbortSignal, hooks: RunHooks): Promise<Response> {
  const emit = (events: readonly UnnumberedEvent[]) => {
    state.response = foldAll(state.response, events)
    state.isAbandoned ||= parts.log.isEnded()
    if (!state.isAbandoned) parts.log.append(events)
  }
  const running: Response = { ...state.response, status: 'in_progress' }
  const isFresh = parts.log.all().length === 0
  emit([
    ...(isFresh ? [{ type: 'response.created' as const, response: running }] : []),
    { type: 'response.in_progress', response: running },
  ])
  const ending = await model(parts, state, signal, emit, hooks).catch((error: unknown) =>
    failed(parts, state, error, signal),
  )
  await end(parts, state, ending, emit)
  return state.response
}

/** Lets the model speak until it finishes. */
async function model(
  parts: RunParts,
  state: RunState,
  signal: AbortSignal,
  emit: (events: readonly UnnumberedEvent[]) => void,
  hooks: RunHooks,
): Promise<Ending> {
  const { plan, clock, logger, log, limits } = parts
  let outputChars = 0
  const turn = runTurn(plan.prepared, { clock, signal, logger, onAccepted: hooks.onAccepted })
  for await (const batch of turn) {
    await parts.accepted
    for (const event of batch.flatMap(plan.raise)) {
      outputChars += sizeOf(event)
      say(parts, state, event, emit)
    }
    hooks.onBegun()
    if (outputChars > limits.outputBytesMax) throw tooMuchOutput(limits.outputBytesMax)
    if (state.finish !== undefined) break
    await log.room(signal)
  }
  await parts.accepted
  if (signal.aborted) throw signal.reason
  if (state.finish === undefined) throw new Error('The adapter ended without a finish.')
  const { reason, usage, serviceTier } = state.finish
  if (usage === undefined) logger.info({ estimated: true }, 'the provider reported no usage')
  return {
    kind: 'finished',
    reason,
    usage: usage ?? estimateUsage(plan.call, state.response),
    ...(serviceTier === undefined ? {} : { serviceTier }),
  }
}

function say(
  parts: RunParts,
  state: RunState,
  event: ModelEvent,
  emit: (events: readonly UnnumberedEvent[]) => void,
): void {
  if (event.type === 'finish') state.finish = event
  else if (!isHidden(parts.plan, event)) emit(decide(state.response, sealed(parts, event)))
}

/** `summary: "none"` hides the thinking; what the provider wants back is kept all the same. */
function isHidden(plan: PreparedRun, event: ModelEvent): boolean {
  const { reasoning } = plan.request
  return event.type === 'reasoning' && (reasoning?.summary ?? reasoning?.generate_summary) === 'none'
}

function sealed(parts: RunParts, event: Exclude<ModelEvent, FinishEvent>): OutputEvent {
  if (event.type !== 'reasoning_state') return event
  return { type: 'reasoning_seal', sealed: parts.sealer.seal(event.state, parts.plan.route.adapter.id) }
}

function sizeOf(event: ModelEvent): number {
  if ('text' in event) return event.text.length
  return event.type === 'tool_arguments' ? event.delta.length : 0
}

function tooMuchOutput(bytesMax: number): UpstreamError {
  const message = `The model's output is longer than ${bytesMax} bytes, the limit of this server.`
  return new UpstreamError({ fault: 'invalid_response', message, accepted: true })
}

function failed(parts: RunParts, state: RunState, thrown: unknown, signal: AbortSignal): Ending {
  const error: unknown = signal.aborted ? signal.reason : thrown
  const reported = error instanceof UpstreamError ? error.problem.usage : state.finish?.usage
  const hasSpoken = state.response.output.length > 0
  const usage = reported ?? (hasSpoken ? estimateUsage(parts.plan.call, state.response) : null)
  if (error instanceof Cancelled) return { kind: 'cancelled', usage }
  state.failure = explain(parts, error)
  return { kind: 'failed', error: state.failure.toDetail(), usage }
}

function explain(parts: RunParts, error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof UpstreamError) {
    parts.logger.warn(
      { fault: error.problem.fault, status: error.problem.status, ...errorFacts(error) },
      'model call failed',
    )
    return toApiError(error)
  }
  if (error instanceof ModelEventError) {
    parts.logger.warn(errorFacts(error), 'model call failed')
    return toApiError(new UpstreamError({ fault: 'invalid_response', message: error.message, accepted: true }))
  }
  if (error instanceof DeadlinePassed) {
    const message = `The response took longer than ${Math.round(parts.limits.response_ms / 1000)} s, the limit of this server.`
    return new ApiError({ type: 'server_error', code: 'server_error', message, headers: { 'x-should-retry': 'false' } })
  }
  parts.logger.error(errorFacts(error), 'run failed')
  return error instanceof StoreUnavailable ? storageUnavailable(error) : internalError(error)
}

/** What a client is told while nothing can be stored. */
export function storageUnavailable(cause: unknown): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'storage_unavailable',
    message: 'The storage is not available right now. Nothing was changed.',
    headers: { 'retry-after': '5' },
    cause,
  })
}

/** Stores the terminal state first and says it then: what a client has seen is what it will find. */
async function end(
  parts: RunParts,
  state: RunState,
  ending: Ending,
  emit: (events: readonly UnnumberedEvent[]) => void,
): Promise<void> {
  const events = conclude(state.response, ending, Math.floor(parts.clock.now() / 1000))
  if (await isKept(parts, state, events)) {
    emit(events)
  } else {
    state.isAbandoned = true
    state.response = foldAll(state.response, events)
    parts.log.abandon()
  }
}

/** Whether the ending stands: false where the response was deleted or another worker holds it. */
async function isKept(parts: RunParts, state: RunState, events: readonly UnnumberedEvent[]): Promise<boolean> {
  const { storage, log, plan, clock, logger } = parts
  if (state.isAbandoned) return false
  if (storage === undefined || !(await isAccepted(parts))) return true
  const final = foldAll(state.response, events)
  const all = [...log.all(), ...events.map((event, index) => numbered(event, log.all().length + index))]
  const stored = { status: final.status, response: JSON.stringify(final), log: encodeLog(all, final) }
  for (let attempt = 1; ; attempt++) {
    try {
      return await storage.responses.finish(plan.id, storage.attempt, stored)
    } catch (error) {
      logger.error({ attempt, ...errorFacts(error) }, 'the end of a response could not be stored')
      if (attempt >= STORE_TRIES_MAX || !(error instanceof StoreUnavailable)) return true
      await clock.sleep(100 * 2 ** attempt, new AbortController().signal)
    }
  }
}

/** Whether there is a row to end: where it could not be written, the failure has been told already. */
function isAccepted(parts: RunParts): Promise<boolean> {
  return parts.accepted.then(
    () => true,
    () => false,
  )
}
