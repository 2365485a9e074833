import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreDamaged } from './store.ts'
import { decodePayload, encodePayload, joinPayloads } from './payload.ts'

for (const text of ['', 'a', '{"a":1}', 'NUL \u0000 inside', '👩‍👩‍👧 𝒳 é', 'x'.repeat(100_000)]) {
  test(`a payload of ${text.length} characters comes back letter for letter`, () => {
    assert.equal(decodePayload(encodePayload(text)), text)
  })
}

test('a payload is its checksum and its UTF-8 bytes, nothing else', () => {
  const bytes = Buffer.from(encodePayload('é'))
  assert.equal(bytes.toString('hex'), `${bytes.readUInt32BE(0).toString(16).padStart(8, '0')}c3a9`)
})

test('any bit that has changed is found', () => {
  const whole = encodePayload('{"text":"Hello"}')
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const changed = Uint8Array.from(whole)
    const at = bit >> 3
    changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7))
    assert.throws(() => decodePayload(changed), StoreDamaged, `bit ${bit}`)
  }
})

test('a payload that was cut or lengthened is found', () => {
  const whole = encodePayload('{"text":"Hello"}')
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodePayload(whole.subarray(0, length)), StoreDamaged, `${length} bytes`)
  }
  assert.throws(() => decodePayload(Buffer.concat([whole, Buffer.from(' ')])), StoreDamaged)
})

test('a payload is read from the middle of a larger buffer too', () => {
  const inside = Buffer.concat([Buffer.from('before'), encodePayload('text'), Buffer.from('after')])
  assert.equal(decodePayload(inside.subarray(6, -5)), 'text')
})

test('payloads become one list in their order, and any bit that has changed is found', () => {
  const values = [['é', '👩‍👩‍👧'], [], { a: 1 }, ['\u2028']]
  const each = values.map((value) => encodePayload(JSON.stringify(value)))
  const sizes = each.map(({ length }) => length)
  const whole = Buffer.concat(each)
  assert.deepEqual(JSON.parse(joinPayloads(Buffer.from(whole), sizes)), values)
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const changed = Buffer.from(whole)
    const at = bit >> 3
    changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7))
    assert.throws(() => joinPayloads(changed, sizes), StoreDamaged, `bit ${bit}`)
  }
})
