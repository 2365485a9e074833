import type { Lifecycle } from '../core/lifecycle.ts'
import type { AccountId, ResponseId } from '../protocol/id.ts'
import type { ResponseStatus } from '../protocol/response.ts'

/** JSON text: stored as bytes with a checksum, given back letter for letter. */
export type JsonText = string

/** A response at acceptance. */
export interface NewResponse {
  readonly id: ResponseId
  readonly status: 'queued' | 'in_progress'
  readonly background: boolean
  /** Unix time in whole seconds. */
  readonly createdAt: number
  readonly previousId: ResponseId | undefined
  /** What a worker needs to run it later, without its input; undefined for foreground responses. */
  readonly request: JsonText | undefined
  /** The input items, each with an id. */
  readonly input: JsonText
  /** The first snapshot. */
  readonly response: JsonText
  /** The calls that may be made before anything else is written (see `core/call-record.ts`). */
  readonly calls: JsonText
  /** Ids of input items that the client made: ids of ours name their response themselves. */
  readonly clientItemIds: readonly string[]
  /** By what the same request is known when it comes again; undefined where it is not to be known. */
  readonly binding: NewBinding | undefined
}

/** What binds a request to its response, so that the same request, sent again, is not another one. */
export interface NewBinding {
  /** Names the request, within its account. */
  readonly key: string
  /** Tells whether it is the same request. */
  readonly bodyHash: string
  /** Unix time in whole seconds: from then on the key is as good as unknown. */
  readonly expiresAt: number
  /** Whether it takes the place of an earlier one; else the earlier one stands, and nothing is inserted. */
  readonly isFresh: boolean
}

/** A request that is known. */
export interface Bound {
  readonly bodyHash: string
  readonly responseId: ResponseId
  /** The error it was answered with, where it was answered with one. */
  readonly refusal: JsonText | undefined
}

/** What becomes of a binding when its response ends. */
export interface Rebinding {
  readonly key: string
  /** The error that the request was answered with; undefined where the same request may be tried again. */
  readonly refusal: JsonText | undefined
}

/** A snapshot as it is stored. */
export interface StoredResponse {
  readonly lifecycle: Lifecycle
  readonly response: JsonText
  /** What was said, where it is kept apart (see `core/split-snapshot.ts`). */
  readonly output: JsonText | undefined
}

/** What was said in a thread. */
export interface StoredThread {
  readonly turns: number
  /** Of the last turn. */
  readonly status: ResponseStatus
  /**
   * One list, newest first: for each turn its output, then its input, each a list of items. Where the output is not
   * kept apart, because the turn has not ended or an earlier version stored it, the snapshot stands in its place.
   */
  readonly said: JsonText
}

/** Whether a write is wanted at once, or may be joined by others first. */
export type Haste = 'now' | 'soon'

/** The end of a response: written once, in one transaction. */
export interface StoredEnding {
  /** The snapshot; without what was said, where that is kept apart. */
  readonly response: JsonText
  readonly output: JsonText | undefined
  /** The event log, compact (see `core/log-codec.ts`). It takes the place of all batches. */
  readonly log: JsonText
  /** The calls that were made for it (see `core/call-record.ts`); undefined where what is on record stays. */
  readonly calls: JsonText | undefined
  /** Undefined where its binding stays as it is, or there is none. */
  readonly rebinding?: Rebinding | undefined
}

/** What a transition has made of a response. */
export interface Step {
  /** The version that it began with. */
  readonly version: number
  readonly next: Lifecycle
  /** Goes with a status that has just become terminal, and with nothing else. */
  readonly ending?: StoredEnding | undefined
}

/** Consecutive events of a response that has not ended, as they are kept meanwhile (see `core/event-batch.ts`). */
export interface EventBatch {
  /** Sequence number of the first. */
  readonly first: number
  /** Sequence number of the last. */
  readonly last: number
  readonly events: JsonText
}

/** A response that has not ended. */
export interface Unfinished {
  readonly account: AccountId
  readonly id: ResponseId
  readonly lifecycle: Lifecycle
  readonly response: JsonText
  /** The calls that were made for it so far. */
  readonly calls: JsonText
}

/** A background response that this process has claimed. */
export interface Job extends Unfinished {
  readonly previousId: ResponseId | undefined
  /** What is to be run; undefined where it is damaged, and the job can only be failed. */
  readonly work: { readonly request: JsonText; readonly input: JsonText } | undefined
  /** Whether somebody follows it from another process: its events are to be kept from the first on. */
  readonly isFollowed: boolean
}

/** A job whose lease has been extended, and what others have asked of it meanwhile. */
export interface HeldJob {
  readonly id: ResponseId
  readonly isCancelWanted: boolean
  readonly isFollowed: boolean
}

/** An API key, without its secret. */
export interface StoredKey {
  /** The public part, by which it is found. */
  readonly publicId: string
  readonly account: AccountId
  /** SHA-256 of the secret part, hex. */
  readonly digest: string
  /** Unix time in whole seconds. */
  readonly createdAt: number
  readonly revokedAt: number | undefined
}

/**
 * The storage cannot be used right now: full, locked or gone. Nothing was written; where a shared storage went away in
 * the middle of it, nobody knows.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/** A stored payload is not what was written: its checksum differs. */
export class StoreDamaged extends Error {
  override readonly name = 'StoreDamaged'
}

/**
 * Everything one account has stored. There is no way to read by id alone.
 *
 * Every method may throw {@link StoreUnavailable}; those that read payloads, {@link StoreDamaged}.
 */
