import cluster, { type Worker } from 'node:cluster'
import type { Environment } from '../config/load.ts'
import { systemClock } from '../engine/clock.ts'
import { FAREWELL } from './greeting.ts'
import { fail, say } from './console.ts'
import { supervise, type Child, type ChildExit } from './primary.ts'
import { serveHere, type ServeParts } from './serve-here.ts'
import { createStopListener, hearSignals, STOP_SIGNALS, type StopSignal } from './stop-wishes.ts'

/** The variable in which a process is told its number among those behind the port. */
const SLOT = 'ANTIPHON_SLOT'

/** What a parent says to its child. */
interface StopMessage {
  readonly stop: StopSignal
}

/** What a child says to its parent: first that it hears, then that it answers. */
type ChildMessage = { readonly kind: 'hears' } | { readonly kind: 'ready'; readonly greeting: string }

/** What both sides are given. */
export type ClusterParts = Pick<ServeParts, 'config' | 'environment' | 'logger'>

/** Serves in as many processes as the configuration says: this one is their parent, or one of them. */
export function serveInCluster(parts: ClusterParts): Promise<number> {
  return cluster.isPrimary ? servePrimary(parts) : serveAsWorker(parts)
}

async function servePrimary({ config, logger }: ClusterParts): Promise<number> {
  const { wishes } = hearSignals()
  const { lame_duck_ms, drain_ms } = config.timeouts
  return supervise({
    workers: config.server.workers,
    fork,
    wishes,
    clock: systemClock,
    logger,
    onReady: say,
    onStopping: () => say(FAREWELL),
    given_ms: lame_duck_ms + drain_ms,
  })
}

function fork(slot: number): Child {
  const worker = cluster.fork({ [SLOT]: String(slot) })
  const [hears, ready] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()]
  // Sent by a child of ours.
  worker.on('message', (message: ChildMessage) => {
    if (message.kind === 'hears') hears.resolve()
    else ready.resolve(message.greeting)
  })
  const send = (message: StopMessage) => void (worker.isConnected() && worker.send(message))
  return {
    ready: ready.promise,
    ended: endOf(worker),
    // What it is told before it listens would be lost.
    stop: (signal) => void hears.promise.then(() => send({ stop: signal })),
    kill: () => void worker.process.kill('SIGKILL'),
  }
}

function endOf(worker: Worker): Promise<ChildExit> {
  return new Promise((resolve) => {
    worker.on('exit', (code, signal) => resolve({ code, signal }))
    // A process that could not be made has no end either; a message that cannot be sent is followed by one.
    worker.on('error', () => worker.process.pid === undefined && resolve({ code: 1, signal: null }))
  })
}

/** A child obeys its parent alone: terminals and supervisors send their signals to both. */
async function serveAsWorker({ environment, logger, config }: ClusterParts): Promise<never> {
  const { wishes, hear } = createStopListener((code) => process.exit(code))
  for (const signal of STOP_SIGNALS) process.on(signal, () => {})
  // That a parent is gone is told otherwise, and ends this process: a word to it may fail.
  cluster.worker?.on('error', () => {})
  // Sent by our parent.
  process.on('message', ({ stop }: StopMessage) => hear(stop))
  const tell = (message: ChildMessage) => void process.send?.(message)
  tell({ kind: 'hears' })
  const slot = slotOf(environment)
  const code = await serveHere({
    config,
    environment,
    logger: logger.child({ slot }),
    wishes,
    slot,
    onReady: (text) => tell({ kind: 'ready', greeting: text }),
    onStopping: () => {},
  }).catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)))
  // The channel to its parent would keep it alive.
  return process.exit(code)
}

function slotOf(environment: Environment): number {
  return Number(environment[SLOT])
}
