import type { Checkpoint } from '../core/checkpoint.ts'
import { callIs, callSent, type CallRecord, type CallRecords } from '../core/call-record.ts'
import { sizeOfCall, type CallSize } from '../core/estimate.ts'
import type { Sealer } from '../core/seal.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import type { FinishEvent, ModelEvent } from '../core/model-event.ts'
import type { UpstreamFault } from '../core/upstream-error.ts'
import type { ApiError } from '../protocol/error.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import type { Logger } from '../telemetry/log.ts'
import type { CallRefusal, Metrics } from '../telemetry/metrics.ts'
import type { Clock } from './clock.ts'
import { STORE_TRIES_MAX, type Ended, type RunStorage } from './ending.ts'
import type { EventLog } from './event-log.ts'
import type { NextModel } from './fallback.ts'
import type { Submission } from './joining.ts'
import type { Keeping } from './log-keeper.ts'
import { onceThere } from './patience.ts'
import type { PreparedRun } from './prepare.ts'
import { takenAway } from './problems.ts'
import type { RecentThreads } from './recent-threads.ts'
import { readWishes, type ReasoningContext, type ReasoningWishes } from './reasoning.ts'
import type { Run, RunLimits, Served } from './run.ts'
import type { Translated } from './translate.ts'
import type { Target, TurnContext } from './turn.ts'

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
  readonly checkpoint: Checkpoint
  /** Where it is stored; undefined for `store: false`. */
  readonly storage: RunStorage | undefined
  /** The calls that earlier attempts have made. */
  readonly calls: CallRecords
  /** Keeps its events while it runs; undefined where nobody could read them. */
  readonly keeping: ((onLost: () => void) => Keeping) | undefined
  /** By what its request is known when it comes again. */
  readonly submission: Submission | undefined
  /** Told of the answer, where another turn may follow it soon. */
  readonly threads: RecentThreads | undefined
  /** Takes an ending that readers have been told of and that could not be stored yet. */
  readonly storeLater: (ended: Ended) => void
  /** Resolves when the response's row is durable: nothing is sent before. */
  readonly accepted: Promise<unknown>
  /** Whether anybody is told of the response before its end: then the model is not heard before `accepted`. */
  readonly isWatched: boolean
}

/** Why a run was stopped: somebody wanted it to. */
export class Cancelled extends Error {}

/** How long a run that may be joined goes on without a client, in milliseconds: SDKs come again after half a second. */
const REJOIN_MS = 800

/** Time between two tries to write down a call, in milliseconds. */
const RECORD_PAUSE_MS = 1000

/** Why a run was stopped: it took too long. */
export class DeadlinePassed extends Error {}

/** A model as it is asked: what is kept of it while it answers. */
interface Asked extends Target<readonly ModelEvent[]> {
  readonly providerId: string
  readonly raise: Translated['raise']
  readonly callSize: CallSize
  readonly warnings: readonly string[]
}

function askedOf({ route, prepared, raise, call, warnings }: Translated): Asked {
  const { adapter, gate, upstreamModel: model } = route
  return { providerId: adapter.id, gate, model, prepared, raise, callSize: sizeOfCall(call), warnings }
}

/**
 * A run from the inside. Of its plan it keeps what its end still needs: thousands of runs wait for their models at
 * the same time, and the request, its items and its call would be in memory for each.
 */
