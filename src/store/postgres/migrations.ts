import { Client, type ClientConfig } from 'pg'

/** One step of the schema's history. */
export interface Migration {
  readonly sql: string
  /**
   * The oldest schema version whose program still works with the result: others run while this one is made, and an
   * update may be taken back. A step that only adds has the one of the step before.
   */
  readonly oldest: number
}

/**
 * The schema's history: one entry per version, never changed once released. Payloads are `payload.ts` encodings, never
 * `jsonb` or `text`: these refuse what clients may send, and reword the rest. Whatever a client names is a digest. Times
 * are Unix seconds, leases milliseconds, all by the database's clock. What is looked for all the time has an index of
 * its own rows only. What fits a page stays in it, and nothing is compressed: a batch of 2.4 kB takes 38 µs of the
 * server's CPU so, and 250 µs otherwise; an input of 33 MB less than half.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    oldest: 1,
    sql: `
    CREATE TABLE responses (
      id text COLLATE "C" PRIMARY KEY,
      place bigint GENERATED ALWAYS AS IDENTITY,
      account_id text COLLATE "C" NOT NULL,
      status text COLLATE "C" NOT NULL,
      background boolean NOT NULL,
      created_at bigint NOT NULL,
      previous_id text COLLATE "C",
      version integer NOT NULL DEFAULT 0,
      attempt integer NOT NULL DEFAULT 0,
      crashes integer NOT NULL DEFAULT 0,
      lease_owner text COLLATE "C" NOT NULL,
      lease_until bigint NOT NULL DEFAULT 0,
      cancel_wanted boolean NOT NULL DEFAULT false,
      followed boolean NOT NULL DEFAULT false,
      deleted_at bigint,
      token text COLLATE "C" NOT NULL,
      request bytea,
      input bytea NOT NULL,
      response bytea NOT NULL,
      output bytea,
      log bytea,
      calls bytea NOT NULL
    ) WITH (fillfactor = 85, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05);
    ALTER TABLE responses
      ALTER COLUMN request SET STORAGE EXTERNAL,
      ALTER COLUMN input SET STORAGE EXTERNAL,
      ALTER COLUMN response SET STORAGE EXTERNAL,
      ALTER COLUMN output SET STORAGE EXTERNAL,
      ALTER COLUMN log SET STORAGE EXTERNAL,
      ALTER COLUMN calls SET STORAGE EXTERNAL;
    CREATE INDEX responses_unfinished ON responses (background, created_at, place)
      WHERE status IN ('queued', 'in_progress') AND deleted_at IS NULL;
    CREATE INDEX responses_deleted ON responses (deleted_at) WHERE deleted_at IS NOT NULL;
    CREATE INDEX responses_previous ON responses (previous_id) WHERE previous_id IS NOT NULL;
    CREATE TABLE events (
      response_id text COLLATE "C" NOT NULL,
      first_seq integer NOT NULL,
      last_seq integer NOT NULL,
      events bytea NOT NULL,
      PRIMARY KEY (response_id, first_seq)
    ) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05);
    ALTER TABLE events ALTER COLUMN events SET STORAGE EXTERNAL;
    CREATE TABLE items (
      account_id text COLLATE "C" NOT NULL,
      item bytea NOT NULL,
      response_id text COLLATE "C" NOT NULL,
      PRIMARY KEY (account_id, item)
    );
    CREATE INDEX items_response ON items (response_id);
    CREATE TABLE bindings (
      account_id text COLLATE "C" NOT NULL,
      key bytea NOT NULL,
      body_hash text COLLATE "C" NOT NULL,
      response_id text COLLATE "C" NOT NULL,
      expires_at bigint NOT NULL,
      refusal bytea,
      PRIMARY KEY (account_id, key)
    );
    CREATE INDEX bindings_response ON bindings (response_id);
    CREATE INDEX bindings_expiry ON bindings (expires_at);
    CREATE TABLE keys (
      public_id text COLLATE "C" PRIMARY KEY,
      account_id text COLLATE "C" NOT NULL,
      digest text COLLATE "C" NOT NULL,
      created_at bigint NOT NULL,
      revoked_at bigint
    );
    CREATE TABLE processes (
      owner text COLLATE "C" PRIMARY KEY,
      instance text COLLATE "C" NOT NULL,
      lock_key integer NOT NULL,
      lease_until bigint NOT NULL
    );
    CREATE INDEX processes_instance ON processes (instance);
    CREATE TABLE secrets (
      name text COLLATE "C" PRIMARY KEY,
      secret bytea NOT NULL
    );
    `,
  },
]

const HISTORY = `
  CREATE TABLE IF NOT EXISTS schema_versions (version integer PRIMARY KEY, oldest integer NOT NULL, made_at timestamptz NOT NULL DEFAULT now())`

/** PostgreSQL's advisory lock that whoever changes the schema holds: any number, always the same. */
const MIGRATION_LOCK = 7_310_622_417

/** @see https://www.postgresql.org/support/versioning/ (read 2026-11-22): 14 is the oldest that is maintained. */
const SERVER_OLDEST = 140_000

/** A step may rewrite a large table. */
const STEP_MS = 600_000

/**
 * Brings a database to this version's schema: each step in a transaction of its own, one process at a time.
 *
 * @param migrations Those of this program, except in tests.
 * @throws A later version of the program has written the database in a way that this one does not know; or the server
 * is too old.
 */
export async function migrate(config: ClientConfig, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  const client = new Client({ ...config, query_timeout: STEP_MS, statement_timeout: STEP_MS })
  client.on('error', () => {
    // The statement that runs then fails, too.
  })
  await client.connect()
  try {
    await checkServer(client)
    while ((await versionOf(client, migrations)) < migrations.length) await migrateOnce(client, migrations)
  } finally {
    await client.end()
  }
}

async function checkServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ number: string; name: string }>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS name`,
  )
  const [{ number, name } = { number: '0', name: 'unknown' }] = rows
  if (Number(number) >= SERVER_OLDEST) return
  throw new Error(`The server is PostgreSQL ${name}; this program needs ${SERVER_OLDEST / 10_000} or later.`)
}

async function migrateOnce(client: Client, migrations: readonly Migration[]): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
    await client.query(HISTORY)
    // Read again inside: another process may have been faster.
    const found = await versionOf(client, migrations)
    const next = migrations[found]
    if (next !== undefined) {
      await client.query(next.sql)
      const values = [found + 1, next.oldest]
      await client.query('INSERT INTO schema_versions (version, oldest) VALUES ($1, $2)', values)
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      // The connection is gone, and its transaction with it.
    })
    throw error
  }
}

async function versionOf(client: Client, migrations: readonly Migration[]): Promise<number> {
  const made = await client.query<{ made: boolean }>(`SELECT to_regclass('schema_versions') IS NOT NULL AS made`)
  if (made.rows[0]?.made !== true) return 0
  const { rows } = await client.query<{ version: number; oldest: number }>(
    'SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest), 0) AS oldest FROM schema_versions',
  )
  const [{ version, oldest } = { version: 0, oldest: 0 }] = rows
  if (oldest <= migrations.length) return version
  throw new Error(
    `The database has schema version ${version}, which needs a program that knows ${oldest}; this program knows ${migrations.length}. Start a newer version of the program, or restore a backup.`,
  )
}
