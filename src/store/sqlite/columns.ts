import type { SQLOutputValue } from 'node:sqlite'
import type { Lifecycle } from '../../core/lifecycle.ts'
import { accountId, parseResponseId, type ResponseId } from '../../protocol/id.ts'
import { RESPONSE_STATUSES, type ResponseStatus } from '../../protocol/response.ts'
import { StoreDamaged, type Unfinished } from '../store.ts'
import { decodePayload, encodePayload } from '../payload.ts'

/** A row as SQLite gives it. */
export type SqlRow = Record<string, SQLOutputValue>

/** What is not over yet. */
export const UNFINISHED = `status IN ('queued', 'in_progress')`

/** The columns that `readLifecycle` reads. */
export const LIFECYCLE_COLUMNS = 'status, background, version, attempt, crashes, lease_owner, lease_until, deleted_at'

/** The columns that `readUnfinished` reads. */
export const UNFINISHED_COLUMNS = `account_id, id, response, calls, ${LIFECYCLE_COLUMNS}`

/** Where a response stands. */
export function readLifecycle(row: SqlRow): Lifecycle {
  return {
    status: readStatus(row),
    background: row['background'] === 1,
    version: number(row, 'version'),
    attempt: number(row, 'attempt'),
    crashes: number(row, 'crashes'),
    leaseOwner: text(row, 'lease_owner'),
    leaseUntil_ms: number(row, 'lease_until'),
    isDeleted: row['deleted_at'] !== null,
  }
}

/** A response that has not ended. @throws {StoreDamaged} */
export function readUnfinished(row: SqlRow): Unfinished {
  return {
    account: accountId(text(row, 'account_id')),
    id: responseId(row, 'id'),
    lifecycle: readLifecycle(row),
    response: payload(row, 'response'),
    calls: optionalPayload(row, 'calls') ?? '[]',
  }
}

/** The status of a response. */
export function readStatus(row: SqlRow): ResponseStatus {
  const status = text(row, 'status')
  const known = RESPONSE_STATUSES.find((name) => name === status)
  if (known === undefined) throw new Error('The column status holds no status.')
  return known
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
export function text(row: SqlRow, column: string): string {
  return String(row[column])
}

/** A column of numbers. */
export function number(row: SqlRow | undefined, column: string): number {
  return Number(row?.[column])
}

/** A column of response ids. */
export function responseId(row: SqlRow, column: string): ResponseId {
  const id = parseResponseId(text(row, column))
  if (id === undefined) throw new Error(`The column ${column} holds no response id.`)
  return id
}

/** A column of payloads. @throws {StoreDamaged} */
export function payload(row: SqlRow, column: string): string {
  const value = row[column]
  if (!(value instanceof Uint8Array)) throw new Error(`The column ${column} holds no payload.`)
  return decodePayload(value)
}

/** A column of payloads that may be empty. @throws {StoreDamaged} */
export function optionalPayload(row: SqlRow | undefined, column: string): string | undefined {
  return row?.[column] instanceof Uint8Array ? payload(row, column) : undefined
}

/** A payload for a column that may be empty. */
export function encodeOptional(value: string | undefined): Uint8Array | null {
  return value === undefined ? null : encodePayload(value)
}
