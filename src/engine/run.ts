import { conclude, type Ending } from '../core/conclude.ts'
import { decide, foldAll, ModelEventError } from '../core/decide.ts'
import { estimateUsage } from '../core/estimate.ts'
import type { FinishEvent, ModelEvent } from '../core/model-event.ts'
import type { Sealer } from '../core/seal.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import { internalError, toApiError, UpstreamError, type UpstreamFault } from '../core/upstream-error.ts'
import { ApiError } from '../protocol/error.ts'
import type { UnnumberedEvent } from '../protocol/event.ts'
import type { ResponseId } from '../protocol/id.ts'
import { isTerminal, type Response } from '../protocol/response.ts'
import { StoreUnavailable, type StoredEnding } from '../store/store.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Clock } from './clock.ts'
import { answerNotStored, storageUnavailable, storedEnding, storeEnding, type RunStorage } from './ending.ts'
import type { EventLog } from './event-log.ts'
import type { PreparedRun } from './prepare.ts'
import { outputEvents } from './reasoning.ts'
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
  /** Stops the model because this server stops: a job is left for the next process, anything else fails. */
  interrupt(reason: ApiError): void
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
  readonly metrics: Metrics
  readonly sealer: Sealer
  readonly textOf: SnapshotText
  /** Where it is stored; undefined for `store: false`. */
  readonly storage: RunStorage | undefined
  /** Takes an ending that readers have been told of and that could not be stored yet. */
  readonly storeLater: (ending: StoredEnding) => void
  /** Resolves when the response's row is durable: nothing is sent before. */
  readonly accepted: Promise<void>
  /** Whether anybody is told of the response before its end: then the model is not heard before `accepted`. */
  readonly isWatched: boolean
}

class Cancelled extends Error {}

class DeadlinePassed extends Error {}

/** A run from the inside. */
interface Execution extends RunParts {
  readonly signal: AbortSignal
  readonly onBegun: () => void
  readonly onAccepted: () => void
  /** Stops the model: the run fails with this error. */
  readonly stop: (error: unknown) => void
  response: Response
  outputChars: number
  /** Whether the response's row is durable, and the model is heard. */
  isHearing: boolean
  finish: FinishEvent | undefined
  failure: ApiError | undefined
  /** Whether the response could not be accepted: there is no such response, whatever the model has said. */
  isRefused: boolean
  isAbandoned: boolean
}

/** Starts a run. It goes on by itself, whoever reads its log. */
export function startRun(parts: RunParts): Run {
  const { plan, log, clock, limits } = parts
  const control = new AbortController()
  const timers: (() => void)[] = []
  const begun = Promise.withResolvers<void>()
  begun.promise.catch(() => {}) // Whoever answers the client looks at it; a background run has nobody.
  const after = (ms: number, act: () => void) => void timers.push(clock.after(ms, act))
  const execution: Execution = {
    ...parts,
    signal: control.signal,
    onBegun: begun.resolve,
    onAccepted: () => after(limits.keepalive_ms, () => void parts.accepted.then(begun.resolve, () => {})),
    stop: (error) => control.abort(error),
    response: plan.response,
    outputChars: 0,
    isHearing: !parts.isWatched,
    finish: undefined,
    failure: undefined,
    isRefused: false,
    isAbandoned: false,
  }
  parts.metrics.runStarted()
  parts.accepted.catch((error: unknown) => {
    execution.isRefused = true
    control.abort(error)
  })
  after(limits.response_ms, () => control.abort(new DeadlinePassed()))
  const ended = guarded(execution).finally(() => {
    for (const stop of timers) stop()
    countEnd(execution)
    if (execution.failure === undefined) begun.resolve()
    else begun.reject(execution.failure)
  })
  const abandon = () => {
    execution.isAbandoned = true
    control.abort(new Cancelled())
    log.abandon()
  }
  return {
    id: plan.id,
    log,
    begun: begun.promise,
    ended,
    snapshot: () => execution.response,
    failure: () => (execution.isRefused || execution.response.output.length === 0 ? execution.failure : undefined),
    cancel: () => control.abort(new Cancelled()),
    interrupt: (reason) => (plan.response.background ? abandon() : control.abort(reason)),
    abandon,
  }
}

