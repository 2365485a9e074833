import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../engine/clock.ts'
import type { Engine } from '../engine/engine.ts'
import type { Connections } from './connections.ts'
import type { Stage } from './stage.ts'

/** What takes part in the end of a server. */
export interface DrainParts {
  /** Resolves when nobody is connected any more; nobody new is from its call on. */
  readonly app: { close(): Promise<unknown> }
  readonly connections: Connections
  readonly stage: Stage
  readonly engine: Pick<Engine, 'pause' | 'drain'>
  readonly clock: Pick<Clock, 'sleep'>
  /** How long what runs may go on once nothing more is taken. */
  readonly drain_ms: number
}

/** How a server is stopped. */
export interface StopOptions {
  /** How long requests are still taken, so that whoever sends them hears of it: 0 where absent. */
  readonly lameDuck_ms?: number
  /** Fires when there is no time left: what runs is ended at once. */
  readonly hurry?: AbortSignal
}

/** Time for the last words to be written, in milliseconds. Who has not read them by then reads them no more. */
const LAST_WORDS_MS = 1500

/**
 * Ends a server: its probe says no, and it claims nothing more; after a while it takes no requests; what runs may end
 * within the drain time, and is ended then; who has not taken his answer is hung up on.
 */
export async function drain(parts: DrainParts, { lameDuck_ms = 0, hurry = NEVER }: StopOptions): Promise<void> {
  const { app, clock, connections, engine, stage } = parts
  stage.enter('lame-duck')
  engine.pause()
  connections.announceEnd()
  await clock.sleep(lameDuck_ms, hurry).catch(() => {})
  stage.enter('draining')
  const closed = app.close()
  await setImmediate() // What has arrived already is read first: its sender is answered, and not hung up on.
  connections.hangUp()
  await finish(parts, hurry)
  stage.enter('stopped')
  await within(clock, LAST_WORDS_MS, connections.answered())
  connections.cut()
  await closed
}

const NEVER = new AbortController().signal

/** Waits for what runs, and for what is passed on without a run, as long as there is time. */
async function finish({ clock, connections, drain_ms, engine }: DrainParts, hurry: AbortSignal): Promise<void> {
  const noTime = Promise.withResolvers<void>()
  const onHurry = () => noTime.resolve()
  hurry.addEventListener('abort', onHurry, { once: true })
  if (hurry.aborted) onHurry()
  const hurried = noTime.promise.then(() => engine.drain(0))
  const runs = Promise.race([engine.drain(drain_ms), hurried])
  await Promise.all([runs, within(clock, drain_ms, Promise.race([connections.answered(), hurried]))])
  hurry.removeEventListener('abort', onHurry)
}

/** Waits for something, but not for long. */
async function within(clock: Pick<Clock, 'sleep'>, ms: number, something: Promise<unknown>): Promise<void> {
  const patience = new AbortController()
  const stop = () => patience.abort()
  something.then(stop, stop)
  await clock.sleep(ms, patience.signal).catch(() => {})
}
