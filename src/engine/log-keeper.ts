import type { Checkpoint } from '../core/checkpoint.ts'
import { encodeBatch } from '../core/event-batch.ts'
import type { Flow } from '../core/flow.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import type { RunStorage } from './ending.ts'
import type { EventLog } from './event-log.ts'
import { onceThere, type Patience } from './patience.ts'

/** How far the kept events of a stream may be behind what its client has seen, in milliseconds. */
export const TRAIL_MS = 250

/** Time between two tries to keep events, in milliseconds. */
const PAUSE_MS = 500

/** A log whose events are kept while its response runs. */
export interface Kept {
  readonly log: EventLog
  readonly storage: RunStorage
  /** Sequence number of the last event that is kept already; -1 for none. */
  readonly last: number
  /** The response is not ours any more: its attempt was taken over, or it was deleted. */
  readonly onLost: () => void
}

/** The keeping of one log. */
export interface Keeping {
  /** Begins now, if it has not begun. */
  begin(): void
  /** Keeps nothing more: the ending takes the place of all that was kept. */
  stop(): void
}

/** Keeps events, so that they outlive the process and can be read from another one. */
export interface LogKeeper {
  /** Follows what a client sees, a moment later. */
  trail(kept: Kept): Keeping
  /** Goes ahead of what anybody sees: as long as nobody reads, nothing is kept. */
  lead(kept: Kept): Keeping
}

/** What keeping needs. */
export interface KeeperTools {
  readonly clock: Clock
  readonly logger: Logger
  readonly checkpoint: Checkpoint
}

/** Makes the keeper of all logs of a process. */
export function createLogKeeper(tools: KeeperTools): LogKeeper {
  const nextRound = createRounds(tools.clock)
  const trailing: Manner = { ...tools, pause: () => new Promise((resolve) => void nextRound(resolve)) }
  return {
    trail(kept) {
      // Most streams are over before there is anything to keep, and leave nothing behind.
      let keeping: Keeping | undefined
      let isOver = false
      const begin = () => {
        if (isOver) return
        keeping ??= new LogKeeping(kept, trailing)
        keeping.begin()
      }
      const takeBack = nextRound(begin)
      return {
        begin,
        stop() {
          isOver = true
          takeBack()
          keeping?.stop()
        },
      }
    },
    lead(kept) {
      const { log } = kept
      const keeping = new LogKeeping(kept, { ...tools, onKept: (count) => log.show(count) })
      log.holdBack()
      log.show(kept.last + 1)
      log.whenRead(() => keeping.begin())
      return keeping
    },
  }
}

/**
 * One timer for all who wait for the next round: their writes come together. Whoever takes its act back is forgotten
 * at once: waiting for a round, the state of a short stream grew old, and its collection took 15 µs.
 */
function createRounds({ after }: Clock): (act: () => void) => () => void {
  let waiting: { act: (() => void) | undefined }[] = []
  const begin = () => {
    const due = waiting
    waiting = []
    for (const { act } of due) act?.()
  }
  return (act) => {
    const place: (typeof waiting)[number] = { act }
    if (waiting.push(place) === 1) after(TRAIL_MS, begin)
    return () => {
      place.act = undefined
    }
  }
}

interface Manner extends KeeperTools {
  /** Lets time pass after each batch; absent where each is kept at once. */
  readonly pause?: () => Promise<void>
  /** So many events are durable. */
  readonly onKept?: (count: number) => void
}

/** Keeps one log. A class with nothing in it that is not needed: thousands of silent streams have one each. */
class LogKeeping implements Keeping, Patience {
  readonly pause_ms = PAUSE_MS
  readonly #kept: Kept
  readonly #manner: Manner
  readonly #flow: Flow<readonly ResponseEvent[]>
  /** Made where the storage is waited for. */
  #stopping: AbortController | undefined
  #hasBegun = false
  #isOver = false

  constructor(kept: Kept, manner: Manner) {
    this.#kept = kept
    this.#manner = manner
    this.#flow = kept.log.read({ after: kept.last, isKeeper: true })
  }

  get clock(): Clock {
    return this.#manner.clock
  }

  get logger(): Logger {
    return this.#manner.logger
  }

  get facts(): Readonly<Record<string, string>> {
    return { responseId: this.#kept.storage.id }
  }

  get signal(): AbortSignal {
    this.#stopping ??= new AbortController()
    if (this.#isOver) this.#stopping.abort()
    return this.#stopping.signal
  }

  begin(): void {
    if (this.#hasBegun || this.#isOver) return
    this.#hasBegun = true
    this.#flow.each((events) => this.#take(events)).catch(() => {}) // The log was abandoned: whoever did it knows.
  }

  stop(): void {
    this.#isOver = true
    this.#stopping?.abort()
    this.#flow.leave()
  }

  #take(events: readonly ResponseEvent[]): Promise<void> {
    return this.#write(events).catch((error: unknown) => {
      if (!this.#isOver) this.logger.error(errorFacts(error), 'events are not kept any more')
      this.#flow.leave()
    })
  }

  async #write(events: readonly ResponseEvent[]): Promise<void> {
    const { storage, onLost } = this.#kept
    const { checkpoint, pause, onKept } = this.#manner
    const { responses, id, lifecycle } = storage
    const [first, last] = [events[0]?.sequence_number ?? 0, events.at(-1)?.sequence_number ?? 0]
    const batch = { first, last, events: encodeBatch(events) }
    const isHeld = await onceThere(() => responses.append(id, lifecycle.attempt, batch), this)
    checkpoint('events:after-append')
    if (this.#isOver) return
    if (!isHeld) return onLost()
    onKept?.(last + 1)
    await pause?.()
  }
}
