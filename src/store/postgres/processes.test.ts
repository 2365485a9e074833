import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Client } from 'pg'
import { accepted } from '../../core/lifecycle.ts'
import type { Store } from '../store.ts'
import { ALICE, backgroundRow, change, end, ENDED, endingOf, foregroundRow, idOf, remove } from '../testing/rows.ts'
import type { Change } from './news.ts'
import { openPostgresStore } from './postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile } from './testing/cluster.ts'

const cluster = clusterForFile()

const LEASE_MS = 3_600_000

/** Several processes, as far as the database can tell, that share one database. */
function onProcesses(
  sentence: string,
  check: (open: () => Promise<Store>, query: (sql: string) => Promise<unknown>) => Promise<void>,
): void {
  test(sentence, { skip: CLUSTER_MISSING }, async () => {
    const url = await cluster().createDatabase()
    const stores: Store[] = []
    const client = new Client({ connectionString: url })
    await client.connect()
    try {
      const open = async () => {
        const store = await openPostgresStore(url)
        stores.push(store)
        return store
      }
      await check(open, (sql) => client.query(sql))
    } finally {
      await client.end()
      await Promise.all(stores.map((store) => store.close()))
    }
  })
}

onProcesses('nothing is taken over of a process that lives, whatever it is called', async (open) => {
  const [old, young] = [await open(), await open()]
  await old.jobs.register({ owner: 'old', instance: 'one', lease_ms: LEASE_MS })
  await insertBoth(old, 'old')
  await young.jobs.register({ owner: 'young', instance: 'one', lease_ms: LEASE_MS })
  assert.deepEqual(await young.jobs.orphans(10), [])
  assert.deepEqual(await claim(young, 'young'), [])
})

onProcesses('what a process of the same name has left is lost as soon as the next one starts', async (open) => {
  const [old, young, other] = [await open(), await open(), await open()]
  await old.jobs.register({ owner: 'old', instance: 'one', lease_ms: LEASE_MS })
  await insertBoth(old, 'old')
  await old.close()
  await other.jobs.register({ owner: 'other', instance: 'two', lease_ms: LEASE_MS })
  assert.deepEqual(await other.jobs.orphans(10), [], 'a process of another name waits for the lease')
  await young.jobs.register({ owner: 'young', instance: 'one', lease_ms: LEASE_MS })
  assert.deepEqual(
    (await other.jobs.orphans(10)).map(({ id }) => id),
    [idOf(1)],
  )
  assert.deepEqual(await claim(young, 'young'), [idOf(2)])
})

onProcesses('foreground responses of a process whose lease is over are orphans', async (open) => {
  const [old, young] = [await open(), await open()]
  await old.jobs.register({ owner: 'old', instance: 'one', lease_ms: LEASE_MS })
  await old.forAccount(ALICE).insert(foregroundRow(1), 'old')
  await old.jobs.heartbeat({ owner: 'old', lease_ms: 0, ids: [] })
  assert.equal((await young.jobs.orphans(10)).length, 1)
  await old.jobs.heartbeat({ owner: 'old', lease_ms: LEASE_MS, ids: [] })
  assert.deepEqual(await young.jobs.orphans(10), [])
})

onProcesses(
  'a process that was forgotten while it slept is known again with its next heartbeat',
  async (open, query) => {
    const store = await open()
    await store.jobs.register({ owner: 'old', instance: 'one', lease_ms: LEASE_MS })
    await store.forAccount(ALICE).insert(foregroundRow(1), 'old')
    await query('DELETE FROM processes')
    assert.equal((await store.jobs.orphans(10)).length, 1)
    await store.jobs.heartbeat({ owner: 'old', lease_ms: LEASE_MS, ids: [] })
    assert.deepEqual(await store.jobs.orphans(10), [])
  },
)

