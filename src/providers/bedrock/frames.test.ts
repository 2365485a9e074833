import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UpstreamError } from '../../core/upstream-error.ts'
import { guardFrames } from './frames.ts'
import { delta, START, stop } from './testing/frames.ts'

const STREAM = Buffer.concat([START, delta(0, { text: 'Grüße 🎈' }), stop(0)])
const LONGEST = Math.max(START.length, delta(0, { text: 'Grüße 🎈' }).length, stop(0).length)

/** What is passed on of a stream that comes in these pieces, and what ends it. */
async function pass(pieces: readonly Uint8Array[], bytesMax: number): Promise<{ bytes: Buffer; error: unknown }> {
  const passed: Uint8Array[] = []
  let error: unknown
  try {
    for await (const piece of guardFrames(flow(pieces), bytesMax)) passed.push(piece)
  } catch (thrown) {
    error = thrown
  }
  return { bytes: Buffer.concat(passed), error }
}

// eslint-disable-next-line typescript/require-await -- A body is read asynchronously, wherever it comes from.
async function* flow(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...places.filter((place) => place < bytes.length).toSorted((one, other) => one - other), bytes.length]
  return cuts.map((end, index) => bytes.subarray(cuts[index - 1] ?? 0, end))
}

const cuttings = fc.array(fc.nat(STREAM.length + 8), { maxLength: 12 })

test('However a stream is cut, frames within the limit are passed on byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(cuttings, async (places) => {
      assert.deepEqual(await pass(cut(STREAM, places), LONGEST), { bytes: STREAM, error: undefined })
    }),
  )
})

test('However a stream is cut, a frame over the limit ends it, and its length is never told', async () => {
  const huge = Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])
  const bytes = Buffer.concat([STREAM, huge])
  await fc.assert(
    fc.asyncProperty(cuttings, async (places) => {
      const { bytes: passed, error } = await pass(cut(bytes, places), LONGEST)
      assert.deepEqual(passed, bytes.subarray(0, STREAM.length + 3))
      assert.ok(error instanceof UpstreamError)
      assert.equal(error.problem.fault, 'invalid_response')
      assert.match(error.message, /event of more than \d+ bytes/)
    }),
  )
})

test('A frame of the longest length passes, and one that is a byte longer does not', async () => {
  const frame = delta(0, { text: 'x'.repeat(100) })
  assert.equal((await pass([frame], frame.length)).error, undefined)
  assert.ok((await pass([frame], frame.length - 1)).error instanceof UpstreamError)
})

test('Frames that claim to be shorter than their own length are left to the decoder', async () => {
  for (const claimed of [0, 1, 3, 4]) {
    const bytes = Buffer.from([0, 0, 0, claimed, 0, 0, 0, claimed])
    assert.deepEqual(await pass([bytes], 100), { bytes, error: undefined })
  }
})
