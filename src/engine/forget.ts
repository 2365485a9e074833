import type { Checkpoint } from '../core/checkpoint.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './clock.ts'
import { every, type RoundTools } from './rounds.ts'

/** Time between two looks for what is to be forgotten, in milliseconds. */
export const FORGET_MS = 60_000

/** Rows of each sort that one step removes: small, because nothing else is written meanwhile. */
const STEP_ROWS_MAX = 200

/** Pause between two steps, in milliseconds. */
const STEP_PAUSE_MS = 50

/** What was deleted is kept so long, in seconds: a turn that was begun just before may still follow it. */
const DELETED_S = 3600

const DAY_S = 86_400

/** What forgetting needs. */
export interface ForgetParts {
  readonly store: Store
  readonly clock: Clock
  readonly checkpoint: Checkpoint
  readonly retention: { readonly responses_days: number }
}

/** Forgets, from time to time and in small steps, what has been kept for long enough. */
export function forget({ store, clock, checkpoint, retention }: ForgetParts, tools: RoundTools): Promise<void> {
  return every(
    FORGET_MS,
    async () => {
      const now_s = Math.floor(clock.now() / 1000)
      const createdBefore = now_s - retention.responses_days * DAY_S
      const options = { createdBefore, deletedBefore: now_s - DELETED_S, limit: STEP_ROWS_MAX }
      while (!tools.signal.aborted && (await store.upkeep.sweep(options)) > 0) {
        checkpoint('sweep:midway')
        await clock.sleep(STEP_PAUSE_MS, tools.signal).catch(() => {})
      }
    },
    tools,
  )
}
