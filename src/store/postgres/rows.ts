import { createHash } from 'node:crypto'
import type { Lifecycle } from '../../core/lifecycle.ts'
import { parseResponseId, type ResponseId } from '../../protocol/id.ts'
import { RESPONSE_STATUSES, type ResponseStatus } from '../../protocol/response.ts'
import { decodePayload } from '../payload.ts'
import { StoreDamaged } from '../store.ts'
import type { SqlRow } from './database.ts'

/** A row has not ended, and is to end. The index `responses_unfinished` has just these. */
export const UNFINISHED = `status IN ('queued', 'in_progress') AND deleted_at IS NULL`

/**
 * A row is not deleted. As `deleted_at IS NULL`, for a row that is found by its id: while a table is small, PostgreSQL
 * would read all unfinished rows instead, and go on doing so.
 */
export const KEPT = 'coalesce(deleted_at, 0) = 0'

/** Now, in Unix milliseconds by the database's clock: SQL. */
export const NOW_MS = `floor(extract(epoch FROM now()) * 1000)::bigint`

/** Now, in Unix seconds by the database's clock: SQL. */
export const NOW_S = `floor(extract(epoch FROM now()))::bigint`

/** The end of a lease that no clock reaches. */
export const FOREVER = Number.MAX_SAFE_INTEGER

/** The columns that {@link lifecycleOf} reads. */
export const LIFECYCLE =
  'r.status, r.background, r.version, r.attempt, r.crashes, r.lease_owner, r.lease_until, r.deleted_at'

/** Where a row stands. */
export function lifecycleOf(row: SqlRow): Lifecycle {
  return {
    status: statusOf(row),
    background: row['background'] === true,
    version: Number(row['version']),
    attempt: Number(row['attempt']),
    crashes: Number(row['crashes']),
    leaseOwner: text(row, 'lease_owner'),
    leaseUntil_ms: Number(row['lease_until']),
    isDeleted: row['deleted_at'] !== null,
  }
}

/** The status of a response. */
export function statusOf(row: SqlRow): ResponseStatus {
  const status = text(row, 'status')
  const known = RESPONSE_STATUSES.find((name) => name === status)
  if (known === undefined) throw new Error('The column status holds no status.')
  return known
}

/** A column that always has a text. */
export function text(row: SqlRow, column: string): string {
  return String(row[column])
}

/** A column that holds a response id. */
export function responseId(row: SqlRow, column: string): ResponseId {
  const id = parseResponseId(text(row, column))
  if (id === undefined) throw new Error(`The column ${column} holds no response id.`)
  return id
}

/** A column that always has a payload. @throws {StoreDamaged} It is not what was written. */
export function payload(row: SqlRow, column: string): string {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw new Error(`The column ${column} holds no payload.`)
  return decodePayload(value)
}

/** A column that may have a payload, of a row that there may be. */
export function optionalPayload(row: SqlRow | undefined, column: string): string | undefined {
  return row?.[column] instanceof Uint8Array ? payload(row, column) : undefined
}

/** One damaged row must not stand in the way of the others. */
export function unlessDamaged<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof StoreDamaged) return undefined
    throw error
  }
}

/** What a client has named, as it is looked for: any text, of any length, fits an index so. */
export function digestOf(name: string): Buffer {
  return createHash('sha256').update(Buffer.from(name, 'utf16le')).digest()
}
