import assert from 'node:assert/strict'
import { NO_CHECKPOINT } from '../../src/core/checkpoint.ts'
import { UpstreamError } from '../../src/core/upstream-error.ts'
import { createEngine, type Engine } from '../../src/engine/engine.ts'
import { openSealer } from '../../src/engine/testing/fakes.ts'
import { FINISH, scriptedModel, type ScriptedCall } from '../../src/engine/testing/scripted-model.ts'
import { BACKGROUND, LIMITS, RETENTION } from '../../src/engine/testing/test-engine.ts'
import { createGate } from '../../src/providers/gate.ts'
import { createCatalogue } from '../../src/providers/routing.ts'
import { memoryTables, openMemoryStore, type MemoryTables } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import type { Logger } from '../../src/telemetry/log.ts'
import { NO_METRICS } from '../../src/telemetry/metrics.ts'
import type { Random } from '../fuzz/random.ts'
import { distantStore, type Line, type Operation, type Weather } from './network.ts'
import { clockAt, START_MS, Timeline } from './timeline.ts'

/** A process of the simulated server. */
export interface SimProcess extends Line {
  readonly engine: Engine
  readonly role: 'all' | 'api'
  /** Whether it has taken up what others have left, and answers requests. */
  isReady: boolean
  /** Whether it was told to stop. */
  isStopping: boolean
}

/** A call that a scripted model was sent. */
export interface SeenCall {
  /** Of which request, by the text of its input. */
  readonly tag: string
  /** What the model has said in the end, where it was listened to. */
  end: 'finished' | 'failed' | undefined
}

/** What makes one world different from another. */
export interface WorldOptions {
  readonly weather: Weather
  /** Whether one process works at a time, alone on its storage. */
  readonly isLone: boolean
  /** What models do, by chance. */
  readonly hangs: number
  readonly failures: number
  /** Something between the engine and the tables, for tests of the simulation itself. */
  readonly sabotage?: ((store: Store, tables: MemoryTables) => Store) | undefined
  readonly trace?: ((line: string) => void) | undefined
}

/** Delays of models, in milliseconds. */
const SPEECH_MS = [0, 1, 5, 30, 120, 240, 260, 700, 3000, 9000] as const

/** What a model says next comes later, in milliseconds. */
const NEXT_MS = 1e-6

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT }

/** Processes, one storage, models and the time in which all of it happens. */
export class World {
  readonly timeline: Timeline
  readonly tables = memoryTables()
  readonly processes: SimProcess[] = []
  readonly calls: SeenCall[] = []
  readonly violations: string[] = []
  /** How often something has happened that may cost a job an attempt. */
  disturbances = 0
  /** How often a provider has failed before its first word, by request. */
  readonly turnedAway = new Map<string, number>()
  faults = 0
  onEffect: (operation: Operation) => void = () => {}
  #isCalm = false
  readonly #hanging: (() => void)[] = []
  readonly #random: Random
  readonly #options: WorldOptions

  constructor(random: Random, options: WorldOptions) {
    this.#random = random
    this.#options = options
    this.timeline = new Timeline(random)
  }

