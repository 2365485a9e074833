import { openLoad, repeat, type Load } from '../rig/load.ts'
import type { Rig, Server } from '../rig/rig.ts'
import type { Script } from '../rig/script.ts'

/** CPU of a server for what it did, in microseconds. */
export interface Cost {
  /** A whole answer of eight words. */
  readonly json_us: number
  /** A stream, without its chunks. */
  readonly stream_us: number
  /** A chunk that comes alone: the next is sent when the client has it. */
  readonly chunk_us: number
}

/** How much is done to find a cost. */
export interface Amounts {
  readonly connections: number
  readonly json: number
  readonly short: number
  readonly long: number
}

/** Chunks of the two streams from which a chunk's cost is solved. */
const SHORT_CHUNKS = 4
const LONG_CHUNKS = 220

/** An answer of eight words, in one write of the upstream. */
export const WHOLE: Script = { chunks: 8, pace: 'together' }

/** What requests and lone chunks cost a server at so many connections. */
export async function measureCost(rig: Rig, server: Server, amounts: Amounts): Promise<Cost> {
  const { connections } = amounts
  const load = openLoad(server.target, connections, rig.askPort)
  await repeat(connections, connections, () => load.exchange(WHOLE, false)) // Opens the connections.
  const each = (times: number, act: (turn: number) => Promise<unknown>) =>
    cpuOfEach(server, times, () => repeat(times, connections, act))
  const json_us = await each(amounts.json, () => load.exchange(WHOLE, false))
  const short_us = await each(amounts.short, streamOf(load, SHORT_CHUNKS))
  const long_us = await each(amounts.long, streamOf(load, LONG_CHUNKS))
  await load.close()
  const chunk_us = (long_us - short_us) / (LONG_CHUNKS - SHORT_CHUNKS)
  return { json_us, stream_us: short_us - SHORT_CHUNKS * chunk_us, chunk_us }
}

function streamOf(load: Load, chunks: number) {
  return (turn: number) => load.exchange({ chunks, pace: 'asked', id: `${chunks}-${turn}` }, true)
}

/** CPU that a server uses while something is done, for each of so many, in microseconds. */
export async function cpuOfEach(server: Server, times: number, act: () => Promise<unknown>): Promise<number> {
  const before_ns = server.process.cpu_ns()
  await act()
  return (server.process.cpu_ns() - before_ns) / times / 1000
}