/** A fault of ours while the end is made must not leave readers waiting. */
async function guarded(execution: Execution): Promise<Response> {
  try {
    return await execute(execution)
  } catch (error) {
    execution.logger.error(errorFacts(error), 'a run could not be ended')
    execution.failure ??= internalError(error)
    execution.log.abandon()
    return execution.response
  }
}

async function execute(execution: Execution): Promise<Response> {
  const { response } = execution
  const running: Response = response.status === 'in_progress' ? response : { ...response, status: 'in_progress' }
  const isFresh = execution.log.all().length === 0
  emit(execution, [
    ...(isFresh ? [{ type: 'response.created' as const, response: running }] : []),
    { type: 'response.in_progress', response: running },
  ])
  const start_ms = execution.clock.now()
  const ending = await callModel(execution).catch((error: unknown) => failed(execution, error))
  await end(execution, ending)
  logEnd(execution, execution.clock.now() - start_ms)
  return execution.response
}

function logEnd({ logger, response: { status, usage } }: Execution, duration_ms: number): void {
  const tokens = { input_tokens: usage?.input_tokens ?? null, output_tokens: usage?.output_tokens ?? null }
  logger.info({ status, ...tokens, duration_ms }, 'response ended')
}

function countEnd({ metrics, plan, response: { status, usage }, isAbandoned }: Execution): void {
  const ended = isTerminal(status) ? status : 'failed'
  metrics.runEnded({ provider: plan.route.adapter.id, outcome: isAbandoned ? 'abandoned' : ended, usage })
}

/** Folds events into the snapshot and shows them to every reader. */
function emit(execution: Execution, events: readonly UnnumberedEvent[]): void {
  execution.response = foldAll(execution.response, events)
  execution.isAbandoned ||= execution.log.isEnded()
  if (!execution.isAbandoned) execution.log.append(events)
}

/** Lets the model speak until it finishes. */
async function callModel(execution: Execution): Promise<Ending> {
  const { plan, clock, logger, signal, onAccepted } = execution
  const onFailed = (fault: UpstreamFault) => countFailure(execution, fault)
  await runTurn(plan.prepared, { clock, signal, logger, onAccepted, onFailed }, (batch) => hear(execution, batch))
  if (execution.isWatched) await execution.accepted
  if (signal.aborted) throw signal.reason
  if (execution.finish === undefined) throw new Error('The adapter ended without a finish.')
  const { reason, usage, serviceTier } = execution.finish
  if (usage === undefined) logger.info({ estimated: true }, 'the provider reported no usage')
  return {
    kind: 'finished',
    reason,
    usage: usage ?? estimateUsage(plan.call, execution.response),
    ...(serviceTier === undefined ? {} : { serviceTier }),
  }
}

/** Hears what the model says. The first of it waits until the response is stored: nothing is said before. */
function hear(execution: Execution, batch: readonly ModelEvent[]): Promise<void> | undefined {
  if (execution.isHearing) return takeIn(execution, batch)
  const begin = () => {
    execution.isHearing = true
    return takeIn(execution, batch)
  }
  return execution.accepted.then(begin, () => {})
}

function takeIn(execution: Execution, batch: readonly ModelEvent[]): Promise<void> | undefined {
  const { plan, limits, log, signal } = execution
  if (signal.aborted || execution.finish !== undefined) return undefined
  try {
    for (const event of batch) for (const raised of plan.raise(event)) say(execution, raised)
    execution.onBegun()
    checkOutput(execution, limits.outputBytesMax)
  } catch (error) {
    execution.stop(error)
    return undefined
  }
  return execution.finish === undefined ? log.room(signal) : undefined
}

function say(execution: Execution, event: ModelEvent): void {
  execution.outputChars += sizeOf(event)
  for (const output of outputEvents(execution, event)) emit(execution, decide(execution.response, output))
  if (event.type === 'finish') execution.finish = event
}

