import { conclude, type Ending } from '../core/conclude.ts'
import { foldAll } from '../core/decide.ts'
import { encodeLog, numbered } from '../core/log-codec.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import { splitSnapshot } from '../core/split-snapshot.ts'
import { ApiError, type ErrorDetail } from '../protocol/error.ts'
import type { ResponseEvent, UnnumberedEvent } from '../protocol/event.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Response } from '../protocol/response.ts'
import { StoreUnavailable, type ResponseStore, type StoredEnding } from '../store/store.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import type { EventLog } from './event-log.ts'

/** How often an ending is tried to be stored before its readers are told that it could not be. */
export const STORE_TRIES_MAX = 5

const STORE_BACKOFF_MS = 200

/** Time between two rounds of tries, once its readers have been told. */
const STORE_PAUSE_MS = 5000

/** Where a run is stored. */
export interface RunStorage {
  readonly responses: ResponseStore
  readonly id: ResponseId
  readonly attempt: number
}

/** How far a response has come: its events, and the snapshot that they fold to. */
export interface Told {
  readonly earlier: readonly ResponseEvent[]
  readonly response: Response
}

/** A snapshot and the events that ended it, as they are stored. */
export function storedEnding(told: Told, events: readonly UnnumberedEvent[], textOf: SnapshotText): StoredEnding {
  const { earlier, response } = told
  const final = foldAll(response, events)
  const all = [...earlier, ...events.map((event, index) => numbered(event, earlier.length + index))]
  return { status: final.status, ...splitSnapshot(final, textOf(final)), log: encodeLog(all, final) }
}

interface StoringTools {
  readonly clock: Clock
  readonly logger: Logger
  /** Whether there is no row to be ended, and trying again is in vain: looked at after each try. */
  readonly isRefused?: boolean
}

/**
 * Stores the end of a run, patiently.
 *
 * @returns `stored`; `lost` where the response was deleted or is another worker's; `failed` where the
 * storage could not be written.
 */
export async function storeEnding(
  { responses, id, attempt }: RunStorage,
  ending: StoredEnding,
  tools: StoringTools,
): Promise<'stored' | 'lost' | 'failed'> {
  const { clock, logger } = tools
  for (let tries = 1; ; tries++) {
    try {
      return (await responses.finish(id, attempt, ending)) ? 'stored' : 'lost'
    } catch (error) {
      logger.error({ attempt: tries, ...errorFacts(error) }, 'the end of a response could not be stored')
      if (tries >= STORE_TRIES_MAX || tools.isRefused === true || !(error instanceof StoreUnavailable)) return 'failed'
      await clock.sleep(STORE_BACKOFF_MS * 2 ** (tries - 1), new AbortController().signal)
    }
  }
}

/**
 * Stores an ending whose readers have been told of it already, for as long as it takes.
 *
 * @param signal Ends the trying: this process stops, and the next one ends the response.
 */
export async function storeEventually(
  storage: RunStorage,
  ending: StoredEnding,
  { clock, logger, signal }: { clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<void> {
  let outcome: string = 'failed'
  while (outcome === 'failed' && !signal.aborted) {
    await clock.sleep(STORE_PAUSE_MS, signal).catch(() => {})
    if (!signal.aborted) outcome = await storeEnding(storage, ending, { clock, logger })
  }
}

/** A stored response that no run of this process has. */
export interface Waiting extends RunStorage {
  /** Its snapshot, as JSON text. */
  readonly response: string
  /** What its readers have seen so far, where it has any. */
  readonly log?: EventLog | undefined
}

/** What ending one needs. */
interface EndingTools {
  readonly clock: Clock
  readonly textOf: SnapshotText
}

/**
 * Ends a stored response that nobody runs, for its readers too.
 *
 * @returns whether this call ended it.
 */
export async function endStored(waiting: Waiting, ending: Ending, { clock, textOf }: EndingTools): Promise<boolean> {
  const { responses, id, attempt, log } = waiting
  // Written by this program and checked by checksum.
  const first = JSON.parse(waiting.response) as Response
  const earlier = log?.all() ?? [numbered({ type: 'response.created', response: first }, 0)]
  const running: Response = { ...first, status: 'in_progress' }
  const events: UnnumberedEvent[] = [
    { type: 'response.in_progress', response: running },
    ...conclude(running, ending, Math.floor(clock.now() / 1000)),
  ]
  const didEnd = await responses.finish(id, attempt, storedEnding({ earlier, response: first }, events, textOf))
  if (didEnd && log?.isEnded() === false) log.append(events)
  return didEnd
}

/** The ending of a response that failed before its model was called. */
export function failedBefore(error: unknown): Ending {
  const unknown: ErrorDetail = {
    type: 'api_error',
    code: 'internal_error',
    message: 'The server failed to run this response.',
    param: '',
  }
  return { kind: 'failed', error: error instanceof ApiError ? error.toDetail() : unknown, usage: null }
}

/** What a client is told while nothing can be stored. */
export function storageUnavailable(cause: unknown): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'storage_unavailable',
    message: 'The storage is not available right now. Nothing was changed.',
    headers: { 'retry-after': '5' },
    cause,
  })
}

/** What a client is told where its answer was made and could not be kept. */
export function answerNotStored(): ApiError {
  return new ApiError({
    type: 'server_error',
    code: 'storage_unavailable',
    message: 'The answer could not be stored: the storage is not available right now.',
    headers: { 'retry-after': '5', 'x-should-retry': 'false' },
  })
}
