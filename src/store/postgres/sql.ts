import { createHash } from 'node:crypto'

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

/** The columns that `readLifecycle` reads. */
export const LIFECYCLE =
  'r.status, r.background, r.version, r.attempt, r.crashes, r.lease_owner, r.lease_until, r.deleted_at'

/** What a client has named, as it is looked for: any text, of any length, fits an index so. */
export function digestOf(name: string): Buffer {
  return createHash('sha256').update(Buffer.from(name, 'utf16le')).digest()
}