export class Execution implements Run, TurnContext<readonly ModelEvent[]>, ReasoningContext {
  readonly id: ResponseId
  readonly log: EventLog
  readonly limits: RunLimits
  readonly clock: Clock
  readonly metrics: Metrics
  readonly sealer: Sealer
  readonly textOf: SnapshotText
  readonly checkpoint: Checkpoint
  readonly storage: RunStorage | undefined
  readonly threads: RunParts['threads']
  readonly storeLater: RunParts['storeLater']
  readonly submission: Submission | undefined
  readonly keeping: Keeping | undefined
  readonly accepted: Promise<unknown>
  readonly isWatched: boolean
  readonly wishes: ReasoningWishes
  readonly deadline_ms: number
  readonly begun: Promise<void>
  readonly ended: Promise<Response>
  target: Asked
  /** Calls that this attempt has made so far. */
  attempt = 0
  calls: CallRecords
  response: Response
  outputChars = 0
  /** Whether the response's row is durable, and the model is heard. */
  isHearing: boolean
  finish: FinishEvent | undefined
  error: ApiError | undefined
  /** Whether the response could not be accepted: there is no such response, whatever the model has said. */
  isRefused = false
  isAbandoned = false
  isGivenBack = false
  isEnding = false
  readonly #logger: Logger
  #ownLogger: Logger | undefined
  #nextModel: NextModel | undefined
  #hasTurned = false
  #clients = 0
  /** Whether its row is known to be durable. */
  #isAccepted = false
  readonly #control = new AbortController()
  /** Undefined once the run has begun, or ended before. */
  #beginning: PromiseWithResolvers<void> | undefined
  readonly #stopDeadline: () => void
  #stopPatience: (() => void) | undefined

