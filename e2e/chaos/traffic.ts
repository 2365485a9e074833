import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../fuzz/random.ts'
import type { Deed, Journal } from './journal.ts'
import { writeScript } from './script.ts'
import type { ServerLife } from './server-life.ts'
import { snapshotIn, type Snapshot } from './telling.ts'
import type { Wire } from './wire.ts'
import type { Kind, Witness } from './witness.ts'

/** What clients act on. */
export interface Stage {
  readonly life: ServerLife
  readonly wire: Wire
  readonly journal: Journal
  readonly random: Random
}

/** Clients at once. */
const CLIENTS = 6

/** Things that they do in one server life, together. */
const DEEDS_MAX = 30

/** What a client may do. Things with more weight are done more often. */
const TASKS: readonly (readonly [weight: number, task: (stage: Stage) => Promise<void>])[] = [
  [7, (stage) => postAndThen(stage, async () => {})],
  [3, (stage) => postAndThen(stage, pollToEnd)],
  [4, (stage) => postAndThen(stage, followToEnd)],
  [3, (stage) => postAndThen(stage, cancel)],
  [1, (stage) => postAndThen(stage, remove)],
  [4, postJson],
  [6, (stage) => postStream(stage, Number.POSITIVE_INFINITY)],
  [2, (stage) => postStream(stage, 1 + stage.random.below(8))],
  [3, (stage) => onKnown(stage, look)],
  [3, (stage) => onKnown(stage, followToEnd)],
  [2, (stage) => onKnown(stage, cancel)],
  [1, (stage) => onKnown(stage, remove)],
]

const LOTS = TASKS.flatMap(([weight, task]) => Array.from({ length: weight }, () => task))

/** Lets clients do this and that until their server is gone, or they have done enough. Never rejects. */
export async function runTraffic(stage: Stage): Promise<void> {
  let left = DEEDS_MAX
  const client = async () => {
    while (!stage.life.isOver() && left-- > 0) await stage.random.pick(LOTS)(stage)
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

/** Asks for a background response. @returns it, where one was accepted. */
async function postJob({ life, wire, journal, random }: Stage): Promise<Witness | undefined> {
  const deed = beginDeed({ journal, random }, 'job')
  const before = { rank: 0, isDeleted: false }
  const reply = await wire.ask({ method: 'POST', path: '/responses', body: bodyOf(deed) })
  if (reply === undefined) await explainCut({ life, journal }, deed)
  else if (reply.status !== 202) refuse(journal, deed, `${reply.status} ${reply.text}`)
  if (reply?.status !== 202) return undefined
  const witness = journal.accept(deed, (JSON.parse(reply.text) as Snapshot).id)
  witness.sawReply(reply, before)
  return witness
}

async function postAndThen(stage: Stage, next: (stage: Stage, witness: Witness) => Promise<void>): Promise<void> {
  const witness = await postJob(stage)
  if (witness === undefined) return
  if (stage.random.chance(0.5)) await sleep(stage.random.below(30))
  await next(stage, witness)
}

async function postJson({ life, wire, journal, random }: Stage): Promise<void> {
  const deed = beginDeed({ journal, random }, 'json')
  const reply = await wire.ask({ method: 'POST', path: '/responses', body: bodyOf(deed) })
  if (reply === undefined) return explainCut({ life, journal }, deed)
  if (reply.status !== 200) return refuse(journal, deed, `${reply.status} ${reply.text}`)
  const witness = journal.accept(deed, (JSON.parse(reply.text) as Snapshot).id)
  witness.sawReply(reply, { rank: 2, isDeleted: false }) // It is told at its end.
}

/** Asks for a stream. @param eventsMax After how many events its client hangs up. */
async function postStream({ life, wire, journal, random }: Stage, eventsMax: number): Promise<void> {
  const deed = beginDeed({ journal, random }, 'stream')
  let [witness, count] = [undefined as Witness | undefined, 0]
  const onEvent = (data: string): 'leave' | undefined => {
    count++
    const { id } = snapshotIn(data) ?? {}
    if (witness === undefined && id !== undefined) witness = journal.accept(deed, id)
    if (count < eventsMax) return undefined
    deed.wasStopped = true
    return 'leave'
  }
  const heard = await wire.follow(
    { method: 'POST', path: '/responses', body: { ...bodyOf(deed), stream: true } },
    onEvent,
  )
  if (heard.events.length === 0 && heard.status >= 400) refuse(journal, deed, `${heard.status} ${heard.text}`)
  witness?.sawStream(heard)
  if (heard.over === 'cut') await explainCut({ life, journal }, deed)
}

async function onKnown(stage: Stage, act: (stage: Stage, witness: Witness) => Promise<void>): Promise<void> {
  const all = stage.journal.witnesses()
  if (all.length > 0) await act(stage, stage.random.pick(all))
}

/** Reads a response once. */
export async function look({ life, wire, journal }: Omit<Stage, 'random'>, witness: Witness): Promise<void> {
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
async function followToEnd(stage: Stage, witness: Witness): Promise<void> {
  const isFromStart = stage.random.chance(0.5)
  await replay(stage, witness, isFromStart ? 0 : stage.random.below(witness.toldCount + 1))
}

/** Reads the stream of a response from a number on, as it runs or as it was. */
export async function replay(stage: Omit<Stage, 'random'>, witness: Witness, first: number): Promise<void> {
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
  if (reply === undefined) await explainCut({ life, journal }, witness.deed)
  else if (reply.status === 200) witness.deleted()
  else witness.sawReply(reply, before)
}

function beginDeed({ journal, random }: Pick<Stage, 'journal' | 'random'>, kind: Kind): Deed {
  return journal.begin(kind, writeScript(`c${journal.cycle}-${journal.deeds.length}`, random))
}

function bodyOf({ kind, script }: Deed): object {
  return { model: 'fault/m', input: script.prompt, ...(kind === 'job' && { background: true }) }
}

/** A server that is there answers what it is asked. */
function refuse(journal: Journal, deed: Deed, said: string): void {
  deed.isOver = true
  journal.blame('unprovoked', deed, `refused: ${said.slice(0, 300)}`)
}

/** How long a process may take to be gone after its connections are. */
const DYING_MS = 2000

/** A connection may break with its server, and where its response was deleted; and never else. */
async function explainCut({ life, journal }: Pick<Stage, 'life' | 'journal'>, deed: Deed): Promise<void> {
  if (deed.wasStopped) return
  const isGone = await Promise.race([life.ended.then(() => true), sleep(DYING_MS, false, { ref: false })])
  if (!isGone) journal.blame('unprovoked', deed, 'its connection was cut, and the server is still there')
}
