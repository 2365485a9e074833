import type { DatabaseSync } from 'node:sqlite'
import { timeHex } from '../../protocol/id.ts'
import { decodePayload } from '../payload.ts'
import { number, text, type StoredRow } from '../rows.ts'
import { UNFINISHED } from './columns.ts'

/** What keeps a database small and sound. */
export interface UpkeepOperations {
  sweep(options: { createdBefore: number; deletedBefore: number; limit: number }): number
  check(): { readonly problems: readonly string[]; readonly responses: number }
}

const PAYLOADS = ['request', 'input', 'response', 'output', 'log', 'calls'] as const

const PAYLOAD_COLUMNS = PAYLOADS.join(', ')

/** Most problems that are told one by one. */
const PROBLEMS_MAX = 1000

/** Prepares the statements that forget and check. */
export function upkeepOperations(db: DatabaseSync, now_s: () => number): UpkeepOperations {
  return { sweep: sweeper(db, now_s), check: () => checkAll(db) }
}

/** Ids begin with their time: what is old stands first in their index. */
function sweeper(db: DatabaseSync, now_s: () => number): UpkeepOperations['sweep'] {
  const isLast = `NOT EXISTS (SELECT 1 FROM responses AS later WHERE later.previous_id = responses.id)`
  const old = db.prepare(
    `SELECT id FROM responses WHERE id < ? AND NOT ${UNFINISHED} AND deleted_at IS NULL AND ${isLast} ORDER BY id LIMIT ?`,
  )
  const deleted = db.prepare(`SELECT id FROM responses WHERE deleted_at < ? AND ${isLast} LIMIT ?`)
  const drop = db.prepare(`DELETE FROM responses WHERE id = ?`)
  const dropEvents = db.prepare(`DELETE FROM events WHERE response_id = ?`)
  const dropItems = db.prepare(`DELETE FROM items WHERE response_id = ?`)
  const dropBindings = db.prepare(
    `DELETE FROM bindings WHERE (account_id, key) IN (SELECT account_id, key FROM bindings WHERE expires_at <= ? LIMIT ?)`,
  )
  return ({ createdBefore, deletedBefore, limit }) => {
    const past = [...old.all(`resp_${timeHex(createdBefore * 1000)}`, limit), ...deleted.all(deletedBefore, limit)]
    for (const row of past) for (const statement of [drop, dropEvents, dropItems]) statement.run(text(row, 'id'))
    return past.length + Number(dropBindings.run(now_s(), limit).changes)
  }
}

function checkAll(db: DatabaseSync): ReturnType<UpkeepOperations['check']> {
  const problems: string[] = []
  const tell = (problem: string) => {
    if (problems.length < PROBLEMS_MAX) problems.push(problem)
  }
  for (const row of db.prepare('PRAGMA integrity_check').all()) {
    const found = text(row, 'integrity_check')
    if (found !== 'ok') tell(found)
  }
  let responses = 0
  for (const row of db.prepare(`SELECT id, ${PAYLOAD_COLUMNS} FROM responses`).iterate()) {
    responses++
    checkRow(row, tell)
  }
  for (const { what, sql } of RULES) {
    const broken = number(db.prepare(sql).get(), 'total')
    if (broken > 0) tell(`${broken} ${what}`)
  }
  return { problems, responses }
}

function checkRow(row: StoredRow, tell: (problem: string) => void): void {
  for (const column of PAYLOADS) {
    const value = row[column]
    if (!(value instanceof Uint8Array)) continue
    try {
      decodePayload(value)
    } catch {
      tell(`${text(row, 'id')}: ${column} differs from its checksum`)
    }
  }
}

/** What must never be found. */
const RULES = [
  {
    what: 'responses have ended without their log',
    sql: `SELECT count(*) AS total FROM responses WHERE NOT ${UNFINISHED} AND log IS NULL`,
  },
  {
    what: 'responses have not ended and have a log',
    sql: `SELECT count(*) AS total FROM responses WHERE ${UNFINISHED} AND log IS NOT NULL`,
  },
  {
    what: 'batches of events belong to no response, or to one that has ended',
    sql: `SELECT count(*) AS total FROM events WHERE response_id NOT IN (SELECT id FROM responses WHERE ${UNFINISHED})`,
  },
  {
    what: 'items belong to no response',
    sql: `SELECT count(*) AS total FROM items WHERE response_id NOT IN (SELECT id FROM responses)`,
  },
] as const
