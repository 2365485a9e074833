import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLUSTER_MISSING, clusterForFile } from '../../src/store/postgres/testing/cluster.ts'
import { startLone, textUntilCut, until, type LoneServer } from './lone-server.ts'
import { textOf } from './telling.ts'

const skip = CLUSTER_MISSING

const cluster = clusterForFile()

const LEASE_MS = 600

const BACKGROUND = { lease_ms: LEASE_MS, heartbeat_ms: 200, sweep_ms: 200 }

/** A lease, a sweep, and some time to answer. */
const TAKEN_OVER_MS = 5000

/** Two servers on one database, and one provider: that of the first. */
async function startTwo(context: TestContext): Promise<readonly [LoneServer, LoneServer]> {
  const store = await cluster().createDatabase()
  const one = await startLone(context, { store, background: BACKGROUND, instance: 'one' })
  const { upstream } = one
  return [one, await startLone(context, { store, background: BACKGROUND, instance: 'two', upstream })]
}

const TAGS = ['a', 'b', 'c', 'd'] as const

/** Jobs that are held in the middle of their first answer. */
async function holdJobs(one: LoneServer): Promise<readonly string[]> {
  const ids = await Promise.all(TAGS.map((tag) => one.accept(`[tag:${tag}] [do: chunks=4 hold@2 | chunks=2 input=9]`)))
  for (const tag of TAGS) await one.upstream.until(tag, ({ held }) => held === 1)
  return ids
}

test('jobs of a server that was killed are done by another one, once more at most', { skip }, async (t) => {
  const [one, two] = await startTwo(t)
  const ids = await holdJobs(one)
  await one.life.kill()
  await sleep(2 * LEASE_MS)
  for (const tag of TAGS) await one.upstream.release(tag) // Those that were the other's from the beginning.
  for (const [index, id] of ids.entries()) {
    const end = await two.ended(id, TAKEN_OVER_MS)
    const tag = TAGS[index] ?? 'a'
    const { received } = await one.upstream.counts(tag)
    assert.equal(end.status, 'completed')
    assert.equal(
      textOf(end),
      received === 1 ? `${tag}-1-0 ${tag}-1-1 ${tag}-1-2 ${tag}-1-3 ` : `${tag}-2-0 ${tag}-2-1 `,
    )
    assert.ok(received <= 2, `${tag} was asked for ${received} times`)
  }
})

test(
  'T-06: what a server that stood still says when it wakes changes nothing that another has done',
  { skip },
  async (t) => {
    const [one, two] = await startTwo(t)
    const { upstream } = one
    const ids = await holdJobs(one)
    const stream = await one.post('[tag:s] [do: chunks=4 hold@2]', { stream: true })
    const heard = textUntilCut(stream)
    await upstream.until('s', ({ held }) => held === 1)
    one.life.send('SIGSTOP')
    const callsOf = async (tag: string) => (await upstream.counts(tag)).received
    await until(async () => (await Promise.all(TAGS.map(callsOf))).some((calls) => calls === 2), TAKEN_OVER_MS)
    await sleep(2 * LEASE_MS)
    // The first calls come to their end while their server cannot hear it, or are the other's.
    for (const tag of [...TAGS, 's']) await upstream.release(tag)
    for (const id of ids) assert.equal((await two.ended(id, TAKEN_OVER_MS)).status, 'completed')
    const texts = await Promise.all(ids.map((id) => two.text(id)))
    one.life.send('SIGCONT')
    const told = await heard
    const streamed = /"id":"(resp_[^"]+)"/.exec(told)?.[1] ?? ''
    await sleep(2 * LEASE_MS)
    for (const server of [one, two]) {
      assert.deepEqual(await Promise.all(ids.map((id) => server.text(id))), texts)
      assert.equal((await server.get(streamed)).status, 'failed')
    }
    assert.doesNotMatch(told, /response\.completed/)
    assert.match(told, /\nevent: response\.failed\n.*\n\ndata: \[DONE\]\n\n$/)
    for (const tag of TAGS) assert.ok((await callsOf(tag)) <= 2, tag)
    assert.equal(await callsOf('s'), 1)
  },
)
