import { randomBytes } from 'node:crypto'
import { readResponseId } from '../core/check-request.ts'
import { conclude } from '../core/conclude.ts'
import { foldAll } from '../core/decide.ts'
import { decodeLog, encodeLog, numbered } from '../core/log-codec.ts'
import type { Sealer } from '../core/seal.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { ApiError, badRequest } from '../protocol/error.ts'
import type { ResponseEvent, UnnumberedEvent } from '../protocol/event.ts'
import { mintResponseId, type AccountId, type ResponseId } from '../protocol/id.ts'
import { isTerminal, type Response } from '../protocol/response.ts'
import type { Catalogue } from '../providers/routing.ts'
import type { Job, Store, StoredResponse } from '../store/store.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import { EventLog, type ReadOptions } from './event-log.ts'
import { pageItems, type ItemPage, type PageQuery } from './input-items.ts'
import { prepareRun, type PreparedRun } from './prepare.ts'
import { startRun, type Run, type RunLimits } from './run.ts'
import { failStored, startWorker, type Worker, type WorkerLimits } from './worker.ts'

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
  /** Claims nothing more and waits for what runs, then cancels the rest. */
  drain(drain_ms: number): Promise<void>
}

/** Makes the engine. */
export function createEngine(parts: EngineParts): Engine {
  const { store, clock, logger, background } = parts
  const owner = `boot_${randomBytes(8).toString('hex')}`
  const runs = new Map<ResponseId, { run: Run | undefined; log: EventLog; account: AccountId }>()
  let worker: Worker | undefined

  const newLog = () => new EventLog(parts.limits.streamBufferBytesMax)
  const prepare = (account: AccountId, request: CreateRequest, identity: { id: ResponseId; createdAt: number }) =>
    prepareRun(
      { catalogue: parts.catalogue, sealer: parts.sealer, allowBackgroundStream: background.streaming },
      store.forAccount(account),
      request,
      identity,
    )

  const launch = (
    account: AccountId,
    plan: PreparedRun,
    log: EventLog,
    attempt: number,
    accepted: Promise<void>,
  ): Run => {
    const isStored = plan.response.store
    const run = startRun({
      plan,
      log,
      limits: parts.limits,
      clock,
      logger: logger.child({ responseId: plan.id, provider: plan.route.adapter.id, model: plan.route.upstreamModel }),
      sealer: parts.sealer,
      storage: isStored ? { responses: store.forAccount(account), attempt } : undefined,
      accepted,
    })
    runs.set(plan.id, { run, log, account })
    void run.ended.finally(() => runs.delete(plan.id))
    return run
  }

  const enqueue = async (account: AccountId, plan: PreparedRun): Promise<Created> => {
    if ((await store.jobs.countQueued()) >= background.queueMax) throw queueFull(background.queueMax)
    await insertRow(store, account, plan, owner)
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
    const plan = await prepare(job.account, request, { id: job.id, createdAt })
    const log = runs.get(job.id)?.log ?? newLog()
    return launch(job.account, plan, log, job.attempt, Promise.resolve())
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
      const plan = await prepare(account, request, identity)
      if (request.background === true) return enqueue(account, plan)
      const accepted = plan.response.store ? insertRow(store, account, plan, owner) : Promise.resolve()
      accepted.catch(() => {}) // The run awaits it.
      return { kind: 'running', run: launch(account, plan, newLog(), 0, accepted), warnings: plan.warnings }
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
        await (running?.run?.ended ?? cancelWaiting(store, account, id, stored, running?.log, clock))
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
      for (const row of left) await failStored(store.forAccount(row.account), row, stoppedMidway(), clock)
      worker = startWorker({ store, owner, limits: background, clock, logger, start: startJob })
    },

    async drain(drain_ms) {
      worker?.stop()
      const open = () => [...runs.values()].flatMap(({ run }) => (run === undefined ? [] : [run]))
      const patience = new AbortController()
      const allEnded = Promise.all(open().map(({ ended }) => ended)).finally(() => patience.abort())
      await clock.sleep(drain_ms, patience.signal).catch(() => {})
      for (const run of open()) run.cancel()
      await allEnded
    },
  }
}

async function insertRow(store: Store, account: AccountId, plan: PreparedRun, owner: string): Promise<void> {
  const { id, response, input, previousId, request } = plan
  const { input: _, ...rest } = request
  await store.forAccount(account).insert(
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

/** Cancels a job that no run of this process has: it waits, or another process runs it. */
async function cancelWaiting(
  store: Store,
  account: AccountId,
  id: ResponseId,
  stored: StoredResponse,
  log: EventLog | undefined,
  clock: Clock,
): Promise<void> {
  // Written by this program.
  const first = JSON.parse(stored.response) as Response
  const earlier = log?.all() ?? [{ type: 'response.created', response: first } as const].map(numbered)
  const running: UnnumberedEvent = { type: 'response.in_progress', response: { ...first, status: 'in_progress' } }
  const ending = conclude(first, { kind: 'cancelled', usage: null }, Math.floor(clock.now() / 1000))
  const events = [running, ...ending]
  const final = foldAll(first, events)
  const all = [...earlier, ...events.map((event, index) => numbered(event, earlier.length + index))]
  const didEnd = await store.forAccount(account).finish(id, stored.attempt, {
    status: final.status,
    response: JSON.stringify(final),
    log: encodeLog(all, final),
  })
  if (didEnd) log?.append(events)
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
