import { callSent } from '../core/call-record.ts'
import type { Checkpoint } from '../core/checkpoint.ts'
import { accepted } from '../core/lifecycle.ts'
import type { Flow } from '../core/flow.ts'
import type { UserFetcher } from '../core/fetcher.ts'
import { sealerOf, type Sealer } from '../core/seal.ts'
import { createSnapshotText, type SnapshotText } from '../core/snapshot-text.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import { mintResponseId, timeHex, type AccountId, type ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import type { Catalogue } from '../providers/routing.ts'
import { StoreUnavailable, type NewBinding, type NewResponse, type Store } from '../store/store.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createAccess, type Access } from './access.ts'
import { createChanges } from './changes.ts'
import type { Clock } from './clock.ts'
import { endStored, failedBefore, firstEvents, storageUnavailable, storeEventually, type RunStorage } from './ending.ts'
import { EventLog } from './event-log.ts'
import { startRun } from './execute.ts'
import { follow } from './follow.ts'
import type { Retention } from './forget.ts'
import { createJobRunner } from './job-runner.ts'
import { bindingOf, createJoining, type Joined, type Submission } from './joining.ts'
import { createLive } from './live.ts'
import { createLogKeeper, type Keeping } from './log-keeper.ts'
import { onceThere } from './patience.ts'
import { prepareRun, type PreparedRun } from './prepare.ts'
import { createPresence, type Presence } from './presence.ts'
import { queueFull, stoppedMidway } from './problems.ts'
import { RecentThreads } from './recent-threads.ts'
import { createRandomHex } from './random-hex.ts'
import type { Run, RunLimits } from './run.ts'
import type { RunParts } from './execution.ts'
import { createTally } from './tally.ts'
import type { WorkerLimits } from './worker.ts'

/** What the engine is made of. */
export interface EngineParts {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly sealer: Sealer
  readonly fetcher: UserFetcher
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** What this process has in common with the one whose place it takes, such as `host:port`. */
  readonly instance: string
  readonly limits: RunLimits & { readonly streamBufferBytesMax: number; readonly threadMemoryCharsMax: number }
  readonly background: WorkerLimits & { readonly queueMax: number; readonly streaming: boolean }
  readonly retention: Retention
  readonly checkpoint: Checkpoint
}

/** A created response: running in this process, or waiting for a worker. */
export type Created =
  | { readonly kind: 'running'; readonly run: Run }
  | {
      readonly kind: 'queued'
      readonly run: undefined
      readonly response: Response
      readonly events: Flow<readonly ResponseEvent[]>
      readonly warnings: readonly string[]
    }

/** Everything that can be done with responses. Ids are read and checked here; accounts never mix. */
export interface Engine extends Access, Presence {
  /** The JSON text of a snapshot; written out once for all who need it. */
  readonly textOf: SnapshotText
  /**
   * @param submission By what the request is known when it comes again.
   * @throws {ApiError} The request cannot be run.
   */
  create(account: AccountId, request: CreateRequest, submission?: Submission): Promise<Created | Joined>
}

/** A prepared run that may begin, and how it differs from others. */
type Launch = Pick<
  RunParts,
  'plan' | 'log' | 'storage' | 'calls' | 'keeping' | 'accepted' | 'isWatched' | 'submission' | 'threads'
> & {
  readonly account: AccountId
}

/** A request that is about to be accepted. */
interface Accepting {
  readonly account: AccountId
  readonly plan: PreparedRun
  readonly submission: Submission | undefined
}

/** Random bytes of a response id. */
const RANDOM_ID_BYTES = 18

