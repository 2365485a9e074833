import { openLoad, repeat } from '../rig/load.ts'
import type { MeasuredProcess } from '../rig/process.ts'
import type { Rig, Server } from '../rig/rig.ts'
import { CHUNK_MARK } from '../rig/script.ts'
import { cpuOfEach, measureCost, WHOLE, type Amounts, type Cost } from '../scenarios/cost.ts'
import { measureSaturated, type Saturated, type SaturatedAmounts } from '../scenarios/saturated.ts'
import type { Contender } from './contender.ts'
import { untilAtRest, watchOthers } from './rest.ts'

/** How much is done. */
export interface Amount {
  readonly rounds: number
  readonly warmUp: Amounts
  readonly cost: Amounts
  readonly saturated: SaturatedAmounts
}

/** What one round found. Streams and lone chunks are absent where lone chunks are held back. */
export interface Round {
  readonly cost: Partial<Cost> & Pick<Cost, 'json_us'>
  readonly saturated: Saturated
  /** Cores that processes of others used meanwhile: above some hundredths, the round tells little. */
  readonly othersCores: number
}

/** What was found of a contender. */
export interface Result extends Omit<Contender, 'server'> {
  /** A round that failed, and those after it, are absent. */
  readonly rounds: readonly Round[]
  /** Whether a chunk that comes alone is kept until more come. */
  readonly holdsChunks: boolean
  /** Why there is nothing, or less than all. */
  readonly fault?: string
}

/** One who takes part, with what is known so far. */
interface Entry {
  readonly contender: Contender
  readonly rounds: Round[]
  holdsChunks: boolean
  fault: string | undefined
}

/**
 * Measures contenders in turn, round by round, so that all have seen the same weather. Every other round goes
 * backwards, and each turn begins with all servers at rest. A contender that fails is left out of what follows.
 */
export async function compare(rig: Rig, contenders: readonly Contender[], amount: Amount): Promise<readonly Result[]> {
  const entries = contenders.map((contender): Entry => {
    const fault = 'fault' in contender.server ? contender.server.fault : undefined
    return { contender, rounds: [], holdsChunks: false, fault }
  })
  const measured = contenders.flatMap(({ server }) => ('fault' in server ? [] : [server.process]))
  const processes = [rig.upstream, ...new Set(measured)]
  for (const entry of entries) await attempt(entry, (server) => warmUp(rig, server, { entry, measured, amount }))
  for (let round = 0; round < amount.rounds; round++) {
    for (const entry of round % 2 === 0 ? entries : entries.toReversed()) {
      await untilAtRest(processes)
      await attempt(entry, async (server) => {
        const others = watchOthers(processes)
        const cost = await measureCosts(rig, server, { ...amount.cost, holdsChunks: entry.holdsChunks })
        const saturated = await measureSaturated(rig, server, amount.saturated)
        entry.rounds.push({ cost, saturated, othersCores: others() })
      })
    }
  }
  return entries.map(({ contender: { name, version, api, work }, fault, ...found }) => {
    return { name, version, api, work, rounds: found.rounds, holdsChunks: found.holdsChunks, ...(fault && { fault }) }
  })
}

/** What a warm-up has to know. */
interface WarmUp {
  readonly entry: Entry
  /** The process of each contender: one that answers at two APIs is there twice. */
  readonly measured: readonly MeasuredProcess[]
  readonly amount: Amount
}

/** Looks what a contender can do and warms it up: a process with one API as often as one with several. */
async function warmUp(rig: Rig, server: Server, { entry, measured, amount }: WarmUp): Promise<void> {
  entry.holdsChunks = await holdsChunks(rig, server)
  const apisOf = (process: MeasuredProcess) => measured.filter((other) => other === process).length
  const times = Math.round(Math.max(...measured.map(apisOf)) / apisOf(server.process))
  for (let time = 0; time < times; time++) {
    await measureCosts(rig, server, { ...amount.warmUp, holdsChunks: entry.holdsChunks })
  }
}

/** Most time for what is done with one contender at a time. */
const ATTEMPT_MS_MAX = 180_000

/** Does something with a contender that has not failed yet; what it throws is its fault. */
async function attempt(entry: Entry, act: (server: Server) => Promise<void>): Promise<void> {
  const { server } = entry.contender
  if ('fault' in server || entry.fault !== undefined) return
  try {
    await within(ATTEMPT_MS_MAX, act(server))
  } catch (error) {
    entry.fault = error instanceof Error ? error.message : String(error)
  }
}

/** Streams cannot be told apart from their chunks where these are held back: then only whole answers are measured. */
async function measureCosts(
  rig: Rig,
  server: Server,
  amounts: Amounts & { readonly holdsChunks: boolean },
): Promise<Round['cost']> {
  if (!amounts.holdsChunks) return measureCost(rig, server, amounts)
  const load = openLoad(server.target, amounts.connections, rig.askPort)
  const ask = (times: number) => repeat(times, amounts.connections, () => load.exchange(WHOLE, false))
  await ask(amounts.connections) // Opens the connections.
  const json_us = await cpuOfEach(server, amounts.json, () => ask(amounts.json))
  await load.close()
  return { json_us }
}

const PROBE_CHUNKS = 4

/** A stream of four chunks on one machine takes milliseconds. */
const PROBE_MS_MAX = 5000

/** Looks whether chunks come one by one. @throws Whole answers fail, or come without their text. */
async function holdsChunks(rig: Rig, server: Server): Promise<boolean> {
  const load = openLoad(server.target, 1, rig.askPort)
  try {
    const { text } = await within(PROBE_MS_MAX, load.exchange(WHOLE, false))
    const words = text.split(CHUNK_MARK).length - 1
    if (words < WHOLE.chunks) throw new Error(`An answer of ${WHOLE.chunks} words came with ${words}.`)
    const stream = load.exchange({ chunks: PROBE_CHUNKS, pace: 'asked', id: `probe-${server.target.name}` }, true)
    return await within(PROBE_MS_MAX, stream).then(
      () => false,
      (error: unknown) => {
        if (error instanceof TooLong) return true
        throw error
      },
    )
  } finally {
    await load.close()
  }
}

/** Something took more time than it may. */
class TooLong extends Error {
  override readonly name = 'TooLong'
}

async function within<Value>(limit_ms: number, act: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new TooLong(`It did not finish within ${limit_ms / 1000} s.`)), limit_ms)
  return Promise.race([act, promise]).finally(() => clearTimeout(timer))
}
