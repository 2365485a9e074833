import { DatabaseSync } from 'node:sqlite'
import { migrate } from './migrations.ts'

/** Primary SQLite result codes that mean "these bytes are no database". */
const DAMAGED_CODES: ReadonlySet<number> = new Set([11, 26])

/**
 * Opens a database for one writer: WAL, an fsync for each commit, this version's schema.
 *
 * @param busy_ms How long a lock that another process holds is waited for.
 * @throws It cannot be opened, is damaged, or was written by a later version.
 */
export function openDatabase(path: string, busy_ms: number): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: busy_ms })
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;')
    checkWhole(db)
    migrate(db)
    return db
  } catch (error) {
    db.close()
    throw isDamage(error) ? damaged(error) : error
  }
}

function checkWhole(db: DatabaseSync): void {
  const check = db.prepare('PRAGMA quick_check(1)').get()
  if (check?.['quick_check'] !== 'ok') throw damaged(check?.['quick_check'])
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && DAMAGED_CODES.has(Number(error.errcode) & 0xff)
}

function damaged(cause: unknown): Error {
  return new Error('the file is damaged: restore it from a backup', { cause })
}
