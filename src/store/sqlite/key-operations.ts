import type { DatabaseSync } from 'node:sqlite'
import type { StoredKey } from '../store.ts'
import { readKey } from '../rows.ts'

/** What can be asked of the API keys. */
export interface KeyOperations {
  insertKey(key: StoredKey): void
  findKey(publicId: string): StoredKey | undefined
  listKeys(): StoredKey[]
  revokeKey(publicId: string): boolean
}

/** Prepares the statements that concern keys. */
export function keyOperations(db: DatabaseSync, now_s: () => number): KeyOperations {
  const columns = 'public_id, account_id, digest, created_at, revoked_at'
  const insert = db.prepare(`INSERT INTO keys (${columns}) VALUES (?, ?, ?, ?, ?)`)
  const find = db.prepare(`SELECT ${columns} FROM keys WHERE public_id = ?`)
  const list = db.prepare(`SELECT ${columns} FROM keys ORDER BY created_at, public_id`)
  const revoke = db.prepare(`UPDATE keys SET revoked_at = ? WHERE public_id = ? AND revoked_at IS NULL`)
  return {
    insertKey: (key) => void insert.run(key.publicId, key.account, key.digest, key.createdAt, key.revokedAt ?? null),
    findKey: (publicId) => {
      const row = find.get(publicId)
      return row === undefined ? undefined : readKey(row)
    },
    listKeys: () => list.all().map(readKey),
    revokeKey: (publicId) => revoke.run(now_s(), publicId).changes === 1,
  }
}
