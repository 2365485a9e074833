import { openLoad, repeat } from '../rig/load.ts'
import type { Rig, Server } from '../rig/rig.ts'
import { cpuOfEach, WHOLE } from './cost.ts'

/** A server with more to do than time. */
export interface Saturated {
  /** CPU of a chunk, in microseconds, its share of the request included. */
  readonly chunk_us: number
  readonly chunksPerSecond: number
  /** CPU of a whole answer, in microseconds. */
  readonly json_us: number
  readonly requestsPerSecond: number
}

/** Streams at once, and what the upstream offers them: 50,000 chunks a second, each in a write of its own. */
const STREAMS = 100
const CHUNKS_PER_STREAM_SECOND = 500

/** How much is done. */
export interface SaturatedAmounts {
  readonly chunksPerStream: number
  readonly json: number
}

/** What chunks cost a server that is offered more of them than it can carry, and how many it carries. */
export async function measureSaturated(rig: Rig, server: Server, amounts: SaturatedAmounts): Promise<Saturated> {
  const { chunksPerStream: chunks, json } = amounts
  const load = openLoad(server.target, STREAMS, rig.askPort)
  await repeat(STREAMS, STREAMS, () => load.exchange(WHOLE, false)) // Opens the connections.
  const timed = async (times: number, act: () => Promise<unknown>) => {
    const start_ms = performance.now()
    const cpu_us = await cpuOfEach(server, times, act)
    return { cpu_us, perSecond: (times / (performance.now() - start_ms)) * 1000 }
  }
  const pace = { perSecond: CHUNKS_PER_STREAM_SECOND }
  const streams = await timed(STREAMS * chunks, () =>
    repeat(STREAMS, STREAMS, () => load.exchange({ chunks, pace }, true)),
  )
  const whole = await timed(json, () => repeat(json, STREAMS, () => load.exchange(WHOLE, false)))
  await load.close()
  return {
    chunk_us: streams.cpu_us,
    chunksPerSecond: streams.perSecond,
    json_us: whole.cpu_us,
    requestsPerSecond: whole.perSecond,
  }
}
