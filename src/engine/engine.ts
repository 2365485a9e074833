import { randomBytes } from 'node:crypto'
import { readResponseId } from '../core/check-request.ts'
import { decodeLog } from '../core/log-codec.ts'
import type { Sealer } from '../core/seal.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { ApiError, badRequest } from '../protocol/error.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { mintResponseId, type AccountId, type ResponseId } from '../protocol/id.ts'
import { isTerminal, type Response } from '../protocol/response.ts'
import type { Catalogue } from '../providers/routing.ts'
import type { Job, ResponseStore, Store, StoredResponse } from '../store/store.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import { endStored, failedBefore, storeEventually } from './ending.ts'
import { EventLog, type ReadOptions } from './event-log.ts'
import { pageItems, type ItemPage, type PageQuery } from './input-items.ts'
import { prepareRun, type PreparedRun } from './prepare.ts'
import { startRun, type Run, type RunLimits } from './run.ts'
import { startWorker, type Worker, type WorkerLimits } from './worker.ts'

/** What the engine is made of. */
export interface EngineParts {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly sealer: Sealer
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: RunLimits & { readonly streamBufferBytesMax: number }
  readonly background: WorkerLimits & { readonly queueMax: number; readonly streaming: boolean }
}

/** A created response: running in this process, or waiting for a worker. */
export type Created =
  | { readonly kind: 'running'; readonly run: Run; readonly warnings: readonly string[] }
  | {
      readonly kind: 'queued'
      readonly run: undefined
      readonly response: Response
      readonly log: EventLog
      readonly warnings: readonly string[]
    }

/** Everything that can be done with responses. Ids are read and checked here; accounts never mix. */
export interface Engine {
  /** @throws {ApiError} The request cannot be run. */
  create(account: AccountId, request: CreateRequest): Promise<Created>
  /** The current snapshot, as JSON text. @throws {ApiError} 400 or 404. */
  retrieve(account: AccountId, id: string): Promise<string>
  /** The events after a number, live or stored. @throws {ApiError} 400 or 404. */
  events(account: AccountId, id: string, options: ReadOptions): Promise<AsyncIterable<readonly ResponseEvent[]>>
  /** Stops a background response. @returns its snapshot as JSON text. @throws {ApiError} 400 or 404. */
  cancel(account: AccountId, id: string): Promise<string>
  /** Hides a response. @throws {ApiError} 400 or 404. */
  remove(account: AccountId, id: string): Promise<ResponseId>
  /** A page of the input items. @throws {ApiError} 400 or 404. */
  inputItems(account: AccountId, id: string, query: PageQuery): Promise<ItemPage>
  /** Takes up what an earlier process left, and begins to work on the queue. */
  start(): Promise<void>
  /**
   * Claims nothing more and waits for what runs. What has not ended by then is ended as failed; background
   * jobs are left for the next process.
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
}

/** Makes the engine. */
export function createEngine(parts: EngineParts): Engine {
  const { store, clock, logger, background } = parts
  const owner = `boot_${randomBytes(8).toString('hex')}`
  const runs = new Map<ResponseId, { run: Run | undefined; log: EventLog; account: AccountId }>()
  let worker: Worker | undefined

  const { catalogue, sealer } = parts
  const prepareParts = { catalogue, sealer, allowBackgroundStream: background.streaming }
  const newLog = () => new EventLog(parts.limits.streamBufferBytesMax)
  const stopping = new AbortController()

  const launch = (launched: Launch): Run => {
    const { account, plan, log, attempt, accepted } = launched
    const storage = { responses: store.forAccount(account), id: plan.id, attempt }
    const run = startRun({
      plan,
      log,
      limits: parts.limits,
      clock,
      logger: logger.child({ responseId: plan.id, provider: plan.route.adapter.id, model: plan.route.upstreamModel }),
      sealer: parts.sealer,
      storage: plan.response.store ? storage : undefined,
      storeLater: (ending) => void storeEventually(storage, ending, { clock, logger, signal: stopping.signal }),
      accepted,
    })
    runs.set(plan.id, { run, log, account })
    void run.ended.finally(() => runs.delete(plan.id))
    return run
  }

  const enqueue = async (account: AccountId, plan: PreparedRun): Promise<Created> => {
    if ((await store.jobs.countQueued()) >= background.queueMax) throw queueFull(background.queueMax)
    await insertRow(store.forAccount(account), plan, owner)
    const log = newLog()
    log.append([
      { type: 'response.created', response: plan.response },
      { type: 'response.queued', response: plan.response },
    ])
    runs.set(plan.id, { run: undefined, log, account })
    worker?.wake()
    return { kind: 'queued', run: undefined, response: plan.response, log, warnings: plan.warnings }
  }

  const startJob = async (job: Job, request: CreateRequest): Promise<Run> => {
    // Written by this program.
    const { created_at: createdAt } = JSON.parse(job.response) as Response
    const context = { ...prepareParts, responses: store.forAccount(job.account), isAccepted: true }
    const plan = await prepareRun(context, request, { id: job.id, createdAt })
    const log = runs.get(job.id)?.log ?? newLog()
    return launch({ account: job.account, plan, log, attempt: job.attempt, accepted: Promise.resolve() })
  }

  const live = (account: AccountId, id: ResponseId) => {
    const entry = runs.get(id)
    return entry?.account === account ? entry : undefined
  }

  const find = async (account: AccountId, text: string): Promise<{ id: ResponseId; stored: StoredResponse }> => {
    const id = readResponseId(text, 'response_id')
    const stored = await store.forAccount(account).find(id)
    if (stored === undefined) throw responseNotFound()
    return { id, stored }
  }

  const snapshot = (account: AccountId, id: ResponseId, stored: StoredResponse): string => {
    if (isTerminal(stored.status)) return stored.response
    const running = live(account, id)?.run?.snapshot()
    if (running !== undefined && !isTerminal(running.status)) return JSON.stringify(running)
    // Written by this program.
    return JSON.stringify({ ...(JSON.parse(stored.response) as Response), status: stored.status })
  }

  return {
    async create(account, request) {
      const identity = {
        id: mintResponseId(randomBytes(24).toString('hex')),
        createdAt: Math.floor(clock.now() / 1000),
      }
      const context = { ...prepareParts, responses: store.forAccount(account), isAccepted: false }
      const plan = await prepareRun(context, request, identity)
      if (request.background === true) return enqueue(account, plan)
      const accepted = plan.response.store ? insertRow(store.forAccount(account), plan, owner) : Promise.resolve()
      accepted.catch(() => {}) // The run awaits it.
      const run = launch({ account, plan, log: newLog(), attempt: 0, accepted })
      return { kind: 'running', run, warnings: plan.warnings }
    },

    async retrieve(account, text) {
      const { id, stored } = await find(account, text)
      return snapshot(account, id, stored)
    },

    async events(account, text, options) {
      const { id, stored } = await find(account, text)
      const running = live(account, id)
      if (running !== undefined && !isTerminal(stored.status)) return running.log.read(options)
      const final = isTerminal(stored.status) ? stored : await store.forAccount(account).find(id)
      const log = await store.forAccount(account).findLog(id)
      if (final === undefined || log === undefined) throw notStreamable()
      // Written by this program and checked by checksum.
      const events = decodeLog(log, JSON.parse(final.response) as Response)
      return oneBatch(events.slice(options.after + 1))
    },

    async cancel(account, text) {
      const { id, stored } = await find(account, text)
      if (!stored.background) {
        throw badRequest('not_cancellable', 'response_id', 'Cannot cancel a synchronous response.')
      }
      const running = live(account, id)
      if (!isTerminal(stored.status)) {
        running?.run?.cancel()
        const waiting = { ...stored, id, responses: store.forAccount(account), log: running?.log }
        await (running?.run?.ended ?? endStored(waiting, { kind: 'cancelled', usage: null }, clock))
        if (running?.run === undefined) runs.delete(id)
      }
      const after = await find(account, text)
      return snapshot(account, id, after.stored)
    },

    async remove(account, text) {
      const id = readResponseId(text, 'response_id')
      if (!(await store.forAccount(account).remove(id))) throw responseNotFound()
      const entry = live(account, id)
      entry?.run?.abandon()
      entry?.log.abandon()
      runs.delete(id)
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
        await endStored({ ...row, responses: store.forAccount(row.account) }, failedBefore(stoppedMidway()), clock)
      }
      const fail = async (job: Job, error: unknown) => {
        const waiting = { ...job, responses: store.forAccount(job.account), log: runs.get(job.id)?.log }
        await endStored(waiting, failedBefore(error), clock)
      }
      worker = startWorker({ jobs: store.jobs, owner, limits: background, clock, logger, start: startJob, fail, sweep: async () => {} })
    },

    async drain(drain_ms) {
      worker?.stop()
      stopping.abort()
      const open = () => [...runs.values()].flatMap(({ run }) => (run === undefined ? [] : [run]))
      const patience = new AbortController()
      const allEnded = Promise.all(open().map(({ ended }) => ended)).finally(() => patience.abort())
      await clock.sleep(drain_ms, patience.signal).catch(() => {})
      for (const run of open()) run.interrupt(stoppedMidway())
      await allEnded
    },
  }
}

