import { Client } from 'pg'
import { DEFAULTS } from './database.ts'
import { configOf, openingError } from './postgres-store.ts'

const KEEP = `
  INSERT INTO secrets (name, secret) VALUES ('seal', $1)
  ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING secret`

/**
 * The secret of all processes that share a database: the one that is kept in it, else the one that is given, from now
 * on. The database must have been opened by a store before.
 *
 * @throws {StoreUnavailable} The database cannot be reached just now.
 */
export async function sharedSecret(url: string, fresh: Uint8Array): Promise<Uint8Array> {
  const limits = { connectionTimeoutMillis: DEFAULTS.wait_ms, query_timeout: DEFAULTS.wait_ms }
  const client = new Client({ ...configOf(url), ...limits })
  client.on('error', () => {
    // The query then fails, too.
  })
  try {
    await client.connect()
    const { rows } = await client.query<{ secret: Uint8Array }>(KEEP, [fresh])
    const [kept] = rows
    if (kept === undefined) throw new Error('The database has kept no secret.')
    return kept.secret
  } catch (error) {
    throw openingError(url, error)
  } finally {
    await client.end().catch(() => {})
  }
}
