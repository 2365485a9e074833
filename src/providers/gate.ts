import { RETRY_AFTER_S_MAX, type UpstreamError, type UpstreamFault } from '../core/upstream-error.ts'
import { Breaker, type Verdict } from './breaker.ts'
import { Limiter, type Timer } from './limiter.ts'
import { RetryBudget } from './retry-budget.ts'
import type { Caller, Gate, Pass, Refusal } from './routing.ts'

/** How long a call waits for its turn where nobody says otherwise, in milliseconds. */
export const QUEUE_MS = 10_000

/** Longest rest that a provider is given because it asks for one, in milliseconds. */
export const REST_MS_MAX = RETRY_AFTER_S_MAX * 1000

/**
 * What is left of a rest when it is over, in milliseconds. Timers come a little early at times: whoever has waited for as
 * long as the provider said must not be told to wait again.
 */
const REST_LEFT_MS = 10

/** Models of one provider that may rest at the same time: clients choose their names. */
export const RESTS_MAX = 1000

const BUSY: Refusal = { reason: 'busy', wait_ms: 2000 }

/** What a fault says of the provider: whoever refuses a call is there to refuse it. */
const VERDICT: Readonly<Record<UpstreamFault, Verdict>> = {
  unavailable: 'fails',
  timeout: 'fails',
  rate_limited: 'works',
  auth: 'works',
  model_not_found: 'works',
  bad_request: 'works',
  invalid_response: 'silent',
}

/** What a gate is made of. */
export interface GateOptions {
  /** Unix time in milliseconds, and a timer. */
  readonly clock: Timer & { readonly now: () => number }
  /** Most calls in flight; undefined where there is no limit. */
  readonly concurrency?: number | undefined
  /** Longest wait for a turn, in milliseconds. */
  readonly queue_ms?: number | undefined
}

/** Makes the gate of one provider. */
export function createGate(options: GateOptions): Gate {
  return new ProviderGate(options)
}

class ProviderGate implements Gate {
  readonly #clock: GateOptions['clock']
  readonly #limiter: Limiter | undefined
  readonly #breaker = new Breaker()
  readonly #budget = new RetryBudget()
  /** Until when models rest, in Unix milliseconds. */
  readonly #rests = new Map<string, number>()

  constructor({ clock, concurrency, queue_ms = QUEUE_MS }: GateOptions) {
    this.#clock = clock
    this.#limiter = concurrency === undefined ? undefined : new Limiter({ concurrency, queue_ms, timer: clock })
  }

  enter(model: string, caller: Caller): Pass | Refusal | Promise<Pass | Refusal> {
    const now_ms = this.#clock.now()
    const refusal = this.#refusal(model, now_ms)
    if (refusal !== undefined) return refusal
    const turn = this.#limiter?.enter(caller) ?? true
    if (turn === true) return this.#begin(now_ms)
    return turn === false ? BUSY : turn.then((isTurn) => (isTurn ? this.#takeTurn(model) : BUSY))
  }

  answered(pass: Pass): void {
    this.#breaker.judge(pass, 'works')
  }

  leave(pass: Pass, model: string, failure?: UpstreamError): void {
    this.#limiter?.leave()
    if (failure === undefined) return this.#breaker.judge(pass, 'silent')
    const { fault, retryAfter_ms = 0 } = failure.problem
    const now_ms = this.#clock.now()
    this.#breaker.judge(pass, VERDICT[fault], now_ms)
    if (fault === 'rate_limited') this.#rest(model, retryAfter_ms, now_ms)
  }

  grantsRetry(): boolean {
    return this.#budget.take(this.#clock.now())
  }

  #begin(now_ms: number): Pass {
    this.#budget.count(now_ms)
    return this.#breaker.begin(now_ms)
  }

  /** A turn that was waited for: much may have happened meanwhile. */
  #takeTurn(model: string): Pass | Refusal {
    const now_ms = this.#clock.now()
    const refusal = this.#refusal(model, now_ms)
    if (refusal === undefined) return this.#begin(now_ms)
    this.#limiter?.leave()
    return refusal
  }

  #refusal(model: string, now_ms: number): Refusal | undefined {
    const pause_ms = this.#breaker.wait_ms(now_ms)
    if (pause_ms > 0) return { reason: 'failing', wait_ms: pause_ms }
    if (this.#rests.size === 0) return undefined
    const rest_ms = (this.#rests.get(model) ?? 0) - now_ms
    if (rest_ms > REST_LEFT_MS && rest_ms <= REST_MS_MAX) return { reason: 'limited', wait_ms: rest_ms }
    this.#rests.delete(model)
    return undefined
  }

  #rest(model: string, wait_ms: number, now_ms: number): void {
    if (wait_ms <= REST_LEFT_MS) return
    if (this.#rests.size >= RESTS_MAX) {
      for (const [rested, until_ms] of this.#rests) if (until_ms <= now_ms) this.#rests.delete(rested)
    }
    if (this.#rests.size < RESTS_MAX) this.#rests.set(model, now_ms + Math.min(wait_ms, REST_MS_MAX))
  }
}
