import { atRate, openLoad } from '../rig/load.ts'
import type { Rig, Server } from '../rig/rig.ts'
import { quantile } from '../statistics.ts'

/** How long what the model says is on its way, at a rate that leaves time. */
export interface Latency {
  /** From the request to the first chunk of text, in milliseconds. */
  readonly first: Quantiles
  /** From a chunk's sending by the upstream to its arrival at the client, in milliseconds. */
  readonly chunk: Quantiles
}

/** The middle, and what one in a hundred exceeds. */
export interface Quantiles {
  readonly p50: number
  readonly p99: number
}

/** Streams begun each second, and what each brings: ten chunks in 180 ms. */
const STREAMS_PER_SECOND = 200
const CHUNKS = 10
const CHUNKS_PER_SECOND = 50

/** Delays through a server at 200 streams a second, for so many streams. */
export async function measureLatency(rig: Rig, server: Server, streams: number): Promise<Latency> {
  const load = openLoad(server.target, STREAMS_PER_SECOND, rig.askPort)
  const script = { chunks: CHUNKS, pace: { perSecond: CHUNKS_PER_SECOND } }
  const rate = { perSecond: STREAMS_PER_SECOND, times: streams }
  await atRate({ ...rate, times: STREAMS_PER_SECOND }, () => load.exchange(script, true)) // Opens the connections.
  const exchanges = await atRate(rate, () => load.exchange(script, true))
  await load.close()
  return {
    first: quantilesOf(exchanges.map(({ first_ms }) => first_ms ?? Number.NaN)),
    chunk: quantilesOf(exchanges.flatMap(({ delays_us }) => delays_us.map((delay_us) => delay_us / 1000))),
  }
}

function quantilesOf(numbers: readonly number[]): Quantiles {
  return { p50: quantile(numbers, 0.5), p99: quantile(numbers, 0.99) }
}
