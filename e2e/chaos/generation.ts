import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnFaultUpstream, type SpawnedFaultUpstream } from '../harness/fault-upstream.ts'
import { planOf, type CrashPlan } from './crash-plan.ts'
import type { Figures } from './figures.ts'
import { Journal } from './journal.ts'
import { askAgain, auditCalls, awaitEnds, readAgain, type Patience } from './recovery.ts'
import { preparePlace, spawnServer, type Place, type ServerLife } from './server-life.ts'
import type { Stage } from './submission.ts'
import { runTraffic } from './traffic.ts'
import { connectTo } from './wire.ts'

/** What one data file goes through. */
export interface GenerationOptions {
  readonly seed: number
  /** Number of its first cycle. */
  readonly first: number
  readonly cycles: number
  /** The file that Node runs. */
  readonly main: string
  /** Makes a storage that is empty; it may be in a folder that goes with the data file. @returns its URL. */
  readonly freshStore: (folder: string) => Promise<string>
  readonly patience: Patience
  /** Whether servers also stand still for a while. */
  readonly hasPauses: boolean
  /** Where the folder stays for whoever looks into a violation. */
  readonly keepsFolder: boolean
}

const LEASE_MS = 1000

const BACKGROUND = { lease_ms: LEASE_MS, heartbeat_ms: 300, sweep_ms: 300, concurrency: 32 }

/** What an earlier life has deleted is forgotten for good. */
const RETENTION = { deleted_ms: 500, sweep_ms: 50 }

/** Cycles of one data file, and at the end a look at everything that ever happened in it. */
export async function runGeneration(options: GenerationOptions, figures: Figures): Promise<void> {
  const { seed, first, cycles, main } = options
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-chaos-'))
  const upstream = await spawnFaultUpstream()
  const store = await options.freshStore(folder)
  const place = preparePlace({
    main,
    folder,
    baseUrl: upstream.baseUrl,
    store,
    instance: 'chaos',
    background: BACKGROUND,
    retention: RETENTION,
  })
  const journal = new Journal()
  const { patience, hasPauses } = options
  const generation = new Generation({ place, journal, figures, upstream, patience, hasPauses })
  const abandon = () => generation.abandon() // Else servers would outlive whoever stops the runner.
  process.once('exit', abandon)
  try {
    for (journal.cycle = first; journal.cycle < first + cycles; journal.cycle++) {
      await generation.cycle(planOf(seed, journal.cycle))
      figures.cycles++
    }
    journal.cycle--
    await generation.last()
  } finally {
    await generation.end()
    process.off('exit', abandon)
    figures.add(journal)
    if (!options.keepsFolder || journal.violations.length === 0) rmSync(folder, { recursive: true, force: true })
  }
}

interface Parts {
  readonly place: Place
  readonly journal: Journal
  readonly figures: Figures
  readonly upstream: SpawnedFaultUpstream
  readonly patience: Patience
  readonly hasPauses: boolean
}

class Generation {
  readonly #parts: Parts
  #life: ServerLife | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Start, recovery, traffic, kill. A crash may come at any time of it. */
  async cycle(plan: CrashPlan): Promise<void> {
    const { place, journal } = this.#parts
    const life = spawnServer(place, plan.crashAt)
    this.#life = life
    const early = plan.isEarly ? sleep(plan.delay_ms).then(() => life.kill()) : undefined
    const stage = await this.#listen(life, plan)
    if (stage !== undefined) {
      await this.#recover(stage, plan)
      if (!plan.isEarly && !life.isOver()) await this.#strike(stage, plan)
      await early
      stage.wire.close()
    }
    const { signal } = await life.ended
    this.#countKill(plan, life, signal)
    journal.killed()
  }

  /** One more start, to which nothing happens: whatever was accepted must be as it was told. */
  async last(): Promise<void> {
    const { place, journal, upstream, figures } = this.#parts
    const life = spawnServer(place)
    this.#life = life
    const stage = await this.#listen(life, undefined)
    if (stage === undefined) return
    await this.#recover(stage, undefined)
    await readAgain(stage, journal.witnesses())
    const counts = await upstream.allCounts()
    auditCalls(journal, counts)
    figures.calls += Object.values(counts).reduce((sum, { received }) => sum + received, 0)
    stage.wire.close()
    life.send('SIGINT')
    const { code } = await life.ended
    if (code !== 0) journal.blame('server', undefined, `it ended with ${code} after SIGINT: ${life.said()}`)
  }

  abandon(): void {
    this.#life?.send('SIGKILL')
  }

  async end(): Promise<void> {
    await this.#life?.kill()
    await this.#parts.upstream.close()
  }

  async #listen(life: ServerLife, plan: CrashPlan | undefined): Promise<Stage | undefined> {
    const { journal, figures } = this.#parts
    const start_ms = performance.now()
    const origin = await life.listening
    if (origin !== undefined) {
      figures.start_ms.push(performance.now() - start_ms)
      return { life, wire: connectTo(origin), journal }
    }
    const { signal, code } = await life.ended
    const isWanted = signal === 'SIGKILL' && (plan?.isEarly === true || plan?.point !== undefined)
    if (!isWanted) journal.blame('server', undefined, `it did not start (${code ?? signal}): ${life.said()}`)
    return undefined
  }

  async #recover(stage: Stage, plan: CrashPlan | undefined): Promise<void> {
    const { journal, patience, figures } = this.#parts
    const open = journal.open()
    const times = await awaitEnds(stage, patience)
    if (stage.life.isOver()) return
    figures.resumed_ms.push(...times)
    await askAgain(stage)
    await awaitEnds(stage, patience)
    if (stage.life.isOver()) return
    const old = journal.witnesses()
    const SOME = 6
    const others = Array.from({ length: Math.min(SOME, old.length) }, () => plan?.random.pick(old) ?? [])
    await readAgain(stage, [...new Set([...open, ...others.flat()])])
  }

  /** Lets clients work until the end has come. */
  async #strike(stage: Stage, { random, delay_ms, isPaused }: CrashPlan): Promise<void> {
    const { life } = stage
    const traffic = runTraffic(stage, random)
    await Promise.race([sleep(delay_ms), life.ended])
    if (isPaused && this.#parts.hasPauses) await this.#pause(stage)
    await life.kill()
    await traffic
  }

  /** The process stands still for two leases; then everything must go on as if nothing had been. */
  async #pause(stage: Stage): Promise<void> {
    const { figures, patience } = this.#parts
    const { life } = stage
    figures.pauses++
    life.send('SIGSTOP')
    await sleep(2 * LEASE_MS)
    life.send('SIGCONT')
    await awaitEnds(stage, patience)
  }

  #countKill({ isEarly, point }: CrashPlan, life: ServerLife, signal: NodeJS.Signals | null): void {
    const { figures, journal } = this.#parts
    if (signal !== 'SIGKILL') journal.blame('server', undefined, `it ended by itself: ${life.said()}`)
    if (point !== undefined) figures.asked(point, life.hasCrashed())
    if (point === undefined || !life.hasCrashed()) figures.kills[isEarly ? 'random, early' : 'random, in traffic']++
  }
}
