import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../fuzz/random.ts'
import { beginDeed, explainCut, submit, type Stage } from './submission.ts'
import type { Kind, Witness } from './witness.ts'

/** A stage, and what is done on it. */
interface Play extends Stage {
  readonly random: Random
}

/** Clients at once. */
const CLIENTS = 6

/** Things that they do in one server life, together. */
const DEEDS_MAX = 30

/** What a client may do. Things with more weight are done more often. */
const TASKS: readonly (readonly [weight: number, task: (play: Play) => Promise<void>])[] = [
  [7, (play) => postAndThen(play, async () => {})],
  [3, (play) => postAndThen(play, pollToEnd)],
  [4, (play) => postAndThen(play, followToEnd)],
  [3, (play) => postAndThen(play, cancel)],
  [1, (play) => postAndThen(play, remove)],
  [4, (play) => post(play, 'json')],
  [6, (play) => post(play, 'stream')],
  [2, (play) => submit(play, beginDeed(play.journal, 'stream', play.random), 1 + play.random.below(8))],
  [2, postTwice],
  [3, postAgain],
  [3, (play) => onKnown(play, look)],
  [3, (play) => onKnown(play, followToEnd)],
  [2, (play) => onKnown(play, cancel)],
  [1, (play) => onKnown(play, remove)],
]

const LOTS = TASKS.flatMap(([weight, task]) => Array.from({ length: weight }, () => task))

/** Lets clients do this and that until their server is gone, or they have done enough. Never rejects. */
export async function runTraffic(stage: Stage, random: Random): Promise<void> {
  const play = { ...stage, random }
  let left = DEEDS_MAX
  const client = async () => {
    while (!stage.life.isOver() && left-- > 0) await random.pick(LOTS)(play)
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

async function post(play: Play, kind: Kind): Promise<void> {
  await submit(play, beginDeed(play.journal, kind, play.random))
}

async function postAndThen(play: Play, next: (play: Play, witness: Witness) => Promise<void>): Promise<void> {
  const deed = beginDeed(play.journal, 'job', play.random)
  await submit(play, deed)
  if (deed.witness === undefined) return
  if (play.random.chance(0.5)) await sleep(play.random.below(30))
  await next(play, deed.witness)
}

/** The same request twice at once: where it bears a key, it is one. */
async function postTwice(play: Play): Promise<void> {
  const deed = beginDeed(play.journal, play.random.pick(['job', 'json', 'stream']), play.random)
  await Promise.all(Array.from({ length: deed.isKeyed ? 2 : 1 }, () => submit(play, deed)))
}

/** A request that was answered, once more: under its key it is what it was. */
async function postAgain(play: Play): Promise<void> {
  const known = play.journal.deeds.filter(({ isKeyed, witness, wasStopped }) => isKeyed && witness && !wasStopped)
  if (known.length > 0) await submit(play, play.random.pick(known))
}

async function onKnown(play: Play, act: (play: Play, witness: Witness) => Promise<void>): Promise<void> {
  const all = play.journal.witnesses()
  if (all.length > 0) await act(play, play.random.pick(all))
}

/** Reads a response once. */
export async function look({ life, wire, journal }: Stage, witness: Witness): Promise<void> {
  const before = witness.known()
  const reply = await wire.ask({ method: 'GET', path: `/responses/${witness.id}` })
  if (reply === undefined) await explainCut({ life, journal }, witness.deed)
  else witness.sawReply(reply, before)
}

/** Looks until it has ended, or its server has. */
async function pollToEnd(stage: Stage, witness: Witness): Promise<void> {
  while (!witness.deed.isOver && !stage.life.isOver()) {
    await look(stage, witness)
    await sleep(10)
  }
}

/** Reads the stream of a response from some number on. */
async function followToEnd(stage: Play, witness: Witness): Promise<void> {
  const isFromStart = stage.random.chance(0.5)
  await replay(stage, witness, isFromStart ? 0 : stage.random.below(witness.toldCount + 1))
}

/** Reads the stream of a response from a number on, as it runs or as it was. */
export async function replay(stage: Stage, witness: Witness, first: number): Promise<void> {
  const { life, wire, journal } = stage
  const before = witness.known()
  const query = first === 0 ? '?stream=true' : `?stream=true&starting_after=${first - 1}`
  const heard = await wire.follow({ method: 'GET', path: `/responses/${witness.id}${query}` })
  if (heard.status === 200) witness.sawStream(heard, first)
  else if (heard.status !== 0) witness.sawReply(heard, before)
  if (heard.over === 'cut') await explainCut({ life, journal }, witness.deed)
}

async function cancel({ life, wire, journal }: Stage, witness: Witness): Promise<void> {
  const { deed } = witness
  const before = witness.known()
  if (deed.kind === 'job') deed.wasStopped = true
  const reply = await wire.ask({ method: 'POST', path: `/responses/${witness.id}/cancel` })
  if (reply === undefined) return explainCut({ life, journal }, deed)
  const isRefusable = deed.kind !== 'job' && reply.status === 400
  if (isRefusable) return
  witness.sawReply(reply, before)
  if (reply.status === 200 && !deed.isOver) journal.blame('unprovoked', deed, `cancelled, and still ${reply.text}`)
}

async function remove({ life, wire, journal }: Stage, witness: Witness): Promise<void> {
  const before = witness.known()
  witness.deleting()
  const reply = await wire.ask({ method: 'DELETE', path: `/responses/${witness.id}` })
  witness.deletionOver()
  if (reply === undefined) await explainCut({ life, journal }, witness.deed)
  else if (reply.status === 200) witness.deleted()
  else witness.sawReply(reply, before)
}
