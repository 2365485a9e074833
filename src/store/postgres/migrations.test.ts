import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { foregroundRow, ALICE, idOf } from '../testing/rows.ts'
import { migrate, MIGRATIONS, type Migration } from './migrations.ts'
import { openPostgresStore } from './postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile } from './testing/cluster.ts'

const skip = CLUSTER_MISSING

const cluster = clusterForFile()

test('many processes that start at once make the schema once', { skip }, async () => {
  const url = await cluster().createDatabase()
  const stores = await Promise.all(Array.from({ length: 8 }, () => openPostgresStore(url)))
  for (const [number, store] of stores.entries()) await store.forAccount(ALICE).insert(foregroundRow(number), 'boot')
  for (const number of stores.keys()) assert.ok(await stores[0]?.forAccount(ALICE).find(idOf(number)))
  await Promise.all(stores.map((store) => store.close()))
  assert.deepEqual(
    await versionsOf(url),
    MIGRATIONS.map((_, index) => index + 1),
  )
})

test('a database is brought on step by step, and nothing is done twice', { skip }, async () => {
  const connectionString = await cluster().createDatabase()
  const steps: Migration[] = [
    { sql: 'CREATE TABLE one ()', oldest: 1 },
    { sql: 'ALTER TABLE one ADD COLUMN two int', oldest: 1 },
    { sql: 'CREATE TABLE three ()', oldest: 1 },
  ]
  await migrate({ connectionString }, steps.slice(0, 1))
  await Promise.all([1, 2, 3, 4].map(() => migrate({ connectionString }, steps)))
  assert.deepEqual(await versionsOf(connectionString), [1, 2, 3])
})

test('K-14: a step that fails leaves nothing, and is made again', { skip }, async () => {
  const connectionString = await cluster().createDatabase()
  const broken = { sql: 'CREATE TABLE half (); SELECT * FROM missing', oldest: 1 }
  await assert.rejects(migrate({ connectionString }, [broken]), /missing/)
  await migrate({ connectionString }, [{ sql: 'CREATE TABLE half ()', oldest: 1 }])
  assert.deepEqual(await versionsOf(connectionString), [1])
})

test('K-14: an older program refuses what it does not know, and works with what was only added', { skip }, async () => {
  const connectionString = await cluster().createDatabase()
  const first = { sql: 'CREATE TABLE one ()', oldest: 1 }
  await migrate({ connectionString }, [first, { sql: 'ALTER TABLE one ADD COLUMN two int', oldest: 1 }])
  await migrate({ connectionString }, [first])
  const other = { sql: 'ALTER TABLE one DROP COLUMN two', oldest: 3 }
  await migrate({ connectionString }, [first, first, other])
  await assert.rejects(migrate({ connectionString }, [first]), {
    message:
      'The database has schema version 3, which needs a program that knows 3; this program knows 1. Start a newer version of the program, or restore a backup.',
  })
})

async function versionsOf(connectionString: string): Promise<number[]> {
  const client = new Client({ connectionString })
  await client.connect()
  const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_versions ORDER BY version')
  await client.end()
  return rows.map(({ version }) => version)
}
