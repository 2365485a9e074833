import type { CallRecords } from '../core/call-record.ts'
import { conclude, type Ending } from '../core/conclude.ts'
import { foldAll } from '../core/decide.ts'
import { transition, type Command, type Lifecycle } from '../core/lifecycle.ts'
import { encodeLog, numbered } from '../core/log-codec.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import { joinSnapshot, splitSnapshot } from '../core/split-snapshot.ts'
import { ApiError, type ErrorDetail } from '../protocol/error.ts'
import type { ResponseEvent, UnnumberedEvent } from '../protocol/event.ts'
import type { ResponseId } from '../protocol/id.ts'
import { isTerminal, type Response, type TerminalStatus } from '../protocol/response.ts'
import { StoreUnavailable, type Rebinding, type ResponseStore, type StoredEnding } from '../store/store.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import type { EventLog } from './event-log.ts'

/** How often an ending in the foreground is tried to be stored before its client is told that it could not be. */
export const STORE_TRIES_MAX = 5

/** Longest time between two tries, in milliseconds. */
const STORE_BACKOFF_MS_MAX = 1000

const STORE_BACKOFF_MS = 200

/** Time between two rounds of tries, once its readers have been told. */
const STORE_PAUSE_MS = 2000

/** Where a run is stored. */
export interface RunStorage {
  readonly responses: ResponseStore
  readonly id: ResponseId
  /** Where it stands: nobody else changes it, or we have lost it. */
  readonly lifecycle: Lifecycle
}

/** How far a response has come: its events, the snapshot that they fold to, the calls that were made. */
export interface Told {
  readonly earlier: readonly ResponseEvent[]
  readonly response: Response
  /** Undefined where nobody has read them: what is on record stays. */
  readonly calls: CallRecords | undefined
}

/** What is stored of an end. */
export interface Ended {
  readonly status: TerminalStatus
  readonly ending: StoredEnding
}

/** A snapshot and the events that ended it, as they are stored. */
export function storedEnding(told: Told, events: readonly UnnumberedEvent[], textOf: SnapshotText): Ended {
  const { earlier, response, calls } = told
  const final = foldAll(response, events)
  if (!isTerminal(final.status)) throw new Error('These events end nothing.')
  const all = [...earlier, ...events.map((event, index) => numbered(event, earlier.length + index))]
  const ending = {
    ...splitSnapshot(final, textOf(final)),
    log: encodeLog(all, final),
    calls: calls && JSON.stringify(calls),
  }
  return { status: final.status, ending }
}

interface StoringTools {
  readonly clock: Clock
  readonly logger: Logger
  /** Whether there is no row to be ended, and trying again is in vain: looked at after each try. */
  readonly isRefused?: boolean
  /** Whether somebody else is to end it: looked at after each try. */
  readonly isAbandoned?: boolean
  /** Most tries; a few, where it is absent. */
  readonly storeTriesMax?: number
}

/**
 * Stores the end of a run, patiently.
 *
 * @returns `stored`; `lost` where the response was deleted or is another worker's; `failed` where the
 * storage could not be written.
 */
export async function storeEnding(
  { responses, id, lifecycle }: RunStorage,
  { status, ending }: Ended,
  tools: StoringTools,
): Promise<'stored' | 'lost' | 'failed'> {
  const { clock, logger } = tools
  const { attempt, version } = lifecycle
  const next = lawful(lifecycle, { type: 'end', attempt, status })
  for (let tries = 1; ; tries++) {
    try {
      if (await responses.swap(id, { version, next, ending })) return 'stored'
      // An earlier try that seemed to fail may have been done.
      return tries > 1 && (await isStored(responses, id, ending)) ? 'stored' : 'lost'
    } catch (error) {
      logger.error({ attempt: tries, ...errorFacts(error) }, 'the end of a response could not be stored')
      const { isAbandoned = false, isRefused = false, storeTriesMax = STORE_TRIES_MAX } = tools
      const isVain = tries >= storeTriesMax || isRefused || isAbandoned
      if (isVain || !(error instanceof StoreUnavailable)) return 'failed'
      const pause_ms = Math.min(STORE_BACKOFF_MS * 2 ** (tries - 1), STORE_BACKOFF_MS_MAX)
      await clock.sleep(pause_ms, new AbortController().signal)
    }
  }
}

