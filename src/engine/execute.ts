import { conclude, type Ending } from '../core/conclude.ts'
import { decide, foldAll } from '../core/decide.ts'
import { estimateUsage } from '../core/estimate.ts'
import { ModelEventError, type ModelEvent } from '../core/model-event.ts'
import { internalError, toApiError, UpstreamError } from '../core/upstream-error.ts'
import { ApiError } from '../protocol/error.ts'
import type { UnnumberedEvent } from '../protocol/event.ts'
import { isTerminal, type Response, type TerminalStatus } from '../protocol/response.ts'
import { StoreUnavailable, type Rebinding } from '../store/store.ts'
import { errorFacts } from '../telemetry/log.ts'
import { answerNotStored, storageUnavailable, storedEnding, storeEnding, type Ended } from './ending.ts'
import { Cancelled, DeadlinePassed, Execution, type RunParts } from './execution.ts'
import { refusalOf } from './joining.ts'
import { takenAway } from './problems.ts'
import { outputEvents } from './reasoning.ts'
import type { Run } from './run.ts'
import { endElsewhere } from './taken-away.ts'
import { runTurn } from './turn.ts'

/** Starts a run. It goes on by itself, whoever reads its log. */
export function startRun(parts: RunParts): Run {
  parts.metrics.runStarted()
  return new Execution(parts, execute)
}

/** Never rejects: a fault of ours while the end is made must not leave readers waiting. */
async function execute(execution: Execution): Promise<Response> {
  try {
    emitStart(execution)
    await end(execution, await letSpeak(execution))
    logEnd(execution)
  } catch (error) {
    execution.logger.error(errorFacts(error), 'a run could not be ended')
    execution.error ??= internalError(error)
    execution.log.abandon()
  }
  countEnd(execution)
  execution.settle()
  return execution.response
}

function emitStart(execution: Execution): void {
  const { response, log } = execution
  const running: Response = response.status === 'in_progress' ? response : { ...response, status: 'in_progress' }
  const earlier = log.all()
  // An earlier attempt of a job may have been seen to begin.
  if (earlier.some(({ type }) => type === 'response.in_progress')) {
    execution.response = running
    return
  }
  emit(execution, [
    ...(earlier.length === 0 ? [{ type: 'response.created' as const, response: running }] : []),
    { type: 'response.in_progress', response: running },
  ])
}

function logEnd({ logger, attempt, clock, deadline_ms, limits, target, response }: Execution): void {
  const { status, usage } = response
  const tokens = { input_tokens: usage?.input_tokens ?? null, output_tokens: usage?.output_tokens ?? null }
  const duration_ms = clock.now() - deadline_ms + limits.response_ms
  const left = target.warnings.length === 0 ? {} : { warnings: target.warnings }
  logger.info({ status, attempt, ...tokens, duration_ms, ...left }, 'response ended')
}

function countEnd({ metrics, providerId, response: { status, usage }, isAbandoned }: Execution): void {
  const ended = isTerminal(status) ? status : 'failed'
  metrics.runEnded({ provider: providerId, outcome: isAbandoned ? 'abandoned' : ended, usage })
}

/** Folds events into the snapshot and shows them to every reader. */
function emit(execution: Execution, events: readonly UnnumberedEvent[]): void {
  execution.response = foldAll(execution.response, events)
  execution.isAbandoned ||= execution.log.isEnded()
  if (!execution.isAbandoned) execution.log.append(events)
}

/** Tells the end, which is durable now, and with it all that was not kept before. */
function tellEnd(execution: Execution, events: readonly UnnumberedEvent[]): void {
  emit(execution, events)
  execution.log.show()
}

/** Lets the model speak until it finishes, or fails. */
function letSpeak(execution: Execution): Promise<Ending> {
  const finish = () => (execution.isWatched ? execution.accepted : Promise.resolve()).then(() => finished(execution))
  const fail = (error: unknown) => failed(execution, error)
  return runTurn<readonly ModelEvent[]>(execution, (batch) => hear(execution, batch))
    .then(finish)
    .catch(fail)
}

/** @throws The model was stopped, or has not finished. */
function finished(execution: Execution): Ending {
  const { signal, finish, logger, target, response } = execution
  if (signal.aborted) throw signal.reason
  if (finish === undefined) throw new Error('The adapter ended without a finish.')
  const { reason, usage, serviceTier } = finish
  if (usage === undefined) logger.info({ estimated: true }, 'the provider reported no usage')
  execution.callIs('done', usage)
  return {
    kind: 'finished',
    reason,
    usage: usage ?? estimateUsage(target.callSize, response),
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
  const { limits, log, signal } = execution
  if (execution.response.background && execution.response.output.length === 0) execution.checkpoint('job:first-byte')
  if (signal.aborted || execution.finish !== undefined) return undefined
  try {
    for (const event of batch) for (const raised of execution.target.raise(event)) say(execution, raised)
    execution.begin()
    execution.checkpoint(execution.response.background ? 'job:delta' : 'stream:delta')
    checkOutput(execution, limits.outputBytesMax)
  } catch (error) {
    execution.stop(error)
    return undefined
  }
  return execution.finish === undefined ? log.room(signal) : undefined
}

function say(execution: Execution, event: ModelEvent): void {
  for (const output of outputEvents(execution, event)) emit(execution, decide(execution.response, output))
  execution.outputChars += sizeOf(event)
  if (event.type === 'finish') execution.finish = event
}

function sizeOf(event: ModelEvent): number {
  if ('text' in event) return event.text.length
  if (event.type === 'tool_arguments') return event.delta.length
  return event.type.startsWith('native') ? JSON.stringify(event).length : 0
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
  const { signal, response, target } = execution
  const error: unknown = signal.aborted ? signal.reason : thrown
  const reported = error instanceof UpstreamError ? error.problem.usage : execution.finish?.usage
  execution.callIs('failed', reported)
  const usage = reported ?? (response.output.length > 0 ? estimateUsage(target.callSize, response) : null)
  if (error instanceof Cancelled) return { kind: 'cancelled', usage }
  execution.error = explain(execution, error)
  return { kind: 'failed', error: execution.error.toDetail(), usage }
}

function explain(execution: Execution, error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof UpstreamError) {
    // What a call has failed with, its turn has told; this is why we have stopped it.
    if (execution.signal.aborted) execution.onFailed(error.problem.fault)
    execution.logger.warn(errorFacts(error), 'model call failed')
    return toApiError(error)
  }
  if (error instanceof ModelEventError) {
    execution.onFailed('invalid_response')
    execution.logger.warn(errorFacts(error), 'model call failed')
    return toApiError(new UpstreamError({ fault: 'invalid_response', message: error.message, accepted: true }))
  }
  if (error instanceof DeadlinePassed) {
    const message = `The response took longer than ${Math.round(execution.limits.response_ms / 1000)} s, the limit of this server.`
    return new ApiError({ type: 'server_error', code: 'server_error', message, headers: { 'x-should-retry': 'false' } })
  }
  execution.logger.error(errorFacts(error), 'run failed')
  return error instanceof StoreUnavailable ? storageUnavailable(error) : internalError(error)
}

