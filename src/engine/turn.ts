import type { Take } from '../core/flow.ts'
import { toApiError, UpstreamError, type UpstreamFault, type UpstreamProblem } from '../core/upstream-error.ts'
import type { PreparedCall } from '../providers/adapter.ts'
import type { Caller, Gate, Pass, Refusal } from '../providers/routing.ts'
import type { ApiError } from '../protocol/error.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { CallRefusal } from '../telemetry/metrics.ts'
import type { Clock } from './clock.ts'
import { refusedCall } from './problems.ts'

/** Most calls that are made for one request, whichever providers they go to. */
export const ATTEMPTS_MAX = 3

/** Longest wait before another try, in milliseconds: beyond it, the client decides. */
export const RETRY_WAIT_MS_MAX = 10_000

const BACKOFF_MS = 500

const RETRYABLE: ReadonlySet<UpstreamFault> = new Set(['unavailable', 'rate_limited'])

/** Faults of one provider that another may not have. */
const HELPED_BY_ANOTHER: ReadonlySet<UpstreamFault> = new Set([
  'unavailable',
  'rate_limited',
  'timeout',
  'auth',
  'model_not_found',
])

/** What is said at one time; nothing, where a provider has only accepted the call. */
interface Batch {
  readonly length: number
}

/** One call, and whom it is for. */
export interface Target<Said extends Batch> {
  readonly gate: Gate
  /** The model's name at its provider. */
  readonly model: string
  readonly prepared: Pick<PreparedCall, 'letGo'> & { send(signal: AbortSignal, say: Take<Said>): Promise<void> }
}

/** What waiting takes. */
export interface Waits {
  readonly clock: Clock
  /** When the request must be answered, in Unix milliseconds: a wait that would last longer is not begun. */
  readonly deadline_ms: number
}

/** What a turn needs, and whom it tells what becomes of it. */
export interface TurnContext<Said extends Batch> extends Caller {
  readonly logger: Logger
  /** Undefined where nothing is waited for, and no call made twice. */
  readonly waits: Waits | undefined
  /** What is to be called now. */
  readonly target: Target<Said>
  /** Makes the target of the next model that may be asked instead; false where there is none. */
  turnToNext(): Promise<boolean>
  /** A call is about to be made, the first, the second, and so on; it waits for what this returns. */
  onSent(attempt: number): Promise<void> | undefined
  /** The call is on its way. */
  onLeft(): void
  /** Called once, when a provider has accepted the call. */
  onAccepted(): void
  /** The target has begun to answer: no other will be asked. */
  onBegun(): void
  /** A call has failed, be it tried again or not. */
  onFailed(fault: UpstreamFault): void
  /** A call was not made. */
  onRefused(reason: CallRefusal): void
}

/**
 * One model call. Where it fails before its first event for a reason that another model may not have, the next is
 * asked. Where there is none, and trying again may help, it is tried again: the provider was unreachable, overloaded
 * or limiting. Its `retry-after` is honoured.
 *
 * @throws {UpstreamError} The last failure, where no other model was asked.
 * @throws {ApiError} What has become of the model that was asked for first, where others failed too, or none was called.
 * @throws The signal's reason, where it was aborted.
 */
export function runTurn<Said extends Batch>(context: TurnContext<Said>, say: Take<Said>): Promise<void> {
  return new Turn(context, say).go()
}

/** How long to wait before the next try, in milliseconds; undefined where there is none. */
export function retryWait(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof UpstreamError) || attempt >= ATTEMPTS_MAX) return undefined
  const { fault, retryAfter_ms } = error.problem
  if (!RETRYABLE.has(fault)) return undefined
  const wait_ms = retryAfter_ms ?? BACKOFF_MS * 2 ** (attempt - 1)
  return wait_ms <= RETRY_WAIT_MS_MAX ? wait_ms : undefined
}

/** No loops: a suspended function, kept for each of thousands of streams, is twice the size of a chained promise. */
class Turn<Said extends Batch> {
  readonly #context: TurnContext<Said>
  readonly #say: Take<Said>
  #calls = 0
  /** Calls that failed, and waits instead of calls. */
  #tries = 0
  #pass: Pass = 0
  #isAccepted = false
  #hasBegun = false
  #hasTurned = false
  /** What has become of the model that was asked for first. */
  #told: UpstreamProblem | undefined
  #mayBePaid = false

  constructor(context: TurnContext<Said>, say: Take<Said>) {
    this.#context = context
    this.#say = say
  }

