import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLUSTER_MISSING } from '../../src/store/postgres/testing/cluster.ts'
import { spread } from '../chaos/figures.ts'
import { awaitEnds, readAgain } from '../chaos/recovery.ts'
import { connectTo } from '../chaos/wire.ts'
import { createRandom } from '../fuzz/random.ts'
import { startBalancer } from './balancer.ts'
import { Crowd } from './crowd.ts'
import { audit } from './ledger.ts'
import { sitesForFile, type Member } from './site.ts'

/** `npm run soak:rolling` is the long form. */
const LOAD_S = Number(process.env['ROLLING_S'] ?? 8)
const IS_LONG = LOAD_S > 60
const EVERY_MS = IS_LONG ? 30_000 : 3000
/** In the short form: twice as long as the balancer takes to hear of it. */
const TIMEOUTS = IS_LONG ? { drain_ms: 20_000 } : { lame_duck_ms: 800, drain_ms: 8000 }
const SEED = Number(process.env['CLUSTER_SEED'] ?? Date.now() % 1_000_000)
const READY_MS_MAX = 20_000

const newSite = sitesForFile()

test(
  `O-11: processes that are restarted in turn for ${LOAD_S} s, under load, are not noticed`,
  { skip: CLUSTER_MISSING, timeout: (LOAD_S * 2 + 120) * 1000 },
  async (t) => {
    const site = await newSite(t, { timeouts: TIMEOUTS })
    const members = [site.member('one'), site.member('two')] as const
    await Promise.all(members.map((member) => member.start()))
    const balancer = await startBalancer()
    t.after(() => balancer.close())
    const tellBalancer = async () => {
      balancer.use(members.map(({ origin }) => origin))
      const deadline_ms = performance.now() + READY_MS_MAX
      while (balancer.ready().length < members.length) {
        assert.ok(performance.now() < deadline_ms, 'a process is not ready')
        await sleep(20)
      }
    }
    await tellBalancer()
    const wire = connectTo(balancer.origin)
    const random = createRandom(SEED)
    // What is asked for through the balancer never ends by itself.
    const life = { ...members[0].life, isOver: () => false, ended: new Promise<never>(() => {}) }
    const crowd = new Crowd({ wire: () => wire, random, life, groups: 1, patient: 6, arrival_ms: IS_LONG ? 100 : 60 })
    crowd.start()

    const restarts: number[] = []
    const restart = async (member: Member) => {
      const start_ms = performance.now()
      await member.stop()
      await member.start()
      await tellBalancer()
      restarts.push(performance.now() - start_ms)
    }
    const until_ms = performance.now() + LOAD_S * 1000
    for (let turn = 0; performance.now() < until_ms; turn++) {
      const next = sleep(EVERY_MS)
      await restart(turn % 2 === 0 ? members[0] : members[1])
      await next
    }
    await crowd.stop()
    const { journal, samples, stage } = crowd
    const calm = { ...stage, wire } // All at once, which is no part of the load.
    const late = await awaitEnds(calm, { late_ms: 20_000, stuck_ms: 30_000 })
    await readAgain(calm, journal.witnesses())
    wire.close()
    const { faults, rows, calls, unwritten } = await audit(site, crowd.scripts())
    const refused = samples.filter(({ status }) => status === 503)
    const ends = Map.groupBy(journal.witnesses(), ({ end, isDeleted }) => (isDeleted ? 'deleted' : end?.status))
    t.diagnostic(`seed ${SEED}; ${restarts.length} restarts, ms until the next was ready: ${spread(restarts)}`)
    t.diagnostic(`requests ${samples.length}, refused ${refused.length}; ms: ${spread(samples.map(taken))}`)
    t.diagnostic(`accepted ${journal.witnesses().length}: ${[...ends].map(([name, all]) => `${name} ${all.length}`)}`)
    t.diagnostic(`rows ${rows.length}, calls ${JSON.stringify(calls)}, of refused requests ${unwritten}`)
    const again = rows.filter(({ isBackground, attempt }) => isBackground && attempt > 1)
    t.diagnostic(`jobs that changed hands: ${again.length}`)

    assert.deepEqual(crowd.violations().slice(0, 5), [], `seed ${SEED}`)
    assert.deepEqual(faults.slice(0, 5), [], `seed ${SEED}`)
    assert.deepEqual(crowd.rude, [], 'a refusal says when to come again')
    assert.equal(late.length, 0)
    assert.ok(
      rows.every(({ crashes }) => crashes === 0),
      'no job was lost',
    )
    assert.ok(restarts.length >= 2 && journal.witnesses().length > 50)
  },
)

function taken({ start_ms, end_ms }: { readonly start_ms: number; readonly end_ms: number }): number {
  return end_ms - start_ms
}
