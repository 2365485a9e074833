import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCount, readFlag, readPage } from './query.ts'

function refused(param: string) {
  return { status: 400, code: 'invalid_value', param }
}

for (const value of ['1', '0', 'TRUE', 'yes', '', ' true', ['true', 'true'], ['true']]) {
  test(`a flag ${JSON.stringify(value)} is refused`, () => {
    assert.throws(() => readFlag({ stream: value }, 'stream'), refused('stream'))
  })
}

test('a flag is true, false, or absent and false', () => {
  assert.deepEqual(
    [readFlag({ stream: 'true' }, 'stream'), readFlag({ stream: 'false' }, 'stream'), readFlag({}, 'stream')],
    [true, false, false],
  )
})

const badCounts = [
  '-1',
  '1.5',
  '1e3',
  '',
  ' ',
  '+1',
  '0x10',
  'abc',
  'NaN',
  '٣',
  '9007199254740992',
  '1'.repeat(400),
  ['1', '2'],
]
for (const value of badCounts) {
  test(`a count ${JSON.stringify(value).slice(0, 30)} is refused`, () => {
    assert.throws(() => readCount({ n: value }, 'n'), refused('n'))
  })
}

test('a count is a whole number from 0, or absent', () => {
  assert.deepEqual(
    ['0', '7', '007', '9007199254740991'].map((n) => readCount({ n }, 'n')),
    [0, 7, 7, Number.MAX_SAFE_INTEGER],
  )
  assert.equal(readCount({}, 'n'), undefined)
})

const badPages = [
  { query: { limit: '0' }, param: 'limit' },
  { query: { limit: '101' }, param: 'limit' },
  { query: { limit: 'ten' }, param: 'limit' },
  { query: { order: 'ASC' }, param: 'order' },
  { query: { order: '' }, param: 'order' },
  { query: { order: ['asc', 'desc'] }, param: 'order' },
  { query: { after: ['a', 'b'] }, param: 'after' },
] as const
for (const { query, param } of badPages) {
  test(`a page ${JSON.stringify(query)} is refused`, () => {
    assert.throws(() => readPage(query), refused(param))
  })
}

test('a page is twenty of the newest first, unless asked for otherwise', () => {
  assert.deepEqual(readPage({}), { limit: 20, order: 'desc', after: undefined })
  assert.deepEqual(readPage({ limit: '1', order: 'asc', after: 'msg_1', other: 'x' }), {
    limit: 1,
    order: 'asc',
    after: 'msg_1',
  })
  assert.equal(readPage({ limit: '100' }).limit, 100)
})
