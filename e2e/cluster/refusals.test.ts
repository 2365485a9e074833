import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { accepted } from '../../src/core/lifecycle.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile } from '../../src/store/postgres/testing/cluster.ts'
import { StoreUnavailable, type Store } from '../../src/store/store.ts'
import { ALICE, foregroundRow, idOf } from '../../src/store/testing/rows.ts'

const cluster = clusterForFile()

/** What a row would become that is not there. */
const UNUSED = accepted(false, 'boot')

/** As long as a call is tried again, and a little more. */
const REFUSED_MS_MAX = 4800

/** What a request that is accepted asks of the storage. @returns how long that took until it was refused. */
async function refusedAfter(store: Store, number: number): Promise<number> {
  const start_ms = performance.now()
  const asked = store.jobs.countQueued().then(() => store.forAccount(ALICE).insert(foregroundRow(number), 'boot'))
  await assert.rejects(asked, StoreUnavailable)
  return performance.now() - start_ms
}

test(
  'D-10: nobody who comes while the database is away waits for those who came before him',
  { skip: CLUSTER_MISSING },
  async () => {
    const store = await openPostgresStore(await cluster().createDatabase())
    await store.ping()
    await cluster().stop('immediate')
    const refusals: Promise<number>[] = []
    const insertions: Promise<number>[] = []
    for (let number = 1; number <= 20; number++) {
      refusals.push(refusedAfter(store, number))
      const start_ms = performance.now()
      const inserted = store.forAccount(ALICE).insert(foregroundRow(100 + number), 'boot')
      insertions.push(assert.rejects(inserted, StoreUnavailable).then(() => performance.now() - start_ms))
      // Whoever ends what was never written need not try it.
      const swapped = store.forAccount(ALICE).swap(idOf(100 + number), { version: 0, next: UNUSED })
      insertions.push(assert.rejects(swapped, StoreUnavailable).then(() => performance.now() - start_ms))
      await sleep(300)
    }
    const times = (await Promise.all([...refusals, ...insertions])).map(Math.round)
    assert.ok(Math.max(...times) < REFUSED_MS_MAX, `${times.join(', ')} ms`)

    await cluster().start()
    await store.forAccount(ALICE).insert(foregroundRow(201), 'boot')
    await cluster().stop('fast')
    const bridged = store.forAccount(ALICE).insert(foregroundRow(202), 'boot')
    await sleep(1500)
    await cluster().start()
    await bridged
    await store.close()
  },
)