async function insertRow(responses: ResponseStore, plan: PreparedRun, owner: string): Promise<void> {
  const { id, response, input, previousId, request } = plan
  const { input: _, ...rest } = request
  await responses.insert(
    {
      id,
      status: response.background ? 'queued' : 'in_progress',
      background: response.background,
      createdAt: response.created_at,
      previousId,
      request: response.background ? JSON.stringify(rest) : undefined,
      input: JSON.stringify(input),
      response: JSON.stringify(response),
      clientItemIds: input.filter((item, index) => !isMinted(item.id, id, index)).map((item) => item.id),
    },
    owner,
  )
}

function isMinted(itemId: string, id: ResponseId, index: number): boolean {
  return itemId.endsWith(`_${id.slice('resp_'.length)}i${index}`)
}

function responseNotFound(): ApiError {
  return new ApiError({
    type: 'not_found_error',
    code: 'response_not_found',
    param: 'response_id',
    message: 'Response not found: it must be stored, not deleted, and of this account.',
  })
}

function notStreamable(): ApiError {
  return badRequest(
    'not_streamable',
    'stream',
    'This response is run by another process and cannot be streamed from here: poll it.',
  )
}

function queueFull(max: number): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'queue_full',
    message: `${max} background responses are waiting already. Try again later.`,
    headers: { 'retry-after': '30' },
  })
}

function stoppedMidway(): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'server_error',
    message: 'The server stopped while it was working on this response.',
  })
}

async function* oneBatch(events: readonly ResponseEvent[]): AsyncGenerator<readonly ResponseEvent[]> {
  if (events.length > 0) yield events
}
