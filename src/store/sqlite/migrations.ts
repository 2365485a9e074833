import type { DatabaseSync } from 'node:sqlite'

/**
 * The schema's history: one entry per version, never changed once released. Payload columns hold
 * `payload.ts` encodings; times are Unix seconds, leases milliseconds.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE responses (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    status TEXT NOT NULL,
    background INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    previous_id TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    deleted_at INTEGER,
    request BLOB,
    input BLOB NOT NULL,
    response BLOB NOT NULL,
    log BLOB
  ) STRICT;
  CREATE INDEX responses_unfinished ON responses (background, created_at)
    WHERE status IN ('queued', 'in_progress');
  CREATE TABLE items (
    account_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    response_id TEXT NOT NULL,
    PRIMARY KEY (account_id, item_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE keys (
    public_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
  ) STRICT;
  `,
  `ALTER TABLE responses ADD COLUMN output BLOB;`,
  `
  ALTER TABLE responses ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE responses ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE responses ADD COLUMN cancel_wanted INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE responses ADD COLUMN followed INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE responses ADD COLUMN calls BLOB;
  CREATE INDEX responses_deleted ON responses (deleted_at) WHERE deleted_at IS NOT NULL;
  CREATE INDEX responses_following ON responses (previous_id) WHERE previous_id IS NOT NULL;
  CREATE INDEX items_response ON items (response_id);
  CREATE TABLE events (
    response_id TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    events BLOB NOT NULL,
    PRIMARY KEY (response_id, first_seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE bindings (
    account_id TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    response_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    refusal BLOB,
    PRIMARY KEY (account_id, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX bindings_expiry ON bindings (expires_at);
  `,
]

/**
 * Brings a database to this version's schema, each step in a transaction of its own.
 *
 * @throws A later version of the program has written the database.
 */
export function migrate(db: DatabaseSync): void {
  while (versionOf(db) < MIGRATIONS.length) migrateOnce(db)
}

function migrateOnce(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    // Read again inside: another process may have been faster.
    const found = versionOf(db)
    const sql = MIGRATIONS[found]
    if (sql !== undefined) db.exec(`${sql} PRAGMA user_version = ${found + 1};`)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function versionOf(db: DatabaseSync): number {
  // PRAGMA user_version always answers one row with one integer.
  const { user_version: found } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  if (found <= MIGRATIONS.length) return found
  throw new Error(
    `The database has schema version ${found}; this program knows ${MIGRATIONS.length}. Start a newer version of the program, or restore a backup`,
  )
}
