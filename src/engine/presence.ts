import type { Checkpoint } from '../core/checkpoint.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Store, Unfinished } from '../store/store.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Changes } from './changes.ts'
import type { Clock } from './clock.ts'
import { endStored, failedBefore, seizeStored } from './ending.ts'
import { readKeptForEnd } from './follow.ts'
import { forget, type Retention } from './forget.ts'
import type { JobRunner } from './job-runner.ts'
import type { Live } from './live.ts'
import { onceThere } from './patience.ts'
import { stoppedMidway } from './problems.ts'
import { every } from './rounds.ts'
import { startWorker, type Worker, type WorkerLimits } from './worker.ts'

/** What the presence of a process needs. */
export interface PresenceParts {
  readonly store: Store
  readonly live: Live
  readonly changes: Changes
  readonly jobs: JobRunner
  readonly clock: Clock
  readonly logger: Logger
  readonly textOf: SnapshotText
  readonly checkpoint: Checkpoint
  /** This process, unlike any other that ever was. */
  readonly owner: string
  readonly instance: string
  readonly background: WorkerLimits
  readonly retention: Retention
  /** Resolves as soon as no request is being made a run or a job of. */
  readonly made: () => Promise<void>
}

/** A process among others that may work on the same responses: from when it is known until it is gone. */
export interface Presence {
  /** Takes up what an earlier process left, and begins to work on the queue. Waits for a storage that is not there. */
  start(): Promise<void>
  /** Claims nothing more; what runs goes on, and what is asked for is still begun. */
  pause(): void
  /**
   * Claims nothing more and waits for what runs. What has not ended by then is ended as failed; background
   * jobs are given back for the next process. It may be called again, with less time.
   */
  drain(drain_ms: number): Promise<void>
}

/** What the rest of the engine may ask of it. */
export interface OwnPresence extends Presence {
  /** There is something to claim. */
  wake(): void
  /** Fires when this process begins to stop. */
  readonly stopping: AbortSignal
  /** Whether its time is over: whatever still begins is interrupted at once. */
  isOver(): boolean
}

/** Responses without a process that are ended in one go. */
const ORPHANS_MAX = 100

/** Makes the presence of this process. */
export function createPresence(parts: PresenceParts): OwnPresence {
  const { store, live, clock, logger, background, owner, instance, changes } = parts
  const stopping = new AbortController()
  const rounds = { clock, logger, signal: stopping.signal }
  let worker: Worker | undefined
  let isOver = false

  const register = () => store.jobs.register({ owner, instance, lease_ms: background.lease_ms })
  const onChange = (change: ResponseId | 'queue') => {
    if (change === 'queue') return worker?.wake()
    changes.heard(change)
    const run = live.get(change)?.run
    if (run === undefined) return
    if (run.snapshot().background) worker?.listen()
    else void run.recheck()
  }

  return {
    wake: () => worker?.wake(),
    stopping: stopping.signal,
    isOver: () => isOver,

    async start() {
      const patience = { ...rounds, pause_ms: background.sweep_ms }
      await onceThere(register, patience)
      store.onChange(onChange)
      await onceThere(() => endOrphans(parts), patience)
      const begun = startWorker({ ...parts, ...parts.jobs, jobs: store.jobs, limits: background })
      worker = begun
      const look = async () => (begun.isInTouch() ? endOrphans(parts) : undefined)
      void every(background.sweep_ms, look, rounds)
      void forget(parts, rounds)
    },

    pause: () => worker?.stop(),

    async drain(drain_ms) {
      worker?.stop()
      stopping.abort()
      const running = () => live.values().flatMap(({ run }) => (run === undefined ? [] : [run.ended]))
      const allEnded = async () => {
        for (;;) {
          await parts.made()
          if (running().length === 0) return
          await Promise.all(running())
        }
      }
      const patience = new AbortController()
      void allEnded().finally(() => patience.abort())
      await clock.sleep(drain_ms, patience.signal).catch(() => {})
      isOver = true
      for (const { run, log } of live.values()) {
        if (run === undefined) log.abandon()
        else run.interrupt(stoppedMidway())
      }
      await allEnded()
      await worker?.settled()
      worker?.close()
    },
  }
}

/** Ends the foreground responses of processes that are gone, with what they have said as far as it was kept. */
async function endOrphans(parts: PresenceParts): Promise<void> {
  for (let left = ORPHANS_MAX; left === ORPHANS_MAX;) {
    const orphans = await parts.store.jobs.orphans(ORPHANS_MAX)
    // A process whose heartbeats were not heard is gone for others; it knows better.
    const others = orphans.filter(({ lifecycle }) => lifecycle.leaseOwner !== parts.owner)
    left = others.length
    for (const orphan of others) await endOrphan(parts, orphan)
  }
}

async function endOrphan({ store, clock, textOf }: PresenceParts, orphan: Unfinished): Promise<void> {
  const responses = store.forAccount(orphan.account)
  const lifecycle = await seizeStored({ ...orphan, responses })
  if (lifecycle === undefined) return
  const kept = await readKeptForEnd(responses, orphan.id)
  await endStored({ ...orphan, lifecycle, responses, kept }, failedBefore(stoppedMidway()), { clock, textOf })
}
