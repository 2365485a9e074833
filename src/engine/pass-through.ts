import type { JsonObject } from '../protocol/json.ts'
import type { UpstreamFault } from '../core/upstream-error.ts'
import type { RawAnswer } from '../providers/adapter.ts'
import type { Catalogue, Route } from '../providers/routing.ts'
import type { Logger } from '../telemetry/log.ts'
import type { CallRefusal, Metrics } from '../telemetry/metrics.ts'
import { fallbacksOf, type Fallback } from './fallback.ts'
import type { Served } from './run.ts'
import { runTurn, type Target, type TurnContext } from './turn.ts'

/** What passing on needs. */
export interface PassThroughParts {
  readonly catalogue: Catalogue
  readonly logger: Logger
  readonly metrics: Metrics
}

/** A chat completion that is passed on. */
export interface PassedCall {
  /** Names it in the log. */
  readonly requestId: string
  /** The id that the client asked for. */
  readonly model: string
  readonly body: JsonObject
  /** Where the id leads. */
  readonly route: Route
  readonly signal: AbortSignal
}

/** Takes the provider's answer as soon as it begins. Resolves when it has been read to its end, or left. */
export type TakeAnswer = (answer: RawAnswer, served: Served) => Promise<void>

/** Whether calls for a model can be passed on as they are. */
export function canPassOn({ adapter }: Route): boolean {
  return adapter.chat !== undefined
}

/**
 * Passes a call on to its model's provider, or to the model's fallbacks. The same call is not made again: whoever
 * speaks Chat Completions does that itself.
 *
 * @throws {UpstreamError} The provider failed.
 * @throws {ApiError} It was not asked, or others failed too.
 * @throws What `take` threw, or the signal's reason.
 */
export function passOn(parts: PassThroughParts, call: PassedCall, take: TakeAnswer): Promise<void> {
  const context = new PassThrough(parts, call)
  return runTurn<readonly RawAnswer[]>(context, ([answer]) => answer && take(answer, context.served()))
}

class PassThrough implements TurnContext<readonly RawAnswer[]> {
  readonly signal: AbortSignal
  readonly isPatient = false
  readonly waits = undefined
  target: Target<readonly RawAnswer[]>
  readonly #call: PassedCall
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #fallbacks: Generator<Fallback, undefined>
  #route: Route
  #fallback: string | undefined
  #attempt = 0

  constructor({ catalogue, logger, metrics }: PassThroughParts, call: PassedCall) {
    this.#call = call
    this.#route = call.route
    this.#metrics = metrics
    this.#fallbacks = fallbacksOf(catalogue, call.model, call.route)
    this.#logger = logger
    this.signal = call.signal
    this.target = targetOf(call.route, call.body)
  }

  get logger(): Logger {
    const { adapter, upstreamModel: model } = this.#route
    return this.#logger.child({ requestId: this.#call.requestId, provider: adapter.id, model })
  }

  served(): Served {
    const { adapter, upstreamModel } = this.#route
    const warnings = this.#fallback === undefined ? [] : [`${this.#fallback} was asked in place of ${this.#call.model}`]
    return { provider: adapter.id, model: upstreamModel, attempt: this.#attempt, warnings }
  }

  async turnToNext(): Promise<boolean> {
    for (let { value } = this.#fallbacks.next(); value !== undefined; { value } = this.#fallbacks.next()) {
      if (!canPassOn(value.route)) continue
      this.#route = value.route
      this.#fallback = value.id
      this.target = targetOf(value.route, this.#call.body)
      return true
    }
    return false
  }

  onLeft(): void {}

  onSent(attempt: number): undefined {
    this.#attempt = attempt
  }

  onAccepted(): void {}

  onBegun(): void {
    this.#metrics.callServed(this.#route.adapter.id, this.#fallback === undefined ? 'first' : 'fallback')
  }

  onFailed(fault: UpstreamFault): void {
    this.#metrics.callFailed(this.#route.adapter.id, fault)
  }

  onRefused(reason: CallRefusal): void {
    this.#metrics.callRefused(this.#route.adapter.id, reason)
  }
}

function targetOf({ adapter, gate, upstreamModel: model }: Route, body: JsonObject): Target<readonly RawAnswer[]> {
  return {
    gate,
    model,
    prepared: {
      async send(signal, say) {
        const answer = await adapter.chat?.send({ ...body, model }, signal)
        if (answer !== undefined) await say([answer])
      },
    },
  }
}
