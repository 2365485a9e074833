/** A database that is away for a while, or cannot be written: a real one. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { transition } from '../../src/core/lifecycle.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { CLUSTER_MISSING, clusterForFile, type Stop } from '../../src/store/postgres/testing/cluster.ts'
import { StoreUnavailable, type Job, type Store } from '../../src/store/store.ts'
import { ALICE, backgroundRow, endingOf, foregroundRow, idOf } from '../../src/store/testing/rows.ts'
import { assertUnavailable, LEASE_MS, query, setStage, timed } from './stage.ts'

const skip = CLUSTER_MISSING

const cluster = clusterForFile()

/** Of jobs whose claim nobody was told of: longer than the store tries to end one. */
const SHORT_LEASE_MS = 8000

test(
  'D-09: a database that is down refuses to be opened in time, as often as wanted, and opens once it is up',
  { skip },
  async () => {
    const url = await cluster().createDatabase()
    await cluster().stop('fast')
    for (const again of [1, 2]) {
      const { ms, error } = await timed(openPostgresStore(url))
      assertUnavailable(error)
      assert.ok(ms < 2500, `${again}: ${ms}`)
    }
    await cluster().start()
    const store = await openPostgresStore(url)
    await store.ping()
    await store.close()
  },
)

test(
  'D-09: a store whose database goes away says so within 2 s, and is there again by itself',
  { skip },
  async (context) => {
    const { store } = await setStage(context, cluster())
    await store.ping()
    await cluster().stop('immediate')
    const { ms, error } = await timed(store.ping())
    assertUnavailable(error)
    assert.ok(ms < 2500, `${ms}`)
    const call = await timed(store.forAccount(ALICE).insert(foregroundRow(1), 'boot'))
    assertUnavailable(call.error)
    assert.ok(call.ms < 5000, `${call.ms}`)
    await cluster().start()
    await store.forAccount(ALICE).insert(foregroundRow(1), 'boot')
    await store.ping()
  },
)

test('D-09: what can never work is refused at once, without a word of the password', { skip }, async () => {
  const url = await cluster().createDatabase()
  const { password } = new URL(url)
  const wrong = [
    { at: url.replace(password, 'secret-of-mine'), says: /password authentication failed/ },
    { at: url.replace('test_', 'missing_'), says: /missing_\d+ refuses: database "missing_\d+" does not exist/ },
    { at: `mysql://user:${password}@localhost/x`, says: /must look like postgres:/ },
    { at: `not a url ${password}`, says: /must look like postgres:/ },
  ]
  for (const { at, says } of wrong) {
    const { ms, error } = await timed(openPostgresStore(at))
    assert.ok(error instanceof Error && !(error instanceof StoreUnavailable), String(error))
    assert.match(error.message, says)
    assert.ok(!`${error.stack}`.includes(password) && !`${error.stack}`.includes('secret-of-mine'))
    assert.ok(ms < 2000)
  }
})

test(
  'D-10: outages of 0 to 2 s under load lose nothing, do nothing twice, and are hardly seen',
  { skip },
  async (context) => {
    const { store } = await setStage(context, cluster())
    await store.jobs.register({ owner: 'boot', instance: 'one', lease_ms: LEASE_MS })
    const traffic = startTraffic(store)
    let longest_ms = 0
    for (const [how, away_ms] of [
      ['fast', 0],
      ['immediate', 1000],
      ['kill', 500],
      ['immediate', 2000],
    ] satisfies [Stop, number][]) {
      await sleep(700)
      const away = async () => {
        await cluster().stop(how)
        await sleep(away_ms)
        await cluster().start()
      }
      longest_ms = Math.max(longest_ms, (await timed(away())).ms)
    }
    await sleep(500)
    const { accepted, unsure, ended, refused, slowest_ms } = await traffic.stop()
    assert.ok(accepted.length > 200, `${accepted.length}`)
    assert.ok(slowest_ms < 7000, `${slowest_ms}`)
    // A machine that is busy may take longer to start the server than the store waits.
    if (longest_ms < 3500) assert.equal(refused, 0)
    assert.equal(new Set(ended).size, ended.length, 'nothing ended twice')
    const isMissing = (number: number) => !ended.includes(number)
    assert.deepEqual(accepted.filter(isMissing), [], 'what was accepted has ended')
    const known = new Set([...accepted, ...unsure])
    assert.ok(ended.every((number) => known.has(number)))
    for (const number of accepted) {
      const found = await store.forAccount(ALICE).find(idOf(number))
      assert.deepEqual([found?.lifecycle.status, found?.response], ['completed', `{"final":${number}}`])
      if (refused === 0) assert.deepEqual([found?.lifecycle.attempt, found?.lifecycle.crashes], [1, 0])
    }
  },
)

