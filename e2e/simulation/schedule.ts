import type { MemoryTables } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { createRandom, type Random } from '../fuzz/random.ts'
import { Clients, KINDS, type Wish } from './clients.ts'
import { checkLaws, isSettled, watchRows } from './laws.ts'
import { World, type SimProcess } from './world.ts'

/** What a schedule is run with, besides its seed. */
export interface ScheduleOptions {
  /** Something between the engine and the tables, for tests of the simulation itself. */
  readonly sabotage?: (store: Store, tables: MemoryTables) => Store
  /** Happenings that are wanted, and all of them, of processes that share a storage; else chance decides. */
  readonly focus?: readonly Sort[]
  /** Told of everything that happens. */
  readonly trace?: (line: string) => void
}

/** What has come of a schedule. */
export interface Outcome {
  readonly seed: number
  /** What is wrong, a sentence each. */
  readonly violations: readonly string[]
  /** What has happened how often. */
  readonly figures: Readonly<Record<'steps' | 'responses' | 'crashes' | 'faults' | 'calls' | 'readers', number>>
}

const DELAYS_MS = [[0], [0, 0, 1, 2], [0, 1, 5, 20, 100], [0, 1, 30, 250, 900]] as const

/** Times between two events of a schedule, in milliseconds. */
const GAPS_MS = [0, 0, 0, 1, 3, 10, 50, 240, 260, 1000, 5000, 16_000] as const

const EVENTS = { fewest: 4, most: 14 } as const

/** More than any lease, any round and any answer take, in seconds. */
const SETTLE_S = 200

/** So many seconds nothing happens at the end: nothing is under way to the storage for as long. */
const CALM_S = 2

/** One thing that happens. */
type Happening = (stage: Stage) => void

interface Stage {
  readonly world: World
  readonly clients: Clients
  readonly random: Random
  readonly isLone: boolean
  readonly focus: readonly Sort[] | undefined
}

/** What may happen, each as often as it stands here. */
const HAPPENINGS = {
  create: {
    weight: 5,
    act: (stage) => at(stage, (process) => stage.clients.create(process, stage.random.pick(KINDS))),
  },
  cancel: { weight: 3, act: (stage) => of(stage, (process, wish) => stage.clients.cancel(process, wish)) },
  retrieve: { weight: 3, act: (stage) => of(stage, (process, wish) => stage.clients.retrieve(process, wish)) },
  resume: {
    weight: 4,
    act: (stage) => of(stage, (process, wish) => stage.clients.resume(process, wish, stage.random.below(6) - 1)),
  },
  remove: { weight: 1, act: (stage) => of(stage, (process, wish) => stage.clients.remove(process, wish)) },
  leave: { weight: 1, act: (stage) => of(stage, (_, wish) => stage.clients.leave(wish)) },
  crash: { weight: 2, act: (stage) => at(stage, (process) => stage.world.crash(process)) },
  restart: { weight: 2, act: restart },
  pause: {
    weight: 2,
    act: (stage) =>
      at(stage, (process) => stage.world.pause(process, stage.random.pick([100, 14_900, 16_000, 21_000, 40_000]))),
  },
  drain: {
    weight: 1,
    act: (stage) => at(stage, (process) => stage.world.drain(process, stage.random.pick([0, 50, 2000]))),
  },
  jump: {
    weight: 1,
    act: (stage) =>
      at(stage, (process) => (process.skew_ms += stage.random.pick([-4 * 3_600_000, -300_000, 300_000, 86_400_000]))),
  },
  outage: {
    weight: 1,
    act: (stage) =>
      at(stage, (process) => {
        process.cutUntil_ms = stage.world.timeline.now_ms + stage.random.pick([300, 2000, 8000])
        stage.world.trace(`${process.name} cannot reach the storage until ${process.cutUntil_ms}`)
      }),
  },
} satisfies Readonly<Record<string, { readonly weight: number; readonly act: Happening }>>

/** A sort of happening. */
export type Sort = keyof typeof HAPPENINGS

/** How probable it is that one process works alone on its storage. */
const LONE = 0.25

/** How probable it is that a sort of happening is there in a schedule at all. */
const IS_THERE = 0.6

