import type { ThreadItem } from '../core/history.ts'
import { outputIn } from '../core/split-snapshot.ts'
import { ApiError, badRequest } from '../protocol/error.ts'
import { parseItemId, type ResponseId } from '../protocol/id.ts'
import type { InputItem } from '../protocol/input-item.ts'
import { isTerminal, type Response } from '../protocol/response.ts'
import type { ResponseStore, StoredThread } from '../store/store.ts'

/** Longest thread that is read, in turns. A longer one is refused, never cut in silence. */
export const THREAD_TURNS_MAX = 1000

/**
 * Everything said in the thread that ends with a response, oldest first.
 *
 * @throws {ApiError} 404 `previous_response_not_found`; 400 where it has not ended or is too long.
 */
export async function loadThread(
  responses: ResponseStore,
  previousId: ResponseId | undefined,
): Promise<readonly ThreadItem[]> {
  if (previousId === undefined) return []
  const param = 'previous_response_id'
  const thread = await responses.thread(previousId, THREAD_TURNS_MAX + 1)
  if (thread === undefined) {
    throw new ApiError({
      type: 'not_found_error',
      code: 'previous_response_not_found',
      param,
      message: 'Previous response not found: it must be stored, not deleted, and of this account.',
    })
  }
  if (!isTerminal(thread.status)) {
    throw badRequest(
      'previous_response_not_ready',
      param,
      `${param} names a response that is ${thread.status}: wait until it has ended.`,
    )
  }
  if (thread.turns > THREAD_TURNS_MAX) {
    throw badRequest(
      'thread_too_long',
      param,
      `The thread has more than ${THREAD_TURNS_MAX} turns: begin a new one with a summary.`,
    )
  }
  return listsOf(thread).flatMap(itemsIn)
}

/**
 * Everything said before a response that is stored already. Its thread was checked when it was accepted,
 * and stays its own: turns that were deleted since belong to it.
 */
export async function loadEarlier(responses: ResponseStore, id: ResponseId): Promise<readonly ThreadItem[]> {
  const thread = await responses.thread(id, THREAD_TURNS_MAX + 1)
  if (thread === undefined) return []
  return listsOf(thread).slice(0, -LISTS_OF_A_TURN).flatMap(itemsIn)
}

/** Its input and its output. */
const LISTS_OF_A_TURN = 2

/** Items, or the snapshot that holds them. */
type Said = readonly ThreadItem[] | Pick<Response, 'output'>

/** What was said, oldest first. */
function listsOf({ said }: StoredThread): readonly Said[] {
  return (JSON.parse(said) as Said[]).reverse() // Written by this program and checked by checksum.
}

function itemsIn(said: Said): readonly ThreadItem[] {
  return 'output' in said ? said.output : said
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