/** Inserts jobs, claims them, and ends them, until it is stopped; then waits for all. */
function startTraffic(store: Store) {
  const [accepted, unsure, ended]: [number[], number[], number[]] = [[], [], []]
  let [next, refused, slowest_ms, isOver] = [0, 0, 0, false]
  const attempt = async <Value>(work: () => Promise<Value>): Promise<Value | undefined> => {
    const { ms, value, error } = await timed(work())
    slowest_ms = Math.max(slowest_ms, ms)
    if (error === undefined) return value
    assertUnavailable(error)
    refused++
    return undefined
  }
  const produce = async () => {
    while (!isOver) {
      const number = next++
      const insert = () => store.forAccount(ALICE).insert(backgroundRow(number), 'boot')
      const isAccepted = await attempt(() => insert().then(() => true))
      ;(isAccepted === true ? accepted : unsure).push(number)
      await sleep(5)
    }
  }
  /** Whoever has an answer keeps it until it is written. */
  const finish = async ({ id, lifecycle }: Job) => {
    const after = transition(lifecycle, { type: 'end', attempt: lifecycle.attempt, status: 'completed' })
    assert.ok(after)
    const number = Number.parseInt(id.slice(-12), 16)
    await attempt(() => store.forAccount(ALICE).recordCalls(id, lifecycle.attempt, '["call"]'))
    const step = { version: lifecycle.version, next: after, ending: endingOf(number) }
    let isEnded: boolean | undefined
    while (isEnded === undefined) isEnded = await attempt(() => store.forAccount(ALICE).swap(id, step))
    ended.push(number)
  }
  const work = async () => {
    for (let isLast = false; !isLast;) {
      isLast = isOver && accepted.every((number) => ended.includes(number))
      const jobs = await attempt(() => store.jobs.claim({ owner: 'boot', lease_ms: SHORT_LEASE_MS, limit: 20 }))
      await Promise.all((jobs ?? []).map(finish))
      await sleep(5)
    }
  }
  const running = [produce(), produce(), produce(), work(), work()]
  return {
    async stop() {
      isOver = true
      await Promise.all(running)
      return { accepted, unsure, ended, refused, slowest_ms }
    },
  }
}

test(
  'D-13: a server that has become read-only is left, and calls go on where another one writes',
  { skip },
  async (context) => {
    const { store, url, proxy } = await setStage(context, cluster())
    const responses = store.forAccount(ALICE)
    await responses.insert(foregroundRow(1), 'boot')
    const setReadOnly = async (is: 'on' | 'off') => {
      await query(url, `ALTER SYSTEM SET default_transaction_read_only = ${is}`)
      await query(url, 'SELECT pg_reload_conf()')
    }
    /** Sessions hear of it in their own time. */
    const untilWritable = async (wanted: boolean) => {
      const isWritable = () =>
        store.ping().then(
          () => true,
          () => false,
        )
      while ((await isWritable()) !== wanted) await sleep(10)
    }
    context.after(() => setReadOnly('off'))
    await setReadOnly('on')
    await untilWritable(false)
    const before = proxy.counts().connections
    const inserted = responses.insert(foregroundRow(2), 'boot')
    await sleep(500)
    await setReadOnly('off')
    await inserted
    await untilWritable(true)
    assert.ok(proxy.counts().connections > before + 1, 'each try has gone to whoever is there by then')
    await setReadOnly('on')
    await untilWritable(false)
    await assert.rejects(store.ping(), StoreUnavailable)
    assert.ok(await responses.find(idOf(1)), 'reads go on')
    const { ms, error } = await timed(responses.insert(foregroundRow(3), 'boot'))
    assertUnavailable(error)
    assert.ok(ms < 6000, `${ms}`)
    await setReadOnly('off')
    await responses.insert(foregroundRow(3), 'boot')
  },
)
