import { timeHex } from '../../protocol/id.ts'
import { isTerminal } from '../../protocol/response.ts'
import type { Upkeep } from '../store.ts'
import { payload, readStatus, text, unlessDamaged, type StoredRow } from '../rows.ts'
import type { Database, Statement } from './database.ts'
import { NOW_MS, NOW_S, UNFINISHED } from './sql.ts'

/** A turn is needed as long as there is a later one of its thread; whatever belongs to it goes with it. */
function forget(name: string, which: string): Statement {
  return {
    name,
    text: `
      WITH gone AS (
        SELECT id FROM responses r WHERE ${which} AND NOT EXISTS (
          SELECT FROM responses later WHERE later.previous_id = r.id AND later.account_id = r.account_id
        )
        LIMIT $1 FOR UPDATE SKIP LOCKED
      ),
      rows AS (DELETE FROM responses r USING gone WHERE r.id = gone.id),
      batches AS (DELETE FROM events e USING gone WHERE e.response_id = gone.id),
      named AS (DELETE FROM items i USING gone WHERE i.response_id = gone.id),
      bound AS (DELETE FROM bindings b USING gone WHERE b.response_id = gone.id)
      SELECT count(*) AS total FROM gone`,
  }
}

/** Ids begin with their time: what is old stands first in their index. */
const FORGET_OLD = forget(
  'forget_old',
  `r.id < $2 AND r.status NOT IN ('queued', 'in_progress') AND r.deleted_at IS NULL`,
)

const FORGET_DELETED = forget('forget_deleted', 'r.deleted_at < $2::bigint')

const FORGET_BINDINGS: Statement = {
  name: 'forget_bindings',
  text: `
    WITH gone AS (
      SELECT account_id, key FROM bindings WHERE expires_at <= ${NOW_S} LIMIT $1 FOR UPDATE SKIP LOCKED
    ),
    rows AS (DELETE FROM bindings b USING gone WHERE b.account_id = gone.account_id AND b.key = gone.key)
    SELECT count(*) AS total FROM gone`,
}

/** A day after their leases are over, processes of which nothing is left. */
const FORGET_PROCESSES: Statement = {
  name: 'forget_processes',
  text: `
    DELETE FROM processes p WHERE lease_until < ${NOW_MS} - 86400000
      AND NOT EXISTS (SELECT FROM responses r WHERE ${UNFINISHED} AND r.lease_owner = p.owner)`,
}

const PAYLOADS = ['request', 'input', 'response', 'output', 'log', 'calls'] as const

/** A table that is read whole, a page at a time. */
interface Reading {
  readonly statement: Statement
  /** Where the next page begins. */
  readonly after: (row: StoredRow) => readonly unknown[]
  readonly first: readonly unknown[]
  readonly problemsOf: (row: StoredRow) => readonly string[]
}

const READ_RESPONSES: Reading = {
  statement: {
    name: 'read_responses',
    text: `SELECT id, status, ${PAYLOADS.join(', ')} FROM responses WHERE id > $2 ORDER BY id LIMIT $1`,
  },
  first: [''],
  after: (row) => [row['id']],
  problemsOf: (row) => [...PAYLOADS.flatMap((column) => damageOf(row, column)), ...logProblems(row)],
}

const READ_EVENTS: Reading = {
  statement: {
    name: 'read_events',
    text: `
      SELECT e.response_id AS id, e.first_seq, e.events FROM events e
      WHERE (e.response_id, e.first_seq) > ($2, $3::integer) ORDER BY e.response_id, e.first_seq LIMIT $1`,
  },
  first: ['', -1],
  after: (row) => [row['id'], row['first_seq']],
  // Batches that came while an ending was written stay until their response goes, and nobody reads them.
  problemsOf: (row) => damageOf(row, 'events'),
}

const READ_ITEMS: Reading = {
  statement: {
    name: 'read_items',
    text: `
      SELECT i.account_id, i.item, i.response_id AS id, r.id IS NOT NULL AS is_known
      FROM items i LEFT JOIN responses r ON r.id = i.response_id
      WHERE (i.account_id, i.item) > ($2, $3::bytea) ORDER BY i.account_id, i.item LIMIT $1`,
  },
  first: ['', Buffer.alloc(0)],
  after: (row) => [row['account_id'], row['item']],
  problemsOf: (row) => (row['is_known'] === true ? [] : ['has items, and is not there']),
}

/** A page is held in memory, and must not take longer than a statement may. */
const PAGE_ROWS = 32

/** Upkeep of a database. */
export function upkeep(database: Database): Upkeep {
  const count = async (statement: Statement, values: readonly unknown[]) => {
    const [row] = await database.ask(statement, values)
    return Number(row?.['total'])
  }
  return {
    async sweep({ createdBefore, deletedBefore, limit }) {
      const old = await count(FORGET_OLD, [limit, `resp_${timeHex(createdBefore * 1000)}`])
      const deleted = await count(FORGET_DELETED, [limit, deletedBefore])
      const expired = await count(FORGET_BINDINGS, [limit])
      await database.ask(FORGET_PROCESSES)
      return old + deleted + expired
    },
    async check(tell) {
      const responses = await readAll(database, READ_RESPONSES, tell)
      await readAll(database, READ_EVENTS, tell)
      await readAll(database, READ_ITEMS, tell)
      return { responses }
    },
  }
}

/** Reads a table. @returns how many rows it has. */
async function readAll(database: Database, reading: Reading, tell: (problem: string) => void): Promise<number> {
  const { statement, first, after, problemsOf } = reading
  let total = 0
  for (let from = first; ;) {
    const rows = await database.ask(statement, [PAGE_ROWS, ...from])
    for (const row of rows) for (const problem of problemsOf(row)) tell(`${text(row, 'id')}: ${problem}`)
    total += rows.length
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE_ROWS) return total
    from = after(last)
  }
}

/** Whatever has ended has its log, and nothing else has one. */
function logProblems(row: StoredRow): readonly string[] {
  const hasLog = row['log'] !== null
  if (isTerminal(readStatus(row)) === hasLog) return []
  return [`has status ${text(row, 'status')} and ${hasLog ? 'a' : 'no'} log`]
}

function damageOf(row: StoredRow, column: string): readonly string[] {
  const isWhole = row[column] === null || unlessDamaged(() => payload(row, column)) !== undefined
  return isWhole ? [] : [`${column} differs from its checksum`]
}
