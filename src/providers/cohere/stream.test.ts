import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import { createCohereReader } from './stream.ts'
import type { WireAnswer, WireEnding, WireEvent, WireMessage, WireSource, WireUsage } from './wire.ts'

const STOP: ModelEvent = { type: 'finish', reason: 'stop' }
const UNAVAILABLE = 'The model provider failed to answer.'

const reader = () => createCohereReader({ callIdPrefix: 'call_made_', secrets: ['hush-hush'] })
const event = (type: string, message: WireMessage, rest: WireEvent = {}): WireEvent => ({
  type,
  delta: { message },
  ...rest,
})
const says = (text: string, index = 0) => event('content-delta', { content: { text } }, { index })
const thinks = (thinking: string, index = 0) => event('content-delta', { content: { thinking } }, { index })
const plans = (plan: string) => event('tool-plan-delta', { tool_plan: plan })
const calls = (index: number, id: string, name = 'f') =>
  event('tool-call-start', { tool_calls: { id, function: { name, arguments: '' } } }, { index })
const fragment = (index: number, args: string) =>
  event('tool-call-delta', { tool_calls: { function: { arguments: args } } }, { index })
const ends = (ending: WireEnding = { finish_reason: 'COMPLETE' }): WireEvent => ({ type: 'message-end', delta: ending })
const cites = (start: number, end: number, sources: readonly WireSource[], rest: object = {}) =>
  event('citation-start', { citations: { start, end, type: 'TEXT_CONTENT', sources, ...rest } }, { index: 0 })

/** Everything that a stream of events says. */
function readAll(...events: readonly WireEvent[]): ModelEvent[] {
  const eventReader = reader()
  return [...events.flatMap((one) => eventReader.read(one)), ...eventReader.end()]
}

function readWhole(answer: WireAnswer): ModelEvent[] | undefined {
  const answerReader = reader()
  const events = answerReader.readWhole(answer)
  return events === undefined ? undefined : [...events, ...answerReader.end()]
}

test('Thinking and plan are told as they come, each handed over under its own name', () => {
  assert.deepEqual(readAll(thinks('Hm'), thinks('. '), plans('I '), plans('look.'), calls(0, 'f_1'), ends()), [
    { type: 'reasoning', text: 'Hm' },
    { type: 'reasoning', text: '. ' },
    { type: 'reasoning_state', state: { thinking: 'Hm. ' } },
    { type: 'reasoning', text: 'I ' },
    { type: 'reasoning', text: 'look.' },
    { type: 'reasoning_state', state: { tool_plan: 'I look.' } },
    { type: 'tool_call', callId: 'f_1', name: 'f' },
    STOP,
  ])
})

test('A plan that led to nothing is handed over at the end', () => {
  assert.deepEqual(readAll(plans('I look.'), ends({ finish_reason: 'MAX_TOKENS' })).slice(1), [
    { type: 'reasoning_state', state: { tool_plan: 'I look.' } },
    { type: 'finish', reason: 'max_output_tokens' },
  ])
})

test('Fragments go to the call at their index, however they are mixed', () => {
  const events = readAll(
    calls(0, 'a'),
    calls(1, 'b'),
    fragment(1, '{"x"'),
    fragment(0, '{}'),
    fragment(1, ':1}'),
    ends(),
  )
  assert.deepEqual(events, [
    { type: 'tool_call', callId: 'a', name: 'f' },
    { type: 'tool_call', callId: 'b', name: 'f' },
    { type: 'tool_arguments', callId: 'b', delta: '{"x"' },
    { type: 'tool_arguments', callId: 'a', delta: '{}' },
    { type: 'tool_arguments', callId: 'b', delta: ':1}' },
    STOP,
  ])
})

test('An index that comes again begins another call, an id that comes again gets one of ours', () => {
  assert.deepEqual(readAll(calls(0, 'a'), fragment(0, '{}'), calls(0, 'a', 'g'), fragment(0, '{"x":1}'), ends()), [
    { type: 'tool_call', callId: 'a', name: 'f' },
    { type: 'tool_arguments', callId: 'a', delta: '{}' },
    { type: 'tool_call', callId: 'call_made_1', name: 'g' },
    { type: 'tool_arguments', callId: 'call_made_1', delta: '{"x":1}' },
    STOP,
  ])
})

test('Arguments of a call that never began are of none', () => {
  assert.deepEqual(readAll(fragment(0, '{}'), calls(0, 'a', ''), fragment(0, '{}'), ends()), [STOP])
})

