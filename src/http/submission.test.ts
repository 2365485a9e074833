import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSubmission } from './submission.ts'

function read(headers: Readonly<Record<string, string | string[]>>, body: unknown = { model: 'm', input: 'x' }) {
  return readSubmission({ headers, bytes: Buffer.from(JSON.stringify(body)), body })
}

test('a request without a key, of a client that does not count its tries, is known by nothing', () => {
  assert.equal(read({}), undefined)
  for (const count of ['', '-1', 'one', '1.5', '99999'])
    assert.equal(read({ 'x-stainless-retry-count': count }), undefined)
})

test('a key names a request, whatever the order of its fields', () => {
  const one = read({ 'idempotency-key': 'order 1' }, { model: 'm', input: [{ role: 'user', content: 'x' }] })
  const same = read({ 'idempotency-key': 'order 1' }, { input: [{ content: 'x', role: 'user' }], model: 'm' })
  assert.deepEqual(one, same)
  assert.equal(one?.kind, 'keyed')
  const others = [{ model: 'm', input: [] }, { model: 'm', input: [[]] }, { model: 'm', input: {} }, { model: 'm' }]
  const hashes = new Set(
    [one, ...others.map((body) => read({ 'idempotency-key': 'order 1' }, body))].map((s) => s?.bodyHash),
  )
  assert.equal(hashes.size, 5)
})

test('a key beats the count of the SDK', () => {
  assert.equal(read({ 'idempotency-key': 'a', 'x-stainless-retry-count': '1' })?.kind, 'keyed')
})

test('the first try of an SDK and the next are known by the same bytes', () => {
  const tries = ['0', '1', '2'].map((count) => read({ 'x-stainless-retry-count': count }))
  assert.deepEqual(
    tries.map((submission) => submission?.kind),
    ['first', 'retry', 'retry'],
  )
  assert.equal(new Set(tries.map((submission) => submission?.key)).size, 1)
  assert.notEqual(read({ 'x-stainless-retry-count': '0' }, { model: 'other' })?.key, tries[0]?.key)
})

test('a client cannot choose a key that stands for the bytes of another request', () => {
  const bytes = read({ 'x-stainless-retry-count': '1' })?.key ?? ''
  assert.notEqual(read({ 'idempotency-key': bytes })?.key, bytes)
})

const WRONG = {
  'an empty key': '',
  'a key of 256 characters': 'x'.repeat(256),
  'a key that is not ASCII': 'schlüssel',
  'a control character': 'a\tb',
  'a comma, or two keys': 'a, b',
}
for (const [what, key] of Object.entries(WRONG)) {
  test(`B-88: ${what} is refused`, () => {
    assert.throws(() => read({ 'idempotency-key': key }), { code: 'invalid_idempotency_key', status: 400, param: '' })
  })
}

test('B-88: 255 characters are a key', () => assert.equal(read({ 'idempotency-key': 'x'.repeat(255) })?.kind, 'keyed'))
