import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { Client } from 'pg'
import { openPostgresStore, type PostgresOptions } from '../../src/store/postgres/postgres-store.ts'
import type { Cluster } from '../../src/store/postgres/testing/cluster.ts'
import { StoreUnavailable, type Store } from '../../src/store/store.ts'
import { startChaosProxy, type ChaosProxy } from '../harness/chaos-proxy.ts'

/** A lease that is not over before the test is. */
export const LEASE_MS = 3_600_000

/** A store, the network before its database, and the database itself. */
export interface Stage {
  readonly store: Store
  readonly proxy: ChaosProxy
  /** Without the proxy. */
  readonly url: string
}

/** Sets a stage on a server, for one test. */
export async function setStage(context: TestContext, cluster: Cluster, options: PostgresOptions = {}): Promise<Stage> {
  const url = await cluster.createDatabase()
  const proxy = await startChaosProxy({ target: cluster })
  context.after(() => proxy.close())
  const store = await openPostgresStore(cluster.urlOf(databaseOf(url), proxy), options)
  context.after(async () => {
    proxy.clear()
    await store.close()
  })
  return { store, proxy, url }
}

/** The name of the database that a URL has. */
export function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1)
}

/** Asks a database. */
export async function query(connectionString: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    const { rows }: { rows: Record<string, unknown>[] } = await client.query(sql)
    return rows
  } finally {
    await client.end()
  }
}

/** How long something took, and what became of it. */
export async function timed<Value>(work: Promise<Value>): Promise<{ ms: number; value?: Value; error?: unknown }> {
  const started = performance.now()
  const outcome = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  return { ms: performance.now() - started, ...outcome }
}

/** Fails unless the storage has said that it is not there. */
export function assertUnavailable(error: unknown): void {
  assert.ok(error instanceof StoreUnavailable, String(error))
}