  go(): Promise<void> {
    const { target } = this.#context
    const entered = target.gate.enter(target.model, this.#context)
    return entered instanceof Promise ? entered.then((answer) => this.#proceed(answer)) : this.#proceed(entered)
  }

  #proceed(entered: Pass | Refusal): Promise<void> {
    return typeof entered === 'number' ? this.#call(entered) : this.#refused(entered)
  }

  #call(pass: Pass): Promise<void> {
    this.#pass = pass
    const announced = this.#context.onSent(++this.#calls)
    return announced === undefined
      ? this.#send(pass)
      : announced.then(
          () => this.#send(pass),
          (error: unknown) => this.#failed(error),
        )
  }

  #send(pass: Pass): Promise<void> {
    const { target, signal } = this.#context
    const sending = target.prepared.send(signal, this.#hear)
    this.#context.onLeft()
    return sending.then(
      () => target.gate.leave(pass, target.model),
      (error: unknown) => this.#failed(error),
    )
  }

  readonly #hear: Take<Said> = (batch) => {
    if (batch.length > 0) {
      if (!this.#hasBegun) this.#begin()
      return this.#say(batch)
    }
    if (!this.#isAccepted) this.#context.onAccepted()
    this.#isAccepted = true
    return undefined
  }

  #begin(): void {
    const { target } = this.#context
    this.#hasBegun = true
    target.gate.answered(this.#pass)
    target.prepared.letGo?.()
    this.#context.onBegun()
  }

  async #failed(error: unknown): Promise<void> {
    const { target, signal, logger } = this.#context
    const failure = error instanceof UpstreamError && !signal.aborted ? error : undefined
    target.gate.leave(this.#pass, target.model, this.#hasBegun ? undefined : failure)
    if (failure !== undefined) this.#context.onFailed(failure.problem.fault)
    if (failure === undefined || this.#hasBegun) throw error
    const attempt = this.#calls
    this.#note(failure.problem)
    if (++this.#tries < ATTEMPTS_MAX && HELPED_BY_ANOTHER.has(failure.problem.fault) && (await this.#turn())) {
      logger.warn({ attempt, ...errorFacts(failure) }, 'model call failed before its first event, asking another model')
      return this.go()
    }
    const wait_ms = retryWait(failure, this.#tries)
    if (wait_ms === undefined || !this.#hasTime(wait_ms) || !this.#isGranted()) {
      throw this.#hasTurned ? this.#giveUp(failure) : this.#withEarlier(failure)
    }
    logger.warn({ attempt, wait_ms }, 'model call failed before its first event, trying again')
    return this.#goAfter(wait_ms)
  }

  async #refused(refusal: Refusal): Promise<void> {
    const { reason, wait_ms } = refusal
    this.#context.onRefused(reason)
    this.#context.logger.info({ reason, wait_ms }, 'model call was not let through')
    const problem = refusedCall(refusal)
    if (!this.#hasTurned) this.#told ??= problem
    if (await this.#turn()) return this.go()
    const isLimited = reason === 'limited' && ++this.#tries < ATTEMPTS_MAX && wait_ms <= RETRY_WAIT_MS_MAX
    if (!(isLimited || this.#context.isPatient) || !this.#hasTime(wait_ms)) throw this.#answer(problem)
    return this.#goAfter(wait_ms)
  }

  async #turn(): Promise<boolean> {
    const hasNext = await this.#context.turnToNext()
    this.#hasTurned ||= hasNext
    return hasNext
  }

  async #goAfter(wait_ms: number): Promise<void> {
    await this.#context.waits?.clock.sleep(wait_ms, this.#context.signal)
    return this.go()
  }

  #hasTime(wait_ms: number): boolean {
    const { waits } = this.#context
    return waits !== undefined && waits.clock.now() + wait_ms <= waits.deadline_ms
  }

  #isGranted(): boolean {
    const isGranted = this.#context.target.gate.grantsRetry()
    if (!isGranted) this.#context.onRefused('budget')
    return isGranted
  }

  /** A failure of the model that was asked for first is what the client is told: it knows of no other. */
  #note(problem: UpstreamProblem): void {
    if (!this.#hasTurned) this.#told = problem
    this.#mayBePaid ||= problem.accepted === true
  }

  /** Whoever asks again pays again, whichever of the calls it was that the provider had accepted. */
  #withEarlier(last: UpstreamError): UpstreamError {
    const isTold = last.problem.accepted === true || !this.#mayBePaid
    return isTold ? last : new UpstreamError({ ...last.problem, accepted: true, cause: last })
  }

  #giveUp(last: UpstreamError): ApiError {
    this.#context.logger.warn({ attempt: this.#calls, ...errorFacts(last) }, 'model call failed')
    return this.#answer(last.problem)
  }

  #answer(last: UpstreamProblem): ApiError {
    return toApiError(new UpstreamError({ ...(this.#told ?? last), accepted: this.#mayBePaid }))
  }
}
