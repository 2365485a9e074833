import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { bundleFile, sourceFile, startRig, type Rig, type Server } from './rig/rig.ts'
import type { Compared, CostAt, Report } from './report.ts'
import { measureCost, type Amounts } from './scenarios/cost.ts'
import { measureFloor } from './scenarios/floor.ts'
import { measureJobs } from './scenarios/jobs.ts'
import { measureLatency } from './scenarios/latency.ts'
import { measureMemory } from './scenarios/memory.ts'
import { measurePostgres } from './scenarios/postgres.ts'
import { measureThreadRead } from './scenarios/read.ts'
import { measureSaturated } from './scenarios/saturated.ts'
import { measureStartUp } from './scenarios/start-up.ts'
import { measureThread } from './scenarios/thread.ts'

/** What can be measured. */
export const SCENARIOS = [
  'costs',
  'saturated',
  'latency',
  'memory',
  'thread',
  'jobs',
  'postgres',
  'startUp',
  'floor',
] as const

/** One of them. */
export type Scenario = (typeof SCENARIOS)[number]

/** What is measured, and how much of it. */
export interface Plan {
  readonly scenarios: readonly Scenario[]
  readonly rounds: number
  readonly costs: readonly Amounts[]
  readonly chunksPerStream: number
}

/** Everything, as documented. */
export const FULL: Plan = {
  scenarios: SCENARIOS,
  rounds: 5,
  costs: [
    { connections: 1, json: 600, short: 400, long: 30 },
    { connections: 16, json: 3000, short: 1500, long: 150 },
    { connections: 100, json: 3000, short: 1500, long: 200 },
  ],
  chunksPerStream: 1000,
}

/** The ratios alone, soon. */
export const GATE: Plan = {
  scenarios: ['costs', 'saturated'],
  rounds: 5,
  costs: [{ connections: 16, json: 3000, short: 3000, long: 100 }],
  chunksPerStream: 400,
}

/** Answers before anything is measured: code that has not been compiled yet is another program. */
const WARM_JSON = 15_000

const WARM: Amounts = { connections: 16, json: WARM_JSON, short: 500, long: 50 }

/** What a server still does when its answers are out, such as writing, is over in this time. */
const REST_MS = 300

const SATURATED_JSON = 3000
const LATENCY_STREAMS = 1000
const IDLE_STREAMS = 9900 // With their calls 19,800 sockets: what 20,000 files allow.
const ANSWERS = 15_000
const JOBS = 4000
const POSTGRES_JOBS = 5000
const READS = 1000

/** Measures what a plan says, each scenario on processes that nothing else has used. */
export async function measure(plan: Plan): Promise<Partial<Report>> {
  const has = (scenario: Scenario) => plan.scenarios.includes(scenario)
  return {
    ...(has('costs') || has('saturated') || has('latency') ? await onRig((rig) => measureRatios(rig, plan)) : {}),
    ...(has('memory') ? await onRig(measureMemoryOf) : {}),
    ...(has('thread') ? await onRig((rig) => measureThreads(rig, plan.rounds)) : {}),
    ...(has('jobs') ? await onRig(async (rig) => ({ jobs: await measureJobs(rig, JOBS) })) : {}),
    ...(has('postgres') ? await measurePostgresJobs() : {}),
    ...(has('startUp') ? await measureStarts(plan.rounds) : {}),
    ...(has('floor') ? await onRig((rig) => measureFloorOf(rig, plan)) : {}),
  }
}

async function onRig(act: (rig: Rig) => Promise<Partial<Report>>): Promise<Partial<Report>> {
  const rig = await startRig()
  try {
    return await act(rig)
  } finally {
    await rig.close()
  }
}

async function measureRatios(rig: Rig, plan: Plan): Promise<Partial<Report>> {
  await bySides(rig, 1, (server) => measureCost(rig, server, WARM))
  const has = (scenario: Scenario) => plan.scenarios.includes(scenario)
  const costs: CostAt[] = []
  for (const amounts of has('costs') ? plan.costs : []) {
    const cost = await bySides(rig, plan.rounds, (server) => measureCost(rig, server, amounts))
    costs.push({ connections: amounts.connections, cost })
  }
  const amounts = { chunksPerStream: plan.chunksPerStream, json: SATURATED_JSON }
  return {
    ...(has('costs') ? { costs } : {}),
    ...(has('saturated')
      ? { saturated: await bySides(rig, plan.rounds, (server) => measureSaturated(rig, server, amounts)) }
      : {}),
    ...(has('latency')
      ? { latency: await bySides(rig, plan.rounds, (server) => measureLatency(rig, server, LATENCY_STREAMS)) }
      : {}),
  }
}

/**
 * Measures both servers in turn, round by round, so that each pair has seen the same weather; every other round
 * the other way about, so that neither always comes after the other.
 */
async function bySides<Result>(
  rig: Rig,
  rounds: number,
  act: (server: Server) => Promise<Result>,
): Promise<Compared<Result>> {
  const [pipe, antiphon]: [Result[], Result[]] = [[], []]
  const sides = [async () => pipe.push(await act(rig.pipe)), async () => antiphon.push(await act(rig.antiphon))]
  for (let round = 0; round < rounds; round++) {
    for (const measureSide of round % 2 === 0 ? sides : sides.toReversed()) {
      await measureSide()
      await setTimeout(REST_MS)
    }
  }
  return { pipe, antiphon }
}

async function measureMemoryOf(rig: Rig): Promise<Partial<Report>> {
  return { memory: await measureMemory(rig, rig.antiphon, { streams: IDLE_STREAMS, answers: ANSWERS }) }
}

async function measureThreads(rig: Rig, rounds: number): Promise<Partial<Report>> {
  return {
    thread: await measureThread(rig, { threads: 32, turns: 100 }),
    threadRead_us: Array.from({ length: rounds }, () => measureThreadRead(READS)),
  }
}

async function measurePostgresJobs(): Promise<Partial<Report>> {
  const postgres = await measurePostgres(POSTGRES_JOBS)
  return postgres === undefined ? {} : { postgres }
}

async function measureFloorOf(rig: Rig, { rounds, chunksPerStream }: Plan): Promise<Partial<Report>> {
  const cost = { connections: 16, json: 3000, short: 1500, long: 150 }
  const saturated = { chunksPerStream, json: SATURATED_JSON }
  return { floor: await measureFloor(rig, { rounds, warm: WARM, cost, saturated }) }
}

async function measureStarts(rounds: number): Promise<Partial<Report>> {
  const [sources, bundles]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    sources.push(await measureStartUp(sourceFile()))
    bundles.push(await measureStartUp(bundleFile()))
  }
  return { startUp: { source: sources, bundle: bundles }, distBytes: bytesIn(dirname(bundleFile())) }
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((total, entry) => total + statSync(join(entry.parentPath, entry.name)).size, 0)
}
