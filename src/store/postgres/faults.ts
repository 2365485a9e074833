import { StoreDamaged, StoreUnavailable } from '../store.ts'

/**
 * What a failed statement means.
 *
 * - `lost`: the connection is gone, or leads to a server that cannot write. What was sent may have been done.
 * - `full`: the server takes no more connections just now.
 * - `again`: other transactions stood in the way. Nothing was done.
 * - `busy`: it takes too long, or the server has no room. Nothing was done.
 * - `refused`: the server does not want us.
 * - `damaged`: the server cannot read its own data.
 * - `ours`: a statement or a value is wrong.
 */
export type Fault = 'lost' | 'full' | 'again' | 'busy' | 'refused' | 'damaged' | 'ours'

/** All connections were in use, for longer than anybody wants to wait. */
export class PoolExhausted extends Error {
  override readonly name = 'PoolExhausted'
}

/** @see https://www.postgresql.org/docs/18/errcodes-appendix.html (read 2026-11-22) */
const BY_STATE: Readonly<Record<string, Fault>> = {
  '25006': 'lost', // Read-only: what was the primary is one no more.
  '28000': 'refused',
  '28P01': 'refused',
  '3D000': 'refused', // No such database.
  '40001': 'again',
  '40P01': 'again',
  '53300': 'full',
  '55P03': 'again',
  '57014': 'busy', // Statement timeout.
  '57P01': 'lost', // Shutdown, crash, starting up; database dropped; idle for too long.
  '57P02': 'lost',
  '57P03': 'full',
  '57P04': 'refused',
  '57P05': 'lost',
  XX001: 'damaged',
  XX002: 'damaged',
}

const BY_CLASS: Readonly<Record<string, Fault>> = {
  '08': 'lost', // Connection exceptions.
  '53': 'busy', // Disk full, out of memory.
  '58': 'busy', // Errors of the operating system, such as I/O.
}

/** Of sockets and name servers. */
const SYSTEM_CODES = /^(?:E[A-Z]+|EAI_[A-Z]+)$/

/** What `pg` says itself, for which it has no codes. */
const LOST_WORDS =
  /^(?:Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout expired|Client was passed a null)/

const WHAT_IS: Readonly<Record<Exclude<Fault, 'ours' | 'damaged'>, string>> = {
  lost: 'The database cannot be reached',
  full: 'The database takes no connections',
  again: 'The database is busy with the same rows',
  busy: 'The database has no time or room',
  refused: 'The database refuses',
}

/** Tells what an error of `pg` means. */
export function faultOf(error: unknown): Fault {
  if (error instanceof PoolExhausted) return 'busy'
  if (!(error instanceof Error)) return 'ours'
  const code = codeOf(error)
  if (code === undefined) return LOST_WORDS.test(error.message) ? 'lost' : 'ours'
  const isState = /^[0-9A-Z]{5}$/.test(code) && 'severity' in error
  if (isState) return BY_STATE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 'ours'
  return SYSTEM_CODES.test(code) ? 'lost' : 'ours'
}

/** The error of the store's interface that says the same. */
export function storeError(cause: unknown): Error {
  const fault = faultOf(cause)
  const error = cause instanceof Error ? cause : new Error(String(cause))
  if (fault === 'ours') return error
  if (fault === 'damaged') return new StoreDamaged(error.message, { cause })
  return new StoreUnavailable(`${WHAT_IS[fault]}: ${wordsOf(error)}.`, { cause })
}

/** What an error says; of several addresses that were tried it is their code. */
export function wordsOf(error: Error): string {
  return error.message === '' ? (codeOf(error) ?? error.name) : error.message.replace(/\.$/, '')
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
