import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pageItems, type PageQuery } from './input-items.ts'

const FIVE = JSON.stringify(['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, type: 'message' })))

const pages: readonly (readonly [query: PageQuery, ids: string, hasMore: boolean])[] = [
  [{ limit: 5, order: 'asc', after: undefined }, 'abcde', false],
  [{ limit: 4, order: 'asc', after: undefined }, 'abcd', true],
  [{ limit: 100, order: 'desc', after: undefined }, 'edcba', false],
  [{ limit: 2, order: 'desc', after: undefined }, 'ed', true],
  [{ limit: 2, order: 'asc', after: 'b' }, 'cd', true],
  [{ limit: 2, order: 'desc', after: 'c' }, 'ba', false],
  [{ limit: 2, order: 'asc', after: 'd' }, 'e', false],
  [{ limit: 2, order: 'asc', after: 'e' }, '', false],
]
for (const [query, ids, hasMore] of pages) {
  test(`${query.limit} items ${query.order} after ${query.after ?? 'nothing'} are ${ids === '' ? 'none' : ids}`, () => {
    const page = pageItems(FIVE, query)
    assert.equal(page.data.map(({ id }) => id).join(''), ids)
    assert.deepEqual([page.has_more, page.first_id, page.last_id], [hasMore, ids.at(0) ?? null, ids.at(-1) ?? null])
  })
}

/** The ids of all pages, one after the other. */
function walk(order: 'asc' | 'desc', limit: number): string {
  const seen: string[] = []
  let page = pageItems(FIVE, { limit, order, after: undefined })
  for (let round = 0; round < 10; round++) {
    seen.push(...page.data.map(({ id }) => id))
    if (!page.has_more) break
    page = pageItems(FIVE, { limit, order, after: page.last_id ?? undefined })
  }
  return seen.join('')
}

for (const limit of [1, 2, 3, 5]) {
  test(`pages of ${limit} that follow each other hold every item once`, () => {
    assert.deepEqual([walk('asc', limit), walk('desc', limit)], ['abcde', 'edcba'])
  })
}

test('a page after an unknown item is refused', () => {
  assert.throws(() => pageItems(FIVE, { limit: 1, order: 'asc', after: 'x' }), {
    code: 'invalid_value',
    param: 'after',
  })
})
