import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLUSTER_MISSING } from '../../src/store/postgres/testing/cluster.ts'
import { spread } from '../chaos/figures.ts'
import { awaitEnds, readAgain } from '../chaos/recovery.ts'
import { textOf, type Snapshot } from '../chaos/telling.ts'
import type { Wire } from '../chaos/wire.ts'
import { createRandom } from '../fuzz/random.ts'
import { Crowd } from './crowd.ts'
import { audit, readRows, type Row } from './ledger.ts'
import { sitesForFile, type Member, type Site } from './site.ts'

/** `npm run soak:takeover` is the long form: with leases as they are by default, again and again. */
const IS_LONG = process.env['TAKEOVER'] === 'long'
const SEED = Number(process.env['CLUSTER_SEED'] ?? Date.now() % 1_000_000)
const LEASES = IS_LONG
  ? { lease_ms: 15_000, heartbeat_ms: 5000, sweep_ms: 5000 }
  : { lease_ms: 1500, heartbeat_ms: 500, sweep_ms: 500 }
const ROUNDS = IS_LONG ? 6 : 1
const R01_JOBS = IS_LONG ? 2000 : 300

/** Of a machine on which other tests run. */
const ODDS_MS = IS_LONG ? 0 : 1500

/** A lease and a sweep: 20 s by default. */
const TAKEN_OVER_MS = LEASES.lease_ms + LEASES.sweep_ms + ODDS_MS
const OWN_MS = 2000 + ODDS_MS

const [JOBS, STREAMS, ANSWERS] = [12, 6, 3]

/** Longer than events of a foreground stream wait to be stored. */
const DURABLE_MS = 600

const newSite = sitesForFile()