  /** Starts a process. One of the same name that is dead is its predecessor. */
  boot(name: string, role: SimProcess['role']): SimProcess {
    const { isLone } = this.#options
    const line: Line = { name, isDead: false, pausedUntil_ms: 0, skew_ms: 0, cutUntil_ms: 0 }
    const clock = clockAt(this.timeline, line)
    const model = scriptedModel('model', (call) => this.#answer(line, call))
    const engine = createEngine({
      store: this.#storeOf(line),
      clock,
      logger: SILENT,
      metrics: NO_METRICS,
      sealer: openSealer,
      fetcher: { fetch: () => assert.fail('Nothing was to be fetched.') },
      catalogue: createCatalogue({
        adapters: [model.adapter],
        models: new Map(),
        defaultProvider: undefined,
        gates: new Map([['model', createGate({ clock })]]),
      }),
      limits: LIMITS,
      background: { ...BACKGROUND, streaming: true, ...(role === 'api' && !isLone ? { concurrency: 0 } : {}) },
      instance: name,
      retention: RETENTION,
      checkpoint: NO_CHECKPOINT,
    })
    const process: SimProcess = Object.assign(line, { engine, role, isReady: false, isStopping: false })
    this.processes.push(process)
    engine.start().then(
      () => (process.isReady = true),
      (error: unknown) => this.#failedToStart(process, error),
    )
    this.trace(`boot ${name} ${role}`)
    return process
  }

  /** The process is gone without a word. */
  crash(process: SimProcess): void {
    if (process.isDead) return
    process.isDead = true
    this.disturbances++
    this.trace(`crash ${process.name}`)
  }

  /** The process stands still for a while: longer than its leases, perhaps. */
  pause(process: SimProcess, ms: number): void {
    process.pausedUntil_ms = Math.max(process.pausedUntil_ms, this.timeline.now_ms + ms)
    this.disturbances++
    this.trace(`pause ${process.name} for ${ms}`)
  }

  /** The process stops in order. */
  drain(process: SimProcess, ms: number): void {
    if (process.isStopping) return
    process.isStopping = true
    this.disturbances++
    this.trace(`drain ${process.name} in ${ms}`)
    const drained = () => {
      process.isDead = true
      this.trace(`drained ${process.name}`)
    }
    const begin = () => {
      void process.engine.drain(ms).then(drained, (error: unknown) => {
        this.violations.push(`the drain of ${process.name} failed: ${String(error)}`)
        drained()
      })
    }
    this.timeline.later(0, begin, process)
  }

  /** Processes that answer requests. */
  serving(): readonly SimProcess[] {
    return this.processes.filter(({ isDead, isReady, isStopping }) => !isDead && isReady && !isStopping)
  }

  /** From now on nothing fails and nobody is slow: what has hung ends, who stood still goes on. */
  calmDown(): void {
    this.#isCalm = true
    for (const process of this.processes) {
      process.pausedUntil_ms = Math.min(process.pausedUntil_ms, this.timeline.now_ms)
      process.cutUntil_ms = 0
    }
    for (const end of this.#hanging.splice(0)) end()
  }

  /** Says something of what happens, where somebody listens. */
  trace(line: string): void {
    this.#options.trace?.(`${this.timeline.now_ms.toFixed(3).padStart(12)} ${line}`)
  }

  #failedToStart(process: SimProcess, error: unknown): void {
    if (process.isDead) return
    // A server that cannot start ends; whoever keeps it running starts it again.
    this.trace(`${process.name} could not start: ${String(error)}`)
    process.isDead = true
  }

  #storeOf(line: Line): Store {
    const { weather, isLone, sabotage } = this.#options
    const { timeline, tables } = this
    const inner = openMemoryStore(() => START_MS + timeline.now_ms, tables)
    const store = { ...(sabotage?.(inner, tables) ?? inner), isShared: !isLone }
    const calm: Weather = { ...weather, delays_ms: [0], faults: 0 } // What goes unheard, goes unheard still.
    let owner = ''
    const alone = {
      ...store.jobs,
      register: (process: { owner: string; instance: string; lease_ms: number }) => {
        owner = process.owner
        return store.jobs.register(process)
      },
      // Who is alone on a storage is alive.
      orphans: async (limit: number) =>
        (await store.jobs.orphans(limit)).filter(({ lifecycle }) => lifecycle.leaseOwner !== owner),
    }
    return distantStore(isLone ? { ...store, jobs: alone } : store, line, {
      timeline,
      random: this.#random,
      weather: () => (this.#isCalm ? calm : weather),
      onEffect: (_, operation) => {
        if (this.#options.trace !== undefined) this.trace(`${line.name} did ${operation.name} ${wordsOf(operation)}`)
        this.onEffect(operation)
      },
      onFault: (_, operation) => {
        this.faults++
        this.disturbances++
        if (this.#options.trace !== undefined) this.trace(`${line.name} failed ${operation.name} ${wordsOf(operation)}`)
      },
    })
  }

  /** Plays the model of one call. */
  #answer(line: Line, call: ScriptedCall): void {
    const random = this.#random
    const { hangs, failures } = this.#isCalm ? { hangs: 0, failures: 0 } : this.#options
    const tag = tagOf(call)
    const seen: SeenCall = { tag, end: undefined }
    const name = `c${this.calls.push(seen)}`
    this.trace(`${line.name} calls the model: ${name} of ${tag}`)
    const chunks = random.below(4)
    const failsAt = random.chance(failures) ? random.below(chunks + 1) : undefined
    let at_ms = 0
    const then = (act: () => void) => {
      at_ms += random.pick(SPEECH_MS) + NEXT_MS
      this.timeline.later(at_ms, () => call.isOver() || act(), line)
    }
    then(() => call.accept())
    for (let chunk = 0; chunk < (failsAt ?? chunks); chunk++)
      then(() => call.say({ type: 'text', text: `${name}.${chunk} ` }))
    const fail = () => {
      seen.end = 'failed'
      if (failsAt === 0) this.turnedAway.set(tag, (this.turnedAway.get(tag) ?? 0) + 1)
      call.fail(
        new UpstreamError({ fault: 'unavailable', message: 'The model is simulated to fail.', accepted: false }),
      )
    }
    const finish = () => {
      seen.end = 'finished'
      call.say(FINISH)
    }
    if (failsAt === undefined && random.chance(hangs)) {
      this.#hanging.push(() => void this.timeline.later(10, () => call.isOver() || finish(), line))
    } else then(failsAt === undefined ? finish : fail)
  }
}

function tagOf({ call }: ScriptedCall): string {
  const [item] = call.history
  const [part] = item?.type === 'message' && item.role === 'user' ? item.parts : []
  return part?.type === 'input_text' ? part.text : ''
}

/** Most characters of a value that is told. */
const WORDS_MAX = 90

function wordsOf({ args, id }: Operation): string {
  const short = (_: string, value: unknown) => (typeof value === 'string' ? value.slice(0, WORDS_MAX) : value)
  const words = JSON.stringify(args, short)
  return id === undefined ? words : words.replaceAll(id, 'ID')
}
