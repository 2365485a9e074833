import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { accountId, ITEM_PREFIX, mintItemId, mintResponseId, parseItemId, parseResponseId, timeHex } from './id.ts'

const HEX = '0123456789abcdef'.repeat(3)
const ID = mintResponseId(HEX)

for (const hex of ['', 'a'.repeat(47), 'a'.repeat(49)]) {
  test(`mintResponseId() refuses ${hex.length} characters`, () => {
    assert.throws(() => mintResponseId(hex), { message: 'A response id needs 48 hex characters.' })
  })
}

test('ids are in the order of their times, for the next 8,900 years', () => {
  const times = [0, 1, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1]
  const ids = times.map((now_ms) => mintResponseId(timeHex(now_ms) + 'f'.repeat(36)))
  assert.deepEqual(ids.toSorted(), ids)
})

test('mintResponseId() makes an id that parseResponseId() reads', () => {
  assert.equal(ID, `resp_${HEX}`)
  assert.equal(parseResponseId(ID), ID)
})

const ids = [
  { text: 'resp_a', isId: true },
  { text: `resp_${'a'.repeat(64)}`, isId: true },
  { text: 'resp_AZaz09_-', isId: true },
  { text: '', isId: false },
  { text: 'abc', isId: false },
  { text: 'resp_', isId: false },
  { text: `resp_${'a'.repeat(65)}`, isId: false },
  { text: 'RESP_a', isId: false },
  { text: 'msg_a', isId: false },
  { text: 'resp_a/b', isId: false },
  { text: 'resp_a%2e', isId: false },
  { text: 'resp_a.b', isId: false },
  { text: 'resp_ü', isId: false },
  { text: 'resp_a\u0000', isId: false },
  { text: 'resp_a\n', isId: false },
  { text: '\nresp_a', isId: false },
  { text: ' resp_a', isId: false },
  { text: "resp_' OR 1=1--", isId: false },
]
for (const { text, isId } of ids) {
  test(`parseResponseId() ${isId ? 'reads' : 'refuses'} ${JSON.stringify(text).slice(0, 40)}`, () => {
    assert.equal(parseResponseId(text), isId ? text : undefined)
  })
}

for (const [type, prefix] of [
  ...Object.entries(ITEM_PREFIX),
  ['computer_call', 'item'],
  ['toString', 'item'],
] as const) {
  test(`mintItemId() begins the id of a ${type} with ${prefix}_`, () => {
    assert.equal(mintItemId(ID, type, { side: 'output', index: 3 }), `${prefix}_${HEX}o3`)
    assert.equal(mintItemId(ID, type, { side: 'input', index: 0 }), `${prefix}_${HEX}i0`)
  })
}

test('law: parseItemId() finds the place of every minted id again', () => {
  const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 48, maxLength: 48 })
  const type = fc.constantFrom(...Object.keys(ITEM_PREFIX), 'shell_call')
  fc.assert(
    fc.property(hex, type, fc.constantFrom('input', 'output'), fc.nat(999_999), (random, itemType, side, index) => {
      const responseId = mintResponseId(random)
      assert.deepEqual(parseItemId(mintItemId(responseId, itemType, { side, index })), { responseId, side, index })
    }),
  )
})

const foreign = [
  '',
  'msg_1',
  `msg_${HEX}`,
  `msg_${HEX}x1`,
  `msg_${HEX}o`,
  `msg_${HEX}o1000000`,
  `msg_${HEX}o1x`,
  `msg_${HEX.slice(1)}o1`,
  `msg_0${HEX}o1`,
  `msg_${HEX.toUpperCase()}o1`,
  `MSG_${HEX}o1`,
  `_${HEX}o1`,
  `msg_${HEX}o-1`,
  `msg_${HEX}o1\n`,
]
for (const id of foreign) {
  test(`parseItemId() knows no place for ${JSON.stringify(id)}`, () => assert.equal(parseItemId(id), undefined))
}

test('accountId() is the name that the operator chose', () => assert.equal(accountId('acme'), 'acme'))
