import { setTimeout } from 'node:timers/promises'
import { atRate, openLoad, repeat } from '../rig/load.ts'
import type { Rig } from '../rig/rig.ts'
import { writeScript } from '../rig/script.ts'
import { quantile } from '../statistics.ts'

/** Background work. */
export interface Jobs {
  /** Accepted and durable each second, as fast as the clients can ask. */
  readonly acceptedPerSecond: number
  /** From the 202 to the call's arrival at the upstream, in milliseconds, at a rate that leaves time. */
  readonly start_ms: { readonly p50: number; readonly p99: number }
}

const CONNECTIONS = 64

/** Jobs begun each second where their start is timed. */
const JOBS_PER_SECOND = 200

/** How fast background responses are accepted, and how soon they are begun. */
export async function measureJobs(rig: Rig, times: number): Promise<Jobs> {
  const load = openLoad(rig.antiphon.target, CONNECTIONS, rig.askPort)
  const script = { chunks: 1, pace: 'together' } as const
  const accept = async (id: string) => {
    const body = { model: 'mock', background: true, input: writeScript({ ...script, id }) }
    await load.post(body, script)
    return [id, Date.now()] as const
  }
  await accept('warm')
  await rig.arrivals()
  const paced = await atRate({ perSecond: JOBS_PER_SECOND, times: JOBS_PER_SECOND * 3 }, (turn) => accept(`p-${turn}`))
  const arrivals = await untilArrived(rig, paced.length)
  const waits_ms = paced.map(([id, accepted_ms]) => Math.max(0, (arrivals.get(id) ?? Number.NaN) - accepted_ms))
  const begin_ms = performance.now()
  await repeat(times, CONNECTIONS, (turn) => accept(`f-${turn}`))
  const acceptedPerSecond = (times / (performance.now() - begin_ms)) * 1000
  await untilArrived(rig, times)
  await load.close()
  return { acceptedPerSecond, start_ms: { p50: quantile(waits_ms, 0.5), p99: quantile(waits_ms, 0.99) } }
}

/** Waits until the upstream has been called so often. */
async function untilArrived(rig: Rig, count: number): Promise<ReadonlyMap<string, number>> {
  const all = new Map<string, number>()
  while (all.size < count) {
    for (const [id, at_ms] of await rig.arrivals()) all.set(id, at_ms)
    await setTimeout(LOOK_MS)
  }
  return all
}

const LOOK_MS = 100