const tags = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}${index}`)

const body = (prompt: string, how: object = {}) => ({ model: 'fault/m', input: prompt, ...how })

async function accept(wire: Wire, prompt: string): Promise<string> {
  const reply = await wire.ask({ method: 'POST', path: '/responses', body: body(prompt, { background: true }) })
  assert.ok(reply?.status === 202, reply?.text ?? 'cut')
  return (JSON.parse(reply.text) as Snapshot).id
}

async function get(wire: Wire, id: string): Promise<Snapshot> {
  const reply = await wire.ask({ method: 'GET', path: `/responses/${id}` })
  assert.ok(reply?.status === 200, reply?.text ?? 'cut')
  return JSON.parse(reply.text) as Snapshot
}

async function untilEnded(wire: Wire, id: string): Promise<Snapshot> {
  for (;;) {
    const snapshot = await get(wire, id)
    if (!['queued', 'in_progress'].includes(snapshot.status)) return snapshot
    await sleep(20)
  }
}

async function untilAllEnded({ store }: Site): Promise<readonly Row[]> {
  for (;;) {
    const rows = await readRows(store)
    if (rows.every(({ status }) => !['queued', 'in_progress'].includes(status))) return rows
    await sleep(100)
  }
}

/** What one process has in hand when it is killed. */
interface InHand {
  readonly jobs: readonly string[]
  readonly streams: readonly string[]
  readonly over: Promise<unknown>
}

/** Jobs, streams and answers of one process, each in the middle of its call. */
async function fill({ upstream }: Site, { wire }: Member, round: number): Promise<InHand> {
  const [jobTags, streamTags, answerTags] = [
    tags(`job${round}-`, JOBS),
    tags(`stream${round}-`, STREAMS),
    tags(`json${round}-`, ANSWERS),
  ]
  const jobs = await Promise.all(
    jobTags.map((tag) => accept(wire, `[tag:${tag}] [do: hold@1 chunks=2 | chunks=2 input=9]`)),
  )
  const ids = streamTags.map(() => Promise.withResolvers<string>())
  const heard = streamTags.map((tag, index) =>
    wire.follow(
      { method: 'POST', path: '/responses', body: body(`[tag:${tag}] [do: chunks=4 hold@2]`, { stream: true }) },
      (data) => {
        ids[index]?.resolve(/"id":"(resp_\w+)"/.exec(data)?.[1] ?? '')
        return undefined
      },
    ),
  )
  const answers = answerTags.map((tag) =>
    wire.ask({ method: 'POST', path: '/responses', body: body(`[tag:${tag}] [do: chunks=4 hold@2]`) }),
  )
  for (const tag of [...jobTags, ...streamTags, ...answerTags]) await upstream.until(tag, ({ held }) => held === 1)
  const streams = await Promise.all(ids.map(({ promise }) => promise))
  return { jobs, streams, over: Promise.all([...heard, ...answers]) }
}

/** How long what a process had in hand took to be taken over, in milliseconds since `start_ms`. */
async function takenOver({ upstream }: Site, round: number, start_ms: number): Promise<readonly number[]> {
  return Promise.all(
    tags(`job${round}-`, JOBS).map(async (tag) => {
      await upstream.until(tag, ({ received }) => received === 2)
      return performance.now() - start_ms
    }),
  )
}

for (const { name, isReplaced, ms_max } of [
  { name: 'another process', isReplaced: false, ms_max: TAKEN_OVER_MS },
  { name: 'the next process of its name', isReplaced: true, ms_max: OWN_MS },
]) {
  test(
    `what a process that is killed has in hand is taken up by ${name} within ${ms_max} ms`,
    { skip: CLUSTER_MISSING, timeout: 300_000 },
    async (t) => {
      const site = await newSite(t, { background: LEASES })
      const random = createRandom(SEED)
      const [jobTimes, streamTimes]: [number[], number[]] = [[], []]
      for (let round = 0; round < ROUNDS; round++) {
        const victim = site.member(`victim${round}`)
        const other = site.member(`other${round}`)
        await victim.start()
        const { jobs, streams, over } = await fill(site, victim, round)
        await other.start()
        await sleep(DURABLE_MS + random.below(LEASES.heartbeat_ms))
        await victim.life.kill()
        let start_ms = performance.now()
        await over
        if (isReplaced) {
          await victim.start()
          start_ms = performance.now()
        }
        const times = takenOver(site, round, start_ms)
        const ends = await Promise.all(
          streams.map(async (id) => {
            const end = await untilEnded(other.wire, id)
            streamTimes.push(performance.now() - start_ms)
            return end
          }),
        )
        for (const [index, end] of ends.entries()) {
          const tag = `stream${round}-${index}`
          assert.deepEqual([end.status, textOf(end)], ['failed', `${tag}-1-0 ${tag}-1-1 `])
        }
        jobTimes.push(...(await times))
        for (const [index, id] of jobs.entries()) {
          const tag = `job${round}-${index}`
          const end = await untilEnded(other.wire, id)
          assert.deepEqual(
            [end.status, textOf(end), end.usage?.input_tokens],
            ['completed', `${tag}-2-0 ${tag}-2-1 `, 9],
          )
        }
        await untilAllEnded(site) // Of the whole answers, too: nobody is left to do it afterwards.
        await Promise.all([victim.end(), other.end()])
      }
      t.diagnostic(`seed ${SEED}; ms until jobs were taken up: ${spread(jobTimes)}; streams: ${spread(streamTimes)}`)
      const { faults } = await audit(site, new Map())
      assert.deepEqual(
        faults.filter((fault) => !fault.includes('usage')),
        [],
      )
      assert.ok(Math.max(...jobTimes, ...streamTimes) < ms_max, `${Math.max(...jobTimes, ...streamTimes)} ms`)
    },
  )
}

test(
  `R-01: of ${R01_JOBS} jobs that two processes take from one queue, none is run twice`,
  { skip: CLUSTER_MISSING, timeout: 240_000 },
  async (t) => {
    const site = await newSite(t, { background: { concurrency: 16 } })
    const members = [site.member('one'), site.member('two')] as const
    await Promise.all(members.map((member) => member.start()))
    const start_ms = performance.now()
    let next = 0
    const client = async () => {
      for (let job = next++; job < R01_JOBS; job = next++) {
        await accept((job % 2 === 0 ? members[0] : members[1]).wire, `[tag:r${job}] [do: chunks=2 first=5]`)
      }
    }
    await Promise.all(Array.from({ length: 12 }, client))
    const rows = await untilAllEnded(site)
    const taken_ms = performance.now() - start_ms
    const counts = await site.upstream.allCounts()
    const shares = Array.from(Map.groupBy(rows, ({ owner }) => owner).values(), ({ length }) => length)
    t.diagnostic(`${R01_JOBS} jobs in ${Math.round(taken_ms)} ms; taken by each process: ${shares.join(', ')}`)
    assert.equal(rows.length, R01_JOBS)
    const isOnce = ({ status, attempt, calls }: Row) => status === 'completed' && attempt === 1 && calls.length === 1
    assert.ok(rows.every(isOnce))
    assert.ok(Object.values(counts).every(({ received }) => received === 1))
    assert.equal(shares.length, 2, 'both have worked')
  },
)

test(
  'T-06: a process that stands still for two leases, under load, changes nothing when it wakes',
  { skip: CLUSTER_MISSING, timeout: 120_000 },
  async (t) => {
    const lease_ms = 1500
    const site = await newSite(t, { background: { lease_ms, heartbeat_ms: 500, sweep_ms: 500 } })
    const [one, two] = [site.member('one'), site.member('two')]
    await Promise.all([one.start(), two.start()])
    const random = createRandom(SEED)
    const wire = () => random.pick([one, two]).wire
    const crowd = new Crowd({ wire, random, life: one.life, groups: 1, patient: 6, arrival_ms: 100 })
    const { journal, stage } = crowd
    crowd.start()
    await sleep(1500)
    one.life.send('SIGSTOP')
    await sleep(lease_ms / 2)
    journal.killed()
    await sleep((lease_ms * 3) / 2)
    journal.killed() // What came meanwhile is taken by a process that is not known to be back.
    one.life.send('SIGCONT')
    await sleep(1000)
    await crowd.stop()
    await awaitEnds({ ...stage, wire: two.wire }, { late_ms: 10_000, stuck_ms: 30_000 })
    for (const member of [one, two]) await readAgain({ ...stage, wire: member.wire }, journal.witnesses())
    const { faults, rows, calls } = await audit(site, crowd.scripts())
    const ends = Map.groupBy(journal.witnesses(), ({ end, isDeleted }) => (isDeleted ? 'deleted' : end?.status))
    t.diagnostic(`seed ${SEED}; accepted: ${[...ends].map(([name, all]) => `${name} ${all.length}`).join(', ')}`)
    t.diagnostic(`jobs taken over: ${rows.filter(({ crashes }) => crashes > 0).length}; calls ${JSON.stringify(calls)}`)
    // Whoever is told what counts no more is cut off, and finds the end by its id.
    const isCut = /hit [12] times: its connection was cut/
    assert.deepEqual(crowd.violations(isCut).slice(0, 5), [], `seed ${SEED}`)
    assert.deepEqual(faults.slice(0, 5), [], `seed ${SEED}`)
  },
)
