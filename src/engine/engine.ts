import { readResponseId } from '../core/check-request.ts'
import type { Flow } from '../core/flow.ts'
import { decodeLog } from '../core/log-codec.ts'
import type { UserFetcher } from '../core/fetcher.ts'
import { sealerOf, type Sealer } from '../core/seal.ts'
import { createSnapshotText, type SnapshotText } from '../core/snapshot-text.ts'
import { joinSnapshot } from '../core/split-snapshot.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { badRequest } from '../protocol/error.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { mintResponseId, timeHex, type AccountId, type ResponseId } from '../protocol/id.ts'
import { isTerminal, type Response } from '../protocol/response.ts'
import type { Catalogue } from '../providers/routing.ts'
import type { Haste, Job, NewResponse, Store, StoredResponse } from '../store/store.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Clock } from './clock.ts'
import { endStored, failedBefore, storeEventually } from './ending.ts'
import { EventLog, type ReadOptions } from './event-log.ts'
import { pageItems, type ItemPage, type PageQuery } from './input-items.ts'
import { prepareRun, type PreparedRun } from './prepare.ts'
import { notStreamable, queueFull, responseNotFound, stoppedMidway } from './problems.ts'
import { createRandomHex } from './random-hex.ts'
import { createRegistry } from './registry.ts'
import { startRun, type Run, type RunLimits } from './run.ts'
import { startWorker, type Worker, type WorkerLimits } from './worker.ts'

/** What the engine is made of. */
export interface EngineParts {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly sealer: Sealer
  readonly fetcher: UserFetcher
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly limits: RunLimits & { readonly streamBufferBytesMax: number }
  readonly background: WorkerLimits & { readonly queueMax: number; readonly streaming: boolean }
}

/** A created response: running in this process, or waiting for a worker. */
export type Created =
  | { readonly kind: 'running'; readonly run: Run }
  | {
      readonly kind: 'queued'
      readonly run: undefined
      readonly response: Response
      readonly log: EventLog
      readonly warnings: readonly string[]
    }

/** Everything that can be done with responses. Ids are read and checked here; accounts never mix. */
export interface Engine {
  /** The JSON text of a snapshot; written out once for all who need it. */
  readonly textOf: SnapshotText
  /** @throws {ApiError} The request cannot be run. */
  create(account: AccountId, request: CreateRequest): Promise<Created>
  /** The current snapshot, as JSON text. @throws {ApiError} 400 or 404. */
  retrieve(account: AccountId, id: string): Promise<string>
  /** The events after a number, live or stored. @throws {ApiError} 400 or 404. */
  events(account: AccountId, id: string, options: ReadOptions): Promise<Flow<readonly ResponseEvent[]>>
  /** Stops a background response. @returns its snapshot as JSON text. @throws {ApiError} 400 or 404. */
  cancel(account: AccountId, id: string): Promise<string>
  /** Hides a response. @throws {ApiError} 400 or 404. */
  remove(account: AccountId, id: string): Promise<ResponseId>
  /** A page of the input items. @throws {ApiError} 400 or 404. */
  inputItems(account: AccountId, id: string, query: PageQuery): Promise<ItemPage>
  /** Takes up what an earlier process left, and begins to work on the queue. */
  start(): Promise<void>
  /** Claims nothing more; what runs goes on, and what is asked for is still begun. */
  pause(): void
  /**
   * Claims nothing more and waits for what runs. What has not ended by then is ended as failed; background
   * jobs are left for the next process. It may be called again, with less time.
   */
  drain(drain_ms: number): Promise<void>
}

/** A prepared run that may begin. */
interface Launch {
  readonly account: AccountId
  readonly plan: PreparedRun
  readonly log: EventLog
  readonly attempt: number
  readonly accepted: Promise<void>
  readonly isWatched: boolean
}

/** A response that this process has in hand. */
interface Held {
  readonly log: EventLog
  /** Undefined while it waits for a worker. */
  readonly run: Run | undefined
}

/** A stored response, and what this process has of it. */
interface Found {
  readonly id: ResponseId
  readonly stored: StoredResponse
  readonly held: Held | undefined
}

/** Random bytes of a response id. */
const RANDOM_ID_BYTES = 18

/** More looks at a response than it can change hands in between. */
const CANCEL_TRIES_MAX = 5

