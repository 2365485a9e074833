import type { ResponseId } from '../../src/protocol/id.ts'
import { StoreUnavailable, type JobStore, type ResponseStore, type Step, type Store } from '../../src/store/store.ts'
import type { Random } from '../fuzz/random.ts'
import type { Place, Timeline } from './timeline.ts'

/** How the way between processes and the storage behaves. */
export interface Weather {
  /** Times that something takes, in milliseconds: one of them by chance. */
  readonly delays_ms: readonly number[]
  /** How probable it is that an operation fails. */
  readonly faults: number
  /** How probable it is that a process does not hear of a change. */
  readonly losses: number
  /** Whether operations of one process come in their order, as in SQLite; else only those that must. */
  readonly isOrdered: boolean
}

/** An operation of the storage, on its way. */
export interface Operation {
  readonly name: keyof ResponseStore | keyof JobStore | 'sweep'
  /** The response that it is about. */
  readonly id: ResponseId | undefined
  readonly args: readonly unknown[]
}

/** A process with the way to its storage. */
export interface Line extends Place {
  readonly name: string
  /** The storage cannot be reached before. */
  cutUntil_ms: number
}

/** What the ways need. */
export interface NetworkParts {
  readonly timeline: Timeline
  readonly random: Random
  readonly weather: () => Weather
  /** Told of all that the storage has done. */
  readonly onEffect: (line: Line, operation: Operation) => void
  /** Told of an operation that fails, or has failed for its caller. */
  readonly onFault: (line: Line, operation: Operation) => void
}

/** Operations that come in one order, whatever the storage; the others find their place by chance. */
const LANES: ReadonlySet<string> = new Set(['swap', 'append', 'recordCalls'])

/** Time between two operations that come in their order, in milliseconds. */
const NEXT_MS = 1e-6

/** The effect of an operation may get lost with its process. */
const LOST_WITH_PROCESS = 0.5

/** Of the operations that fail, so many have been done. */
const DONE_AND_FAILED = 0.3

/** The storage as one process sees it: everything takes time, and may fail, be it done or not. */
export function distantStore(inner: Store, line: Line, parts: NetworkParts): Store {
  const { timeline, random, weather } = parts
  const delay = () => random.pick(weather().delays_ms)
  const queue = createQueue()
  const send = <Result>(operation: Operation, effect: () => Promise<Result>): Promise<Result> =>
    new Promise((resolve, reject) => {
      const { isOrdered } = weather()
      const lane = laneOf(operation, isOrdered)
      const answer = (act: () => void) => {
        const at_ms = timeline.now_ms + delay()
        timeline.later((isOrdered ? queue('answers', at_ms) : at_ms) - timeline.now_ms, act, line)
      }
      const fail = () => {
        parts.onFault(line, operation)
        answer(() => reject(new StoreUnavailable('The storage is simulated to be away.')))
      }
      const arrive = () => {
        if (line.isDead && random.chance(LOST_WITH_PROCESS)) return
        const isFaulty = line.cutUntil_ms > timeline.now_ms || random.chance(weather().faults)
        if (isFaulty && !random.chance(DONE_AND_FAILED)) return fail()
        void effect().then(
          (result) => {
            parts.onEffect(line, operation)
            if (isFaulty) fail()
            else answer(() => resolve(result))
          },
          (error: unknown) => answer(() => reject(error)),
        )
      }
      const at_ms = timeline.now_ms + delay()
      timeline.later((lane === undefined ? at_ms : queue(lane, at_ms)) - timeline.now_ms, arrive)
    })
  const inserting = new Map<ResponseId, Promise<unknown>>()
  const call: Call = (operation, effect) => {
    const { name, id } = operation
    const inserted = id === undefined ? undefined : inserting.get(id)
    if (inserted !== undefined && !weather().isOrdered) return inserted.then(() => send(operation, effect))
    const sent = send(operation, effect)
    if (name === 'insert' && id !== undefined) inserting.set(id, sent.then(ignore, ignore))
    return sent
  }
  const responses = new Map<string, ResponseStore>()
  return {
    ...inner,
    jobs: distant(inner.jobs, call),
    upkeep: { ...inner.upkeep, sweep: async () => 0 },
    forAccount(account) {
      const known = responses.get(account) ?? distantResponses(inner.forAccount(account), call)
      responses.set(account, known)
      return known
    },
    onChange: (listener) =>
      inner.onChange((change) => {
        if (!line.isDead && !random.chance(weather().losses)) timeline.later(delay(), () => listener(change), line)
      }),
  }
}

/** Gives things their times, each after the one before in its lane. */
function createQueue(): (lane: string, at_ms: number) => number {
  const last = new Map<string, number>()
  return (lane, at_ms) => {
    const next_ms = Math.max(at_ms, (last.get(lane) ?? 0) + NEXT_MS)
    last.set(lane, next_ms)
    return next_ms
  }
}

/** Where an operation keeps its place; undefined where it has none. */
function laneOf({ name, id, args }: Operation, isOrdered: boolean): string | undefined {
  if (isOrdered) return 'all'
  if (name === 'insert') return 'inserts'
  if (!LANES.has(name)) return undefined
  const isEnding = name === 'swap' && (args[1] as Step).ending !== undefined // It is the second argument of swap.
  return `${isEnding ? 'end' : name} ${id}`
}

function ignore(): void {}

type Call = <Result>(operation: Operation, effect: () => Promise<Result>) => Promise<Result>

/** Rows of the memory store change under whoever has them: a copy is what the storage has answered. */
function distantResponses(inner: ResponseStore, call: Call): ResponseStore {
  const find: ResponseStore['find'] = async (id) => {
    const row = await inner.find(id)
    return row && { lifecycle: row.lifecycle, response: row.response, output: row.output }
  }
  return distant({ ...inner, find }, call)
}

function distant<Target extends ResponseStore | JobStore>(inner: Target, call: Call): Target {
  const operations = Object.entries(inner).map(([name, act]: [string, (...args: unknown[]) => Promise<unknown>]) => {
    const far = (...args: unknown[]) => call(operationOf(name, args), () => act(...args))
    return [name, far] as const
  })
  return Object.fromEntries(operations) as unknown as Target // Each method takes and gives what its namesake does.
}

function operationOf(name: string, args: readonly unknown[]): Operation {
  const [first] = args
  const id = name === 'insert' ? (first as { id: ResponseId }).id : first
  // Whatever an interface of the store names is one of its operations, and its first argument is an id or none.
  const isId = typeof id === 'string' && id.startsWith('resp_')
  return { name: name as Operation['name'], id: isId ? (id as ResponseId) : undefined, args }
}
