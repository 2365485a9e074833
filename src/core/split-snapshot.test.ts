import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { joinSnapshot, outputIn, splitSnapshot } from './split-snapshot.ts'
import { arbitraryEnding, arbitraryOutput } from './testing/arbitrary-run.ts'
import { freshResponse, playRun, STOPPED } from './testing/play-run.ts'

test('law: a final snapshot that is split comes back letter for letter', () => {
  fc.assert(
    fc.property(arbitraryOutput, arbitraryEnding, fc.string(), (said, ending, instructions) => {
      const final = { ...playRun(said, ending).final, instructions, model: 'output' }
      const text = JSON.stringify(final)
      const split = splitSnapshot(final, text)
      assert.equal(split.output, JSON.stringify(final.output))
      assert.equal(joinSnapshot(split), text)
    }),
    { numRuns: 500 },
  )
})

test('what was said is kept once', () => {
  const { final } = playRun([{ type: 'text', text: 'x'.repeat(10_000) }], STOPPED)
  const { response, output = '' } = splitSnapshot(final, JSON.stringify(final))
  assert.ok(response.length + output.length < 12_000)
})

const traps = ['"output":[],"output_text":""', '","output":[],"output_text":"","x":"', 'output', '{"output":[]}']
for (const instructions of traps) {
  test(`a text that looks like the empty fields is none: ${instructions}`, () => {
    const final = {
      ...playRun([{ type: 'text', text: instructions }], STOPPED).final,
      instructions,
      model: instructions,
    }
    const text = JSON.stringify(final)
    assert.equal(joinSnapshot(splitSnapshot(final, text)), text)
  })
}

test('a snapshot whose fields are not where they belong is kept whole', () => {
  const { output, output_text, ...rest } = freshResponse()
  const moved = { ...rest, output_text, output }
  const text = JSON.stringify(moved)
  assert.deepEqual(splitSnapshot(moved, text), { response: text, output: undefined })
  const wrong = { ...freshResponse(), output_text: 'said by nobody' }
  assert.equal(splitSnapshot(wrong, JSON.stringify(wrong)).output, undefined)
})

test('what was said is found in a snapshot that is split, in one that is whole, and in one that says nothing', () => {
  const output = '[{"said":1}]'
  assert.equal(outputIn({ response: '{"output":[]}', output }), output)
  assert.equal(outputIn({ response: `{"id":"x","output":${output}}`, output: undefined }), output)
  assert.equal(outputIn({ response: '{}', output: undefined }), '[]')
})

test('a snapshot that was stored whole is read as it is', () => {
  assert.equal(joinSnapshot({ response: '{"whole":1}', output: undefined }), '{"whole":1}')
})
