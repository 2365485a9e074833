import type { ResponseId } from '../protocol/id.ts'
import type { EventLog } from './event-log.ts'
import { createRegistry } from './registry.ts'
import type { Run } from './run.ts'

/** A response that this process has in hand. */
export interface Held {
  readonly log: EventLog
  /** Undefined while it waits for a worker. */
  readonly run: Run | undefined
}

/** All that this process has in hand. */
export interface Live {
  get(id: ResponseId): Held | undefined
  hold(id: ResponseId, held: Held): Held
  /** Lets go, if this is what is held. */
  release(id: ResponseId, held: Held | undefined): void
  values(): readonly Held[]
}

/** Makes the empty hand. */
export function createLive(): Live {
  const registry = createRegistry<ResponseId, Held>()
  return {
    get: (id) => registry.get(id),
    hold(id, held) {
      registry.set(id, held)
      return held
    },
    release(id, held) {
      if (held !== undefined && registry.get(id) === held) registry.delete(id)
    },
    values: () => registry.values(),
  }
}
