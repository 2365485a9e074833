import type { Flow } from '../../src/core/flow.ts'
import { LogAbandoned } from '../../src/engine/event-log.ts'
import type { Run } from '../../src/engine/run.ts'
import { ALICE } from '../../src/engine/testing/test-engine.ts'
import { ApiError } from '../../src/protocol/error.ts'
import { bearsResponse, TERMINAL_EVENTS, type ResponseEvent } from '../../src/protocol/event.ts'
import { isTerminal, type Response, type ResponseStatus } from '../../src/protocol/response.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import type { Random } from '../fuzz/random.ts'
import type { SimProcess, World } from './world.ts'

/** How a response is asked for. */
export const KINDS = ['job', 'job stream', 'job stream', 'json', 'stream'] as const

/** How a response is asked for. */
export type Kind = (typeof KINDS)[number]

/** A request for a response, and what its client knows of it. */
export interface Wish {
  /** The text of its input, unlike any other. */
  readonly tag: string
  readonly kind: Kind
  /** Undefined until the client has been told. */
  id: string | undefined
  run: Run | undefined
  /** Where it was asked for. */
  readonly process: SimProcess
  /** Whether its client has hung up, and is told nothing more. */
  hasLeft: boolean
  /** The step in which its deletion was asked for first, and in which it was first said to be done. */
  deletionAsked: number
  deletionDone: number
}

/** A response as somebody has seen it. */
export interface Sighting {
  readonly wish: Wish
  readonly status: ResponseStatus
  /** All of it, where it had ended. */
  readonly text: string | undefined
  /** The steps between which it was asked for and seen. */
  readonly from: number
  readonly to: number
  readonly by: string
}

/** A stream that somebody reads. */
export interface Reading {
  readonly wish: Wish
  readonly process: SimProcess
  readonly after: number
  readonly events: ResponseEvent[]
  end: 'open' | 'ended' | 'cut' | 'left'
  readonly leave: () => void
}

/** A request that has not been answered. */
export interface Pending {
  readonly process: SimProcess
  readonly words: string
  isOver: boolean
}

/** Time that a slow reader takes for a batch, in milliseconds. */
const SLOW_MS = [1, 10, 400] as const

