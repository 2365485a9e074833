import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import type { JsonObject } from '../../protocol/json.ts'
import type { UrlCitation } from '../../protocol/part.ts'
import { createConverseReader } from './stream.ts'
import type { WireBlock, WireDelta, WireEvent } from './wire.ts'

const STOP: ModelEvent = { type: 'finish', reason: 'stop' }

const reader = (vendor = 'anthropic') => createConverseReader({ callIdPrefix: 'call_made_', vendor })
const piece = (contentBlockIndex: number, delta: WireDelta): WireEvent => ({
  contentBlockDelta: { contentBlockIndex, delta },
})
const end = (contentBlockIndex: number): WireEvent => ({ contentBlockStop: { contentBlockIndex } })
const call = (contentBlockIndex: number, toolUseId: string, name: string): WireEvent => ({
  contentBlockStart: { contentBlockIndex, start: { toolUse: { toolUseId, name } } },
})
const text = (said: string): ModelEvent => ({ type: 'text', text: said })

/** Reads one stream from beginning to end. */
function read(...events: readonly WireEvent[]): ModelEvent[] {
  const one = reader()
  return [...events.flatMap((event) => one.read(event)), ...one.end()]
}

function readWhole(...content: readonly WireBlock[]): ModelEvent[] {
  const one = reader()
  const answer = JSON.parse(JSON.stringify({ output: { message: { content } }, stopReason: 'end_turn' })) as JsonObject
  return [...(one.readWhole(answer) ?? []), ...one.end()]
}

const stops = [
  { wire: 'end_turn', reason: 'stop' },
  { wire: 'tool_use', reason: 'stop' },
  { wire: 'stop_sequence', reason: 'stop' },
  { wire: 'max_tokens', reason: 'max_output_tokens' },
  { wire: 'model_context_window_exceeded', reason: 'max_output_tokens' },
  { wire: 'guardrail_intervened', reason: 'content_filter' },
  { wire: 'content_filtered', reason: 'content_filter' },
  { wire: 'a_word_of_tomorrow', reason: 'stop' },
  { wire: 'constructor', reason: 'stop' },
] as const
for (const { wire, reason } of stops) {
  test(`stopReason ${wire} is ${reason}`, () => {
    assert.deepEqual(read({ messageStop: { stopReason: wire } }), [{ type: 'finish', reason }])
  })
}

for (const stopReason of ['malformed_tool_use', 'malformed_model_output']) {
  test(`stopReason ${stopReason} is a failure, and what follows is still counted as used`, () => {
    const one = reader()
    one.read(piece(0, { text: 'Hel' }))
    one.read({ messageStop: { stopReason } })
    assert.equal(one.failure()?.problem.fault, 'invalid_response')
    assert.equal(one.hasFinished(), false)
    assert.deepEqual(one.read(piece(0, { text: 'lo' })), [])
    one.read({ metadata: { usage: { inputTokens: 5, outputTokens: 3 } } })
    assert.equal(one.usage()?.total_tokens, 8)
  })
}

test('Signed and hidden thinking come back as they came, once their block is whole', () => {
  const bytes = Uint8Array.from([0, 255, 128, 61, 13, 10])
  const events = read(
    piece(0, { reasoningContent: { text: 'Let me ' } }),
    piece(0, { reasoningContent: { text: 'think.' } }),
    piece(0, { reasoningContent: { signature: 'c2ln+/=' } }),
    end(0),
    piece(1, { reasoningContent: { redactedContent: bytes.subarray(0, 2) } }),
    piece(1, { reasoningContent: { redactedContent: bytes.subarray(2) } }),
    end(1),
    piece(2, { text: 'Hello' }),
    end(2),
  )
  const redactedContent = Buffer.from(bytes).toString('base64')
  assert.deepEqual(events, [
    { type: 'reasoning', text: 'Let me ' },
    { type: 'reasoning', text: 'think.' },
    {
      type: 'reasoning_state',
      state: { vendor: 'anthropic', reasoningText: { text: 'Let me think.', signature: 'c2ln+/=' } },
    },
    { type: 'reasoning_state', state: { vendor: 'anthropic', redactedContent } },
    text('Hello'),
    STOP,
  ])
})

test('Thinking without a signature is told, and not kept', () => {
  assert.deepEqual(read(piece(0, { reasoningContent: { text: 'Hm.' } }), end(0), piece(1, { text: 'Hi' })), [
    { type: 'reasoning', text: 'Hm.' },
    text('Hi'),
    STOP,
  ])
})

test('A signature alone is kept: newer models do not show their thinking', () => {
  assert.deepEqual(read(piece(0, { reasoningContent: { signature: 'sig' } }), end(0)), [
    { type: 'reasoning_state', state: { vendor: 'anthropic', reasoningText: { text: '', signature: 'sig' } } },
    STOP,
  ])
})

test('A block whose end has not come is whole at the end of the answer', () => {
  assert.deepEqual(
    read(piece(0, { reasoningContent: { signature: 'sig' } }), { messageStop: { stopReason: 'end_turn' } }),
    [{ type: 'reasoning_state', state: { vendor: 'anthropic', reasoningText: { text: '', signature: 'sig' } } }, STOP],
  )
})

