import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { delta, finish, joined, readAll } from './testing/chat-chunks.ts'
import { createThinkSplitter } from './think.ts'

interface Split {
  readonly reasoning: string
  readonly text: string
}

function split(pieces: readonly string[]): Split {
  const splitter = createThinkSplitter()
  const events = [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.flush()]
  return { reasoning: joined(events, 'reasoning'), text: joined(events, 'text') }
}

/** Contents, whole, and what they are made of. */
const contents: readonly (Split & { content: string })[] = [
  { content: 'Four.', reasoning: '', text: 'Four.' },
  { content: '  Four. ', reasoning: '', text: '  Four. ' },
  { content: '<think>Hm.</think>Four.', reasoning: 'Hm.', text: 'Four.' },
  { content: '<think>\nHm.\n\nSo.\n</think>\n\nFour.\n', reasoning: 'Hm.\n\nSo.', text: 'Four.\n' },
  { content: '\n<think>Hm.</think> Four.', reasoning: 'Hm.', text: 'Four.' },
  { content: '<think></think>Four.', reasoning: '', text: 'Four.' },
  { content: '<think>\n\n</think>\n\nFour.', reasoning: '', text: 'Four.' },
  { content: '<think>1 < 2 </ think></think>Yes: 1 < 2.', reasoning: '1 < 2 </ think>', text: 'Yes: 1 < 2.' },
  { content: '<think>cut by the len', reasoning: 'cut by the len', text: '' },
  { content: '<think>cut in the tag </thi', reasoning: 'cut in the tag </thi', text: '' },
  { content: '<think>cut after a space \n', reasoning: 'cut after a space', text: '' },
  { content: '<think>', reasoning: '', text: '' },
  { content: '<think> \n', reasoning: '', text: '' },
  { content: '<think>Hm.</think>', reasoning: 'Hm.', text: '' },
  { content: '<think>Hm.</think> \n', reasoning: 'Hm.', text: '' },
  { content: '<think>a</think>b<think>c</think>', reasoning: 'a', text: 'b<think>c</think>' },
  { content: 'Say <think>no</think>.', reasoning: '', text: 'Say <think>no</think>.' },
  { content: '</think>Four.', reasoning: '', text: '</think>Four.' },
  { content: '<thi', reasoning: '', text: '<thi' },
  { content: '<thinking>Hm.</thinking>', reasoning: '', text: '<thinking>Hm.</thinking>' },
  { content: '<b>Four.</b>', reasoning: '', text: '<b>Four.</b>' },
  { content: ' \n', reasoning: '', text: ' \n' },
]
for (const { content, ...expected } of contents) {
  test(`${JSON.stringify(content)} is split the same, wherever it is cut in two or three`, () => {
    assert.deepEqual(split([content]), expected)
    assert.deepEqual(split([...content]), expected)
    for (let first = 0; first <= content.length; first++) {
      for (let second = first; second <= content.length; second++) {
        const pieces = [content.slice(0, first), content.slice(first, second), content.slice(second)]
        assert.deepEqual(split(pieces), expected, pieces.join('|'))
      }
    }
  })
}

/** The rule said of a whole content at once, as the docstring has it. */
function splitWhole(content: string): Split {
  const trimmed = content.trimStart()
  if (!trimmed.startsWith('<think>')) return { reasoning: '', text: content }
  const [thought = '', ...rest] = trimmed.slice('<think>'.length).split('</think>')
  return { reasoning: thought.trim(), text: rest.join('</think>').trimStart() }
}

test('Any content, cut anywhere, is split as if it had come at once', () => {
  const word = fc.constantFrom('<think>', '</think>', '<', '/', 'think', '>', ' ', '\n', 'a', '…', '😀')
  const content = fc.array(word, { maxLength: 12 }).map((words) => words.join(''))
  fc.assert(
    fc.property(content, fc.boolean(), fc.array(fc.nat(40)), (tail, isThinking, places) => {
      const whole = (isThinking ? '<think>' : '') + tail
      const cuts = [0, ...places.toSorted((one, other) => one - other), whole.length]
      const pieces = cuts.map((cut, index) => whole.slice(cut, cuts[index + 1] ?? whole.length))
      assert.deepEqual(split(pieces), splitWhole(whole))
    }),
    { numRuns: 2000 },
  )
})

test('Words go out as soon as they cannot be a tag', () => {
  const splitter = createThinkSplitter()
  assert.deepEqual(splitter.push('<th'), [])
  assert.deepEqual(splitter.push('ink>Hm'), [{ type: 'reasoning', text: 'Hm' }])
  assert.deepEqual(splitter.push('. '), [{ type: 'reasoning', text: '.' }])
  assert.deepEqual(splitter.push('So <'), [{ type: 'reasoning', text: ' So' }])
  assert.deepEqual(splitter.push('b></think'), [{ type: 'reasoning', text: ' <b>' }])
  assert.deepEqual(splitter.push('>'), [])
  assert.deepEqual(splitter.push('\nFour'), [{ type: 'text', text: 'Four' }])
  assert.deepEqual(splitter.push(' <think>'), [{ type: 'text', text: ' <think>' }])
})

const content = '<think>Hm.</think>Four.'
const dialects = [
  { dialect: 'vllm', reasoning: 'Hm.', text: 'Four.' },
  { dialect: 'llama.cpp', reasoning: 'Hm.', text: 'Four.' },
  { dialect: 'openai', reasoning: '', text: content },
  { dialect: 'xai', reasoning: '', text: content },
] as const
for (const { dialect, ...expected } of dialects) {
  test(`The ${dialect} dialect reads ${content} as ${JSON.stringify(expected)}`, () => {
    const events = readAll([delta({ content }), finish('stop')], dialect)
    assert.deepEqual({ reasoning: joined(events, 'reasoning'), text: joined(events, 'text') }, expected)
  })
}

test('A thought that the length limit cuts open is told whole, with the reason', () => {
  assert.deepEqual(readAll([delta({ content: '<think>Let me </th' }), finish('length')]), [
    { type: 'reasoning', text: 'Let me' },
    { type: 'reasoning', text: ' </th' },
    { type: 'finish', reason: 'max_output_tokens' },
  ])
})