/** Runs the schedule of a seed: the same seed is the same schedule, to the last step. */
export async function runSchedule(seed: number, options: ScheduleOptions = {}): Promise<Outcome> {
  const random = createRandom(seed)
  const isLone = random.chance(LONE) && options.focus === undefined
  const world = new World(random, {
    isLone,
    weather: {
      delays_ms: random.pick(DELAYS_MS),
      faults: random.pick([0, 0, 0, 0.01, 0.06]),
      losses: random.pick([0, 0, 0.3, 1]),
      isOrdered: isLone || random.chance(0.3),
    },
    hangs: random.pick([0, 0.1, 0.4]),
    failures: random.pick([0, 0, 0.2]),
    sabotage: options.sabotage,
    trace: options.trace,
  })
  const clients = new Clients(world, random)
  const stage: Stage = { world, clients, random, isLone, focus: options.focus }
  watchRows(world)
  const crashes = await play(stage)
  await settle(stage)
  checkLaws(world, clients)
  const { timeline, tables, faults, calls, violations } = world
  const figures = {
    steps: timeline.steps,
    responses: tables.rows.size,
    crashes,
    faults,
    calls: calls.length,
    readers: clients.readings.length,
  }
  return { seed, violations, figures }
}

async function play(stage: Stage): Promise<number> {
  const { world, random, isLone } = stage
  const choices = choicesOf(stage)
  const processes = isLone ? 1 : 1 + random.below(3)
  for (let index = 0; index < processes; index++)
    world.boot(`p${index}`, index > 0 && random.chance(0.3) ? 'api' : 'all')
  const events = EVENTS.fewest + random.below(EVENTS.most - EVENTS.fewest + 1)
  await world.timeline.pass(5000, () => world.serving().length === processes)
  HAPPENINGS.create.act(stage)
  for (let event = 0; event < events; event++) {
    await world.timeline.pass(world.timeline.now_ms + random.pick(GAPS_MS))
    random.pick(choices)(stage)
  }
  return world.processes.filter(({ isDead }) => isDead).length
}

function choicesOf({ random, focus }: Stage): readonly Happening[] {
  return Object.entries(HAPPENINGS).flatMap(([sort, { weight, act }]) => {
    const isChosen = sort === 'create' || random.chance(IS_THERE)
    const isThere = focus === undefined ? isChosen : focus.some((wanted) => wanted === sort)
    return isThere ? Array<Happening>(weight).fill(act) : []
  })
}

/** Lets everything come to its end: a worker is there, nothing fails any more. Then everybody looks once more. */
async function settle(stage: Stage): Promise<void> {
  const { world, clients, isLone } = stage
  const { timeline } = world
  world.trace('calm')
  world.calmDown()
  const hasWorker = () => world.serving().some(({ role }) => role === 'all')
  const isOver = () => hasWorker() && isSettled(world, clients)
  // A process that stops, or cannot start, is followed by another one.
  for (let [seconds, calm] = [0, 0]; seconds < SETTLE_S && calm < CALM_S; seconds++) {
    if (world.processes.every(({ role, isDead, isStopping }) => isDead || (!isLone && (isStopping || role === 'api'))))
      boot(stage)
    await timeline.pass(timeline.now_ms + 1000)
    calm = isOver() ? calm + 1 : 0
  }
  for (const process of world.serving()) {
    for (const wish of clients.wishes) {
      clients.retrieve(process, wish)
      clients.resume(process, wish, -1)
    }
  }
  await timeline.pass(timeline.now_ms + 5000, isOver)
}

/** Lets something happen at a process that is there. */
function at({ world, random }: Stage, act: (process: SimProcess) => void): void {
  const serving = world.serving()
  if (serving.length > 0) act(random.pick(serving))
}

/** Lets something happen to a response, by any process. */
function of(stage: Stage, act: (process: SimProcess, wish: Wish) => void): void {
  const { clients, random } = stage
  if (clients.wishes.length === 0) return
  at(stage, (process) => act(process, random.pick(clients.wishes)))
}

/** Starts a process in the place of another one, which may be gone, or stand still. */
function restart(stage: Stage): void {
  const { world, random, isLone } = stage
  const old = random.pick(world.processes)
  const isTaken = world.processes.some(({ name, isDead, pausedUntil_ms }) => {
    const isAwake = !isDead && pausedUntil_ms <= world.timeline.now_ms
    return (isLone || name === old.name) && (isLone ? !isDead : isAwake)
  })
  if (!isTaken) world.boot(old.name, old.role)
}

function boot({ world }: Stage): void {
  world.boot(world.processes[0]?.name ?? 'p0', 'all')
}
