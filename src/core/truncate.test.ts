import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ApiError } from '../protocol/error.ts'
import { estimateItem } from './estimate.ts'
import type { HistoryItem } from './model-call.ts'
import { apiFault } from './testing/api-fault.ts'
import { modelCall } from './testing/model-call.ts'
import { fitToWindow } from './truncate.ts'

/** A message of ten tokens: four for itself, six for its 24 characters. */
function message(role: 'user' | 'system' | 'developer' | 'assistant', name: string): HistoryItem {
  const text = name.padEnd(24, '.')
  return role === 'assistant'
    ? { type: 'message', role, parts: [{ type: 'output_text', text }] }
    : { type: 'message', role, parts: [{ type: 'input_text', text }] }
}

/** A call of ten tokens. */
const call = (callId: string): HistoryItem => ({
  type: 'function_call',
  callId,
  name: 'call',
  arguments: '.'.repeat(20),
})
/** An output of ten tokens. */
const output = (callId: string): HistoryItem => ({
  type: 'function_call_output',
  callId,
  output: callId.padEnd(24, '.'),
})
/** Reasoning of ten tokens. */
const thought = (text: string): HistoryItem => ({ type: 'reasoning', text: text.padEnd(40, '.'), state: undefined })

const user = (name: string) => message('user', name)
const model = (name: string) => message('assistant', name)

test('every item of these tests is estimated at ten tokens', () => {
  for (const item of [user('u'), model('a'), message('system', 's'), call('a'), output('a'), thought('t')]) {
    assert.equal(estimateItem(item), 10)
  }
})

test('an unknown window holds everything', () => {
  const full = modelCall(Array.from({ length: 1000 }, () => user('u')))
  assert.equal(fitToWindow(full, 'disabled', undefined), full)
})

for (const truncation of ['auto', 'disabled'] as const) {
  test(`a call that fits to the token is left as it is, truncation ${truncation}`, () => {
    const full = modelCall([user('a'), model('b'), user('c')])
    assert.equal(fitToWindow(full, truncation, 30), full)
  })
}

test('truncation disabled refuses a call that is one token too long, and says how long it is', () => {
  assert.throws(
    () => fitToWindow(modelCall([user('a'), model('b'), user('c')]), 'disabled', 29),
    apiFault(
      'context_length_exceeded',
      'input',
      'The input is about 30 tokens with its instructions, tools and room for the answer; the model takes 29. ' +
        'Shorten it, or send truncation: "auto" to drop the oldest items.',
    ),
  )
})

const frames = [
  { name: 'instructions', settings: { instructions: '.'.repeat(40) } },
  { name: 'room for the answer', settings: { maxOutputTokens: 10 } },
  {
    name: 'tools',
    settings: { tools: [{ name: 'f', description: '.'.repeat(8), parameters: undefined, strict: undefined }] },
  },
]
for (const { name, settings } of frames) {
  test(`${name} count: ten tokens of them leave 20 of 30`, () => {
    const full = modelCall([user('a'), model('b'), user('c')], settings)
    assert.throws(() => fitToWindow(full, 'disabled', 39), apiFault('context_length_exceeded', 'input'))
    assert.equal(fitToWindow(full, 'disabled', 40), full)
    assert.deepEqual(fitToWindow(full, 'auto', 39).history, [model('b'), user('c')])
  })
}

