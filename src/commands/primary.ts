import type { Clock } from '../engine/clock.ts'
import type { Logger } from '../telemetry/log.ts'
import type { StopSignal, StopWishes } from './stop-wishes.ts'

/** How a child has ended. */
export interface ChildExit {
  readonly code: number | null
  readonly signal: string | null
}

/** A process that serves, as its parent sees it. */
export interface Child {
  /** Resolves with its greeting once it answers. */
  readonly ready: Promise<string>
  readonly ended: Promise<ChildExit>
  /** Passes a signal on. */
  stop(signal: StopSignal): void
  /** Ends it, whatever it does. */
  kill(): void
}

/** What a parent is made of. */
export interface PrimaryParts {
  /** How many children there are to be. */
  readonly workers: number
  readonly fork: (slot: number) => Child
  readonly wishes: StopWishes
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly logger: Logger
  /** Hears the greeting of the first child: once. */
  readonly onReady: (greeting: string) => void
  readonly onStopping: () => void
  /** How long children may take to stop: the lame duck and the drain, in milliseconds. */
  readonly given_ms: number
}

/** How soon a child that has ended is started again; twice as late each time, until one has lived for long. */
const RESTART_MS_MIN = 250
const RESTART_MS_MAX = 30_000

/** A child that has lived so long has not failed to start, in milliseconds. */
const STEADY_MS = 60_000

/** How much longer than they should the children may take to stop: a little more than they give themselves. */
const ODDS_MS = 4800

/**
 * Keeps children running until it is told to stop, and then until the last of them has ended. The first is started
 * alone: what is made once, such as the first key, is made by it, and where it cannot start, nobody can.
 *
 * @returns the exit code: 0 where every child has stopped as it should; where the first could not start, its own.
 */
export async function supervise(parts: PrimaryParts): Promise<number> {
  const children = new Children(parts)
  const over = new AbortController()
  void children.obey(over.signal)
  const first = children.start(FIRST)
  const greeting = await Promise.race([first.ready, first.ended.then(() => undefined)])
  if (greeting === undefined) {
    over.abort()
    return (await first.ended).code ?? 1
  }
  parts.onReady(greeting)
  const count = children.isStopping ? 0 : parts.workers - 1
  const others = Array.from({ length: count }, (_, index) => FIRST + 1 + index)
  await Promise.all([children.keep(FIRST, first), ...others.map((slot) => children.keep(slot, children.start(slot)))])
  over.abort()
  return children.isClean ? 0 : 1
}

const FIRST = 1

/** The children, and what they are told. */
class Children {
  readonly #parts: PrimaryParts
  readonly #alive = new Set<Child>()
  readonly #stopping = new AbortController()
  /** What children that are started late have missed. */
  readonly #told: StopSignal[] = []
  /** Whether every child has stopped as it should. */
  isClean = true

  constructor(parts: PrimaryParts) {
    this.#parts = parts
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Starts a child. */
  start(slot: number): Child {
    const child = this.#parts.fork(slot)
    this.#alive.add(child)
    void child.ended.then(() => this.#alive.delete(child))
    for (const signal of this.#told) child.stop(signal)
    return child
  }

  /** Starts a child again whenever it has ended; resolves when it has ended and is not to be started again. */
  async keep(slot: number, started: Child): Promise<void> {
    const { clock, logger } = this.#parts
    const { signal: stopping } = this.#stopping
    let child = started
    for (let failures = 0; ;) {
      const start_ms = clock.now()
      const exit = await child.ended
      if (stopping.aborted) {
        this.isClean &&= exit.code === 0
        return
      }
      failures = clock.now() - start_ms >= STEADY_MS ? 0 : failures + 1
      const restart_ms = Math.min(RESTART_MS_MIN * 2 ** Math.max(failures - 1, 0), RESTART_MS_MAX)
      logger.error({ slot, ...exit, restart_ms }, 'a worker process has ended and will be started again')
      await clock.sleep(restart_ms, stopping).catch(() => {})
      if (stopping.aborted) return
      child = this.start(slot)
    }
  }

  /** Passes signals on, and ends whoever does not obey in time. */
  async obey(over: AbortSignal): Promise<void> {
    const { wishes, onStopping, given_ms, clock, logger } = this.#parts
    const signal = await wishes.first
    if (over.aborted) return
    this.#stopping.abort(new Error('The server stops.'))
    onStopping()
    this.#tell(signal)
    const hurry = () => this.#tell(signal)
    wishes.hurry.addEventListener('abort', hurry, { once: true })
    if (wishes.hurry.aborted) hurry()
    await clock.sleep(given_ms, AbortSignal.any([wishes.hurry, over])).catch(() => {})
    await clock.sleep(ODDS_MS, over).catch(() => {})
    for (const child of this.#alive) {
      logger.error({}, 'a worker process did not stop in time and is killed')
      child.kill()
    }
  }

  #tell(signal: StopSignal): void {
    this.#told.push(signal)
    for (const child of this.#alive) child.stop(signal)
  }
}
