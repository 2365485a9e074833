import type { FinishEvent } from '../core/model-event.ts'
import { sizeOfCall, type CallSize } from '../core/estimate.ts'
import type { Sealer } from '../core/seal.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import type { UpstreamFault } from '../core/upstream-error.ts'
import type { ApiError } from '../protocol/error.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import type { StoredEnding } from '../store/store.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Clock } from './clock.ts'
import type { RunStorage } from './ending.ts'
import type { EventLog } from './event-log.ts'
import type { PreparedRun } from './prepare.ts'
import { readWishes, type ReasoningContext, type ReasoningWishes } from './reasoning.ts'
import type { Run, RunLimits } from './run.ts'
import type { TurnContext } from './turn.ts'

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

/** Why a run was stopped: somebody wanted it to. */
export class Cancelled extends Error {}

/** Why a run was stopped: it took too long. */
export class DeadlinePassed extends Error {}

/**
 * A run from the inside. Of its plan it keeps what its end still needs: thousands of runs wait for their models at
 * the same time, and the request, its items and its call would be in memory for each.
 */
export class Execution implements Run, TurnContext, ReasoningContext {
  readonly id: ResponseId
  readonly log: EventLog
  readonly limits: RunLimits
  readonly clock: Clock
  readonly metrics: Metrics
  readonly sealer: Sealer
  readonly textOf: SnapshotText
  readonly storage: RunStorage | undefined
  readonly storeLater: RunParts['storeLater']
  readonly accepted: Promise<void>
  readonly isWatched: boolean
  readonly providerId: string
  readonly prepared: PreparedRun['prepared']
  readonly raise: PreparedRun['raise']
  readonly wishes: ReasoningWishes
  readonly callSize: CallSize
  readonly begun: Promise<void>
  readonly ended: Promise<Response>
  response: Response
  outputChars = 0
  /** Whether the response's row is durable, and the model is heard. */
  isHearing: boolean
  finish: FinishEvent | undefined
  error: ApiError | undefined
  /** Whether the response could not be accepted: there is no such response, whatever the model has said. */
  isRefused = false
  isAbandoned = false
  readonly #logger: Logger
  #ownLogger: Logger | undefined
  readonly #model: string
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
    this.#model = plan.route.upstreamModel
    this.metrics = parts.metrics
    this.sealer = parts.sealer
    this.textOf = parts.textOf
    this.storage = parts.storage
    this.storeLater = parts.storeLater
    this.accepted = accepted
    this.isWatched = parts.isWatched
    this.isHearing = !parts.isWatched
    this.providerId = plan.route.adapter.id
    this.prepared = plan.prepared
    this.raise = plan.raise
    this.wishes = readWishes(plan.request)
    this.callSize = sizeOfCall(plan.call)
    this.response = plan.response
    this.#beginning = Promise.withResolvers()
    this.begun = this.#beginning.promise
    this.begun.catch(() => {}) // Whoever answers the client looks at it; a background run has nobody.
    accepted.catch((error: unknown) => {
      this.isRefused = true
      this.stop(error)
    })
    this.#stopDeadline = clock.after(limits.response_ms, () => this.stop(new DeadlinePassed()))
    this.ended = execute(this)
  }

  /** Made for the first line, which most runs write at their end: pino's take 0.6 kB each. */
  get logger(): Logger {
    const { id: responseId, providerId: provider } = this
    return (this.#ownLogger ??= this.#logger.child({ responseId, provider, model: this.#model }))
  }

  get signal(): AbortSignal {
    return this.#control.signal
  }

  snapshot(): Response {
    return this.response
  }

  failure(): ApiError | undefined {
    return this.isRefused || this.response.output.length === 0 ? this.error : undefined
  }

  cancel(): void {
    this.stop(new Cancelled())
  }

  interrupt(reason: ApiError): void {
    if (this.response.background) this.abandon()
    else this.stop(reason)
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

  /** The provider has accepted the call: where it is silent for long, the stream is begun without a word. */
  onAccepted(): void {
    const begin = () => this.begin()
    this.#stopPatience = this.clock.after(this.limits.keepalive_ms, () => void this.accepted.then(begin, () => {}))
  }

  /** A try has failed. */
  onFailed(fault: UpstreamFault): void {
    this.metrics.callFailed(this.providerId, fault)
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
