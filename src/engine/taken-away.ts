import { isDeepStrictEqual } from 'node:util'
import { conclude } from '../core/conclude.ts'
import type { ResponseEvent, UnnumberedEvent } from '../protocol/event.ts'
import { isTerminal, type Response } from '../protocol/response.ts'
import type { Clock } from './clock.ts'
import type { RunStorage } from './ending.ts'
import type { EventLog } from './event-log.ts'
import { readLog } from './follow.ts'

/** Whoever takes a response away ends it a moment later. */
const LOOKS_MAX = 10

const LOOK_MS = 500

/** A run in the foreground that has lost its response, because its process was silent for longer than its lease. */
export interface Loser {
  readonly storage: RunStorage
  readonly log: EventLog
  readonly response: Response
  readonly clock: Clock
}

/**
 * How the stream of a run goes on whose response another process has ended: like the stored one, where its client has
 * seen no more than that. Otherwise what it has seen is closed, and then comes the stored end.
 *
 * @returns undefined where it was deleted, or has not ended within a few seconds.
 */
export async function endElsewhere(loser: Loser): Promise<readonly UnnumberedEvent[] | undefined> {
  const stored = await findEnd(loser)
  if (stored === undefined) return undefined
  const { log, response } = loser
  const seen = log.all()
  const isPart = seen.every((event, index) => isDeepStrictEqual(event, stored[index]))
  if (isPart) return stored.slice(seen.length)
  const [fault, end] = stored.slice(-2)
  if (fault?.type !== 'error' || end?.type !== 'response.failed') return undefined
  const own = conclude(response, { kind: 'failed', error: fault.error, usage: null }, 0)
  return [...own.slice(0, -1), end]
}

async function findEnd({ storage, clock }: Loser): Promise<readonly ResponseEvent[] | undefined> {
  const { responses, id } = storage
  for (let look = 0; look < LOOKS_MAX; look++) {
    const stored = await responses.find(id)
    if (stored === undefined || isTerminal(stored.lifecycle.status)) return stored && readLog(responses, id, stored)
    await clock.sleep(LOOK_MS, new AbortController().signal)
  }
  return undefined
}
