import type { ResponseId } from '../../protocol/id.ts'
import type { Claim, HeldJob, Job, Unfinished } from '../store.ts'
import { oldestFirst, readHeldJob, readJob, readUnfinished, text, unlessDamaged, type StoredRow } from '../rows.ts'
import type { Database } from './database.ts'
import type { Hotline } from './hotline.ts'
import type { News } from './news.ts'
import { FOREVER, KEPT, LIFECYCLE, NOW_MS, UNFINISHED } from './sql.ts'

/** Of PostgreSQL's advisory locks with two numbers, ours have this first one. */
const LOCKS = 1_097_757_801

const LOCK_KEYS = 2 ** 31

const UNFINISHED_COLUMNS = `r.account_id, r.id, ${LIFECYCLE}, r.response, r.calls`

const JOB_COLUMNS = `${UNFINISHED_COLUMNS}, r.created_at, r.place, r.previous_id, r.followed, r.request, r.input`

const CLAIM = {
  name: 'claim',
  text: `
    WITH due AS (
      SELECT id FROM responses
      WHERE background AND ${UNFINISHED} AND lease_until <= CASE WHEN $6 THEN ${NOW_MS} ELSE 0 END
        AND id <> ALL ($5::text[])
      ORDER BY created_at, place LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE responses r SET
      status = 'in_progress', version = version + 1, attempt = attempt + 1,
      crashes = crashes + (status = 'in_progress' AND lease_owner <> '')::integer,
      lease_owner = $1, lease_until = ${NOW_MS} + $2::bigint, token = $4
    FROM due WHERE r.id = due.id RETURNING ${JOB_COLUMNS}`,
}

/** What an earlier try has claimed, where only its answer was lost. */
const CLAIMED = {
  name: 'claimed',
  text: `
    SELECT ${JOB_COLUMNS} FROM responses r
    WHERE background AND ${UNFINISHED} AND status = 'in_progress' AND lease_owner = $1 AND token = $2`,
}

const PUT_ASIDE = {
  name: 'put_aside',
  text: `UPDATE responses SET lease_until = ${FOREVER} WHERE id = ANY ($1::text[]) AND ${KEPT}`,
}

/** A process that is known stays so, also where it was forgotten: it may have been asleep for days. */
const HEARTBEAT = {
  name: 'heartbeat',
  text: `
    WITH alive AS (
      INSERT INTO processes (owner, instance, lock_key, lease_until)
      SELECT $1, coalesce($4::text, p.instance), coalesce($5::integer, p.lock_key), ${NOW_MS} + $2::bigint
      FROM (VALUES (0)) one LEFT JOIN processes p ON p.owner = $1
      WHERE $4::text IS NOT NULL OR p.owner IS NOT NULL
      ON CONFLICT (owner) DO UPDATE SET lease_until = excluded.lease_until
    ),
    locked AS (
      SELECT id FROM responses
      WHERE id = ANY ($3::text[]) AND lease_owner = $1 AND background AND status = 'in_progress' AND ${KEPT}
      ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE responses r SET lease_until = ${NOW_MS} + $2::bigint FROM locked WHERE r.id = locked.id
    RETURNING r.id, r.cancel_wanted, r.followed`,
}

/** Of the processes of one name, those are gone whose lock is free: PostgreSQL frees it with their connection. */
const REGISTER = {
  name: 'register',
  text: `
    WITH gone AS (
      UPDATE processes p SET lease_until = 0
      WHERE p.instance = $2 AND p.owner <> $1 AND NOT EXISTS (
        SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = ${LOCKS}
          AND l.objid::bigint = p.lock_key
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      )
      RETURNING p.owner
    ),
    known AS (
      INSERT INTO processes (owner, instance, lock_key, lease_until) VALUES ($1, $2, $3, ${NOW_MS} + $4::bigint)
      ON CONFLICT (owner) DO UPDATE SET lease_until = excluded.lease_until, lock_key = excluded.lock_key
    ),
    freed AS (
      UPDATE responses SET lease_until = 0
      WHERE background AND ${UNFINISHED} AND lease_until > 0 AND lease_until < ${FOREVER}
        AND lease_owner IN (SELECT owner FROM gone)
    )
    SELECT pg_notify($5, words) FROM unnest($6::text[]) AS words`,
}

