import type { DatabaseSync } from 'node:sqlite'
import type { ResponseId } from '../../protocol/id.ts'
import type { Claim, HeldJob, Job, Unfinished } from '../store.ts'
import { number, oldestFirst, readHeldJob, readJob, readUnfinished, text, unlessDamaged } from '../rows.ts'
import { UNFINISHED, UNFINISHED_COLUMNS } from './columns.ts'

/** What can be asked of the queue. */
export interface JobOperations {
  register(owner: string): void
  claim(options: Claim): Job[]
  heartbeat(owner: string, lease_ms: number, ids: readonly ResponseId[]): HeldJob[]
  orphans(limit: number): Unfinished[]
  countQueued(): number
}

/** The end of a lease that no clock reaches. */
const FOREVER = Number.MAX_SAFE_INTEGER

/** Prepares the statements of the queue. One process works here: whatever another one holds, it has left. */
export function jobOperations(db: DatabaseSync, now_ms: () => number): JobOperations {
  const claim = db.prepare(
    `UPDATE responses SET status = 'in_progress', version = version + 1, attempt = attempt + 1,
       crashes = crashes + (status = 'in_progress' AND lease_owner <> ''), lease_owner = ?, lease_until = ?
     WHERE id IN (
       SELECT id FROM responses
       WHERE background = 1 AND ${UNFINISHED} AND lease_until <= ? AND deleted_at IS NULL
         AND id NOT IN (SELECT value FROM json_each(?))
       ORDER BY created_at, rowid LIMIT ?
     )
     RETURNING rowid, created_at, previous_id, request, input, followed, ${UNFINISHED_COLUMNS}`,
  )
  const putAside = db.prepare(`UPDATE responses SET lease_until = ${FOREVER} WHERE id = ?`)
  const heartbeat = db.prepare(
    `UPDATE responses SET lease_until = ?
     WHERE id = ? AND lease_owner = ? AND status = 'in_progress' AND deleted_at IS NULL
     RETURNING id, cancel_wanted, followed`,
  )
  const countQueued = db.prepare(
    `SELECT count(*) AS total FROM responses WHERE background = 1 AND status = 'queued' AND ${UNFINISHED} AND deleted_at IS NULL`,
  )
  const lose = db.prepare(
    `UPDATE responses SET lease_until = 0 WHERE background = 1 AND status = 'in_progress' AND ${UNFINISHED} AND lease_owner <> ?`,
  )
  const orphans = db.prepare(
    `SELECT ${UNFINISHED_COLUMNS} FROM responses
     WHERE background = 0 AND ${UNFINISHED} AND lease_owner <> ? AND deleted_at IS NULL LIMIT ?`,
  )
  let registered: string | undefined
  return {
    register(owner) {
      lose.run(owner)
      registered = owner
    },
    claim: ({ owner, lease_ms, limit, inHand = [], takesOver = true }) =>
      oldestFirst(
        claim.all(owner, now_ms() + lease_ms, takesOver ? now_ms() : 0, JSON.stringify(inHand), limit),
        'rowid',
      ).flatMap((row) => {
        const job = unlessDamaged(() => readJob(row))
        if (job === undefined) putAside.run(text(row, 'id'))
        return job ?? []
      }),
    heartbeat: (owner, lease_ms, ids) =>
      ids.flatMap((id) => {
        const row = heartbeat.get(now_ms() + lease_ms, id, owner)
        return row === undefined ? [] : readHeldJob(row)
      }),
    orphans: (limit) =>
      registered === undefined
        ? []
        : orphans.all(registered, limit).flatMap((row) => unlessDamaged(() => readUnfinished(row)) ?? []),
    countQueued: () => number(countQueued.get(), 'total'),
  }
}
