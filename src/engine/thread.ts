import type { ThreadItem } from '../core/history.ts'
import { outputIn } from '../core/split-snapshot.ts'
import { ApiError, badRequest } from '../protocol/error.ts'
import { parseItemId, type ResponseId } from '../protocol/id.ts'
import type { InputItem } from '../protocol/input-item.ts'
import { isTerminal, type Response, type ResponseStatus } from '../protocol/response.ts'
import type { ResponseStore, StoredThread } from '../store/store.ts'
import { NO_THREAD, type RecentThreads, type Thread } from './recent-threads.ts'

/** Longest thread that is read, in turns. A longer one is refused, never cut in silence. */
export const THREAD_TURNS_MAX = 1000

/** Where threads are. */
export interface ThreadSource {
  readonly responses: ResponseStore
  readonly threads: RecentThreads
}

/**
 * The thread that ends with a response.
 *
 * @throws {ApiError} 404 `previous_response_not_found`; 400 where it has not ended or is too long.
 */
export async function loadThread(source: ThreadSource, previousId: ResponseId | undefined): Promise<Thread> {
  if (previousId === undefined) return NO_THREAD
  const param = 'previous_response_id'
  const found = (await recall(source, previousId)) ?? (await read(source.responses, previousId))
  if (found === undefined) {
    throw new ApiError({
      type: 'not_found_error',
      code: 'previous_response_not_found',
      param,
      message: 'Previous response not found: it must be stored, not deleted, and of this account.',
    })
  }
  const { status, thread } = found
  if (!isTerminal(status)) {
    const message = `${param} names a response that is ${status}: wait until it has ended.`
    throw badRequest('previous_response_not_ready', param, message)
  }
  if (thread.turns > THREAD_TURNS_MAX) {
    throw badRequest(
      'thread_too_long',
      param,
      `The thread has more than ${THREAD_TURNS_MAX} turns: begin a new one with a summary.`,
    )
  }
  return thread
}

/** A thread, and how its last turn stands. */
interface Found {
  readonly status: ResponseStatus
  readonly thread: Thread
}

async function recall({ responses, threads }: ThreadSource, id: ResponseId): Promise<Found | undefined> {
  const thread = threads.find(id)
  if (thread === undefined) return undefined
  const lifecycle = await responses.findLifecycle(id)
  return lifecycle && { status: lifecycle.status, thread }
}

async function read(responses: ResponseStore, id: ResponseId): Promise<Found | undefined> {
  const stored = await responses.thread(id, THREAD_TURNS_MAX + 1)
  if (stored === undefined) return undefined
  const { status, turns, said } = stored
  return { status, thread: { turns, items: itemsIn(listsOf(said)), chars: said.length } }
}

/**
 * Everything said before a response that is stored already. Its thread was checked when it was accepted,
 * and stays its own: turns that were deleted since belong to it.
 */
export async function loadEarlier(responses: ResponseStore, id: ResponseId): Promise<Thread> {
  const stored = await responses.thread(id, THREAD_TURNS_MAX + 1)
  if (stored === undefined) return NO_THREAD
  const { turns, said } = stored
  return { turns: turns - 1, items: itemsIn(listsOf(said).slice(0, -LISTS_OF_A_TURN)), chars: said.length }
}

/** Its input and its output. */
const LISTS_OF_A_TURN = 2

/** Items, or the snapshot that holds them. */
type Said = readonly ThreadItem[] | Pick<Response, 'output'>

/** What was said, oldest first. */
function listsOf(said: StoredThread['said']): readonly Said[] {
  return (JSON.parse(said) as Said[]).reverse() // Written by this program and checked by checksum.
}

function itemsIn(lists: readonly Said[]): readonly ThreadItem[] {
  return lists.flatMap((said) => ('output' in said ? said.output : said))
}

/**
 * Replaces every `item_reference` by the item that it names, from any stored response of the account.
 *
 * @throws {ApiError} 404 `item_not_found`.
 */
export async function resolveReferences(
  responses: ResponseStore,
  input: string | readonly InputItem[],
): Promise<string | readonly InputItem[]> {
  if (typeof input === 'string' || !input.some(isReference)) return input
  const known = new Map<ResponseId, Promise<readonly InputItem[]>>()
  return Promise.all(
    input.map(async (item, index) => {
      if (!isReference(item)) return item
      const owner = parseItemId(item.id)?.responseId ?? (await responses.findItemOwner(item.id))
      const stored = owner === undefined ? [] : await remember(known, owner, () => itemsOf(responses, owner))
      const found = stored.find((candidate) => candidate.id === item.id)
      if (found !== undefined) return found
      throw new ApiError({
        type: 'not_found_error',
        code: 'item_not_found',
        param: `input[${index}].id`,
        message: `input[${index}].id names no stored item. Send the item itself.`,
      })
    }),
  )
}

function isReference(item: InputItem): item is Extract<InputItem, { type: 'item_reference' }> {
  return item.type === 'item_reference'
}

async function itemsOf(responses: ResponseStore, id: ResponseId): Promise<readonly InputItem[]> {
  const [input, stored] = await Promise.all([responses.findInput(id), responses.find(id)])
  if (input === undefined || stored === undefined) return []
  // Both were written by this program; output items are valid input items.
  return [...(JSON.parse(input) as InputItem[]), ...(JSON.parse(outputIn(stored)) as InputItem[])]
}

function remember<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = known.get(key) ?? make()
  known.set(key, value)
  return value
}
