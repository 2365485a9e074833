import type { KeyStore } from '../store.ts'
import { readKey, text } from '../rows.ts'
import type { Database } from './database.ts'
import { NOW_S } from './sql.ts'

const COLUMNS = 'public_id, account_id, digest, created_at, revoked_at'

const INSERT = {
  name: 'insert_key',
  text: `INSERT INTO keys (${COLUMNS}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING public_id`,
}

const FIND = { name: 'find_key', text: `SELECT ${COLUMNS} FROM keys WHERE public_id = $1` }

const LIST = { name: 'list_keys', text: `SELECT ${COLUMNS} FROM keys ORDER BY created_at, public_id` }

const REVOKE = {
  name: 'revoke_key',
  text: `UPDATE keys SET revoked_at = ${NOW_S} WHERE public_id = $1 AND revoked_at IS NULL RETURNING public_id`,
}

/** API keys in PostgreSQL. */
export function keyStore(database: Database): KeyStore {
  return {
    insert: (key) =>
      database.run(async (query, isRepeated) => {
        const { publicId, account, digest, createdAt, revokedAt } = key
        const made = await query(INSERT, [publicId, account, digest, createdAt, revokedAt])
        if (made.length > 0) return
        const [found] = await query(FIND, [publicId])
        const isOurs = isRepeated && found !== undefined && text(found, 'digest') === digest
        if (!isOurs) throw new Error('There is a key with this public id already.')
      }),
    find: async (publicId) => {
      const [row] = await database.ask(FIND, [publicId])
      return row === undefined ? undefined : readKey(row)
    },
    list: async () => (await database.ask(LIST)).map(readKey),
    revoke: (publicId) =>
      database.run(async (query, isRepeated) => {
        if ((await query(REVOKE, [publicId])).length > 0) return true
        // By whomever: an earlier try may have done it.
        return isRepeated && (await query(FIND, [publicId])).length > 0
      }),
  }
}