onProcesses(
  'T-02: a process whose clock is days ahead takes nothing from others: the database tells the time',
  async (open) => {
    const [here, ahead] = [await open(), await open()]
    await here.jobs.register({ owner: 'here', instance: 'one', lease_ms: LEASE_MS })
    await insertBoth(here, 'here')
    mock.timers.enable({ apis: ['Date'], now: Date.now() + 10 * LEASE_MS })
    try {
      await ahead.jobs.register({ owner: 'ahead', instance: 'two', lease_ms: LEASE_MS })
      assert.deepEqual(await ahead.jobs.orphans(10), [])
      assert.deepEqual(await claim(ahead, 'ahead'), [])
      await ahead.forAccount(ALICE).insert(backgroundRow(3), 'ahead')
      assert.deepEqual(await claim(ahead, 'ahead'), [idOf(3)])
      const [theirs, its] = await Promise.all(
        [2, 3].map((number) => here.forAccount(ALICE).findLifecycle(idOf(number))),
      )
      assert.ok(Math.abs((its?.leaseUntil_ms ?? 0) - (theirs?.leaseUntil_ms ?? 0)) < LEASE_MS)
    } finally {
      mock.timers.reset()
    }
  },
)

onProcesses('R-01: many workers of several processes claim each job once', async (open) => {
  const stores = await Promise.all([open(), open(), open(), open()])
  const inserted = stores.flatMap((store, place) =>
    Array.from({ length: 125 }, (_, index) => store.forAccount(ALICE).insert(backgroundRow(index * 4 + place), 'x')),
  )
  await Promise.all(inserted)
  const claims = stores.flatMap((store, place) =>
    Array.from({ length: 25 }, (_, index) =>
      store.jobs.claim({ owner: `${place} ${index}`, lease_ms: LEASE_MS, limit: 7 }),
    ),
  )
  const jobs = (await Promise.all(claims)).flat()
  assert.deepEqual([jobs.length, new Set(jobs.map(({ id }) => id)).size], [500, 500])
  assert.ok(jobs.every(({ lifecycle }) => lifecycle.attempt === 1))
})

onProcesses('R-02: of many that end one response at once exactly one does', async (open) => {
  const stores = await Promise.all([open(), open(), open(), open()])
  for (const number of Array.from({ length: 20 }, (_, index) => index)) {
    await stores[0]?.forAccount(ALICE).insert(foregroundRow(number), 'boot')
    const ended = stores.flatMap((store) => [
      end(store.forAccount(ALICE), idOf(number), { ending: endingOf(number) }),
      change(store.forAccount(ALICE), idOf(number), { type: 'close', status: 'cancelled' }, endingOf(number)),
    ])
    assert.equal((await Promise.all(ended)).filter(Boolean).length, 1)
  }
})

onProcesses(
  'what is asked of a response before its end comes before it, however long it takes',
  async (open, query) => {
    const store = await open()
    const responses = store.forAccount(ALICE)
    for (const number of [1, 2, 3]) await responses.insert(foregroundRow(number), 'boot')
    await query('BEGIN')
    await query(`SELECT FROM responses WHERE id = '${idOf(1)}' FOR UPDATE`)
    const next = { ...accepted(false, 'boot'), version: 1, isDeleted: true }
    const removed = [1, 2].map((number) => responses.swap(idOf(number), { version: 0, next }))
    const [second, third] = [2, 3].map((number) =>
      responses.swap(idOf(number), { version: 0, next: ENDED, ending: endingOf(number) }),
    )
    assert.equal(await third, true, 'other responses do not wait')
    await query('COMMIT')
    assert.deepEqual(await Promise.all(removed), [true, true])
    assert.equal(await second, false)
  },
)

onProcesses('R-10: a key that two processes bind in the same moment has one response', async (open) => {
  const stores = await Promise.all([open(), open(), open(), open()])
  for (const round of Array.from({ length: 20 }, (_, index) => index * 10)) {
    const binding = { key: `key ${round}`, bodyHash: 'hash', expiresAt: 4_000_000_000, isFresh: false }
    const inserted = stores.map((store, index) =>
      store.forAccount(ALICE).insert(foregroundRow(round + index, { binding }), 'x'),
    )
    const bound = await Promise.all(inserted)
    const won = bound.indexOf(undefined)
    assert.deepEqual(
      bound.filter((_, index) => index !== won).map((known) => known?.responseId),
      [1, 2, 3].map(() => idOf(round + won)),
    )
  }
})

