import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLUSTER_MISSING, type Cluster, type Stop } from '../../src/store/postgres/testing/cluster.ts'
import { spread } from '../chaos/figures.ts'
import { awaitEnds, readAgain } from '../chaos/recovery.ts'
import { createRandom, type Random } from '../fuzz/random.ts'
import { Crowd, type Sample } from './crowd.ts'
import { audit, type Audit } from './ledger.ts'
import { sitesForFile } from './site.ts'

/** `npm run soak:postgres` is the long form. */
const LOAD_MS = Number(process.env['OUTAGES_S'] ?? 5) * 1000
const BETWEEN_MS = LOAD_MS > 30_000 ? { least: 5000, most: 10_000 } : { least: 1000, most: 1500 }
const AWAY_MS_MAX = 2000
const SEED = Number(process.env['CLUSTER_SEED'] ?? Date.now() % 1_000_000)

/** Whoever must be refused is refused by then. */
const REFUSED_MS_MAX = 5000

/** Of a machine on which other tests run. */
const ODDS_MS = 1000

const newSite = sitesForFile()

/** When the database was away, from when it was told to stop until it took connections. */
interface Gap {
  readonly how: Stop
  readonly from_ms: number
  readonly until_ms: number
}

/** One time that the database is away. */
interface Outage {
  readonly after_ms: number
  readonly how: Stop
  readonly away_ms: number
}

/** Outages of up to 2 s, one after the other, until a time has passed. */
function* outages(random: Random): Generator<Outage> {
  const { least, most } = BETWEEN_MS
  for (let passed_ms = 0, count = 0; passed_ms < LOAD_MS; count++) {
    const after_ms = least + random.below(most - least)
    const away_ms = random.below(AWAY_MS_MAX)
    passed_ms += after_ms + away_ms
    yield { after_ms, how: count % 2 === 0 ? 'fast' : 'immediate', away_ms }
  }
}

async function interrupt(cluster: Cluster, plan: Iterable<Outage>): Promise<readonly Gap[]> {
  const gaps: Gap[] = []
  for (const { after_ms, how, away_ms } of plan) {
    await sleep(after_ms)
    const from_ms = performance.now()
    await cluster.stop(how)
    await sleep(away_ms)
    await cluster.start()
    gaps.push({ how, from_ms, until_ms: performance.now() })
  }
  await sleep(BETWEEN_MS.least)
  return gaps
}

function isIn(gaps: readonly Gap[]): (sample: Sample) => boolean {
  return ({ start_ms, end_ms }) => gaps.some(({ from_ms, until_ms }) => start_ms < until_ms && end_ms > from_ms)
}

const taken = ({ start_ms, end_ms }: Sample) => end_ms - start_ms

/** What came of a load, and of its outages. */
interface Outcome extends Audit {
  readonly crowd: Crowd
  readonly gaps: readonly Gap[]
  readonly refused: readonly Sample[]
}

/** Two processes under load, whose database goes away as planned. */
async function loadThrough(t: TestContext, plan: Iterable<Outage>, random: Random): Promise<Outcome> {
  const site = await newSite(t)
  const [one, two] = [site.member('one'), site.member('two')]
  await Promise.all([one.start(), two.start()])
  const wire = () => random.pick([one, two]).wire
  const crowd = new Crowd({ wire, random, life: one.life, groups: 1, patient: 6, arrival_ms: 60 })
  crowd.start()
  const gaps = await interrupt(site.cluster, plan)
  await crowd.stop()
  const { journal, samples, stage } = crowd
  const late = await awaitEnds({ ...stage, wire: two.wire }, { late_ms: REFUSED_MS_MAX, stuck_ms: 30_000 })
  assert.equal(late.length, 0, 'no process was lost')
  await readAgain({ ...stage, wire: two.wire }, journal.witnesses())
  const audited = await audit(site, crowd.scripts())
  const refused = samples.filter(({ status }) => status === 503)
  tell(t, { ...audited, crowd, gaps, refused })
  return { ...audited, crowd, gaps, refused }
}

function tell(t: TestContext, { crowd, gaps, refused, rows, calls, unwritten }: Outcome): void {
  const { journal, samples } = crowd
  const within = samples.filter(isIn(gaps))
  const times = (some: readonly Sample[]) => spread(some.map(taken))
  const ends = Map.groupBy(journal.witnesses(), ({ end, isDeleted }) => (isDeleted ? 'deleted' : end?.status))
  t.diagnostic(`outages, ms: ${gaps.map((gap) => `${gap.how} ${Math.round(gap.until_ms - gap.from_ms)}`).join(', ')}`)
  t.diagnostic(`requests ${samples.length}, of these in a gap ${within.length}, refused ${refused.length}`)
  t.diagnostic(`ms to an answer in a gap: ${times(within)}; refused: ${times(refused)}; at any time: ${times(samples)}`)
  for (const [what, some] of Map.groupBy(refused, (sample) => sample.what)) t.diagnostic(`${what}: ${times(some)}`)
  t.diagnostic(`accepted ${journal.witnesses().length}: ${[...ends].map(([end, all]) => `${end} ${all.length}`)}`)
  t.diagnostic(`rows ${rows.length}, calls ${JSON.stringify(calls)}, of refused requests ${unwritten}`)
}

function assertNothingLost({ crowd, faults, rows, refused }: Outcome, isRight?: RegExp): void {
  assert.deepEqual(crowd.violations(isRight).slice(0, 5), [], `seed ${SEED}`)
  assert.deepEqual(faults.slice(0, 5), [], `seed ${SEED}`)
  assert.deepEqual(crowd.rude.slice(0, 3), [], 'a refusal says when to come again')
  assert.ok(
    rows.every(({ crashes }) => crashes === 0),
    'no lease was lost',
  )
  const slowest_ms = Math.max(0, ...refused.map(taken))
  assert.ok(slowest_ms < REFUSED_MS_MAX + ODDS_MS, `refused after ${slowest_ms} ms`)
}

test(
  `D-10: a database that is stopped again and again for ${LOAD_MS / 1000} s loses nothing`,
  { skip: CLUSTER_MISSING, timeout: 300_000 },
  async (t) => {
    const random = createRandom(SEED)
    const outcome = await loadThrough(t, outages(random), random)
    assertNothingLost(outcome)
    assert.ok(outcome.crowd.journal.witnesses().length > 50)
  },
)

test(
  'D-10: while a database is away for longer, requests are refused in time, and what runs has an end',
  { skip: CLUSTER_MISSING, timeout: 120_000 },
  async (t) => {
    const plan = [{ after_ms: 1000, how: 'immediate', away_ms: 6500 }] as const
    const outcome = await loadThrough(t, plan, createRandom(SEED))
    assertNothingLost(outcome, /failed after 0 crashes: The answer could not be stored/)
    assert.ok(outcome.refused.length > 0)
  },
)