/** Stores the terminal state first and says it then: what a client has seen is what it will find. */
async function end(execution: Execution, ending: Ending): Promise<void> {
  const events = conclude(execution.response, ending, nowOf(execution))
  execution.isEnding = true
  execution.keeping?.stop()
  const kind = execution.response.background ? 'job' : 'stream'
  execution.checkpoint(`${kind}:before-ending`)
  const outcome = await keep(execution, events)
  execution.checkpoint(`${kind}:after-ending`)
  if (execution.isRefused) return endRefused(execution, events)
  if (outcome === 'stored') return endWell(execution, events)
  if (outcome === 'failed' && !execution.response.background) return endUnstored(execution, ending)
  const told = execution.isAbandoned ? undefined : await takenAwayEvents(execution)
  if (told !== undefined) tellEnd(execution, told)
  else execution.log.abandon()
  execution.isAbandoned = true
  if (told === undefined) emit(execution, events)
}

function endWell(execution: Execution, events: readonly UnnumberedEvent[]): void {
  tellEnd(execution, events)
  execution.threads?.complete(execution.response, execution.outputChars)
}

/** How one in the foreground ends that is not ours any more; undefined for a job, which goes on elsewhere. */
async function takenAwayEvents(execution: Execution): Promise<readonly UnnumberedEvent[] | undefined> {
  const { storage, response, log, clock, logger } = execution
  execution.error ??= takenAway()
  if (storage === undefined || response.background) return undefined
  try {
    return await endElsewhere({ storage, response, log, clock })
  } catch (error) {
    logger.warn(errorFacts(error), 'the end of a response that was taken away could not be read')
    return undefined
  }
}

/**
 * The response could not be accepted, which may not have been known when the model finished. The storage may have
 * taken it all the same: then it has failed there too, as soon as that can be written.
 */
function endRefused(execution: Execution, events: readonly UnnumberedEvent[]): void {
  const { response, signal, error } = execution
  const told = error === undefined ? conclude(response, failed(execution, signal.reason), nowOf(execution)) : events
  if (execution.isAbandoned) return emit(execution, told)
  execution.storeLater(endedBy(execution, told))
  tellEnd(execution, told)
}

/** What becomes of an ending; `stored` also where there is nothing to store it in. */
async function keep(execution: Execution, events: readonly UnnumberedEvent[]): Promise<'stored' | 'lost' | 'failed'> {
  const { storage } = execution
  if (execution.isAbandoned) return 'lost'
  // Where nobody has been told, the ending is stored in one go with the row: the store keeps their order.
  if (storage === undefined || (execution.isWatched && !(await isAccepted(execution)))) return 'stored'
  if (execution.isRefused) return 'stored'
  return storeEnding(storage, endedBy(execution, events), execution)
}

/** What is to be stored where these are its last events. */
function endedBy(execution: Execution, events: readonly UnnumberedEvent[]): Ended {
  const { log, response, calls, textOf } = execution
  const { status, ending } = storedEnding({ earlier: log.all(), response, calls }, events, textOf)
  return { status, ending: { ...ending, rebinding: rebindingOf(execution, status) } }
}

/** What was answered with an error, or not at all, may be asked again under the same key; or never answered otherwise. */
function rebindingOf(execution: Execution, status: TerminalStatus): Rebinding | undefined {
  const key = execution.submission?.key
  const error = execution.failure()
  if (key === undefined || (error === undefined && status !== 'cancelled')) return undefined
  return { key, refusal: error && refusalOf(error) }
}

/** An answer that was not stored is never called complete. */
function endUnstored(execution: Execution, ending: Ending): void {
  if (ending.kind === 'finished') execution.error = answerNotStored()
  const { error, response } = execution
  const told: Ending = error === undefined ? ending : { kind: 'failed', error: error.toDetail(), usage: ending.usage }
  const events = conclude(response, told, nowOf(execution))
  execution.storeLater(endedBy(execution, events))
  emit(execution, events)
}

function nowOf({ clock }: Execution): number {
  return Math.floor(clock.now() / 1000)
}

/** Whether there is a row to end: where it could not be written, the failure has been told already. */
function isAccepted({ accepted }: Execution): Promise<boolean> {
  return accepted.then(
    () => true,
    () => false,
  )
}
