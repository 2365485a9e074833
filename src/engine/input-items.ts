import type { StoredItem } from '../core/history.ts'
import { badRequest } from '../protocol/error.ts'

/** How a list is asked for. */
export interface PageQuery {
  /** 1 to 100. */
  readonly limit: number
  readonly order: 'asc' | 'desc'
  /** The id of the last item of the page before. */
  readonly after: string | undefined
}

/** A page of a list, as the API shows it. */
export interface ItemPage {
  readonly object: 'list'
  readonly data: readonly StoredItem[]
  readonly first_id: string | null
  readonly last_id: string | null
  readonly has_more: boolean
}

/**
 * Cuts a page out of stored input items.
 *
 * @throws {ApiError} 400 where `after` names none of them.
 */
export function pageItems(input: string, query: PageQuery): ItemPage {
  // Written by this program and checked by checksum.
  const stored = JSON.parse(input) as StoredItem[]
  const items = query.order === 'asc' ? stored : stored.toReversed()
  const start = query.after === undefined ? 0 : items.findIndex(({ id }) => id === query.after) + 1
  if (query.after !== undefined && start === 0) {
    throw badRequest('invalid_value', 'after', 'after must be the id of an item of this list.')
  }
  const data = items.slice(start, start + query.limit)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + data.length < items.length,
  }
}
