import type { Checkpoint } from '../core/checkpoint.ts'
import type { CallRecords } from '../core/call-record.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { ApiError } from '../protocol/error.ts'
import type { ResponseId } from '../protocol/id.ts'
import { StoreDamaged, StoreUnavailable, type Job, type JobStore } from '../store/store.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import { onceThere } from './patience.ts'
import { every, type RoundTools } from './rounds.ts'
import type { Run } from './run.ts'

/** How background work is done. */
export interface WorkerLimits {
  /** Jobs that run at once. */
  readonly concurrency: number
  readonly lease_ms: number
  readonly heartbeat_ms: number
  /** How often jobs of workers that are gone are looked for. */
  readonly sweep_ms: number
  readonly attemptsMax: number
  /** Whether a job whose worker died is run again. */
  readonly onCrash: 'retry' | 'fail'
}

/** What a worker is made of. */
export interface WorkerParts {
  readonly jobs: JobStore
  /** Names this process in its leases. */
  readonly owner: string
  readonly limits: WorkerLimits
  readonly clock: Clock
  readonly logger: Logger
  /**
   * Runs a claimed job; undefined where there is nothing to be run any more.
   *
   * @throws What stands in its way before the model is called.
   */
  readonly start: (job: Job, request: CreateRequest) => Promise<Run | undefined>
  /** Ends a job that cannot be run. */
  readonly fail: (job: Job, error: unknown) => Promise<void>
  readonly checkpoint: Checkpoint
  /** Gives a job back: this process stops. */
  readonly release: (job: Job) => Promise<void>
}

/** Takes background responses from the store and runs them. */
export interface Worker {
  /** There is something to claim. */
  wake(): void
  /** Others may have asked something of what runs here. */
  listen(): void
  /**
   * Whether the storage has answered for long enough that others must have renewed what is theirs: what looks lost
   * after an outage may only be late.
   */
  isInTouch(): boolean
  /** Claims nothing more; what runs goes on, and its leases are kept. */
  stop(): void
  /** Resolves when nothing runs any more, and what was given back is. */
  settled(): Promise<void>
  /** Ends the lease of this process. */
  close(): void
}

/** Time between two tries to give a job back, in milliseconds. */
const RELEASE_PAUSE_MS = 1000

/** So many heartbeats after an outage all who are still there have been heard of. */
const HEARTBEATS_IN_TOUCH = 2

