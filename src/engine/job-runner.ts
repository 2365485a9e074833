import type { CallRecords } from '../core/call-record.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import type { AccountId, ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import { StoreUnavailable, type Job, type Store } from '../store/store.ts'
import type { Clock } from './clock.ts'
import { endStored, failedBefore, firstEvents, releaseStored } from './ending.ts'
import type { EventLog } from './event-log.ts'
import { readKept, readKeptForEnd } from './follow.ts'
import type { Held, Live } from './live.ts'
import type { PreparedRun } from './prepare.ts'
import { seenMidway } from './problems.ts'
import type { Run } from './run.ts'

/** What running jobs needs. */
export interface JobRunnerParts {
  readonly store: Store
  readonly live: Live
  readonly clock: Clock
  readonly textOf: SnapshotText
  readonly newLog: () => EventLog
  /** Translates a stored request again. */
  readonly prepare: (account: AccountId, request: CreateRequest, response: Response) => Promise<PreparedRun>
  readonly launch: (launched: JobLaunch) => Run
}

/** A job that may begin. */
export interface JobLaunch {
  readonly job: Job
  readonly plan: PreparedRun
  readonly log: EventLog
  /** The calls of earlier attempts. */
  readonly calls: CallRecords
  /** Sequence number of the last event that an earlier attempt has kept; -1 for none. */
  readonly kept: number
}

/** What becomes of claimed jobs. */
export interface JobRunner {
  /**
   * Runs a job; undefined where there is nothing to be run any more.
   *
   * @throws What stands in its way before the model is called.
   */
  start(job: Job, request: CreateRequest): Promise<Run | undefined>
  /** Ends a job that cannot be run. */
  fail(job: Job, error: unknown): Promise<void>
  /** Gives a job back. */
  release(job: Job): Promise<void>
}

/** Makes what runs jobs. */
export function createJobRunner(parts: JobRunnerParts): JobRunner {
  const { store, live, clock, textOf } = parts
  /** Another process may take the job up: whoever reads it here is to look for it there. */
  const letGo = (held: Held, id: ResponseId) => {
    held.log.abandon()
    live.release(id, held)
  }
  return {
    async start(job, request) {
      const { account, id, lifecycle } = job
      const kept = lifecycle.attempt > 1 ? await readKept(store.forAccount(account), id) : []
      if (!kept.every(saysNothing)) throw seenMidway()
      const known = live.get(id)
      const isWaiting = known !== undefined && known.run === undefined && !known.log.isEnded()
      const response = JSON.parse(job.response) as Response // Written by this program.
      const held = isWaiting ? known : live.hold(id, { run: undefined, log: beginLog(parts.newLog(), kept, response) })
      const { log } = held
      const plan = await parts.prepare(account, request, response).catch((error: unknown) => {
        if (!isWaiting && error instanceof StoreUnavailable) letGo(held, id)
        throw error
      })
      // Cancelled, deleted, or this process stops.
      if (log.isEnded() || live.get(id)?.log !== log) return undefined
      const calls = JSON.parse(job.calls) as CallRecords // Written by this program.
      return parts.launch({ job, plan: { ...plan, response }, log, calls, kept: kept.length - 1 })
    },

    async fail(job, error) {
      const responses = store.forAccount(job.account)
      const held = live.get(job.id)
      const waiting = held?.run === undefined ? held : undefined
      try {
        const kept = await readKeptForEnd(responses, job.id)
        const log = kept.length > 0 ? undefined : waiting?.log
        await endStored({ ...job, responses, log, kept }, failedBefore(error), { clock, textOf })
      } finally {
        if (waiting !== undefined) letGo(waiting, job.id)
      }
    },

    async release(job) {
      await releaseStored({ ...job, responses: store.forAccount(job.account) })
    },
  }
}

/** A log that goes on where an earlier attempt has been seen to begin. */
function beginLog(log: EventLog, kept: readonly ResponseEvent[], response: Response): EventLog {
  log.append(kept.length > 0 ? kept : firstEvents(response, true))
  return log
}

/** Whether an event is one that every attempt begins with. */
function saysNothing({ type }: ResponseEvent): boolean {
  return type === 'response.created' || type === 'response.queued' || type === 'response.in_progress'
}
