import type { Checkpoint } from '../core/checkpoint.ts'
import { readResponseId } from '../core/check-request.ts'
import type { Flow } from '../core/flow.ts'
import { transition } from '../core/lifecycle.ts'
import type { SnapshotText } from '../core/snapshot-text.ts'
import { joinSnapshot } from '../core/split-snapshot.ts'
import { badRequest } from '../protocol/error.ts'
import type { ResponseEvent } from '../protocol/event.ts'
import type { AccountId, ResponseId } from '../protocol/id.ts'
import { isTerminal, type Response } from '../protocol/response.ts'
import type { Store, StoredResponse } from '../store/store.ts'
import type { Changes, Watch } from './changes.ts'
import type { Clock } from './clock.ts'
import { endStored, seizeStored } from './ending.ts'
import type { ReadOptions } from './event-log.ts'
import { follow, readKeptForEnd, readLog } from './follow.ts'
import { pageItems, type ItemPage, type PageQuery } from './input-items.ts'
import type { Held, Live } from './live.ts'
import { responseNotFound } from './problems.ts'
import type { RecentThreads } from './recent-threads.ts'

/** What access to stored responses needs. */
export interface AccessParts {
  readonly store: Store
  readonly threads: RecentThreads
  readonly live: Live
  readonly changes: Changes
  /** This process, as leases name it. */
  readonly owner: string
  readonly clock: Clock
  readonly textOf: SnapshotText
  readonly checkpoint: Checkpoint
}

/** What can be done with a response that exists. Ids are read and checked here; accounts never mix. */
export interface Access {
  /** The current snapshot, as JSON text. @throws {ApiError} 400 or 404. */
  retrieve(account: AccountId, id: string): Promise<string>
  /** The events after a number, live or stored. @throws {ApiError} 400 or 404. */
  events(account: AccountId, id: string, options: ReadOptions): Promise<Flow<readonly ResponseEvent[]>>
  /** Stops a background response. @returns its snapshot as JSON text. @throws {ApiError} 400 or 404. */
  cancel(account: AccountId, id: string): Promise<string>
  /** Hides a response. @throws {ApiError} 400 or 404. */
  remove(account: AccountId, id: string): Promise<ResponseId>
  /** A page of the input items. @throws {ApiError} 400 or 404. */
  inputItems(account: AccountId, id: string, query: PageQuery): Promise<ItemPage>
}

/** A stored response, and what this process has of it. */
interface Found {
  readonly id: ResponseId
  readonly stored: StoredResponse
  readonly held: Held | undefined
}

/** Looks that are taken at a response of another process until it is cancelled over that one's head. */
const PATIENT_LOOKS = 3

/** More looks at a response than it can change hands in between. */
const LOOKS_MAX = 10

/** Makes the access to stored responses. */
export function createAccess(parts: AccessParts): Access {
  const { store, live, changes } = parts

  const find = async (account: AccountId, text: string): Promise<Found> => {
    const id = readResponseId(text, 'response_id')
    const stored = await store.forAccount(account).find(id)
    if (stored === undefined) throw responseNotFound()
    return { id, stored, held: live.get(id) }
  }

  return {
    async retrieve(account, text) {
      return snapshot(await find(account, text))
    },

    async events(account, text, options) {
      const { id, stored, held } = await find(account, text)
      const responses = store.forAccount(account)
      if (!isTerminal(stored.lifecycle.status)) {
        return held === undefined ? follow({ responses, id, changes }, options) : held.log.read(options)
      }
      const events = await readLog(responses, id, stored)
      if (events === undefined) throw responseNotFound() // Deleted in between.
      return oneBatch(events.slice(options.after + 1))
    },

    async cancel(account, text) {
      let found = await find(account, text)
      if (!found.stored.lifecycle.background) {
        throw badRequest('not_cancellable', 'response_id', 'Cannot cancel a synchronous response.')
      }
      const watch = changes.watch(found.id)
      try {
        // It may change hands between two looks: the next one then finds its run, or its end.
        for (let looks = 0; looks < LOOKS_MAX && !isTerminal(found.stored.lifecycle.status); looks++) {
          await stop(parts, account, { found, watch, isPatient: looks < PATIENT_LOOKS })
          found = await find(account, text)
        }
      } finally {
        watch.close()
      }
      parts.checkpoint('cancel:after-ending')
      return snapshot(found)
    },

    async remove(account, text) {
      const id = readResponseId(text, 'response_id')
      const responses = store.forAccount(account)
      for (;;) {
        const lifecycle = await responses.findLifecycle(id)
        const next = lifecycle && transition(lifecycle, { type: 'remove' })
        if (lifecycle === undefined || next === undefined) throw responseNotFound()
        if (await responses.swap(id, { version: lifecycle.version, next })) break
      }
      parts.checkpoint('remove:after')
      parts.threads.forget(id)
      const held = live.get(id)
      held?.run?.abandon()
      held?.log.abandon()
      live.release(id, held)
      return id
    },

    async inputItems(account, text, query) {
      const id = readResponseId(text, 'response_id')
      const input = await store.forAccount(account).findInput(id)
      if (input === undefined) throw responseNotFound()
      return pageItems(input, query)
    },
  }

  /** Stops a job, whoever has it: its run, if it is ours; what waits is ended; another process is asked first. */
  async function stop(
    { owner }: AccessParts,
    account: AccountId,
    { found, watch, isPatient }: { readonly found: Found; readonly watch: Watch; readonly isPatient: boolean },
  ): Promise<void> {
    const { id, stored, held } = found
    if (held?.run !== undefined) {
      held.run.cancel()
      await held.run.ended
      return
    }
    const responses = store.forAccount(account)
    const { status, leaseOwner } = stored.lifecycle
    const isElsewhere = status === 'in_progress' && leaseOwner !== '' && leaseOwner !== owner
    if (isElsewhere && isPatient) {
      await responses.ask(id, 'cancel')
      return watch.next(new AbortController().signal)
    }
    const ending = { kind: 'cancelled', usage: null } as const
    if (status === 'queued') {
      if (await endStored({ ...stored, id, responses, log: held?.log }, ending, parts)) live.release(id, held)
      return
    }
    const lifecycle = await seizeStored({ ...stored, id, responses })
    if (lifecycle === undefined) return
    const now = live.get(id)
    now?.run?.abandon() // It has begun meanwhile, and is not ours any more.
    live.release(id, now) // No run begins on its log.
    try {
      const kept = await readKeptForEnd(responses, id)
      const log = kept.length > 0 ? undefined : now?.log
      await endStored({ ...stored, lifecycle, id, responses, log, kept }, ending, parts)
    } finally {
      now?.log.abandon()
    }
  }
}

/** The snapshot as JSON text: the run's own while it runs, else the stored one. */
function snapshot({ stored, held }: Found): string {
  const { status } = stored.lifecycle
  if (isTerminal(status)) return joinSnapshot(stored)
  const running = held?.run?.snapshot()
  if (running !== undefined && !isTerminal(running.status)) return JSON.stringify(running)
  // Written by this program.
  return JSON.stringify({ ...(JSON.parse(stored.response) as Response), status })
}

function oneBatch(events: readonly ResponseEvent[]): Flow<readonly ResponseEvent[]> {
  return {
    each: async (take) => {
      if (events.length > 0) await take(events)
    },
    leave: () => {},
  }
}
