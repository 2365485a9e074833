import { setTimeout as sleep } from 'node:timers/promises'
import type { CallCounts } from '../harness/call-ledger.ts'
import type { Deed, Journal } from './journal.ts'
import { submit, type Stage } from './submission.ts'
import { look, replay } from './traffic.ts'
import type { Witness } from './witness.ts'

/** How long whatever was left may take to end after a start, in milliseconds. */
export interface Patience {
  /** Beyond it, a response is late. */
  readonly late_ms: number
  /** Beyond it, it is stuck, and no more waited for. */
  readonly stuck_ms: number
}

const LOOK_MS = 5

/**
 * Waits until everything that was accepted has ended.
 *
 * @returns how long it took after the start, for each that a crash had hit, in milliseconds.
 */
export async function awaitEnds(stage: Stage, { late_ms, stuck_ms }: Patience): Promise<readonly number[]> {
  const { life, journal } = stage
  const start_ms = performance.now()
  const times: number[] = []
  let open = journal.open()
  while (open.length > 0 && !life.isOver()) {
    await forEach(open, (witness) => look(stage, witness))
    const passed_ms = performance.now() - start_ms
    const ended = open.filter(({ deed }) => deed.isOver && deed.hits > 0)
    for (const _ of ended) times.push(passed_ms)
    if (passed_ms > stuck_ms) for (const witness of open) giveUp(journal, witness, stuck_ms)
    open = open.filter(({ deed }) => !deed.isOver)
    if (open.length > 0) await sleep(LOOK_MS)
  }
  const latest = Math.max(0, ...times)
  if (latest > late_ms) journal.blame('stuck', undefined, `a response took ${Math.round(latest)} ms after the start`)
  return times
}

function giveUp(journal: Journal, { deed }: Witness, stuck_ms: number): void {
  if (deed.isOver) return
  journal.blame('stuck', deed, `it has not ended ${stuck_ms} ms after the start`)
  deed.isOver = true
}

/** Sends requests again whose clients were told nothing: under their keys they are what they were, or begin now. */
export async function askAgain(stage: Stage): Promise<void> {
  await Promise.all(stage.journal.untold().map((deed) => submit(stage, deed)))
}

/** Reads streams from their beginning, and snapshots once more: they must be what they were. */
export async function readAgain(stage: Stage, witnesses: readonly Witness[]): Promise<void> {
  await forEach(witnesses, async (witness) => {
    if (stage.life.isOver()) return
    if (!witness.isDeleted) await replay(stage, witness, 0)
    await look(stage, witness)
  })
}

/** Clients at once: thousands would wait for each other, and for nothing that is to be shown. */
const AT_ONCE = 16

async function forEach(witnesses: readonly Witness[], act: (witness: Witness) => Promise<void>): Promise<void> {
  const left = witnesses.values()
  const client = async () => {
    for (const witness of left) await act(witness)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
}

/** Compares what the provider was asked with what happened. Nothing runs any more. */
export function auditCalls(journal: Journal, counts: Readonly<Record<string, CallCounts>>): void {
  for (const deed of journal.deeds) {
    const received = counts[deed.script.tag]?.received ?? 0
    const fault = callFault(deed, received)
    if (fault !== undefined) journal.blame(received === 0 ? 'lost' : 'twice', deed, fault)
  }
}

function callFault({ kind, hits, isKeyed, witness }: Deed, received: number): string | undefined {
  const callsMax = kind === 'job' || isKeyed ? 1 + hits : 1
  if (received > callsMax) return `the provider was asked ${received} times, after ${hits} crashes`
  if (witness?.end?.status === 'completed' && received === 0) return 'it is completed, and no provider was asked'
  return undefined
}