async function isStored(responses: ResponseStore, id: ResponseId, ending: StoredEnding): Promise<boolean> {
  const stored = await responses.find(id)
  return stored !== undefined && joinSnapshot(stored) === joinSnapshot(ending)
}

/**
 * Stores an ending whose readers have been told of it already, for as long as it takes.
 *
 * @param signal Ends the trying: this process stops, and the next one ends the response.
 */
export async function storeEventually(
  storage: RunStorage,
  ending: Ended,
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
  /** What it has said, where that was kept. */
  readonly kept?: readonly ResponseEvent[]
  /** The calls that were made for it, as JSON text; what is on record stays where it is not given. */
  readonly calls?: string
  /** What becomes of its key; it stays where this is not given. */
  readonly rebinding?: Rebinding | undefined
}

/** What ending one needs. */
interface EndingTools {
  readonly clock: Clock
  readonly textOf: SnapshotText
}

/**
 * Ends a stored response that nobody runs, for its readers too. What it has said, and what is known of it, stays.
 *
 * @returns whether this call ended it.
 */
export async function endStored(waiting: Waiting, ending: Ending, { clock, textOf }: EndingTools): Promise<boolean> {
  const { responses, id, lifecycle, log, kept = [] } = waiting
  // Written by this program and checked by checksum.
  const first = JSON.parse(waiting.response) as Response
  const earlier = log?.all() ?? (kept.length > 0 ? kept : firstEvents(first, lifecycle.background))
  const said = foldAll(first, earlier)
  const running: Response = { ...said, status: 'in_progress' }
  const events: UnnumberedEvent[] = [
    ...(earlier.some(({ type }) => type === 'response.in_progress')
      ? []
      : [{ type: 'response.in_progress' as const, response: running }]),
    ...conclude(running, ending, Math.floor(clock.now() / 1000)),
  ]
  // The calls, too, were written by this program.
  const calls = waiting.calls === undefined ? undefined : (JSON.parse(waiting.calls) as CallRecords)
  const ended = storedEnding({ earlier, response: said, calls }, events, textOf)
  if (ended.status !== 'failed' && ended.status !== 'cancelled')
    throw new Error('Nobody can complete what nobody runs.')
  const next = lawful(lifecycle, { type: 'close', status: ended.status })
  const stored = { ...ended.ending, rebinding: waiting.rebinding }
  const didEnd = await responses.swap(id, { version: lifecycle.version, next, ending: stored })
  if (didEnd && log?.isEnded() === false) {
    log.append(events)
    log.show()
  }
  return didEnd
}

/** The events that every response of its sort begins with: they follow from its first snapshot. */
export function firstEvents(response: Response, isBackground: boolean): readonly ResponseEvent[] {
  const created = numbered({ type: 'response.created', response }, 0)
  return isBackground ? [created, numbered({ type: 'response.queued', response }, 1)] : [created]
}

/**
 * Takes a response away from whoever may still work on it. What that one has kept until now can be read, and is all.
 *
 * @returns how it stands then; undefined where it has changed meanwhile.
 */
export async function seizeStored({ responses, id, lifecycle }: RunStorage): Promise<Lifecycle | undefined> {
  if (lifecycle.leaseOwner === '') return lifecycle // Nobody has it: two who seize it in turn would never end it.
  const next = lawful(lifecycle, { type: 'seize' })
  return (await responses.swap(id, { version: lifecycle.version, next })) ? next : undefined
}

/** Gives a job back, for another process to run. @returns whether it was still held. */
export async function releaseStored({ responses, id, lifecycle }: RunStorage): Promise<boolean> {
  const next = transition(lifecycle, { type: 'release', attempt: lifecycle.attempt })
  return next !== undefined && responses.swap(id, { version: lifecycle.version, next })
}

/** @throws The step is unlawful: it was not to be asked for. */
function lawful(lifecycle: Lifecycle, command: Command): Lifecycle {
  const next = transition(lifecycle, command)
  if (next === undefined) throw new Error(`What is ${lifecycle.status} cannot ${command.type}.`)
  return next
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
    message: 'The storage is not available right now. Try again later.',
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
