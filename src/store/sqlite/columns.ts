import { encodePayload } from '../payload.ts'

/** What is not over yet. */
export const UNFINISHED = `status IN ('queued', 'in_progress')`

/** The columns that `readLifecycle` reads. */
export const LIFECYCLE_COLUMNS = 'status, background, version, attempt, crashes, lease_owner, lease_until, deleted_at'

/** The columns that `readUnfinished` reads. */
export const UNFINISHED_COLUMNS = `account_id, id, response, calls, ${LIFECYCLE_COLUMNS}`

/** A payload for a column that may be empty. */
export function encodeOptional(value: string | undefined): Uint8Array | null {
  return value === undefined ? null : encodePayload(value)
}