const ORPHANS = {
  name: 'orphans',
  text: `
    SELECT ${UNFINISHED_COLUMNS} FROM responses r
    WHERE NOT background AND ${UNFINISHED} AND lease_until < ${FOREVER}
      AND NOT EXISTS (SELECT FROM processes p WHERE p.owner = r.lease_owner AND p.lease_until > ${NOW_MS})
    ORDER BY created_at, place LIMIT $1`,
}

const COUNT_QUEUED = {
  name: 'count_queued',
  text: `SELECT count(*) AS total FROM responses WHERE background AND status = 'queued' AND ${UNFINISHED}`,
}

/** What the queue works with. */
export interface JobsWiring {
  readonly database: Database
  readonly hotline: Hotline
  readonly news: News
  /** Names one change, unlike every other one. */
  readonly mintToken: () => string
}

/** The queue, and the processes that work on it. */
export class Jobs {
  readonly #wiring: JobsWiring
  /** By owner, what this process has made known. */
  readonly #known = new Map<string, { instance: string; lockKey: number }>()

  constructor(wiring: JobsWiring) {
    this.#wiring = wiring
  }

  async register({ owner, instance, lease_ms }: { owner: string; instance: string; lease_ms: number }): Promise<void> {
    const { database, hotline, news } = this.#wiring
    const known = this.#known.get(owner) ?? { instance, lockKey: Math.floor(Math.random() * LOCK_KEYS) }
    await hotline.hold(LOCKS, known.lockKey)
    await database.ask(REGISTER, [owner, instance, known.lockKey, lease_ms, ...news.words(['queue'])], 'own')
    this.#known.set(owner, known)
  }

  async claim({ owner, lease_ms, limit, inHand = [], takesOver = true }: Claim): Promise<readonly Job[]> {
    const { database, mintToken } = this.#wiring
    const token = mintToken()
    const rows = await database.run(async (query, isRepeated) => {
      const earlier = isRepeated ? await query(CLAIMED, [owner, token]) : []
      return earlier.length > 0 ? earlier : query(CLAIM, [owner, lease_ms, limit, token, inHand, takesOver])
    }, 'own')
    return this.#intact(oldestFirst(rows, 'place'), readJob)
  }

  async heartbeat(options: {
    owner: string
    lease_ms: number
    ids: readonly ResponseId[]
  }): Promise<readonly HeldJob[]> {
    const { owner, lease_ms, ids } = options
    const { instance, lockKey } = this.#known.get(owner) ?? {}
    const rows = await this.#wiring.database.ask(HEARTBEAT, [owner, lease_ms, ids, instance, lockKey], 'own')
    return rows.map(readHeldJob)
  }

  async orphans(limit: number): Promise<readonly Unfinished[]> {
    return this.#intact(await this.#wiring.database.ask(ORPHANS, [limit]), readUnfinished)
  }

  async countQueued(): Promise<number> {
    const [row] = await this.#wiring.database.ask(COUNT_QUEUED)
    return Number(row?.['total'])
  }

  /** Rows that can be read; the others are put aside, so that they do not stand in the way for ever. */
  async #intact<Value>(rows: readonly StoredRow[], read: (row: StoredRow) => Value): Promise<Value[]> {
    const values: Value[] = []
    const damaged: string[] = []
    for (const row of rows) {
      const value = unlessDamaged(() => read(row))
      if (value === undefined) damaged.push(text(row, 'id'))
      else values.push(value)
    }
    if (damaged.length > 0) await this.#wiring.database.ask(PUT_ASIDE, [damaged])
    return values
  }
}
