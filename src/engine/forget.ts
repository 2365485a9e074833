import type { Checkpoint } from '../core/checkpoint.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './clock.ts'
import { every, type RoundTools } from './rounds.ts'

/** Rows of each sort that one step removes: small, because nothing else is written meanwhile. */
const STEP_ROWS_MAX = 200

/** Pause between two steps, in milliseconds. */
const STEP_PAUSE_MS = 50

const DAY_MS = 86_400_000

/** How long things are kept, from the configuration. */
export interface Retention {
  readonly responses_days: number
  /** How long what was deleted is kept: a turn that was begun just before may still follow it. */
  readonly deleted_ms: number
  /** Time between two looks for what is to be forgotten. */
  readonly sweep_ms: number
}

/** What forgetting needs. */
export interface ForgetParts {
  readonly store: Pick<Store, 'upkeep'>
  readonly clock: Clock
  readonly checkpoint: Checkpoint
  readonly retention: Retention
}

/** Forgets, from time to time and in small steps, what has been kept for long enough. */
export function forget({ store, clock, checkpoint, retention }: ForgetParts, tools: RoundTools): Promise<void> {
  return every(
    retention.sweep_ms,
    async () => {
      const createdBefore = secondsBefore(clock, retention.responses_days * DAY_MS)
      const deletedBefore = secondsBefore(clock, retention.deleted_ms)
      const options = { createdBefore, deletedBefore, limit: STEP_ROWS_MAX }
      while (!tools.signal.aborted && (await store.upkeep.sweep(options)) > 0) {
        checkpoint('sweep:midway')
        await clock.sleep(STEP_PAUSE_MS, tools.signal).catch(() => {})
      }
    },
    tools,
  )
}

/** What time it was so long ago, in seconds since the epoch. */
function secondsBefore(clock: Clock, ms: number): number {
  return Math.floor((clock.now() - ms) / 1000)
}
