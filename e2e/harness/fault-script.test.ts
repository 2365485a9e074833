import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findTag, findWords, parseScript, promptOf, ScriptError, type Script } from './fault-script.ts'

const PLAIN: Script = {
  chunks: 3,
  pace_ms: 0,
  first_ms: 0,
  inputTokens: 5,
  saysUsage: true,
  size_bytes: 50_000_000,
  retryAfter: undefined,
  isPage: false,
  fault: undefined,
}

const parts: readonly (readonly [words: string, script: Partial<Script>])[] = [
  ['', {}],
  ['chunks=0', { chunks: 0 }],
  ['chunks=100 pace=5 first=20 input=7', { chunks: 100, pace_ms: 5, first_ms: 20, inputTokens: 7 }],
  ['usage=none', { saysUsage: false }],
  ['503', { fault: { kind: 'status', status: 503, after: undefined } }],
  ['429@2', { fault: { kind: 'status', status: 429, after: 2 } }],
  ['429 retry-after=3600', { fault: { kind: 'status', status: 429, after: undefined }, retryAfter: '3600' }],
  ['retry-after="Sun, 22 Nov 2026 12:00:00 GMT"', { retryAfter: 'Sun, 22 Nov 2026 12:00:00 GMT' }],
  ['page', { isPage: true }],
  ['reset', { fault: { kind: 'reset', status: 200, after: undefined } }],
  ['reset@0', { fault: { kind: 'reset', status: 200, after: 0 } }],
  ['hang@3', { fault: { kind: 'hang', status: 200, after: 3 } }],
  ['garbage', { fault: { kind: 'garbage', status: 200, after: 0 } }],
  ['line size=1000', { fault: { kind: 'line', status: 200, after: 0 }, size_bytes: 1000 }],
  ['loris', { fault: { kind: 'loris', status: 200, after: 0 }, pace_ms: 1000 }],
  ['loris@1 pace=20', { fault: { kind: 'loris', status: 200, after: 1 }, pace_ms: 20 }],
]
for (const [words, script] of parts) {
  test(`the script "${words}" is understood`, () => {
    assert.deepEqual(parseScript(words, 1), { ...PLAIN, ...script })
  })
}

const mistakes = [
  'chunk=3',
  'chunks=',
  'chunks=-1',
  'chunks=many',
  'usage=some',
  '200',
  '600',
  'reset@',
  'reset@x',
  'status',
  'toString=1',
  'reset hang',
  'chunks=1 | oops',
]
for (const words of mistakes) {
  test(`the script "${words}" is refused, not ignored`, () => {
    assert.throws(() => parseScript(words, 1), ScriptError)
  })
}

test('each call takes its part, and the last part is for all further calls', () => {
  const fates = [1, 2, 3, 4].map((call) => {
    const { fault, chunks } = parseScript('503 | reset@1 | chunks=9', call)
    return [fault?.kind, chunks]
  })
  assert.deepEqual(fates, [
    ['status', 3],
    ['reset', 3],
    [undefined, 9],
    [undefined, 9],
  ])
})

test('tag and script are found in strings and parts of messages; the last ones of a thread count', () => {
  const messages = [
    { role: 'user', content: 'First [tag:one] [do: 503]' },
    { role: 'assistant', content: null },
    { role: 'user', content: [{ type: 'text', text: 'Then [tag:t-2.b:c_d] [do: hang@1 retry-after="a b"]' }] },
  ]
  const prompt = promptOf({ model: '[tag:no]', messages })
  assert.equal(findTag(prompt), 't-2.b:c_d')
  assert.equal(findWords(prompt).trim(), 'hang@1 retry-after="a b"')
})

test('a prompt without tag and script has empty ones', () => {
  for (const body of [
    undefined,
    {},
    { messages: null },
    { messages: [{ content: `[tag:${'x'.repeat(65)}] [tag:]` }] },
  ]) {
    assert.deepEqual([findTag(promptOf(body)), findWords(promptOf(body))], ['', ''])
  }
})
