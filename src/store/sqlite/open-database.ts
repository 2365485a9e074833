import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { migrate } from './migrations.ts'

/** Up to this size a database is read whole at the start: 11 ms from memory, 0.2 s from a disk of 150 MB/s. */
const WHOLE_CHECK_BYTES_MAX = 32 * 1024 * 1024

/** A stored response is about 3 kB: two fit a page, and a row costs a fifth less than with SQLite's 4,096. */
const PAGE_BYTES = 8192

/**
 * The header of a database: its length, and where it tells the size of a page and their number.
 *
 * @see https://www.sqlite.org/fileformat.html#the_database_header (read 2026-11-22)
 */
const HEADER_BYTES = 100
const PAGE_BYTES_AT = 16
const PAGES_AT = 28

/** Primary SQLite result codes that mean "these bytes are no database". */
const DAMAGED_CODES: ReadonlySet<number> = new Set([11, 26])

/**
 * Opens a database for one writer: WAL, an fsync for each commit, this version's schema.
 *
 * @param busy_ms How long a lock that another process holds is waited for.
 * @throws It cannot be opened, is damaged, or was written by a later version.
 */
export function openDatabase(path: string, busy_ms: number): DatabaseSync {
  if (isCutShort(path)) throw damaged('It is shorter than its header says.')
  const db = new DatabaseSync(path, { timeout: busy_ms })
  try {
    // A new database gets the page size; one that exists keeps its own.
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`)
    db.exec('PRAGMA foreign_keys = ON')
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)') // All that is committed is in the file then, or another process is at it.
    if (isCutShort(path)) throw damaged('It is shorter than its header says.')
    checkPages(db)
    migrate(db)
    return db
  } catch (error) {
    db.close()
    throw isDamage(error) ? damaged(error) : error
  }
}

/**
 * Looks for damage, and takes no longer for a large database than for one of the limit. Beyond it only the header,
 * the length, the schema and the list of free pages are checked; the rest is when it is read: SQLite knows its own
 * pages, and payloads have checksums.
 */
function checkPages(db: DatabaseSync): void {
  const size = db.prepare('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size').get()
  const isSmall = Number(size?.['bytes']) <= WHOLE_CHECK_BYTES_MAX
  const check = db.prepare(isSmall ? 'PRAGMA quick_check(1)' : 'PRAGMA quick_check(sqlite_schema)').get()
  if (check?.['quick_check'] !== 'ok') throw damaged(check?.['quick_check'])
}

/**
 * Whether a file ends before its last page does: SQLite would take what is missing for zeros. As long as there is a
 * log, pages may be there instead: a process that was killed while it moved them had begun with the header.
 */
function isCutShort(path: string): boolean {
  return !hasLog(path) && isShort(path) && !hasLog(path)
}

function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
}

function isShort(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false
  const file = openSync(path, 'r')
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    if (readSync(file, header) < HEADER_BYTES) return false // SQLite knows what that is.
    const pageBytes = header.readUInt16BE(PAGE_BYTES_AT)
    const pages = header.readUInt32BE(PAGES_AT)
    return fstatSync(file).size < pages * (pageBytes === 1 ? 65_536 : pageBytes)
  } finally {
    closeSync(file)
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && DAMAGED_CODES.has(Number(error.errcode) & 0xff)
}

function damaged(cause: unknown): Error {
  return new Error('the file is damaged: restore it from a backup', { cause })
}
