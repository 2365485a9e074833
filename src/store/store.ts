import type { AccountId, ResponseId } from '../protocol/id.ts'

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
  /** Ids of input items that the client made: ids of ours name their response themselves. */
  readonly clientItemIds: readonly string[]
}

/** A snapshot as it is stored. */
export interface StoredResponse {
  readonly status: string
  readonly background: boolean
  readonly attempt: number
  readonly response: JsonText
  /** What was said, where it is kept apart (see `core/split-snapshot.ts`). */
  readonly output: JsonText | undefined
}

/** What was said in a thread. */
export interface StoredThread {
  readonly turns: number
  /** Of the last turn. */
  readonly status: string
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
  readonly status: string
  /** The snapshot; without what was said, where that is kept apart. */
  readonly response: JsonText
  readonly output: JsonText | undefined
  /** The event log, compact (see `core/log-codec.ts`). */
  readonly log: JsonText
}

/** A background response that this process has claimed. */
export interface Job {
  readonly account: AccountId
  readonly id: ResponseId
  /** The fence: only the holder of the current attempt may write. */
  readonly attempt: number
  readonly previousId: ResponseId | undefined
  /** What is to be run; undefined where it is damaged, and the job can only be failed. */
  readonly work: { readonly request: JsonText; readonly input: JsonText } | undefined
  readonly response: JsonText
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

/** The storage cannot be used right now: full, locked or gone. Nothing was written. */
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
   * @param owner Holds the foreground's lease.
   * @param haste `soon` where nobody waits for it: it may be written together with what comes in the next
   * milliseconds, and always before whatever is asked for after it.
   */
  insert(row: NewResponse, owner: string, haste?: Haste): Promise<void>
  /** The current snapshot; undefined where the id is unknown, deleted or another account's. */
  find(id: ResponseId): Promise<StoredResponse | undefined>
  /** The input items. */
  findInput(id: ResponseId): Promise<JsonText | undefined>
  /** The event log of a finished response. */
  findLog(id: ResponseId): Promise<JsonText | undefined>
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
   * Ends a response, if it has not ended and `attempt` still holds it.
   *
   * @returns whether this call ended it.
   */
  finish(id: ResponseId, attempt: number, ending: StoredEnding): Promise<boolean>
  /** Hides a response for good. @returns whether there was one to hide. */
  remove(id: ResponseId): Promise<boolean>
}

/** The queue: background responses that wait or whose worker is gone. */
export interface JobStore {
  /**
   * Takes up to `limit` due jobs, oldest first. At most one worker holds a job at a time. A job whose
   * snapshot is damaged is put aside: it can be neither run nor ended.
   */
  claim(options: { owner: string; lease_ms: number; limit: number }): Promise<readonly Job[]>
  /** Extends the leases of `ids`. @returns the ids that are still held. */
  heartbeat(options: { owner: string; lease_ms: number; ids: readonly ResponseId[] }): Promise<readonly ResponseId[]>
  /** How many jobs wait. */
  countQueued(): Promise<number>
  /**
   * What a process that is gone has left: its jobs become claimable at once, its foreground responses
   * are returned, to be ended, except those whose snapshot is damaged.
   */
  takeOver(
    owner: string,
  ): Promise<readonly { account: AccountId; id: ResponseId; attempt: number; response: JsonText }[]>
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
  forAccount(account: AccountId): ResponseStore
  /** Resolves where the storage can be read and written. */
  ping(): Promise<void>
  close(): Promise<void>
}
