import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../fuzz/random.ts'
import type { Deed, Journal } from './journal.ts'
import { writeScript } from './script.ts'
import type { ServerLife } from './server-life.ts'
import { snapshotIn, type Snapshot } from './telling.ts'
import type { Asked, Wire } from './wire.ts'
import type { Kind, Known, Witness } from './witness.ts'

/** What clients of one server life act on. */
export interface Stage {
  readonly life: ServerLife
  readonly wire: Wire
  readonly journal: Journal
}

/** Decides on a request, and writes it down. Every second one bears a key. */
export function beginDeed(journal: Journal, kind: Kind, random: Random): Deed {
  const script = writeScript(`c${journal.cycle}-${journal.deeds.length}`, random)
  return journal.begin({ kind, script, isKeyed: random.chance(0.5) })
}

/**
 * Sends a request, for the first time or again. Where it bears a key, it is the same request every time.
 *
 * @param eventsMax After how many events the client of a stream hangs up.
 */
export async function submit(stage: Stage, deed: Deed, eventsMax = Number.POSITIVE_INFINITY): Promise<void> {
  if (deed.kind === 'stream') await submitStream(stage, deed, eventsMax)
  else await submitWhole(stage, deed)
}

async function submitWhole({ life, wire, journal }: Stage, deed: Deed): Promise<void> {
  const before = deed.witness?.known() ?? NOTHING
  const reply = await wire.ask(requestOf(deed))
  if (reply === undefined) return explainCut({ life, journal }, deed)
  // The same request that came before may have been answered, and its response deleted, while this one waited for it.
  if (reply.status === 404 && deed.isKeyed && deed.wasStopped) return
  if (reply.status !== (deed.kind === 'job' ? 202 : 200)) return refuse(journal, deed, `${reply.status} ${reply.text}`)
  const witness = journal.accept(deed, (JSON.parse(reply.text) as Snapshot).id)
  // Whoever waits for the whole answer is told at its end.
  witness?.sawReply(reply, deed.kind === 'json' ? { ...before, rank: RANK_OF_THE_ENDED } : before)
}

const RANK_OF_THE_ENDED = 2

const NOTHING: Known = { rank: 0, isDeleted: false, isUndecided: false }

async function submitStream({ life, wire, journal }: Stage, deed: Deed, eventsMax: number): Promise<void> {
  let [witness, count] = [undefined as Witness | undefined, 0]
  const onEvent = (data: string): 'leave' | undefined => {
    const { id } = snapshotIn(data) ?? {}
    if (count === 0 && id !== undefined) witness = journal.accept(deed, id)
    count++
    if (count < eventsMax) return undefined
    deed.wasStopped = true
    return 'leave'
  }
  const heard = await wire.follow(requestOf(deed), onEvent)
  if (heard.events.length === 0 && heard.status >= 400) refuse(journal, deed, `${heard.status} ${heard.text}`)
  witness?.sawStream(heard)
  if (heard.over === 'cut') await explainCut({ life, journal }, deed)
}

function requestOf({ kind, script, isKeyed }: Deed): Asked {
  const how = { ...(kind === 'job' && { background: true }), ...(kind === 'stream' && { stream: true }) }
  return {
    method: 'POST',
    path: '/responses',
    body: { model: 'fault/m', input: script.prompt, ...how },
    headers: isKeyed ? { 'idempotency-key': script.tag } : {},
  }
}

/** A server that is there answers what it is asked. */
function refuse(journal: Journal, deed: Deed, said: string): void {
  deed.isOver = true
  journal.blame('unprovoked', deed, `refused: ${said.slice(0, 300)}`)
}

/** How long a process may take to be gone after its connections are. */
const DYING_MS = 2000

/** A connection may break with its server, and where its response was deleted; and never else. */
export async function explainCut({ life, journal }: Pick<Stage, 'life' | 'journal'>, deed: Deed): Promise<void> {
  if (deed.wasStopped) return
  const isGone = await Promise.race([life.ended.then(() => true), sleep(DYING_MS, false, { ref: false })])
  if (!isGone) journal.blame('unprovoked', deed, 'its connection was cut, and the server is still there')
}