const sources: readonly { says: string; source: WireSource; annotation: object }[] = [
  {
    says: 'a document with a URL',
    source: { id: 'doc:0', document: { url: 'https://a.example/x', title: 'X' } },
    annotation: { type: 'url_citation', url: 'https://a.example/x', title: 'X', start_index: 3, end_index: 5 },
  },
  {
    says: 'a result with a URL and no title',
    source: { id: 'call_1:0', tool_output: { url: 'http://a.example' } },
    annotation: { type: 'url_citation', url: 'http://a.example', title: 'call_1:0', start_index: 3, end_index: 5 },
  },
  {
    says: 'a result without a URL',
    source: { id: 'call_1:0', tool_output: {} },
    annotation: {
      type: 'file_citation',
      file_id: 'call_1:0',
      filename: 'call_1:0',
      index: 5,
      start_index: 3,
      end_index: 5,
    },
  },
  {
    says: 'a document with an address that is none of the web',
    source: { id: 'doc:0', document: { url: 'javascript:alert(1)', title: 'X' } },
    annotation: { type: 'file_citation', file_id: 'doc:0', filename: 'X', index: 5, start_index: 3, end_index: 5 },
  },
]
for (const { says: what, source, annotation } of sources) {
  test(`A citation of ${what}`, () => {
    const events = readAll(says('Hi there'), cites(3, 5, [source]), ends())
    assert.deepEqual(events, [{ type: 'text', text: 'Hi there' }, { type: 'annotation', annotation }, STOP])
  })
}

const RESULT: WireSource = { id: 'a:0', tool_output: {} }
const placesOf = (events: readonly ModelEvent[] = []) =>
  events.flatMap((one) =>
    one.type === 'annotation' && 'start_index' in one.annotation
      ? [[one.annotation['start_index'], 'end_index' in one.annotation ? one.annotation['end_index'] : undefined]]
      : [],
  )

test('A citation counts from where its content begins in our text, in code points', () => {
  const events = readAll(
    says('🙂é', 1),
    says('Rome', 2),
    cites(0, 4, [RESULT], { content_index: 2 }),
    cites(0, 1, [RESULT], { content_index: 1 }),
    cites(1, 2, [RESULT]),
    ends(),
  )
  assert.deepEqual(placesOf(events), [
    [2, 6],
    [0, 1],
    [3, 4],
  ])
})

test('After a thought begins another message: its citations count from there', () => {
  const events = readAll(
    says('One.', 0),
    thinks('Hm.', 1),
    says('Two.', 2),
    cites(0, 3, [RESULT], { content_index: 2 }),
  )
  assert.deepEqual(placesOf(events), [[0, 3]])
})

test('Citations of thinking and of plans, and without sources, are of no text', () => {
  const events = readAll(
    says('Hi'),
    cites(0, 2, [RESULT], { type: 'THINKING_CONTENT' }),
    cites(0, 2, [RESULT], { type: 'PLAN' }),
    cites(0, 2, []),
    ends(),
  )
  assert.deepEqual(placesOf(events), [])
})

test('An answer in one piece says the same, citations while their text is open', () => {
  const message: WireMessage = {
    content: [{ thinking: 'Hm.' }, { text: 'Rome.' }],
    tool_plan: 'I look.',
    tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{}' } }, { function: { name: 'g' } }],
    citations: [{ start: 0, end: 4, sources: [RESULT], content_index: 1 }],
  }
  const place = { index: 4, start_index: 0, end_index: 4 }
  assert.deepEqual(readWhole({ message, finish_reason: 'TOOL_CALL' }), [
    { type: 'reasoning', text: 'Hm.' },
    { type: 'reasoning_state', state: { thinking: 'Hm.' } },
    { type: 'text', text: 'Rome.' },
    { type: 'annotation', annotation: { type: 'file_citation', file_id: 'a:0', filename: 'a:0', ...place } },
    { type: 'reasoning', text: 'I look.' },
    { type: 'reasoning_state', state: { tool_plan: 'I look.' } },
    { type: 'tool_call', callId: 'a', name: 'f' },
    { type: 'tool_arguments', callId: 'a', delta: '{}' },
    { type: 'tool_call', callId: 'call_made_1', name: 'g' },
    STOP,
  ])
})

test('A content that is text, and one that is nothing, are read', () => {
  assert.deepEqual(readWhole({ message: { content: 'Hi' } }), [{ type: 'text', text: 'Hi' }, STOP])
  assert.deepEqual(readWhole({ message: {} }), [STOP])
  assert.equal(readWhole({}), undefined)
})

test('The probability of a piece of text is that of its tokens together', () => {
  const logprobs = { text: 'Hié', logprobs: [-0.5, -0.25] }
  const told = [{ token: 'Hié', logprob: -0.75, bytes: [72, 105, 195, 169], top_logprobs: [] }]
  const text = { type: 'text', text: 'Hié', logprobs: told }
  assert.deepEqual(readAll({ ...says('Hié'), logprobs }, ends()), [text, STOP])
  assert.deepEqual(readWhole({ message: { content: [{ text: 'Hié' }] }, logprobs: [logprobs] }), [text, STOP])
})

