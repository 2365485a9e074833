import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** A process that is measured from outside. */
export interface MeasuredProcess {
  readonly child: ChildProcess
  /** CPU that the process, its threads and its children have used so far, in nanoseconds. */
  cpu_ns(): number
  /** Resident memory, in bytes. */
  rss(): number
  /** Resolves when it has exited; it is asked by SIGTERM, or by another signal. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** What a process is started with. */
export interface Launch {
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly folder?: string
  /** File descriptor that takes standard output; nothing, where absent. */
  readonly stdout?: number
}

/** Starts Node with arguments. Its errors are shown. */
export function launch({ args, environment = {}, folder, stdout }: Launch): MeasuredProcess {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', stdout ?? 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...environment },
    ...(folder === undefined ? {} : { cwd: folder }),
  })
  const pid = child.pid ?? 0
  return {
    child,
    cpu_ns: () => cpuOf(pid),
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    },
  }
}

/** The next message of a process. @throws It ended before. */
export async function messageOf(child: ChildProcess): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const fail = () => reject(new Error(`${child.spawnargs.join(' ')} ended unexpectedly.`))
  child.once('message', resolve).once('exit', fail)
  return promise.finally(() => child.off('message', resolve).off('exit', fail))
}

/**
 * Sums the scheduler's own account of every thread, which counts nanoseconds where `stat` counts ticks of 10 ms.
 *
 * @see https://docs.kernel.org/scheduler/sched-stats.html (read 2026-11-22)
 */
function cpuOf(pid: number): number {
  let total_ns = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    total_ns += Number(readOr(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
    for (const child of readOr(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean)) {
      total_ns += cpuOf(Number(child))
    }
  }
  return total_ns
}

/** A thread may end between the two looks. */
function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Resolves as soon as a server is ready. @throws It does not within ten seconds. */
export async function untilReady(origin: string): Promise<void> {
  const deadline_ms = performance.now() + READY_MS_MAX
  for (;;) {
    const isReady = await fetch(`${origin}/ready`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (isReady) return
    if (performance.now() > deadline_ms) throw new Error(`${origin} is not ready.`)
    await setTimeout(READY_LOOK_MS)
  }
}

const READY_MS_MAX = 10_000

const READY_LOOK_MS = 5

/** A port that nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // It listens on an IP socket.
  server.close()
  await once(server, 'close')
  return port
}
