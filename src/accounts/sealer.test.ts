import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../protocol/json.ts'
import { createSealer } from './sealer.ts'

const SECRET = Buffer.alloc(32, 7)
const sealer = createSealer(SECRET)
const STATE = { signature: 'abc', thinking: ['Größe', 1.5, null] }

const states: readonly JsonValue[] = [STATE, '', 'text\u0000👋', 0, false, [], {}, null, 'x'.repeat(100_000)]
for (const state of states) {
  test(`${JSON.stringify(state).slice(0, 30)} comes back as it was sealed, for its origin`, () => {
    assert.deepEqual(sealer.unseal(sealer.seal(state, 'claude'), 'claude'), state)
  })
}

test('a sealed state is text that is safe anywhere, and says nothing', () => {
  const sealed = sealer.seal(STATE, 'claude')
  assert.match(sealed, /^ap1\.[\w-]+$/)
  for (const part of ['abc', 'claude', 'signature']) {
    assert.ok(!sealed.includes(part))
    assert.ok(!Buffer.from(sealed.slice(4), 'base64url').toString('latin1').includes(part))
  }
})

test('the same state is never sealed alike twice', () => {
  assert.equal(new Set(Array.from({ length: 100 }, () => sealer.seal(STATE, 'claude'))).size, 100)
})

test('another origin cannot open it', () => {
  const sealed = sealer.seal(STATE, 'claude')
  for (const origin of ['', 'claud', 'claude ', 'Claude', 'openai'])
    assert.equal(sealer.unseal(sealed, origin), undefined)
})

test('another secret cannot open it, the same secret in another process can', () => {
  const sealed = sealer.seal(STATE, 'claude')
  assert.equal(createSealer(Buffer.alloc(32, 8)).unseal(sealed, 'claude'), undefined)
  assert.deepEqual(createSealer(Uint8Array.from(SECRET)).unseal(sealed, 'claude'), STATE)
})

test('any bit that was changed keeps it shut', () => {
  const bytes = Buffer.from(sealer.seal('state', 'claude').slice(4), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Uint8Array.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(sealer.unseal(`ap1.${Buffer.from(changed).toString('base64url')}`, 'claude'), undefined, `bit ${bit}`)
  }
})

test('what was cut short or made longer stays shut', () => {
  const sealed = sealer.seal('state', 'claude')
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(sealer.unseal(sealed.slice(0, length), 'claude'), undefined, `${length} characters`)
  }
  assert.equal(sealer.unseal(`${sealed}AAAA`, 'claude'), undefined)
})

test('what another service has sealed is nothing of ours, and no error', () => {
  for (const text of [
    '',
    'gAAAAABl...',
    'ap2.AAAA',
    'ap1.',
    'ap1.====',
    `ap1.${'A'.repeat(100)}`,
    'AP1.AAAA',
    '\u0000',
  ]) {
    assert.equal(sealer.unseal(text, 'claude'), undefined)
  }
})