/** Makes the engine. */
export function createEngine(parts: EngineParts): Engine {
  const { store, clock, logger, background, limits, metrics, checkpoint } = parts
  const randomHex = createRandomHex()
  const owner = `boot_${randomHex(8)}`
  const live = createLive()
  const changes = createChanges(clock)
  const keeper = createLogKeeper(parts)
  const textOf = createSnapshotText()
  const threads = new RecentThreads(limits.threadMemoryCharsMax)
  const { catalogue, fetcher } = parts
  const prepareParts = { catalogue, fetcher, threads, allowBackgroundStream: background.streaming }
  const newLog = () => new EventLog(limits.streamBufferBytesMax)
  const placeOf = (account: AccountId) => ({
    responses: store.forAccount(account),
    sealer: sealerOf(account, parts.sealer),
  })

  const launch = ({ account, ...launched }: Launch): Run => {
    const { storage } = launched
    const run = startRun({
      ...launched,
      limits,
      clock,
      logger,
      metrics,
      checkpoint,
      sealer: sealerOf(account, parts.sealer),
      textOf,
      storeLater: (ended) => {
        if (storage !== undefined) void storeEventually(storage, ended, { clock, logger, signal: presence.stopping })
      },
    })
    const held = live.hold(run.id, { run, log: launched.log })
    void run.ended.finally(() => live.release(run.id, held)) // Not the id of the plan: it would keep the whole request.
    if (presence.isOver()) run.interrupt(stoppedMidway())
    return run
  }

  const jobs = createJobRunner({
    store,
    live,
    clock,
    textOf,
    newLog,
    prepare: (account, request, { id, created_at: createdAt }) =>
      prepareRun({ ...prepareParts, ...placeOf(account), isAccepted: true }, request, {
        id: id as ResponseId, // It was minted here.
        createdAt,
      }),
    launch: ({ job, plan, log, calls, kept }) => {
      const storage = { responses: store.forAccount(job.account), id: job.id, lifecycle: job.lifecycle }
      const keeping = (onLost: () => void): Keeping => keeper.lead({ log, storage, last: kept, onLost })
      const { account } = job
      const how = { accepted: Promise.resolve(), isWatched: true, submission: undefined, threads: undefined }
      return launch({ account, plan, log, storage, calls, keeping, ...how })
    },
  })
  const joining = createJoining({ store, live, clock })
  const bind = (submission: Submission | undefined) => submission && bindingOf(submission, clock.now())
  const making = createTally()
  const presence = createPresence({ ...parts, owner, live, changes, jobs, textOf, made: () => making.none() })

  /** The storage may have taken a row all the same that its client is told of as refused: then it has failed. */
  const disown = (row: NewResponse, storage: RunStorage, error: unknown): never => {
    if (!(error instanceof StoreUnavailable)) throw error
    const { response, calls, binding } = row
    const waiting = { ...storage, response, calls, rebinding: binding && { key: binding.key, refusal: undefined } }
    const end = () => endStored(waiting, failedBefore(storageUnavailable(error)), { clock, textOf })
    const patience = { clock, logger, signal: presence.stopping, pause_ms: background.sweep_ms }
    onceThere(end, patience).catch((cause: unknown) => logger.error(errorFacts(cause), 'a refused row stays open'))
    throw error
  }

  const runNow = async ({ account, plan, submission }: Accepting): Promise<Created | Joined> => {
    const isWatched = plan.request.stream === true
    const unstored = { account, plan, log: newLog(), calls: [], isWatched, submission }
    if (!plan.response.store) {
      const none = { storage: undefined, keeping: undefined, threads: undefined }
      const run = launch({ ...unstored, ...none, accepted: Promise.resolve() })
      if (submission !== undefined) joining.remember(account, submission, run)
      return { kind: 'running', run }
    }
    const responses = store.forAccount(account)
    const row = rowOf(plan, textOf, bind(submission))
    const isFirst = row.binding === undefined || row.binding.isFresh
    checkpoint('accept:before-insert')
    const inserted = responses.insert(row, owner, isWatched || !isFirst ? 'now' : 'soon')
    // A request that may have come before is not sent before it is known that it has not.
    const storage = { responses, id: plan.id, lifecycle: accepted(false, owner) }
    const known = isFirst ? undefined : await inserted.catch((error: unknown) => disown(row, storage, error))
    if (known !== undefined && submission !== undefined) return joining.join(known, submission)
    if (!isFirst) checkpoint('binding:after-insert')
    const keeping = (onLost: () => void): Keeping => keeper.trail({ log: unstored.log, storage, last: -1, onLost })
    threads.begin(plan, row.input.length)
    const run = launch({ ...unstored, storage, accepted: inserted, keeping: isWatched ? keeping : undefined, threads })
    return { kind: 'running', run }
  }

  const enqueue = async ({ account, plan, submission }: Accepting): Promise<Created | Joined> => {
    if ((await store.jobs.countQueued()) >= background.queueMax) throw queueFull(background.queueMax)
    const { id, response, warnings } = plan
    const responses = store.forAccount(account)
    // Held first: a worker may claim it before its insertion has been reported. Other processes may claim it too.
    const held = store.isShared ? undefined : live.hold(id, { run: undefined, log: newLog() })
    held?.log.append(firstEvents(response, true))
    checkpoint('accept:before-insert')
    const row = rowOf(plan, textOf, bind(submission))
    const known = await responses.insert(row, owner).catch((error: unknown) => {
      live.release(id, held)
      return disown(row, { responses, id, lifecycle: accepted(true, owner) }, error)
    })
    if (known !== undefined) live.release(id, held)
    if (known !== undefined && submission !== undefined) return joining.join(known, submission)
    checkpoint('accept:after-insert')
    presence.wake()
    const events = held?.log.read({ after: -1 }) ?? follow({ responses, id, changes }, { after: -1 })
    return { kind: 'queued', run: undefined, response, events, warnings }
  }

  return {
    textOf,
    ...createAccess({ store, live, threads, changes, owner, clock, textOf, checkpoint }),
    ...presence,

    async create(account, request, submission) {
      const make = async () => {
        const now_ms = clock.now()
        const identity = {
          id: mintResponseId(timeHex(now_ms) + randomHex(RANDOM_ID_BYTES)),
          createdAt: Math.floor(now_ms / 1000),
        }
        const plan = await prepareRun({ ...prepareParts, ...placeOf(account), isAccepted: false }, request, identity)
        const accepting = { account, plan, submission }
        return request.background === true ? enqueue(accepting) : runNow(accepting)
      }
      making.begin()
      try {
        return await (submission === undefined ? make() : joining.once(account, submission, make))
      } finally {
        making.end()
      }
    },
  }
}

/** A response at acceptance. Its texts are made when they are written: a fast answer ends before its row is. */
function rowOf(plan: PreparedRun, textOf: SnapshotText, binding: NewBinding | undefined): NewResponse {
  const { id, response, input, previousId, request, route } = plan
  return {
    id,
    status: response.background ? 'queued' : 'in_progress',
    background: response.background,
    createdAt: response.created_at,
    previousId,
    request: response.background ? JSON.stringify({ ...request, input: undefined }) : undefined,
    input: JSON.stringify(input),
    get response() {
      return textOf(response)
    },
    get calls() {
      if (response.background) return '[]'
      // In the foreground the call does not wait for its row.
      const call = { attempt: 0, provider: route.adapter.id, model: route.upstreamModel }
      return JSON.stringify(callSent([], call))
    },
    clientItemIds: input.filter((item, index) => !isMinted(item.id, id, index)).map((item) => item.id),
    binding,
  }
}

function isMinted(itemId: string, id: ResponseId, index: number): boolean {
  return itemId.endsWith(`_${id.slice('resp_'.length)}i${index}`)
}