/** Makes the engine. */
export function createEngine(parts: EngineParts): Engine {
  const { store, clock, logger, background } = parts
  const randomHex = createRandomHex()
  const owner = `boot_${randomHex(8)}`
  const live = createRegistry<ResponseId, Held>()
  let worker: Worker | undefined

  const { catalogue, fetcher } = parts
  const prepareParts = { catalogue, fetcher, allowBackgroundStream: background.streaming }
  const placeOf = (account: AccountId) => ({
    responses: store.forAccount(account),
    sealer: sealerOf(account, parts.sealer),
  })
  const newLog = () => new EventLog(parts.limits.streamBufferBytesMax)
  const stopping = new AbortController()
  const textOf = createSnapshotText()
  const insert = (account: AccountId, plan: PreparedRun, haste: Haste) =>
    store.forAccount(account).insert(rowOf(plan, textOf), owner, haste)

  const hold = (id: ResponseId, held: Held): Held => {
    live.set(id, held)
    return held
  }
  const release = (id: ResponseId, held: Held | undefined) => {
    if (held !== undefined && live.get(id) === held) live.delete(id)
  }

  const launch = (launched: Launch): Run => {
    const { account, plan, log, attempt, accepted, isWatched } = launched
    const { responses, sealer } = placeOf(account)
    const storage = { responses, id: plan.id, attempt }
    const run = startRun({
      plan,
      log,
      limits: parts.limits,
      clock,
      logger,
      metrics: parts.metrics,
      sealer,
      textOf,
      storage: plan.response.store ? storage : undefined,
      storeLater: (ending) => void storeEventually(storage, ending, { clock, logger, signal: stopping.signal }),
      accepted,
      isWatched,
    })
    const held = hold(plan.id, { run, log })
    void run.ended.finally(() => release(run.id, held)) // Not the id of the plan: it would keep the whole request.
    return run
  }

  const enqueue = async (account: AccountId, plan: PreparedRun): Promise<Created> => {
    if ((await store.jobs.countQueued()) >= background.queueMax) throw queueFull(background.queueMax)
    // Held first: a worker may claim it before its insertion has been reported.
    const held = hold(plan.id, { run: undefined, log: newLog() })
    held.log.append([
      { type: 'response.created', response: plan.response },
      { type: 'response.queued', response: plan.response },
    ])
    await insert(account, plan, 'now').catch((error: unknown) => {
      release(plan.id, held)
      throw error
    })
    worker?.wake()
    return { kind: 'queued', run: undefined, response: plan.response, log: held.log, warnings: plan.warnings }
  }

  const startJob = async (job: Job, request: CreateRequest): Promise<Run | undefined> => {
    const { account, id, attempt } = job
    const known = live.get(id)
    const isWaiting = known !== undefined && known.run === undefined && !known.log.isEnded()
    const { log } = isWaiting ? known : hold(id, { run: undefined, log: newLog() })
    // Written by this program.
    const { created_at: createdAt } = JSON.parse(job.response) as Response
    const context = { ...prepareParts, ...placeOf(account), isAccepted: true }
    const plan = await prepareRun(context, request, { id, createdAt })
    if (log.isEnded()) return undefined // Cancelled, deleted, or this process stops.
    return launch({ account, plan, log, attempt, accepted: Promise.resolve(), isWatched: true })
  }

  const failJob = async (job: Job, error: unknown): Promise<void> => {
    const held = live.get(job.id)
    const waiting = held?.run === undefined ? held : undefined
    const row = { ...job, responses: store.forAccount(job.account), log: waiting?.log }
    await endStored(row, failedBefore(error), { clock, textOf })
    waiting?.log.abandon()
    release(job.id, waiting)
  }

  const find = async (account: AccountId, text: string): Promise<Found> => {
    const id = readResponseId(text, 'response_id')
    const stored = await store.forAccount(account).find(id)
    if (stored === undefined) throw responseNotFound()
    return { id, stored, held: live.get(id) }
  }

  const cancelFound = async (account: AccountId, { id, stored, held }: Found): Promise<void> => {
    if (held?.run !== undefined) {
      held.run.cancel()
      await held.run.ended
      return
    }
    const row = { ...stored, id, responses: store.forAccount(account), log: held?.log }
    if (await endStored(row, { kind: 'cancelled', usage: null }, { clock, textOf })) release(id, held)
  }

  return {
    textOf,

    async create(account, request) {
      const now_ms = clock.now()
      const identity = {
        id: mintResponseId(timeHex(now_ms) + randomHex(RANDOM_ID_BYTES)),
        createdAt: Math.floor(now_ms / 1000),
      }
      const context = { ...prepareParts, ...placeOf(account), isAccepted: false }
      const plan = await prepareRun(context, request, identity)
      if (request.background === true) return enqueue(account, plan)
      const isWatched = request.stream === true
      const accepted = plan.response.store ? insert(account, plan, isWatched ? 'now' : 'soon') : Promise.resolve()
      const run = launch({ account, plan, log: newLog(), attempt: 0, accepted, isWatched })
      return { kind: 'running', run }
    },

    async retrieve(account, text) {
      return snapshot(await find(account, text))
    },

    async events(account, text, options) {
      const { id, stored, held } = await find(account, text)
      if (held !== undefined && !isTerminal(stored.status)) return held.log.read(options)
      const final = isTerminal(stored.status) ? stored : await store.forAccount(account).find(id)
      const log = await store.forAccount(account).findLog(id)
      if (final === undefined || log === undefined) throw notStreamable()
      // Written by this program and checked by checksum.
      const events = decodeLog(log, JSON.parse(joinSnapshot(final)) as Response)
      return oneBatch(events.slice(options.after + 1))
    },

    async cancel(account, text) {
      let found = await find(account, text)
      if (!found.stored.background) {
        throw badRequest('not_cancellable', 'response_id', 'Cannot cancel a synchronous response.')
      }
      // A worker may claim it between two looks: the next one then finds its run.
      for (let tries = 0; tries < CANCEL_TRIES_MAX && !isTerminal(found.stored.status); tries++) {
        await cancelFound(account, found)
        found = await find(account, text)
      }
      return snapshot(found)
    },

    async remove(account, text) {
      const id = readResponseId(text, 'response_id')
      if (!(await store.forAccount(account).remove(id))) throw responseNotFound()
      const held = live.get(id)
      held?.run?.abandon()
      held?.log.abandon()
      release(id, held)
      return id
    },

    async inputItems(account, text, query) {
      const id = readResponseId(text, 'response_id')
      const input = await store.forAccount(account).findInput(id)
      if (input === undefined) throw responseNotFound()
      return pageItems(input, query)
    },

    async start() {
      const left = await store.jobs.takeOver(owner)
      for (const row of left) {
        await endStored({ ...row, responses: store.forAccount(row.account) }, failedBefore(stoppedMidway()), {
          clock,
          textOf,
        })
      }
      const { jobs } = store
      worker = startWorker({ jobs, owner, limits: background, clock, logger, start: startJob, fail: failJob })
    },

    pause() {
      worker?.stop()
    },

    async drain(drain_ms) {
      worker?.stop()
      stopping.abort()
      const running = () => live.values().flatMap(({ run }) => (run === undefined ? [] : [run.ended]))
      const allEnded = async () => {
        while (running().length > 0) await Promise.all(running())
      }
      const patience = new AbortController()
      void allEnded().finally(() => patience.abort())
      await clock.sleep(drain_ms, patience.signal).catch(() => {})
      for (const { run, log } of live.values()) {
        if (run === undefined) log.abandon()
        else run.interrupt(stoppedMidway())
      }
      await allEnded()
    },
  }
}

