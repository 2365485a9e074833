import { DatabaseSync } from 'node:sqlite'

/**
 * Holds a database for the one server that may work on its jobs. The lock is SQLite's own, on a file beside
 * it, so that the system frees it however the process ends; commands that only read or write rows need none.
 *
 * @returns the lock; closing it frees it.
 * @throws Another server holds it.
 */
export function lockForServing(path: string): DatabaseSync {
  const lock = new DatabaseSync(`${path}.lock`, { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;')
    return lock
  } catch (cause) {
    lock.close()
    throw new Error(`Another server works with the database ${path}: stop it, or give this one another --store.`, {
      cause,
    })
  }
}