const usages: readonly { says: string; usage: WireUsage; counts: readonly number[] | undefined }[] = [
  {
    says: 'tokens and what is billed',
    usage: { tokens: { input_tokens: 9, output_tokens: 5 }, billed_units: { input_tokens: 2, output_tokens: 1 } },
    counts: [9, 0, 5, 0],
  },
  {
    says: 'what is billed alone',
    usage: { billed_units: { input_tokens: 2, output_tokens: 1 } },
    counts: [2, 0, 1, 0],
  },
  {
    says: 'cached and thought',
    usage: { tokens: { input_tokens: 9, output_tokens: 5, reasoning_tokens: 4 }, cached_tokens: 8 },
    counts: [9, 8, 5, 4],
  },
  {
    says: 'more than there was',
    usage: { tokens: { input_tokens: 9, output_tokens: 5, reasoning_tokens: 6 }, cached_tokens: 10 },
    counts: [9, 9, 5, 5],
  },
  { says: 'half of it', usage: { tokens: { input_tokens: 9 } }, counts: undefined },
]
for (const { says: what, usage, counts } of usages) {
  test(`Usage that tells ${what}`, () => {
    const eventReader = reader()
    eventReader.read(ends({ finish_reason: 'COMPLETE', usage }))
    const read = eventReader.usage()
    const found = read && [
      read.input_tokens,
      read.input_tokens_details.cached_tokens,
      read.output_tokens,
      read.output_tokens_details.reasoning_tokens,
    ]
    assert.deepEqual(found, counts)
  })
}

for (const { word, reason } of [
  { word: 'COMPLETE', reason: 'stop' },
  { word: 'STOP_SEQUENCE', reason: 'stop' },
  { word: 'TOOL_CALL', reason: 'stop' },
  { word: 'MAX_TOKENS', reason: 'max_output_tokens' },
  { word: 'NEW_WORD', reason: 'stop' },
  { word: 'constructor', reason: 'stop' },
]) {
  test(`finish_reason ${word} is ${reason}`, () => {
    assert.deepEqual(readAll(says('Hi'), ends({ finish_reason: word })).at(-1), { type: 'finish', reason })
  })
}

const failures: readonly { says: string; event: WireEvent; problem: Partial<UpstreamProblem> }[] = [
  { says: 'ERROR', event: ends({ finish_reason: 'ERROR' }), problem: { fault: 'unavailable', message: UNAVAILABLE } },
  {
    says: 'ERROR with a reason',
    event: ends({ finish_reason: 'ERROR', error: 'rate limit of hush-hush' }),
    problem: { fault: 'rate_limited', message: 'rate limit of [redacted]' },
  },
  { says: 'ERROR_TOXIC', event: ends({ finish_reason: 'ERROR_TOXIC' }), problem: { fault: 'unavailable' } },
  { says: 'TIMEOUT', event: ends({ finish_reason: 'TIMEOUT' }), problem: { fault: 'timeout' } },
  {
    says: 'an error without its word',
    event: ends({ error: 'too many tokens: size limit exceeded' }),
    problem: { fault: 'bad_request', code: 'context_length_exceeded', param: 'input' },
  },
  {
    says: 'an error answer amid the stream',
    event: { message: 'internal server error' },
    problem: { fault: 'unavailable' },
  },
  {
    says: 'an error amid the stream, as others word it',
    event: { type: 'error', error: { message: 'Slow down.', code: 429 } },
    problem: { fault: 'rate_limited', message: 'Slow down.' },
  },
]
for (const { says: what, event: failed, problem } of failures) {
  test(`${what} is a failure, and nothing is told after it`, () => {
    const eventReader = reader()
    eventReader.read(says('Hel'))
    assert.deepEqual(eventReader.read(failed), [])
    assert.deepEqual(eventReader.read(says('lo')), [])
    assert.equal(eventReader.hasFinished(), false)
    const found: Partial<UpstreamProblem> = eventReader.failure()?.problem ?? {}
    const keys = Object.keys(problem) as (keyof UpstreamProblem)[]
    assert.deepEqual(Object.fromEntries(keys.map((key) => [key, found[key]])), problem)
    assert.equal(found.accepted, true)
  })
}

test('An answer in one piece that failed says nothing, and what is none of Cohere’s is none', () => {
  const answerReader = reader()
  assert.deepEqual(answerReader.readWhole({ message: 'internal error' } as object), [])
  assert.equal(answerReader.failure()?.problem.fault, 'unavailable')
  assert.equal(reader().readWhole({ choices: [] } as object), undefined)
})

test('Events of a new type are passed over', () => {
  assert.deepEqual(readAll({ type: 'debug', delta: null }, says('Hi'), event('new-event', {}), ends()), [
    { type: 'text', text: 'Hi' },
    STOP,
  ])
})
