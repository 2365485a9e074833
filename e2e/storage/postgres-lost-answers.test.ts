/**
 * The connection is cut after the server has written, and before its answer is here: nobody knows whether it was done.
 * Every write is made again, and must be done once.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { accepted, transition, type Command, type Lifecycle } from '../../src/core/lifecycle.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile } from '../../src/store/postgres/testing/cluster.ts'
import type { Store } from '../../src/store/store.ts'
import { ALICE, backgroundRow, endingOf, foregroundRow, idOf, keyRow } from '../../src/store/testing/rows.ts'
import { startChaosProxy, type ChaosProxy } from '../harness/chaos-proxy.ts'

const cluster = clusterForFile()

const LEASE_MS = 3_600_000

/** A write whose answer is lost. */
interface LostAnswer {
  readonly what: string
  readonly before?: (store: Store) => Promise<Lifecycle | undefined>
  /** @param state Where the first response stands before. */
  readonly write: (store: Store, state: Lifecycle) => Promise<unknown>
  readonly answer: unknown
  /** What the database holds in the end. */
  readonly look: (store: Store) => Promise<unknown>
  readonly found: unknown
}

const responsesOf = (store: Store) => store.forAccount(ALICE)

const binding = { key: 'key', bodyHash: 'hash', expiresAt: 4_000_000_000, isFresh: false }

const insertJob = async (store: Store) => {
  await responsesOf(store).insert(backgroundRow(1), 'boot')
  return undefined
}

const claim = (store: Store) => store.jobs.claim({ owner: 'worker', lease_ms: LEASE_MS, limit: 1 })

const insertAndClaim = async (store: Store) => {
  await insertJob(store)
  const [job] = await claim(store)
  return job?.lifecycle
}

/** Does to the first response what a command says. */
function swap(store: Store, state: Lifecycle, command: Command): Promise<boolean> {
  const next = transition(state, command)
  assert.ok(next)
  const ending = command.type === 'end' ? endingOf(1) : undefined
  return responsesOf(store).swap(idOf(1), { version: state.version, next, ending })
}

const lifecycleOf = async (store: Store) => {
  const { status, version, attempt, crashes } = (await responsesOf(store).findLifecycle(idOf(1))) ?? {}
  return { status, version, attempt, crashes }
}

const lost: readonly LostAnswer[] = [
  {
    what: 'an insertion',
    write: insertJob,
    answer: undefined,
    look: lifecycleOf,
    found: { status: 'queued', version: 0, attempt: 0, crashes: 0 },
  },
  {
    what: 'an insertion that binds a key',
    write: (store) => responsesOf(store).insert(foregroundRow(1, { binding, clientItemIds: ['mine'] }), 'boot'),
    answer: undefined,
    look: async (store) => [
      await responsesOf(store).findBinding('key'),
      await responsesOf(store).findItemOwner('mine'),
      (await responsesOf(store).insert(foregroundRow(2, { binding }), 'boot'))?.responseId,
    ],
    found: [{ bodyHash: 'hash', responseId: idOf(1), refusal: undefined }, idOf(1), idOf(1)],
  },
  {
    what: 'a claim',
    before: insertJob,
    write: async (store) => (await claim(store)).map(({ id, lifecycle }) => [id, lifecycle.attempt, lifecycle.crashes]),
    answer: [[idOf(1), 1, 0]],
    look: lifecycleOf,
    found: { status: 'in_progress', version: 1, attempt: 1, crashes: 0 },
  },
  {
    what: 'an ending',
    before: insertAndClaim,
    write: (store, state) => swap(store, state, { type: 'end', attempt: 1, status: 'completed' }),
    answer: true,
    look: lifecycleOf,
    found: { status: 'completed', version: 2, attempt: 1, crashes: 0 },
  },
  {
    what: 'a job that is given back',
    before: insertAndClaim,
    write: (store, state) => swap(store, state, { type: 'release', attempt: 1 }),
    answer: true,
    look: lifecycleOf,
    found: { status: 'in_progress', version: 2, attempt: 1, crashes: 0 },
  },
  {
    what: 'a deletion',
    before: insertAndClaim,
    write: (store, state) => swap(store, state, { type: 'remove' }),
    answer: true,
    look: (store) => responsesOf(store).findLifecycle(idOf(1)),
    found: undefined,
  },
  {
    what: 'a batch of events',
    before: insertAndClaim,
    write: (store) => responsesOf(store).append(idOf(1), 1, { first: 0, last: 4, events: '["events"]' }),
    answer: true,
    look: (store) => responsesOf(store).findEvents(idOf(1), -1),
    found: [{ first: 0, last: 4, events: '["events"]' }],
  },
  {
    what: 'a record of calls',
    before: insertAndClaim,
    write: (store) => responsesOf(store).recordCalls(idOf(1), 1, '["call"]'),
    answer: true,
    look: lifecycleOf,
    found: { status: 'in_progress', version: 1, attempt: 1, crashes: 0 },
  },
  {
    what: 'a heartbeat',
    before: insertAndClaim,
    write: (store) => store.jobs.heartbeat({ owner: 'worker', lease_ms: LEASE_MS, ids: [idOf(1)] }),
    answer: [{ id: idOf(1), isCancelWanted: false, isFollowed: false }],
    look: lifecycleOf,
    found: { status: 'in_progress', version: 1, attempt: 1, crashes: 0 },
  },
  {
    what: 'a new key',
    write: (store) => store.keys.insert(keyRow('one', 1)),
    answer: undefined,
    look: (store) => store.keys.list(),
    found: [keyRow('one', 1)],
  },
  {
    what: 'a key that is revoked',
    before: async (store) => {
      await store.keys.insert(keyRow('one', 1))
      return undefined
    },
    write: (store) => store.keys.revoke('one'),
    answer: true,
    look: (store) => store.keys.revoke('one'),
    found: false,
  },
]

