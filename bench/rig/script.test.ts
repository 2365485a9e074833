import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHUNK_MARK, chunkFrame, chunkText, endFrames, readScript, wholeAnswer, writeScript } from './script.ts'

const scripts = [
  { chunks: 8, pace: 'together' },
  { chunks: 220, pace: 'asked', id: '220-17' },
  { chunks: 2, pace: 'silent' },
  { chunks: 1000, pace: { perSecond: 500 } },
] as const
for (const script of scripts) {
  test(`the script ${JSON.stringify(script)} is read out of a call's body`, () => {
    const messages = [
      { role: 'user', content: `before ${writeScript({ chunks: 1, pace: 'together' })}` },
      { role: 'assistant', content: 'said' },
      { role: 'user', content: `text, then ${writeScript(script)}` },
    ]
    assert.deepEqual(readScript(JSON.stringify({ model: 'm', messages, stream: true })), script, 'the last one counts')
  })
}

test('a call without a script is refused', () => {
  assert.throws(() => readScript('{"messages":[]}'), /no script/)
})

test('every chunk bears one mark, and what frames it none', () => {
  const count = (text: string) => text.split(CHUNK_MARK).length - 1
  assert.equal(count(chunkFrame(chunkText())), 1)
  assert.equal(count(chunkFrame(chunkText(123n))), 1)
  assert.equal(count(endFrames(4)), 0)
  assert.equal(count(wholeAnswer(7)), 7)
})