/** Histories of ten tokens an item, and what is left of them in a window. */
const truncated: readonly {
  name: string
  history: readonly HistoryItem[]
  window: number
  left: readonly HistoryItem[]
}[] = [
  {
    name: 'the oldest go first, and no more than must',
    history: [user('a'), model('b'), user('c'), model('d'), user('e')],
    window: 30,
    left: [user('c'), model('d'), user('e')],
  },
  { name: 'the last item stays', history: [user('a'), model('b'), user('c')], window: 10, left: [user('c')] },
  {
    name: 'system messages stay',
    history: [message('system', 's'), user('a'), model('b'), user('c')],
    window: 20,
    left: [message('system', 's'), user('c')],
  },
  {
    name: 'developer messages in the middle stay',
    history: [user('a'), message('developer', 'd'), model('b'), user('c')],
    window: 20,
    left: [message('developer', 'd'), user('c')],
  },
  { name: 'a call goes with its output', history: [call('1'), output('1'), user('a')], window: 20, left: [user('a')] },
  {
    name: 'calls side by side go with all their outputs',
    history: [call('1'), call('2'), output('1'), output('2'), user('a')],
    window: 40,
    left: [user('a')],
  },
  {
    name: 'the reasoning before a call goes with it',
    history: [thought('t'), call('1'), output('1'), user('a')],
    window: 30,
    left: [user('a')],
  },
  {
    name: 'reasoning before a message goes alone',
    history: [thought('t'), model('b'), user('c')],
    window: 20,
    left: [model('b'), user('c')],
  },
  {
    name: 'an output that comes later goes too',
    history: [call('1'), user('wait'), output('1'), model('b'), user('c')],
    window: 30,
    left: [user('wait'), model('b'), user('c')],
  },
  {
    name: 'a later pair stays whole',
    history: [call('1'), output('1'), call('2'), output('2'), user('a')],
    window: 30,
    left: [call('2'), output('2'), user('a')],
  },
  {
    name: 'what a pinned message stands between goes on both sides',
    history: [call('1'), message('system', 's'), output('1'), user('a')],
    window: 20,
    left: [message('system', 's'), user('a')],
  },
  {
    name: 'a pair that ends in the last item stays, what lies between goes',
    history: [call('1'), user('wait'), user('more'), output('1')],
    window: 30,
    left: [call('1'), user('more'), output('1')],
  },
]
for (const { name, history, window, left } of truncated) {
  test(`truncation auto: ${name}`, () => {
    assert.deepEqual(fitToWindow(modelCall(history), 'auto', window).history, left)
  })
}

const hopeless: readonly { name: string; history: readonly HistoryItem[]; window: number }[] = [
  { name: 'the last item alone is too long', history: [user('a'), user('b')], window: 9 },
  { name: 'pinned messages and the last item are too long', history: [message('system', 's'), user('a')], window: 19 },
  { name: 'the last pair is too long', history: [user('a'), call('1'), output('1')], window: 19 },
  { name: 'the reasoning of the last pair is too long', history: [thought('t'), call('1'), output('1')], window: 29 },
  { name: 'one item is too long', history: [user('a')], window: 9 },
]
for (const { name, history, window } of hopeless) {
  test(`truncation auto refuses where ${name}`, () => {
    assert.throws(() => fitToWindow(modelCall(history), 'auto', window), apiFault('context_length_exceeded', 'input'))
  })
}

test('truncation changes nothing but the history', () => {
  const full = modelCall([user('a'), user('b')], { maxOutputTokens: 16, temperature: 0.5 })
  assert.deepEqual(fitToWindow(full, 'auto', 30), { ...full, history: [user('b')] })
})

/** Threads as they grow: messages, and calls with their outputs. */
const thread = fc
  .array(fc.constantFrom('user', 'system', 'model', 'thought', 'call', 'calls'), { maxLength: 12 })
  .map((kinds) => kinds.flatMap(entries))

function entries(kind: string, index: number): HistoryItem[] {
  const [one, two] = [`${index}.1`, `${index}.2`]
  switch (kind) {
    case 'user':
      return [user(one)]
    case 'system':
      return [message('system', one)]
    case 'model':
      return [model(one)]
    case 'thought':
      return [thought(one)]
    case 'call':
      return [thought(one), call(one), output(one)]
    default:
      return [call(one), call(two), output(two), output(one)]
  }
}

test('law: what is left fits, keeps its order, its pinned messages, its last item and whole pairs only', () => {
  fc.assert(
    fc.property(thread, fc.nat(200), (history, window) => {
      const left = fitted(history, window)
      if (left === undefined) return
      assert.ok(left.length * 10 <= window)
      assert.deepEqual(
        left,
        history.filter((item) => left.includes(item)),
      )
      assert.deepEqual(left.filter(isPinned), history.filter(isPinned))
      assert.equal(left.at(-1), history.at(-1))
      assert.deepEqual(idsOf(left, 'function_call'), idsOf(left, 'function_call_output'))
    }),
  )
})

function fitted(history: readonly HistoryItem[], window: number): readonly HistoryItem[] | undefined {
  try {
    return fitToWindow(modelCall(history), 'auto', window).history
  } catch (error) {
    assert.ok(error instanceof ApiError)
    assert.ok(history.length * 10 > window)
    return undefined
  }
}

function isPinned(item: HistoryItem): boolean {
  return item.type === 'message' && item.role === 'system'
}

function idsOf(history: readonly HistoryItem[], type: HistoryItem['type']): string[] {
  return history.flatMap((item) => (item.type === type && 'callId' in item ? [item.callId] : [])).toSorted()
}