/** The snapshot as JSON text: the run's own while it runs, else the stored one. */
function snapshot({ stored, held }: Found): string {
  if (isTerminal(stored.status)) return joinSnapshot(stored)
  const running = held?.run?.snapshot()
  if (running !== undefined && !isTerminal(running.status)) return JSON.stringify(running)
  // Written by this program.
  return JSON.stringify({ ...(JSON.parse(stored.response) as Response), status: stored.status })
}

/** A response at acceptance. */
function rowOf(plan: PreparedRun, textOf: SnapshotText): NewResponse {
  const { id, response, input, previousId, request } = plan
  const { input: _, ...rest } = request
  return {
    id,
    status: response.background ? 'queued' : 'in_progress',
    background: response.background,
    createdAt: response.created_at,
    previousId,
    request: response.background ? JSON.stringify(rest) : undefined,
    input: JSON.stringify(input),
    response: textOf(response),
    clientItemIds: input.filter((item, index) => !isMinted(item.id, id, index)).map((item) => item.id),
  }
}

function isMinted(itemId: string, id: ResponseId, index: number): boolean {
  return itemId.endsWith(`_${id.slice('resp_'.length)}i${index}`)
}

function oneBatch(events: readonly ResponseEvent[]): Flow<readonly ResponseEvent[]> {
  return {
    each: async (take) => {
      if (events.length > 0) await take(events)
    },
    leave: () => {},
  }
}