  /** @param execute Carries the run out. */
  constructor(parts: RunParts, execute: (execution: Execution) => Promise<Response>) {
    const { plan, log, limits, clock, accepted } = parts
    this.id = plan.id
    this.log = log
    this.limits = limits
    this.clock = clock
    this.#logger = parts.logger
    this.metrics = parts.metrics
    this.sealer = parts.sealer
    this.textOf = parts.textOf
    this.checkpoint = parts.checkpoint
    this.storage = parts.storage
    this.threads = parts.threads
    this.storeLater = parts.storeLater
    this.submission = parts.submission
    this.calls = parts.calls
    this.keeping = parts.keeping?.(() => this.lose())
    this.accepted = accepted
    this.isWatched = parts.isWatched
    this.isHearing = !parts.isWatched
    this.target = askedOf(plan)
    this.#nextModel = plan.nextModel
    this.wishes = readWishes(plan.request)
    this.deadline_ms = clock.now() + limits.response_ms
    this.response = plan.response
    this.#beginning = Promise.withResolvers()
    this.begun = this.#beginning.promise
    this.begun.catch(() => {}) // Whoever answers the client looks at it; a background run has nobody.
    accepted.then(
      () => (this.#isAccepted = true),
      (error: unknown) => {
        this.isRefused = true
        this.stop(error)
      },
    )
    this.#stopDeadline = clock.after(limits.response_ms, () => this.stop(new DeadlinePassed()))
    this.ended = execute(this)
  }

  /** Made for the first line, which most runs write at their end: pino's take 0.6 kB each. */
  get logger(): Logger {
    const { providerId: provider, model } = this.target
    return (this.#ownLogger ??= this.#logger.child({ responseId: this.id, provider, model }))
  }

  get waits(): this {
    return this
  }

  get providerId(): string {
    return this.target.providerId
  }

  /** A job has all its time, as long as no other model could be asked instead. */
  get isPatient(): boolean {
    return this.response.background && this.#nextModel === undefined
  }

  /** The answer of a job has been paid: it is kept until it can be stored, or somebody else ends the job. */
  get storeTriesMax(): number {
    return this.response.background ? Number.POSITIVE_INFINITY : STORE_TRIES_MAX
  }

  get signal(): AbortSignal {
    return this.#control.signal
  }

  snapshot(): Response {
    return this.response
  }

  served(): Served | undefined {
    const { attempt } = this
    const { providerId: provider, model, warnings } = this.target
    return attempt === 0 ? undefined : { provider, model, attempt, warnings }
  }

  failure(): ApiError | undefined {
    return this.isRefused || this.isAbandoned || this.response.output.length === 0 ? this.error : undefined
  }

  join(): () => void {
    this.#clients++
    const leave = () => {
      if (--this.#clients > 0) return
      if (this.submission === undefined) return this.cancel()
      this.clock.after(REJOIN_MS, () => {
        if (this.#clients === 0) this.cancel()
      })
    }
    return leave
  }

  cancel(): void {
    this.stop(new Cancelled())
  }

  interrupt(reason: ApiError): void {
    if (!this.response.background) return this.stop(reason)
    this.isGivenBack = true
    this.abandon()
  }

  lose(): void {
    // Nobody can have taken what is not there yet.
    if (this.isEnding || this.isAbandoned || !this.#isAccepted) return
    this.error ??= takenAway()
    if (this.response.background) this.abandon()
    else this.stop(this.error) // Its client is told, unless it was deleted: its end finds out.
  }

  async recheck(): Promise<void> {
    const { storage } = this
    const found = await storage?.responses.findLifecycle(storage.id).catch(() => storage.lifecycle)
    if (found?.version !== storage?.lifecycle.version) this.lose()
  }

  follow(): void {
    this.keeping?.begin()
  }

  abandon(): void {
    this.isAbandoned = true
    this.cancel()
    this.log.abandon()
  }

  /** Stops the model: the run fails with this error. */
  stop(error: unknown): void {
    this.#control.abort(error)
  }

  async turnToNext(): Promise<boolean> {
    const next = await this.#nextModel?.(this.logger)
    if (next === undefined) {
      this.#nextModel = undefined
      return false
    }
    this.target = askedOf(next)
    this.#ownLogger = undefined // It names the model.
    this.#hasTurned = true
    return true
  }

  onSent(attempt: number): Promise<void> | undefined {
    this.attempt = attempt
    const { providerId: provider, model } = this.target
    this.calls = callSent(this.calls, { attempt: this.storage?.lifecycle.attempt ?? 0, provider, model })
    return this.response.background ? this.#recordCalls().then(() => this.checkpoint('job:before-send')) : undefined
  }

  /** The provider has accepted the call: where it is silent for long, the stream is begun without a word. */
  onAccepted(): void {
    const begin = () => this.begin()
    this.#stopPatience = this.clock.after(this.limits.keepalive_ms, () => void this.accepted.then(begin, () => {}))
  }

  onLeft(): void {
    if (this.response.background) this.checkpoint('job:sent')
  }

  onBegun(): void {
    this.#nextModel = undefined // It holds the thread.
    this.callIs('begun')
    // Nobody waits for it: where it is not written, the call counts as sent.
    if (this.response.background) void this.#recordCalls().catch(() => {})
    this.metrics.callServed(this.providerId, this.#hasTurned ? 'fallback' : this.attempt > 1 ? 'retry' : 'first')
  }

  onFailed(fault: UpstreamFault): void {
    this.callIs('failed')
    this.metrics.callFailed(this.providerId, fault)
  }

  onRefused(reason: CallRefusal): void {
    this.metrics.callRefused(this.providerId, reason)
  }

  /** What has become of the latest call. */
  callIs(state: CallRecord['state'], usage: CallRecord['usage'] = null): void {
    if (this.attempt > 0) this.calls = callIs(this.calls, state, usage)
  }

  /** Writes the calls of a job down, for as long as it takes: none is made that is not written. */
  async #recordCalls(): Promise<void> {
    const { storage, signal, clock, logger } = this
    if (storage === undefined) return
    const { responses, id, lifecycle } = storage
    const record = () => responses.recordCalls(id, lifecycle.attempt, JSON.stringify(this.calls))
    if (!(await onceThere(record, { clock, logger, signal, pause_ms: RECORD_PAUSE_MS }))) this.lose()
    signal.throwIfAborted()
  }

  /** A 200 may be sent. */
  begin(): void {
    this.#beginning?.resolve()
    this.#beginning = undefined
    this.#stopPatience?.()
    this.#stopPatience = undefined
  }

  /** The run has ended: nothing of it goes on. */
  settle(): void {
    this.#stopDeadline()
    if (this.error !== undefined) this.#beginning?.reject(this.error)
    this.begin()
  }
}