onProcesses('every process hears what another one does, and nothing of what it does itself', async (open) => {
  const [one, other] = [await open(), await open()]
  const [heardByOne, heardByOther] = [await listening(one, other), await listening(other, one)]
  const responses = one.forAccount(ALICE)
  await responses.insert(foregroundRow(1), 'one')
  await responses.append(idOf(1), 0, { first: 0, last: 1, events: '[]' })
  await heardByOther.until(idOf(1))
  await responses.insert(backgroundRow(2), 'one')
  await heardByOther.until('queue')
  const steps = [
    () => responses.ask(idOf(2), 'follow'),
    async () => {
      await one.jobs.claim({ owner: 'one', lease_ms: LEASE_MS, limit: 1 })
      await change(responses, idOf(2), { type: 'release', attempt: 1 })
    },
    () => end(responses, idOf(1), { ending: endingOf(1) }),
    () => remove(responses, idOf(1)),
  ]
  for (const [index, change_] of ([idOf(2), 'queue', idOf(1), idOf(1)] as const).entries()) {
    await steps[index]?.()
    await heardByOther.until(change_)
  }
  await other.forAccount(ALICE).ask(idOf(2), 'cancel')
  await heardByOne.until(idOf(2))
  assert.deepEqual(heardByOne.all(), [], 'it has done the rest itself')
})

onProcesses('names of any length and with any characters can be looked for', async (open) => {
  const store = await open()
  const responses = store.forAccount(ALICE)
  const names = ['x'.repeat(100_000), 'NUL \u0000', 'half \ud83d', 'half \ud83e', "'; DROP TABLE responses; --", '']
  for (const [number, name] of names.entries()) {
    const binding = { key: name, bodyHash: 'hash', expiresAt: 4_000_000_000, isFresh: false }
    await responses.insert(foregroundRow(number, { clientItemIds: [name], binding }), 'boot')
  }
  for (const [number, name] of names.entries()) {
    assert.equal(await responses.findItemOwner(name), idOf(number))
    assert.equal((await responses.findBinding(name))?.responseId, idOf(number))
  }
})

async function insertBoth(store: Store, owner: string): Promise<void> {
  await store.forAccount(ALICE).insert(foregroundRow(1), owner)
  await store.forAccount(ALICE).insert(backgroundRow(2), owner)
  await store.jobs.claim({ owner, lease_ms: LEASE_MS, limit: 1 })
}

async function claim(store: Store, owner: string): Promise<readonly string[]> {
  return (await store.jobs.claim({ owner, lease_ms: LEASE_MS, limit: 10 })).map(({ id }) => id)
}

/** What a process hears; it does already when this resolves. */
async function listening(store: Store, speaker: Store) {
  const heard: Change[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  let isReady = false
  const waiting = new Set<() => void>()
  store.onChange((change) => {
    if (change === idOf(999)) {
      isReady = true
      resolve()
    } else if (isReady) heard.push(change)
    for (const look of waiting) look()
  })
  await speaker
    .forAccount(ALICE)
    .insert(foregroundRow(999), 'boot')
    .catch(() => undefined)
  for (let first = 0; !isReady; first++) {
    await speaker.forAccount(ALICE).append(idOf(999), 0, { first, last: first, events: '[]' })
    await new Promise((next) => setImmediate(next))
  }
  await promise
  return {
    all: () => [...heard],
    /** Resolves when it has heard of a change, and forgets that it has. */
    until: (change: Change) =>
      new Promise<void>((done) => {
        const look = () => {
          const index = heard.indexOf(change)
          if (index < 0) return
          heard.splice(index, 1)
          waiting.delete(look)
          done()
        }
        waiting.add(look)
        look()
      }),
  }
}