export interface ResponseStore {
  /**
   * Accepts a response. It is durable when the promise resolves.
   *
   * @param owner The process that accepts it: a foreground response is its to end.
   * @param haste `soon` where nobody waits for it: it may be written together with what comes in the next
   * milliseconds, and always before whatever is asked for after it.
   * @returns what its binding's key stands for already: then nothing was written.
   */
  insert(row: NewResponse, owner: string, haste?: Haste): Promise<Bound | undefined>
  /** What a key stands for; undefined where it is unknown, has expired, or its response was deleted. */
  findBinding(key: string): Promise<Bound | undefined>
  /** The current snapshot; undefined where the id is unknown, deleted or another account's. */
  find(id: ResponseId): Promise<StoredResponse | undefined>
  /** Where a response stands, whatever its payloads are like; undefined as in `find`. */
  findLifecycle(id: ResponseId): Promise<Lifecycle | undefined>
  /** The input items. */
  findInput(id: ResponseId): Promise<JsonText | undefined>
  /** The event log of a finished response. */
  findLog(id: ResponseId): Promise<JsonText | undefined>
  /** Batches with events after a sequence number, of a response that has not ended: none where none were kept. */
  findEvents(id: ResponseId, after: number): Promise<readonly EventBatch[]>
  /** The response that holds an input item under an id which a client made: the latest such. */
  findItemOwner(itemId: string): Promise<ResponseId | undefined>
  /**
   * The thread that ends with a response; undefined where that one cannot be chained from. Deleted turns before
   * the last still belong to it.
   *
   * @param turnsMax At most so many turns, counted from the end.
   */
  thread(id: ResponseId, turnsMax: number): Promise<StoredThread | undefined>
  /**
   * Compare and swap: writes what a transition has made of a response, if its version is still the one before.
   *
   * @returns whether it was written.
   */
  swap(id: ResponseId, step: Step): Promise<boolean>
  /**
   * Keeps events of a response that `attempt` still holds. Batches come in order; one that was written already is
   * not written again.
   *
   * @returns whether the attempt still holds it.
   */
  append(id: ResponseId, attempt: number, batch: EventBatch): Promise<boolean>
  /** Keeps the calls that an attempt makes. @returns whether the attempt still holds the response. */
  recordCalls(id: ResponseId, attempt: number, calls: JsonText): Promise<boolean>
  /** Asks whoever works on a response, in another process, to cancel it, or to keep its events. */
  ask(id: ResponseId, wish: 'cancel' | 'follow'): Promise<void>
}

/** What a worker takes. */
export interface Claim {
  readonly owner: string
  readonly lease_ms: number
  /** Most jobs. */
  readonly limit: number
  /** Jobs that the owner works on: it does not take them from itself, however long it has stood still. */
  readonly inHand?: readonly ResponseId[]
  /** Whether jobs are taken, too, whose lease has run out; else those alone that wait, or were given back: true. */
  readonly takesOver?: boolean
}

/** The queue, and the processes that work on it. */
export interface JobStore {
  /**
   * Makes this process known. What an earlier process of the same name has left is lost at once: its jobs can be
   * claimed, its foreground responses are orphans.
   *
   * @param owner This process, unlike any other that ever was.
   * @param instance What it has in common with the process that it takes the place of.
   * @throws Another process works here, and the storage can serve one only.
   */
  register(process: { owner: string; instance: string; lease_ms: number }): Promise<void>
  /**
   * Takes up to `limit` due jobs, oldest first. At most one worker holds a job at a time. A job whose
   * snapshot is damaged is put aside: it can be neither run nor ended.
   */
  claim(options: Claim): Promise<readonly Job[]>
  /**
   * Extends the lease of a process, and of the jobs that it works on.
   *
   * @returns the jobs that are still held.
   */
  heartbeat(options: { owner: string; lease_ms: number; ids: readonly ResponseId[] }): Promise<readonly HeldJob[]>
  /** Foreground responses whose process is gone, except those whose snapshot is damaged. */
  orphans(limit: number): Promise<readonly Unfinished[]>
  /** How many jobs wait. */
  countQueued(): Promise<number>
}

/** What is to be forgotten. */
export interface Upkeep {
  /**
   * Forgets, in one small step, responses that have ended and are old, or were deleted a while ago, once no later turn
   * needs them; and bindings that have expired.
   *
   * @param createdBefore Unix time in whole seconds; so is `deletedBefore`.
   * @param limit Most rows of each sort.
   * @returns how many rows it has removed; 0 where nothing is left to be forgotten.
   */
  sweep(options: { createdBefore: number; deletedBefore: number; limit: number }): Promise<number>
  /** Reads everything once, and tells of each thing that is not as it should be. */
  check(tell: (problem: string) => void): Promise<{ readonly responses: number }>
}

/** API keys. */
export interface KeyStore {
  /** @throws There is a key with this public id already. */
  insert(key: StoredKey): Promise<void>
  find(publicId: string): Promise<StoredKey | undefined>
  /** All keys, oldest first. */
  list(): Promise<readonly StoredKey[]>
  /** @returns whether there was such a key, not yet revoked. */
  revoke(publicId: string): Promise<boolean>
}

/** All that outlives the process. */
export interface Store {
  readonly jobs: JobStore
  readonly keys: KeyStore
  readonly upkeep: Upkeep
  /** Whether other processes may work on the same responses. */
  readonly isShared: boolean
  forAccount(account: AccountId): ResponseStore
  /**
   * Listens to what other processes do: a response has changed or has new events; a job waits. Some of it may go
   * unheard: whoever waits looks again after a while.
   */
  onChange(listener: (change: ResponseId | 'queue') => void): void
  /** Resolves where the storage can be read and written. */
  ping(): Promise<void>
  close(): Promise<void>
}