function sizeOf(event: ModelEvent): number {
  if ('text' in event) return event.text.length
  return event.type === 'tool_arguments' ? event.delta.length : 0
}

/** Most items in one response. Models make a handful; a provider that makes thousands has gone astray. */
const OUTPUT_ITEMS_MAX = 1000

/** @throws {UpstreamError} The output has outgrown what this server takes. */
function checkOutput({ outputChars, response }: Execution, charsMax: number): void {
  if (outputChars <= charsMax && response.output.length <= OUTPUT_ITEMS_MAX) return
  const limit = outputChars > charsMax ? `${charsMax} bytes` : `${OUTPUT_ITEMS_MAX} items`
  const message = `The model's output is longer than ${limit}, the limit of this server.`
  throw new UpstreamError({ fault: 'invalid_response', message, accepted: true })
}

function failed(execution: Execution, thrown: unknown): Ending {
  const { signal, response, plan } = execution
  const error: unknown = signal.aborted ? signal.reason : thrown
  const reported = error instanceof UpstreamError ? error.problem.usage : execution.finish?.usage
  const usage = reported ?? (response.output.length > 0 ? estimateUsage(plan.call, response) : null)
  if (error instanceof Cancelled) return { kind: 'cancelled', usage }
  execution.failure = explain(execution, error)
  return { kind: 'failed', error: execution.failure.toDetail(), usage }
}

function explain(parts: RunParts, error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof UpstreamError) {
    countFailure(parts, error.problem.fault)
    parts.logger.warn(errorFacts(error), 'model call failed')
    return toApiError(error)
  }
  if (error instanceof ModelEventError) {
    countFailure(parts, 'invalid_response')
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

function countFailure({ metrics, plan }: RunParts, fault: UpstreamFault): void {
  metrics.callFailed(plan.route.adapter.id, fault)
}

/** Stores the terminal state first and says it then: what a client has seen is what it will find. */
async function end(execution: Execution, ending: Ending): Promise<void> {
  const events = conclude(execution.response, ending, nowOf(execution))
  const outcome = await keep(execution, events)
  if (execution.isRefused && execution.failure === undefined) return endRefused(execution)
  if (outcome === 'stored') return emit(execution, events)
  if (outcome === 'failed' && !execution.plan.response.background) return endUnstored(execution, ending)
  // A background response runs again when its lease ends: until then nothing has been said.
  execution.isAbandoned = true
  emit(execution, events)
  execution.log.abandon()
}

/** The model has answered before it was known that the response cannot be accepted. */
function endRefused(execution: Execution): void {
  const { response, signal } = execution
  emit(execution, conclude(response, failed(execution, signal.reason), nowOf(execution)))
}

/** What becomes of an ending; `stored` also where there is nothing to store it in. */
async function keep(execution: Execution, events: readonly UnnumberedEvent[]): Promise<'stored' | 'lost' | 'failed'> {
  const { storage, log, response } = execution
  if (execution.isAbandoned) return 'lost'
  // Where nobody has been told, the ending is stored in one go with the row: the store keeps their order.
  if (storage === undefined || (execution.isWatched && !(await isAccepted(execution)))) return 'stored'
  if (execution.isRefused) return 'stored'
  return storeEnding(storage, storedEnding({ earlier: log.all(), response }, events, execution.textOf), execution)
}

/** An answer that was not stored is never called complete. */
function endUnstored(execution: Execution, ending: Ending): void {
  const { log, response } = execution
  if (ending.kind === 'finished') execution.failure = answerNotStored()
  const { failure } = execution
  const told: Ending =
    failure === undefined ? ending : { kind: 'failed', error: failure.toDetail(), usage: ending.usage }
  const events = conclude(response, told, nowOf(execution))
  execution.storeLater(storedEnding({ earlier: log.all(), response }, events, execution.textOf))
  emit(execution, events)
}

function nowOf({ clock }: RunParts): number {
  return Math.floor(clock.now() / 1000)
}

/** Whether there is a row to end: where it could not be written, the failure has been told already. */
function isAccepted(parts: RunParts): Promise<boolean> {
  return parts.accepted.then(
    () => true,
    () => false,
  )
}
