import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLUSTER_MISSING } from '../../src/store/postgres/testing/cluster.ts'
import { Journal, type Deed } from '../chaos/journal.ts'
import { readAgain } from '../chaos/recovery.ts'
import { scriptOf } from '../chaos/script.ts'
import { submit } from '../chaos/submission.ts'
import { createRandom, type Random } from '../fuzz/random.ts'
import { readRows } from './ledger.ts'
import { sitesForFile, type Member, type MemberSettings, type Site } from './site.ts'

/** `npm run soak:streams` is the long form. */
const STREAMS = Number(process.env['CUT_STREAMS'] ?? 50)
const SEED = Number(process.env['CLUSTER_SEED'] ?? Date.now() % 1_000_000)

/** Chunks come so slowly that most streams are cut several times. */
const PACE_MS = 60 + STREAMS / 2

const newSite = sitesForFile()

/** Two processes, and clients that read streams piece by piece. */
class Readers {
  readonly journal = new Journal()
  readonly members: readonly [Member, Member]
  readonly random: Random = createRandom(SEED)
  /** Pieces that ended before their stream. */
  pieces = 0
  /** Connections that were broken by somebody else. */
  cuts = 0

  constructor(members: readonly [Member, Member]) {
    this.members = members
  }

  /** A stream of every sort, in turn: of a job, and of a response that somebody reads from its beginning to its end. */
  async read(index: number): Promise<void> {
    const { journal, random } = this
    const tag = `s${index}`
    const words = `chunks=${8 + random.below(8)} pace=${PACE_MS} input=`
    const script = scriptOf(tag, [1, 2, 3].map((call) => `${words}${call * 10}`).join(' | '))
    const deed = journal.begin({ kind: index % 2 === 0 ? 'job' : 'stream', script, isKeyed: false })
    const { life, wire } = this.#member(index >> 1)
    const submitted = submit({ life, wire, journal }, deed)
    while (deed.witness === undefined && !life.isOver()) await sleep(5)
    await this.#resume(deed, index)
    await submitted
  }

  /** Reads a few events here and the next ones there, until it has ended. */
  async #resume(deed: Deed, index: number): Promise<void> {
    const { witness } = deed
    if (witness === undefined) return
    let first = 0
    for (let turn = (index >> 1) + 1; ; turn++) {
      const { wire } = this.#member(turn)
      const { hits } = deed
      const wanted = 1 + this.random.below(6)
      let count = 0
      const query = first === 0 ? '?stream=true' : `?stream=true&starting_after=${first - 1}`
      const heard = await wire.follow({ method: 'GET', path: `/responses/${witness.id}${query}` }, () =>
        ++count < wanted ? undefined : 'leave',
      )
      // In the foreground the last that was said may be lost with its process: it is read from its beginning then.
      const isUncertain = deed.kind === 'stream' && deed.hits > hits
      if (heard.status === 200 && !isUncertain) witness.sawStream(heard, first)
      first = isUncertain ? 0 : first + heard.events.length
      if (isUncertain) continue
      if (heard.over === 'done') return
      if (heard.over === 'left') this.pieces++
      else await this.#cut()
    }
  }

  /** A process is gone: another one is there. */
  async #cut(): Promise<void> {
    this.cuts++
    await sleep(20)
  }

  #member(turn: number): Member {
    const [one, two] = this.members
    return turn % 2 === 0 ? one : two
  }
}

/** A database, two processes, and their readers. */
async function startReaders(t: TestContext, settings: MemberSettings = {}): Promise<readonly [Readers, Site]> {
  const site = await newSite(t, { ...settings, background: { concurrency: STREAMS, ...settings.background } })
  const members = [site.member('one'), site.member('two')] as const
  await Promise.all(members.map((member) => member.start()))
  return [new Readers(members), site]
}

/** Reads every stream from its beginning, on each of the processes: byte for byte what it was. */
async function compareAll({ journal, members }: Readers): Promise<void> {
  for (const { life, wire } of members) await readAgain({ life, wire, journal }, journal.witnesses())
  assert.deepEqual(journal.violations.slice(0, 5), [], `seed ${SEED}`)
}

test(
  `O-13: ${STREAMS} streams are cut again and again, and resumed on the other process, byte for byte`,
  { skip: CLUSTER_MISSING, timeout: 240_000 },
  async (t) => {
    const [readers] = await startReaders(t)
    await Promise.all(Array.from({ length: STREAMS }, (_, index) => readers.read(index)))
    await compareAll(readers)
    const { journal, pieces, cuts } = readers
    t.diagnostic(`seed ${SEED}; ${STREAMS} streams in ${pieces + STREAMS} pieces`)
    assert.equal(cuts, 0)
    assert.ok(pieces > STREAMS)
    const ends = journal.witnesses().map(({ end }) => end?.status)
    assert.deepEqual(ends, Array<string>(STREAMS).fill('completed'))
  },
)

const LEASE_MS = 2000 + STREAMS * 10

/** What was on its way when a process was killed has come by then, and nothing was taken over yet. */
const HEARD_MS = 300 + STREAMS * 4

test(
  `O-13: ${STREAMS} streams go on where one of their processes is killed and comes back`,
  { skip: CLUSTER_MISSING, timeout: 240_000 },
  async (t) => {
    const background = { lease_ms: LEASE_MS, heartbeat_ms: 500, sweep_ms: 500 }
    const [readers, site] = await startReaders(t, { background })
    const { journal, members } = readers
    const [one] = members
    const reading = Promise.all(Array.from({ length: STREAMS }, (_, index) => readers.read(index)))
    while (journal.witnesses().length < STREAMS) await sleep(10)
    await sleep(PACE_MS * 4)
    const before = await readRows(site.store)
    await one.life.kill()
    await sleep(HEARD_MS)
    journal.killed() // What was heard before is noted as such.
    await one.start()
    await reading
    await compareAll(readers)
    const ends = Map.groupBy(journal.witnesses(), ({ deed, end }) => `${deed.kind} ${end?.status}`)
    t.diagnostic(`seed ${SEED}; ${STREAMS} streams in ${readers.pieces + STREAMS} pieces, ${readers.cuts} cuts`)
    t.diagnostic([...ends].map(([name, all]) => `${name} ${all.length}`).join(', '))
    const lost = new Set(journal.witnesses().flatMap(({ id, end }) => (end?.status === 'failed' ? [id] : [])))
    const losers = new Set(before.flatMap(({ id, owner }) => (lost.has(id) ? [owner] : [])))
    assert.equal(losers.size, 1, 'nothing of the other process was lost')
    assert.ok(ends.has('stream failed') && ends.has('stream completed') && readers.cuts > 0)
  },
)
