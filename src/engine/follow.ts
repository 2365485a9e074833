import { decodeBatch } from '../core/event-batch.ts'
import type { Flow, Take } from '../core/flow.ts'
import { decodeLog } from '../core/log-codec.ts'
import { joinSnapshot } from '../core/split-snapshot.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import type { ResponseId } from '../protocol/id.ts'
import { isTerminal, type Response } from '../protocol/response.ts'
import { StoreDamaged, StoreUnavailable, type ResponseStore, type StoredResponse } from '../store/store.ts'
import type { Changes } from './changes.ts'
import { firstEvents } from './ending.ts'
import { LogAbandoned, type ReadOptions } from './event-log.ts'

/** What following needs. */
export interface FollowParts {
  readonly responses: ResponseStore
  readonly id: ResponseId
  readonly changes: Changes
}

/**
 * Reads a response that another process runs, from what that one keeps: the same events, byte for byte.
 *
 * @returns a flow that throws {@link LogAbandoned} where the response is deleted meanwhile.
 */
export function follow(parts: FollowParts, { after }: ReadOptions): Flow<readonly ResponseEvent[]> {
  const leaving = new AbortController()
  return {
    each: (take) =>
      readOn(parts, { after, take, signal: leaving.signal }).catch((error: unknown) => {
        if (!leaving.signal.aborted) throw error
      }),
    leave: () => leaving.abort(),
  }
}

/** All events of a response that has ended; undefined where its log is not there. */
export async function readLog(
  responses: ResponseStore,
  id: ResponseId,
  stored: StoredResponse,
): Promise<readonly ResponseEvent[] | undefined> {
  const log = await responses.findLog(id)
  // Both were written by this program and checked by checksum.
  return log === undefined ? undefined : decodeLog(log, JSON.parse(joinSnapshot(stored)) as Response)
}

/** What was kept of a response that has not ended, from its first event on. */
export async function readKept(responses: ResponseStore, id: ResponseId): Promise<readonly ResponseEvent[]> {
  const batches = await responses.findEvents(id, -1)
  return batches.flatMap(({ events, first }) => decodeBatch(events, first))
}

/** The same for its ending: what cannot be read any more must not keep it open. */
export function readKeptForEnd(responses: ResponseStore, id: ResponseId): Promise<readonly ResponseEvent[]> {
  return readKept(responses, id).catch((error: unknown) => {
    if (error instanceof StoreDamaged) return []
    throw error
  })
}

interface Reading {
  readonly after: number
  readonly take: Take<readonly ResponseEvent[]>
  readonly signal: AbortSignal
}

async function readOn({ responses, id, changes }: FollowParts, { after, take, signal }: Reading): Promise<void> {
  let last = after
  const give = async (events: readonly ResponseEvent[]) => {
    const fresh = events.filter(({ sequence_number: number }) => number > last)
    signal.throwIfAborted()
    if (fresh.length === 0) return false
    last = fresh.at(-1)?.sequence_number ?? last
    await take(fresh)
    return true
  }
  let isAsked = false
  const look = async (): Promise<Sight> => {
    if (!isAsked) await responses.ask(id, 'follow')
    isAsked = true
    const stored = await responses.find(id)
    if (stored === undefined) throw new LogAbandoned()
    if (!isTerminal(stored.lifecycle.status)) {
      return (await give(await eventsSoFar(responses, id, { stored, last }))) ? 'news' : 'nothing'
    }
    await give(await allOf(responses, id, stored))
    return 'end'
  }
  const watch = changes.watch(id)
  try {
    for (let blind = 0; ;) {
      const seen = await look().catch((error: unknown) => unlessAway(error, blind + 1))
      if (seen === 'end') return
      blind = seen === 'away' ? blind + 1 : 0
      if (seen !== 'news') await watch.next(signal)
    }
  } finally {
    watch.close()
  }
}

/** What is seen when one looks. */
type Sight = 'news' | 'nothing' | 'end' | 'away'

/** Looks one after the other at a storage that is away: then its readers are let go, and may come again. */
const BLIND_LOOKS_MAX = 60

function unlessAway(error: unknown, looks: number): Sight {
  if (error instanceof StoreUnavailable && looks < BLIND_LOOKS_MAX) return 'away'
  throw error
}

async function allOf(
  responses: ResponseStore,
  id: ResponseId,
  stored: StoredResponse,
): Promise<readonly ResponseEvent[]> {
  const all = await readLog(responses, id, stored)
  if (all === undefined) throw new LogAbandoned() // Deleted in between.
  return all
}

async function eventsSoFar(
  responses: ResponseStore,
  id: ResponseId,
  { stored, last }: { readonly stored: StoredResponse; readonly last: number },
): Promise<readonly ResponseEvent[]> {
  const batches = await responses.findEvents(id, last)
  if (batches.length > 0) return batches.flatMap(({ events, first }) => decodeBatch(events, first))
  // Written by this program and checked by checksum.
  return firstEvents(JSON.parse(stored.response) as Response, stored.lifecycle.background)
}
