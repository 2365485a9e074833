import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createLineDecoder } from './lines.ts'

/** Everything that a decoder gives for these pieces, without its empty lines. */
function decode(pieces: readonly Uint8Array[], lineCharsMax = 1000): { lines: string[]; failed: boolean } {
  const decoder = createLineDecoder(lineCharsMax)
  const events = [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.end()]
  return { lines: events.map(({ data }) => data.trim()).filter(Boolean), failed: decoder.failure() !== undefined }
}

test('Lines are the same however their bytes are cut, with either line end', () => {
  const bytes = Buffer.from('{"a":"é"}\r\n\n{"b":"漢"}\n{"c":"😀"}')
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const ends = [...cuts.toSorted((one, other) => one - other), bytes.length]
      const pieces = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
      assert.deepEqual(decode(pieces), { lines: ['{"a":"é"}', '{"b":"漢"}', '{"c":"😀"}'], failed: false })
    }),
  )
})

test('A line that is too long is told, and neither it nor what follows is given out', () => {
  const whole = decode([Buffer.from(`{}\n${'x'.repeat(11)}\n{}\n`)], 10)
  assert.deepEqual(whole, { lines: ['{}'], failed: true })
  assert.deepEqual(decode([Buffer.from(`{}\n${'x'.repeat(11)}`), Buffer.from('\n{}\n')], 10), whole)
})