/** All clients: what they ask, and all that they are told. */
export class Clients {
  readonly wishes: Wish[] = []
  readonly sightings: Sighting[] = []
  readonly readings: Reading[] = []
  readonly pending: Pending[] = []
  readonly #world: World
  readonly #random: Random

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
  }

  create(process: SimProcess, kind: Kind): void {
    const tag = `r${this.wishes.length + 1}`
    const wish: Wish = {
      process,
      tag,
      kind,
      id: undefined,
      run: undefined,
      hasLeft: false,
      deletionAsked: Infinity,
      deletionDone: Infinity,
    }
    this.wishes.push(wish)
    const settings = { stream: kind === 'stream' || kind === 'job stream', background: kind.startsWith('job') }
    this.#ask(process, `create ${kind} ${tag}`, async (from) => {
      const created = await process.engine.create(ALICE, { model: 'model', input: tag, ...settings })
      if (created.kind === 'running') return this.#run(process, wish, created.run)
      if (created.kind === 'stored') throw new Error('No request has come twice.')
      wish.id = created.response.id
      this.#see(wish, created.response, { from, by: 'create' })
      if (settings.stream) this.#read(created.events, { process, wish, after: -1 })
    })
  }

  retrieve(process: SimProcess, wish: Wish): void {
    this.#askOf(process, wish, 'retrieve', (id) => process.engine.retrieve(ALICE, id))
  }

  cancel(process: SimProcess, wish: Wish): void {
    this.#askOf(process, wish, 'cancel', (id) => process.engine.cancel(ALICE, id))
  }

  remove(process: SimProcess, wish: Wish): void {
    const { id } = wish
    if (id === undefined) return
    wish.deletionAsked = Math.min(wish.deletionAsked, this.#world.timeline.steps)
    this.#ask(process, `remove ${wish.tag}`, async (from) => {
      await this.#found(wish, from, () => process.engine.remove(ALICE, id))
      wish.deletionDone = Math.min(wish.deletionDone, this.#world.timeline.steps)
    })
  }

  resume(process: SimProcess, wish: Wish, after: number): void {
    const { id } = wish
    if (id === undefined) return
    this.#ask(process, `resume ${wish.tag} after ${after}`, async (from) => {
      const flow = await this.#found(wish, from, () => process.engine.events(ALICE, id, { after }))
      this.#read(flow, { process, wish, after })
    })
  }

  /** Hangs up: a response in the foreground is cancelled by that. */
  leave(wish: Wish): void {
    for (const reading of this.readings) {
      if (reading.wish !== wish || reading.end !== 'open' || reading.process.isDead) continue
      reading.end = 'left'
      reading.leave()
    }
    this.#world.trace(`the client of ${wish.tag} leaves`)
    wish.hasLeft = true
    wish.run?.cancel()
  }

  async #run(process: SimProcess, wish: Wish, run: Run): Promise<void> {
    wish.run = run
    const from = this.#world.timeline.steps
    if (wish.kind === 'stream') {
      const events = run.log.read({ after: -1, paced: true })
      await run.begun
      if (wish.hasLeft) return
      this.#read(events, { process, wish, after: -1 })
      return
    }
    const final = await run.ended
    const failure = run.failure()
    if (failure !== undefined) throw failure
    if (wish.hasLeft) return
    wish.id = final.id
    this.#see(wish, final, { from, by: 'the answer' })
  }

  #read(flow: Flow<readonly ResponseEvent[]>, about: Pick<Reading, 'process' | 'wish' | 'after'>): void {
    const { process, wish } = about
    const { timeline } = this.#world
    const reading: Reading = { ...about, events: [], end: 'open', leave: () => flow.leave() }
    this.readings.push(reading)
    const isSlow = this.#random.chance(0.2)
    const take = (events: readonly ResponseEvent[]) => {
      reading.events.push(...events)
      this.#world.trace(`${wish.tag} is read at ${process.name}: ${events.map(wordsOf).join(', ')}`)
      const [first, last] = [events[0], events.at(-1)]
      if (first?.type === 'response.created') wish.id = first.response.id
      if (last !== undefined && bearsResponse(last) && TERMINAL_EVENTS.has(last.type)) {
        this.#see(wish, last.response, { from: timeline.steps, by: 'its stream' })
      }
      if (!isSlow) return undefined
      return new Promise<void>((resolve) => timeline.later(this.#random.pick(SLOW_MS), resolve, process))
    }
    flow.each(take).then(
      () => {
        if (reading.end === 'open') reading.end = 'ended'
      },
      (error: unknown) => {
        reading.end = 'cut'
        this.#world.trace(`the stream of ${wish.tag} at ${process.name} is cut: ${String(error)}`)
        if (!(error instanceof LogAbandoned || error instanceof StoreUnavailable)) this.#oddity('a stream', error)
      },
    )
  }

  #askOf(process: SimProcess, wish: Wish, name: string, act: (id: string) => Promise<string>): void {
    const { id } = wish
    if (id === undefined) return
    this.#ask(process, `${name} ${wish.tag}`, async (from) => {
      const text = await this.#found(wish, from, () => act(id))
      this.#world.trace(`${wish.tag} seen by ${name} at ${process.name}: ${text.slice(0, 160)}`)
      this.#see(wish, JSON.parse(text) as Response, { from, by: name, text })
    })
  }

  /** What is there for as long as nobody has deleted it, and is not there afterwards. */
  async #found<Result>(wish: Wish, from: number, act: () => Promise<Result>): Promise<Result> {
    const { timeline, violations } = this.#world
    try {
      const result = await act()
      if (from > wish.deletionDone) violations.push(`${wish.tag} is found after it was deleted`)
      return result
    } catch (error) {
      const isMissing = error instanceof ApiError && error.code === 'response_not_found'
      if (isMissing && timeline.steps < wish.deletionAsked)
        violations.push(`I1: ${wish.tag} was accepted and is not there`)
      throw error
    }
  }

  /** Asks a process, if it is there. A request reaches a process that stands still when that goes on. */
  #ask(process: SimProcess, words: string, act: (from: number) => Promise<void>): void {
    const { timeline } = this.#world
    const from = timeline.steps
    const pending: Pending = { process, words, isOver: false }
    const begin = () => {
      if (process.isStopping) return void (pending.isOver = true)
      this.#world.trace(`${words} at ${process.name}`)
      const over = act(from).catch((error: unknown) => {
        this.#world.trace(`${words} at ${process.name} is refused: ${String(error)}`)
        if (!(error instanceof ApiError || error instanceof StoreUnavailable)) this.#oddity(words, error)
      })
      void over.then(() => (pending.isOver = true))
    }
    this.pending.push(pending)
    timeline.later(0, begin, process)
  }

  #see(wish: Wish, response: Response, how: { from: number; by: string; text?: string }): void {
    const { status } = response
    const text = isTerminal(status) ? (how.text ?? JSON.stringify(response)) : undefined
    this.sightings.push({ wish, status, text, from: how.from, to: this.#world.timeline.steps, by: how.by })
    if (how.by === 'cancel' && text === undefined)
      this.#world.violations.push(`${wish.tag} is ${status} after a cancel`)
  }

  #oddity(words: string, error: unknown): void {
    this.#world.violations.push(`${words} met ${error instanceof Error ? error.stack : String(error)}`)
  }
}

function wordsOf(event: ResponseEvent): string {
  return `${event.sequence_number} ${event.type}${event.type === 'response.output_text.delta' ? ` ${event.delta}` : ''}`
}