/** Starts a worker. It claims at once, when woken, and at every sweep. */
export function startWorker(parts: WorkerParts): Worker {
  const { jobs, owner, limits, clock } = parts
  const stopping = new AbortController()
  const closing = new AbortController()
  /** Every job that this process has claimed and not given up; its run, once it has begun. */
  const inHand = new Map<ResponseId, Run | undefined>()
  let isClaiming = false
  let claiming = Promise.resolve()
  let isWoken = false

  const claim = async () => {
    try {
      while (isWoken && !stopping.signal.aborted && inHand.size < limits.concurrency) {
        isWoken = false
        const limit = limits.concurrency - inHand.size
        const { lease_ms } = limits
        const mine = { owner, lease_ms, limit, inHand: [...inHand.keys()], takesOver: isInTouch() }
        const claimed = await jobs.claim(mine)
        if (stopping.signal.aborted) return void (await Promise.all(claimed.map(parts.release)))
        isWoken ||= claimed.length === limit
        for (const _ of claimed) parts.checkpoint('job:claimed')
        const rounds = { ...parts, signal: stopping.signal }
        for (const job of claimed) {
          inHand.set(job.id, undefined)
          void perform(rounds, job, (run) => inHand.set(job.id, run)).finally(() => leave(job.id))
        }
      }
    } catch (error) {
      parts.logger.error(errorFacts(error), 'jobs could not be claimed')
    } finally {
      isClaiming = false // In the same turn as the last look at `isWoken`: no call of `wake` is missed.
    }
  }
  const wake = () => {
    isWoken = true
    if (isClaiming) return
    isClaiming = true
    claiming = claim()
  }
  let idle = Promise.withResolvers<void>()
  const leave = (id: ResponseId) => {
    inHand.delete(id)
    idle.resolve()
    idle = Promise.withResolvers()
    wake()
  }
  let inTouchSince_ms = Number.NEGATIVE_INFINITY
  const isInTouch = () => clock.now() - inTouchSince_ms >= HEARTBEATS_IN_TOUCH * limits.heartbeat_ms
  const renew = async (ids: readonly ResponseId[]) => {
    try {
      const held = await jobs.heartbeat({ owner, lease_ms: limits.lease_ms, ids })
      inTouchSince_ms = Math.min(inTouchSince_ms, clock.now())
      return new Map(held.map((job) => [job.id, job]))
    } catch (error) {
      inTouchSince_ms = Number.POSITIVE_INFINITY
      throw error
    }
  }
  const beat = async () => {
    const beating = [...inHand]
    const held = await renew(beating.map(([id]) => id))
    for (const [id, run] of beating) {
      const job = held.get(id)
      if (job === undefined) run?.lose()
      else if (job.isCancelWanted) run?.cancel()
      else if (job.isFollowed) run?.follow()
    }
  }
  let isListening = false
  const listen = async () => {
    if (isListening || inHand.size === 0) return
    isListening = true
    await Promise.resolve() // What comes in one turn is asked once.
    isListening = false
    await beat().catch((error: unknown) => parts.logger.warn(errorFacts(error), 'the worker could not listen'))
  }
  void every(limits.heartbeat_ms, beat, { ...parts, signal: closing.signal })
  void every(limits.sweep_ms, async () => wake(), { ...parts, signal: stopping.signal })
  wake()
  return {
    wake,
    listen: () => void listen(),
    isInTouch,
    stop: () => stopping.abort(),
    settled: async () => {
      while (inHand.size > 0 || isClaiming) await (isClaiming ? claiming : idle.promise)
    },
    close: () => closing.abort(),
  }
}

/** Runs one job to its end. Never throws: a job that can be neither run nor failed is claimed again later. */
async function perform(parts: WorkerParts & RoundTools, job: Job, onBegun: (run: Run) => void): Promise<void> {
  try {
    const run = await parts.start(job, requestOf(parts, job))
    if (run === undefined) return await parts.release(job)
    onBegun(run)
    if (job.isFollowed) run.follow()
    await run.ended
    if (run.isGivenBack) await parts.release(job)
  } catch (error) {
    parts.logger.warn({ responseId: job.id, ...errorFacts(error) }, 'a job failed before its model was called')
    if (error instanceof StoreUnavailable) return releaseLater(parts, job)
    await parts
      .fail(job, error)
      .catch((cause: unknown) => parts.logger.error({ responseId: job.id, ...errorFacts(cause) }, 'a job stays open'))
  }
}

/** Gives a job back as soon as the storage is there again: whoever claims it need not wait for its lease to end. */
function releaseLater(parts: WorkerParts & RoundTools, job: Job): Promise<void> {
  return onceThere(() => parts.release(job), { ...parts, pause_ms: RELEASE_PAUSE_MS }).catch(() => {})
}

/** @throws The job must not be run. */
function requestOf({ limits }: WorkerParts, { lifecycle: { crashes }, calls, work }: Job): CreateRequest {
  if (crashes >= limits.attemptsMax) throw gaveUp('attempts_exhausted', crashes)
  // What never reached a provider can be run again, whatever else was decided.
  const mayBePaid = (JSON.parse(calls) as CallRecords).length > 0 // Written by this program.
  if (crashes > 0 && mayBePaid && limits.onCrash === 'fail') throw gaveUp('server_error', crashes)
  if (work === undefined) throw new StoreDamaged('The stored request of a job is damaged.')
  // Both were written by this program.
  return { ...JSON.parse(work.request), input: JSON.parse(work.input) } as CreateRequest
}

function gaveUp(code: string, attempts: number): ApiError {
  return new ApiError({
    type: 'server_error',
    code,
    message: `The server stopped while it worked on this response (${attempts} times). It was not run again.`,
  })
}
