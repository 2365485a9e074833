import { conclude } from '../core/conclude.ts'
import { foldAll } from '../core/decide.ts'
import { encodeLog, numbered } from '../core/log-codec.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { ApiError } from '../protocol/error.ts'
import type { UnnumberedEvent } from '../protocol/event.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import { StoreDamaged, type Job, type ResponseStore, type Store } from '../store/store.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
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
  readonly store: Store
  /** Names this process in its leases. */
  readonly owner: string
  readonly limits: WorkerLimits
  readonly clock: Clock
  readonly logger: Logger
  /** Runs a claimed job. @throws What stands in its way before the model is called. */
  readonly start: (job: Job, request: CreateRequest) => Promise<Run>
}

/** Takes background responses from the store and runs them. */
export interface Worker {
  /** There is something to claim. */
  wake(): void
  /** Claims nothing more; what runs goes on. */
  stop(): void
}

/** Starts a worker. It claims at once, when woken, and at every sweep. */
export function startWorker(parts: WorkerParts): Worker {
  const { store, owner, limits, clock, logger } = parts
  const stopping = new AbortController()
  const active = new Map<ResponseId, Run>()
  let running = 0
  let claiming: Promise<void> | undefined
  let isWoken = false

  const claim = async () => {
    while (isWoken && !stopping.signal.aborted && running < limits.concurrency) {
      isWoken = false
      const limit = limits.concurrency - running
      const jobs = await store.jobs.claim({ owner, lease_ms: limits.lease_ms, limit })
      isWoken ||= jobs.length === limit
      for (const job of jobs) {
        running++
        void perform(parts, job, active).finally(() => {
          running--
          wake()
        })
      }
    }
  }
  const wake = () => {
    isWoken = true
    claiming ??= claim()
      .catch((error: unknown) => logger.error(errorFacts(error), 'jobs could not be claimed'))
      .finally(() => {
        claiming = undefined
      })
  }
  const beat = async () => {
    const ids = [...active.keys()]
    if (ids.length === 0) return
    const held = new Set(await store.jobs.heartbeat({ owner, lease_ms: limits.lease_ms, ids }))
    for (const id of ids) if (!held.has(id)) active.get(id)?.abandon()
  }
  void every(limits.sweep_ms, async () => wake(), clock, stopping.signal, logger)
  void every(limits.heartbeat_ms, beat, clock, stopping.signal, logger)
  wake()
  return { wake, stop: () => stopping.abort() }
}

async function every(
  ms: number,
  act: () => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(ms, signal).catch(() => {})
    if (signal.aborted) return
    await act().catch((error: unknown) => logger.error(errorFacts(error), 'the worker could not do its round'))
  }
}

async function perform(parts: WorkerParts, job: Job, active: Map<ResponseId, Run>): Promise<void> {
  const { limits, logger, store } = parts
  try {
    if (job.attempt > limits.attemptsMax) throw gaveUp('attempts_exhausted', job.attempt - 1)
    if (job.attempt > 1 && limits.onCrash === 'fail') throw gaveUp('server_error', job.attempt - 1)
    if (job.work === undefined) throw new StoreDamaged('The stored request of a job is damaged.')
    // Both were written by this program.
    const request = { ...JSON.parse(job.work.request), input: JSON.parse(job.work.input) } as CreateRequest
    const run = await parts.start(job, request)
    active.set(job.id, run)
    await run.ended
  } catch (error) {
    logger.warn({ responseId: job.id, ...errorFacts(error) }, 'a job failed before its model was called')
    await failStored(store.forAccount(job.account), job, error, parts.clock)
  } finally {
    active.delete(job.id)
  }
}

function gaveUp(code: string, attempts: number): ApiError {
  return new ApiError({
    type: 'server_error',
    code,
    message: `The server stopped while it worked on this response (${attempts} times). It was not run again.`,
  })
}

/** Ends a stored response that nobody runs as failed. */
export async function failStored(
  responses: ResponseStore,
  row: { id: ResponseId; attempt: number; response: string },
  error: unknown,
  clock: Clock,
): Promise<void> {
  const detail =
    error instanceof ApiError
      ? error.toDetail()
      : {
          type: 'api_error' as const,
          code: 'internal_error',
          message: 'The server failed to run this response.',
          param: '',
        }
  // Written by this program and checked by checksum.
  const first = JSON.parse(row.response) as Response
  const running: Response = { ...first, status: 'in_progress' }
  const opening: UnnumberedEvent[] = [
    { type: 'response.created', response: first },
    { type: 'response.in_progress', response: running },
  ]
  const events = [
    ...opening,
    ...conclude(running, { kind: 'failed', error: detail, usage: null }, Math.floor(clock.now() / 1000)),
  ]
  const final = foldAll(first, events)
  await responses.finish(row.id, row.attempt, {
    status: final.status,
    response: JSON.stringify(final),
    log: encodeLog(events.map(numbered), final),
  })
}