/** A storage whose next connection is cut as soon as it has begun to answer. */
async function unheardStore(
  context: TestContext,
  url: string,
): Promise<{ store: Store; proxy: ChaosProxy; cut: () => Promise<void> }> {
  const proxy = await startChaosProxy({ target: cluster() })
  context.after(() => proxy.close())
  const store = await openPostgresStore(cluster().urlOf(new URL(url).pathname.slice(1), proxy), { connections_max: 1 })
  context.after(() => store.close())
  const cut = async () => {
    await store.ping()
    const connection = proxy.live().at(-1) ?? assert.fail()
    // The server sends an answer when all of it is done: whoever has seen its first byte cuts after the commit.
    connection.set({ limit: { bytes: 1, act: 'reset' } }, 'down')
  }
  return { store, proxy, cut }
}

for (const { what, before, write, answer, look, found } of lost) {
  test(
    `D-10: ${what} whose answer is lost is done once, and told as done`,
    { skip: CLUSTER_MISSING },
    async (context) => {
      const { store, proxy, cut } = await unheardStore(context, await cluster().createDatabase())
      const state = (await before?.(store)) ?? accepted(true, 'boot')
      await cut()
      assert.deepEqual(await write(store, state), answer)
      assert.deepEqual(await look(store), found)
      assert.ok(proxy.counts().connections >= 3, 'the one of the opening, the one that was cut, and another one')
    },
  )
}

test(
  'D-10: a job whose insertion was not heard of is accepted, though another process has claimed it meanwhile',
  { skip: CLUSTER_MISSING },
  async (context) => {
    const url = await cluster().createDatabase()
    const { store, cut } = await unheardStore(context, url)
    const other = await openPostgresStore(url)
    context.after(() => other.close())
    await other.jobs.register({ owner: 'worker', instance: 'other', lease_ms: LEASE_MS })
    const claimed = Promise.withResolvers<number>()
    other.onChange(() => void claim(other).then((jobs) => claimed.resolve(jobs.length), claimed.reject))
    await cut()
    assert.equal(await responsesOf(store).insert(backgroundRow(1), 'boot'), undefined)
    assert.equal(await claimed.promise, 1)
    await assert.rejects(responsesOf(store).insert(backgroundRow(1), 'boot'), {
      message: 'The id of a response is taken.',
    })
  },
)