test('Calls without an id, or with one that was used, get one', () => {
  const events = read(call(0, 'same', 'one'), end(0), call(1, 'same', 'two'), end(1), call(2, '', 'three'), end(2))
  const ids = events.flatMap((event) => (event.type === 'tool_call' ? [event.callId] : []))
  assert.equal(new Set(ids).size, 3)
  assert.equal(ids[0], 'same')
  assert.match(ids[2] ?? '', /^call_made_/)
})

test('Tools that the provider runs itself are its own affair, in a stream and in one piece', () => {
  const own = { toolUseId: 't', name: 'nova_grounding', type: 'server_tool_use' }
  const streamed = read(
    { contentBlockStart: { contentBlockIndex: 0, start: { toolUse: own } } },
    piece(0, { toolUse: { input: '{}' } }),
    end(0),
    piece(1, { text: 'Hi' }),
    end(1),
  )
  assert.deepEqual(streamed, [text('Hi'), STOP])
  assert.deepEqual(readWhole({ toolUse: { ...own, input: { query: 'x' } } }, { text: 'Hi' }), [text('Hi'), STOP])
})

const page = (url: string) => ({ title: 'Page', location: { web: { url, domain: 'a.example' } } })
function annotation(url: string, start: number, stop: number): ModelEvent {
  const cited: UrlCitation = { type: 'url_citation', url, title: 'Page', start_index: start, end_index: stop }
  return { type: 'annotation', annotation: cited }
}

test('A citation before its text is of that text, in characters of the message', () => {
  const events = read(
    piece(0, { text: '🎈 Well, ' }),
    end(0),
    piece(1, { citation: page('https://a.example/1') }),
    piece(1, { citation: page('https://a.example/2') }),
    piece(1, { text: 'Rome is ' }),
    piece(1, { text: 'old.' }),
    end(1),
    call(2, 't', 'weather'),
    end(2),
    piece(3, { citation: page('https://a.example/3') }),
    piece(3, { text: 'Yes' }),
    end(3),
  )
  assert.deepEqual(
    events.filter(({ type }) => type === 'annotation'),
    [
      annotation('https://a.example/1', 8, 20),
      annotation('https://a.example/2', 8, 20),
      annotation('https://a.example/3', 0, 3),
    ],
  )
})

test('Citations in a block without text are of the text before them', () => {
  const cited = { citationsContent: { citations: [page('https://a.example/1')] } }
  const events = readWhole({ text: 'First. ' }, { text: 'Second.' }, cited, cited, { text: '.' })
  assert.deepEqual(
    events.filter(({ type }) => type === 'annotation'),
    [annotation('https://a.example/1', 7, 14), annotation('https://a.example/1', 7, 14)],
  )
})

test('Places in documents are no annotations: they have no address', () => {
  const location = { documentChar: { documentIndex: 0, start: 0, end: 5 } } as object
  assert.deepEqual(read(piece(0, { citation: { title: 'facts', location } }), piece(0, { text: 'Hi' }), end(0)), [
    text('Hi'),
    STOP,
  ])
})

test('An answer in one piece says what its stream would have said', () => {
  const streamed = read(
    piece(0, { reasoningContent: { text: 'Hm.' } }),
    piece(0, { reasoningContent: { signature: 'sig' } }),
    end(0),
    piece(1, { text: 'Let me see.' }),
    end(1),
    call(2, 'tooluse_1', 'weather'),
    piece(2, { toolUse: { input: '{"place":"Rome"}' } }),
    end(2),
  )
  const whole = readWhole(
    { reasoningContent: { reasoningText: { text: 'Hm.', signature: 'sig' } } },
    { text: 'Let me see.' },
    { toolUse: { toolUseId: 'tooluse_1', name: 'weather', input: { place: 'Rome' } } },
  )
  assert.deepEqual(whole, streamed)
})

test('What has no message is no answer of Converse', () => {
  for (const answer of [
    {},
    { output: null },
    { output: { message: {} } },
    { id: 'msg_1', content: [{ text: 'Hi' }] },
  ]) {
    assert.equal(reader().readWhole(answer), undefined)
  }
})

const usages = [
  { wire: { inputTokens: 14, outputTokens: 10, cacheReadInputTokens: 4, cacheWriteInputTokens: 2 }, input: 20 },
  { wire: { inputTokens: 14, outputTokens: 10 }, input: 14 },
  { wire: { inputTokens: 14, outputTokens: 10, cacheReadInputTokens: -4 }, input: 14 },
  { wire: { inputTokens: '14', outputTokens: 10 }, input: undefined },
  { wire: { inputTokens: 14, outputTokens: 10n }, input: undefined },
]
for (const { wire, input } of usages) {
  test(`Usage ${Object.values(wire).join(' ')} counts ${input} tokens of input`, () => {
    const one = reader()
    one.read({ metadata: { usage: wire } } as object)
    assert.equal(one.usage()?.input_tokens, input)
  })
}
