import { setTimeout } from 'node:timers/promises'
import { openLoad, repeat } from '../rig/load.ts'
import { messageOf } from '../rig/process.ts'
import type { Rig, Server } from '../rig/rig.ts'
import { WHOLE } from './cost.ts'

/** What a server holds, in bytes. */
export interface Memory {
  /** Resident, before anything is asked of it. */
  readonly base: number
  /** Resident more, for each stream that is open and silent. */
  readonly perStream: number
  /** Resident, while so many are. */
  readonly withStreams: number
  readonly streams: number
  /** Resident more after 10,000 answers than before. */
  readonly per10kAnswers: number
  /** Heap more for each 10,000 of the later answers, once caches are full. */
  readonly heapSlopePer10k: number
}

/** How much is done. */
export interface MemoryAmounts {
  readonly streams: number
  readonly answers: number
}

/** Answers after which the heap has its shape. */
const WARM_ANSWERS = 5000

const CONNECTIONS = 16

/** What streams and answers leave in a server's memory. */
export async function measureMemory(rig: Rig, server: Server, amounts: MemoryAmounts): Promise<Memory> {
  const base = (await memoryOf(server)).rss
  const open = await holdStreams(rig, server, amounts.streams)
  const load = openLoad(server.target, CONNECTIONS, rig.askPort)
  const answer = (times: number) => repeat(times, CONNECTIONS, () => load.exchange(WHOLE, false))
  await answer(WARM_ANSWERS)
  const warm = await memoryOf(server)
  await answer(amounts.answers)
  const after = await memoryOf(server)
  await load.close()
  const per10k = 10_000 / amounts.answers
  return {
    base,
    perStream: (open - base) / amounts.streams,
    withStreams: open,
    streams: amounts.streams,
    per10kAnswers: (after.rss - warm.rss) * per10k,
    heapSlopePer10k: (after.heapUsed - warm.heapUsed) * per10k,
  }
}

/** Opens streams that fall silent after their first word. @returns resident bytes while they are open. */
async function holdStreams(rig: Rig, server: Server, streams: number): Promise<number> {
  const load = openLoad(server.target, streams, rig.askPort)
  let open = 0
  const reached = Promise.withResolvers<void>()
  const begin = () => {
    const first = Promise.withResolvers<void>()
    void load
      .watch({ chunks: 2, pace: 'silent' }, () => {
        if (++open === streams) reached.resolve()
        first.resolve()
      })
      .catch(reached.reject)
    return first.promise
  }
  await repeat(streams, OPENING_AT_ONCE, begin)
  await reached.promise
  await setTimeout(SETTLE_MS)
  const { rss } = await memoryOf(server)
  await load.close()
  return rss
}

const OPENING_AT_ONCE = 50

/** What was allocated in opening them is given back in this time. */
const SETTLE_MS = 1000

async function memoryOf(server: Server): Promise<NodeJS.MemoryUsage> {
  server.process.child.send('memory')
  return (await messageOf(server.process.child)) as NodeJS.MemoryUsage // Sent by probe.ts.
}
