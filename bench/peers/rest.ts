import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { MeasuredProcess } from '../rig/process.ts'

/** Time over which is looked, in milliseconds. */
const LOOK_MS = 250

/** CPU in that time below which all are at rest: two hundredths of a core. */
const REST_NS_MAX = LOOK_MS * 1e6 * 0.02

/** Most looks: something that never rests does not stop the comparison. */
const LOOKS_MAX = 40

/**
 * Resolves when no process does anything any more. What one server puts off, such as writing to its database,
 * must not fall into the turn of the next.
 */
export async function untilAtRest(processes: readonly MeasuredProcess[]): Promise<void> {
  let before_ns = cpuOf(processes)
  for (let look = 0; look < LOOKS_MAX; look++) {
    await setTimeout(LOOK_MS)
    const now_ns = cpuOf(processes)
    if (now_ns - before_ns < REST_NS_MAX) return
    before_ns = now_ns
  }
}

/** Begins to watch the machine. The result, called later, tells how many cores processes of others have used since. */
export function watchOthers(processes: readonly MeasuredProcess[]): () => number {
  const othersNow_ns = () => machine_ns() - cpuOf(processes) - ownCpu_ns()
  const [start_ms, before_ns] = [performance.now(), othersNow_ns()]
  return () => Math.max(0, (othersNow_ns() - before_ns) / 1e6 / (performance.now() - start_ms))
}

/** Those that have ended count nothing. */
function cpuOf(processes: readonly MeasuredProcess[]): number {
  return processes
    .filter(({ child }) => child.exitCode === null && child.signalCode === null)
    .reduce((total, process) => total + process.cpu_ns(), 0)
}

/** The load's own. */
function ownCpu_ns(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

const TICK_NS = 10_000_000

/**
 * What all cores have done so far, but for waiting.
 *
 * @see https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat (read 2026-11-22)
 */
function machine_ns(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  )
    .split(' ')
    .map(Number)
  return (user + nice + system + irq + softirq + steal) * TICK_NS
}
