import type { Lifecycle } from '../core/lifecycle.ts'
import { accountId, parseResponseId, type ResponseId } from '../protocol/id.ts'
import { RESPONSE_STATUSES, type ResponseStatus } from '../protocol/response.ts'
import { decodePayload } from './payload.ts'
import { StoreDamaged, type HeldJob, type Job, type StoredKey, type Unfinished } from './store.ts'

/**
 * A row as a database gives it. Whole numbers may come as numbers or as texts, truth values as numbers or as such;
 * payloads are bytes.
 */
export type StoredRow = Readonly<Record<string, unknown>>

/** Where a response stands. */
export function readLifecycle(row: StoredRow): Lifecycle {
  return {
    status: readStatus(row),
    background: flag(row, 'background'),
    version: number(row, 'version'),
    attempt: number(row, 'attempt'),
    crashes: number(row, 'crashes'),
    leaseOwner: text(row, 'lease_owner'),
    leaseUntil_ms: number(row, 'lease_until'),
    isDeleted: row['deleted_at'] !== null,
  }
}

/** The status of a response. */
export function readStatus(row: StoredRow): ResponseStatus {
  const status = text(row, 'status')
  const known = RESPONSE_STATUSES.find((name) => name === status)
  if (known === undefined) throw new Error('The column status holds no status.')
  return known
}

/** A response that has not ended; earlier versions have recorded no calls. @throws {StoreDamaged} */
export function readUnfinished(row: StoredRow): Unfinished {
  return {
    account: accountId(text(row, 'account_id')),
    id: responseId(row, 'id'),
    lifecycle: readLifecycle(row),
    response: payload(row, 'response'),
    calls: optionalPayload(row, 'calls') ?? '[]',
  }
}

/** A job that has just been claimed. @throws {StoreDamaged} Its snapshot is damaged. */
export function readJob(row: StoredRow): Job {
  return {
    ...readUnfinished(row),
    previousId: row['previous_id'] === null ? undefined : responseId(row, 'previous_id'),
    work: unlessDamaged(() => ({ request: payload(row, 'request'), input: payload(row, 'input') })),
    isFollowed: flag(row, 'followed'),
  }
}

/** A job whose lease has been extended. */
export function readHeldJob(row: StoredRow): HeldJob {
  return { id: responseId(row, 'id'), isCancelWanted: flag(row, 'cancel_wanted'), isFollowed: flag(row, 'followed') }
}

/** Claimed jobs in the order they came: `RETURNING` promises none. @param place Tells rows of one second apart. */
export function oldestFirst<Row extends StoredRow>(rows: readonly Row[], place: string): Row[] {
  return rows.toSorted((one, other) => {
    const later = (column: string) => number(one, column) - number(other, column)
    return later('created_at') || later(place)
  })
}

/** An API key. */
export function readKey(row: StoredRow): StoredKey {
  return {
    publicId: text(row, 'public_id'),
    account: accountId(text(row, 'account_id')),
    digest: text(row, 'digest'),
    createdAt: number(row, 'created_at'),
    revokedAt: row['revoked_at'] === null ? undefined : number(row, 'revoked_at'),
  }
}

/** What reading makes; undefined where a payload is damaged: one such row must not stand in the way of the others. */
export function unlessDamaged<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof StoreDamaged) return undefined
    throw error
  }
}

/** A column of text. */
export function text(row: StoredRow, column: string): string {
  return String(row[column])
}

/** A column of numbers. */
export function number(row: StoredRow | undefined, column: string): number {
  return Number(row?.[column])
}

function flag(row: StoredRow, column: string): boolean {
  return number(row, column) === 1
}

/** A column of response ids. */
export function responseId(row: StoredRow, column: string): ResponseId {
  const id = parseResponseId(text(row, column))
  if (id === undefined) throw new Error(`The column ${column} holds no response id.`)
  return id
}

/** A column of payloads. @throws {StoreDamaged} */
export function payload(row: StoredRow, column: string): string {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw new Error(`The column ${column} holds no payload.`)
  return decodePayload(value)
}

/** A column of payloads that may be empty. @throws {StoreDamaged} */
export function optionalPayload(row: StoredRow | undefined, column: string): string | undefined {
  return row?.[column] instanceof Uint8Array ? payload(row, column) : undefined
}
