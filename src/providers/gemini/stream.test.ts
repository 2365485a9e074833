import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import type { UpstreamProblem } from '../../core/upstream-error.ts'
import { createGeminiReader } from './stream.ts'
import { chunk } from './testing/answers.ts'

const OPTIONS = { callIdPrefix: 'call_made_', secrets: ['hush-hush'] }
const STOP = { finishReason: 'STOP' }
const END: ModelEvent = { type: 'finish', reason: 'stop' }

/** Reads one answer from beginning to end. */
function readAll(...chunks: readonly object[]): ModelEvent[] {
  const reader = createGeminiReader(OPTIONS)
  return [...chunks.flatMap((one) => reader.read(one)), ...reader.end()]
}

/** What the failure of an answer is; undefined where it has not failed. */
function failureOf(...chunks: readonly object[]): UpstreamProblem | undefined {
  const reader = createGeminiReader(OPTIONS)
  for (const one of chunks) reader.read(one)
  return reader.failure()?.problem
}

const call = (name: string, rest: object = {}) => ({ functionCall: { name, args: {}, ...rest } })
const texts = (...parts: readonly object[]): ModelEvent => ({
  type: 'reasoning_state',
  state: { texts: [...parts] } as never,
})

test('An image is an item of the kind that Responses has for it; one that is none is passed over', () => {
  const image = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }
  const item = { type: 'image_generation_call', status: 'completed', result: 'iVBORw0KGgo=', output_format: 'png' }
  const sound = { inlineData: { mimeType: 'audio/wav', data: 'UklG' } }
  assert.deepEqual(readAll(chunk(image), chunk(sound), chunk({ inlineData: { mimeType: 'image/png' } }, STOP)), [
    { type: 'native', item },
    END,
  ])
})

const calls: readonly {
  says: string
  parts: readonly object[]
  said: readonly (readonly [string, string, string])[]
}[] = [
  { says: 'an id of its own', parts: [call('f', { id: 'abc' })], said: [['abc', 'f', '{}']] },
  {
    says: 'no id',
    parts: [call('f'), call('g')],
    said: [
      ['call_made_0', 'f', '{}'],
      ['call_made_1', 'g', '{}'],
    ],
  },
  {
    says: 'the id of another',
    parts: [call('f', { id: 'a' }), call('g', { id: 'a' })],
    said: [
      ['a', 'f', '{}'],
      ['call_made_1', 'g', '{}'],
    ],
  },
  {
    says: 'an id as we make them',
    parts: [call('f', { id: 'call_made_1' }), call('g')],
    said: [
      ['call_made_1', 'f', '{}'],
      ['call_made_2', 'g', '{}'],
    ],
  },
  {
    says: 'arguments in depth',
    parts: [call('f', { id: 'a', args: { b: [1, { c: null }], a: 'é' } })],
    said: [['a', 'f', '{"b":[1,{"c":null}],"a":"é"}']],
  },
]
for (const { says, parts, said } of calls) {
  test(`Calls with ${says} are told apart, and whole`, () => {
    const expected = said.flatMap(([callId, name, delta]): ModelEvent[] => [
      { type: 'tool_call', callId, name },
      { type: 'tool_arguments', callId, delta },
    ])
    assert.deepEqual(readAll(...parts.map((part) => chunk(part, STOP))), [...expected, END])
  })
}

test('A signature of a call comes right before it, under its id', () => {
  const signed = { ...call('f'), thoughtSignature: 'c2ln' }
  assert.deepEqual(readAll(chunk(signed), chunk(call('g'), STOP)).slice(0, 2), [
    { type: 'reasoning_state', state: { call_id: 'call_made_0', thoughtSignature: 'c2ln' } },
    { type: 'tool_call', callId: 'call_made_0', name: 'f' },
  ])
})

const runs: readonly { parts: readonly object[]; states: readonly ModelEvent[] }[] = [
  { parts: [{ text: 'Hel' }, { text: 'lo' }, { text: '' }], states: [] },
  {
    parts: [{ text: 'Hel' }, { text: 'lo' }, { text: '', thoughtSignature: 'c2ln' }],
    states: [texts({ chars: 5 }, { chars: 0, thoughtSignature: 'c2ln' })],
  },
  { parts: [{ text: 'Hello', thoughtSignature: 'c2ln' }], states: [texts({ chars: 5, thoughtSignature: 'c2ln' })] },
  {
    parts: [{ text: 'H', thoughtSignature: 'MQ==' }, { text: 'ell' }, { text: 'o', thoughtSignature: 'Mg==' }],
    states: [texts({ chars: 1, thoughtSignature: 'MQ==' }, { chars: 3 }, { chars: 1, thoughtSignature: 'Mg==' })],
  },
  {
    parts: [{ text: 'Hello' }, { thoughtSignature: 'c2ln' }],
    states: [texts({ chars: 5 }, { chars: 0, thoughtSignature: 'c2ln' })],
  },
]
for (const { parts, states } of runs) {
  test(`${JSON.stringify(parts)} is one text, its signatures behind it`, () => {
    const events = readAll(...parts.map((part) => chunk(part, STOP)))
    const spoken = events.filter((event) => event.type === 'text')
    assert.equal(spoken.map(({ text }) => text).join(''), 'Hello')
    assert.deepEqual(events.slice(spoken.length), [...states, END])
  })
}

test('The signatures of a text come before what follows it', () => {
  const events = readAll(
    chunk({ text: 'a', thoughtSignature: 'MQ==' }),
    chunk({ text: 'hm', thought: true }),
    chunk({ text: 'b', thoughtSignature: 'Mg==' }),
    chunk(call('f'), STOP),
  )
  assert.deepEqual(
    events.map(({ type }) => type),
    ['text', 'reasoning_state', 'reasoning', 'text', 'reasoning_state', 'tool_call', 'tool_arguments', 'finish'],
  )
})

test('Thoughts that are signed, and parts that we have no word for, are kept as they are', () => {
  const thought = { thought: true, text: 'Hm.', thoughtSignature: 'MQ==' }
  const own = { toolCall: { toolType: 'FILE_SEARCH', id: 'x' }, thoughtSignature: 'Mg==' }
  assert.deepEqual(readAll(chunk(thought), chunk(own), chunk({ executableCode: { code: '1' } }, STOP)), [
    { type: 'reasoning', text: 'Hm.' },
    { type: 'reasoning_state', state: { part: thought } },
    { type: 'reasoning_state', state: { part: own } },
    END,
  ])
})

const endings: readonly (readonly [word: unknown, reason: string])[] = [
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'max_output_tokens'],
  ['CONTINUATION', 'max_output_tokens'],
  ...['SAFETY', 'RECITATION', 'LANGUAGE', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII', 'MODEL_ARMOR', 'IMAGE_SAFETY'].map(
    (word) => [word, 'content_filter'] as const,
  ),
  [1, 'stop'],
  [2, 'max_output_tokens'],
  [8, 'content_filter'],
  ['A_WORD_OF_TOMORROW', 'stop'],
  ['constructor', 'stop'],
  [99, 'stop'],
]
for (const [word, reason] of endings) {
  test(`finishReason ${String(word)} ends the answer as ${reason}`, () => {
    assert.deepEqual(readAll(chunk({ text: 'Hi' }, { finishReason: word })), [
      { type: 'text', text: 'Hi' },
      { type: 'finish', reason },
    ])
  })
}

for (const word of ['', null, 'FINISH_REASON_UNSPECIFIED', 0]) {
  test(`finishReason ${JSON.stringify(word)} ends nothing`, () => {
    const reader = createGeminiReader(OPTIONS)
    reader.read(chunk({ text: 'Hi' }, { finishReason: word }))
    assert.equal(reader.hasFinished(), false)
  })
}

for (const word of ['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'OTHER', 'MALFORMED_RESPONSE', 9]) {
  test(`finishReason ${word} without a call is a failure, with a call an end`, () => {
    const problem = failureOf(chunk({ text: '' }, { finishReason: word }))
    assert.deepEqual([problem?.fault, problem?.accepted], ['invalid_response', true])
    assert.deepEqual(readAll(chunk(call('f'), { finishReason: word })).at(-1), END)
  })
}

test('A filter that stops an answer is told in its own words, behind what was said', () => {
  const candidate = { finishReason: 'SAFETY', finishMessage: 'Not that.' }
  assert.deepEqual(readAll(chunk({ text: 'Hel' }), { candidates: [candidate] }), [
    { type: 'text', text: 'Hel' },
    { type: 'refusal', text: 'Not that.' },
    { type: 'finish', reason: 'content_filter' },
  ])
})

test('A question that a filter stops has no candidates, and is an answer without words', () => {
  const usageMetadata = { promptTokenCount: 5, totalTokenCount: 5 }
  const [finish] = readAll({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata })
  assert.ok(finish?.type === 'finish')
  assert.deepEqual([finish.reason, finish.usage?.input_tokens], ['content_filter', 5])
})

test('What is said after a finish is said all the same', () => {
  const chunks = [chunk({ text: 'First ' }, STOP), chunk({ text: 'Second' }, STOP)]
  assert.deepEqual(readAll(...chunks), [{ type: 'text', text: 'First ' }, { type: 'text', text: 'Second' }, END])
})

test('Other candidates than the first are not read', () => {
  assert.deepEqual(readAll(chunk({ text: 'No' }, { index: 1 }), chunk({ text: 'Yes' }, STOP)), [
    { type: 'text', text: 'Yes' },
    END,
  ])
})

test('An error ends the reading, whatever stands beside it', () => {
  const reader = createGeminiReader(OPTIONS)
  const error = { code: 503, message: 'hush-hush', status: 'UNAVAILABLE' }
  assert.deepEqual(reader.read(chunk({ text: 'Hi' }, STOP, { error })), [])
  assert.deepEqual(reader.read(chunk({ text: 'Hi' }, STOP)), [])
  assert.equal(reader.hasFinished(), false)
  assert.equal(reader.failure()?.problem.fault, 'unavailable')
})

test('A list of chunks is read like a stream, and must come to an end', () => {
  const list = [chunk({ text: 'Hel' }), chunk({ text: 'lo' }, STOP)]
  assert.deepEqual(createGeminiReader(OPTIONS).readList(list), [
    { type: 'text', text: 'Hel' },
    { type: 'text', text: 'lo' },
  ])
  assert.equal(createGeminiReader(OPTIONS).readList(list.slice(0, 1)), undefined)
  assert.equal(createGeminiReader(OPTIONS).readWhole({}), undefined)
})

const usages = [
  {
    what: 'counts what was thought, and what tools of its own read',
    wire: {
      promptTokenCount: 85,
      candidatesTokenCount: 122,
      toolUsePromptTokenCount: 149,
      thoughtsTokenCount: 87,
      totalTokenCount: 443,
    },
    counts: [234, 0, 209, 87, 443],
  },
  {
    what: 'is in the total alone',
    wire: { promptTokenCount: 5, totalTokenCount: 9, cachedContentTokenCount: 3 },
    counts: [5, 3, 4, 0, 9],
  },
  {
    what: 'is nonsense',
    wire: { promptTokenCount: 5, totalTokenCount: -9, candidatesTokenCount: '7' },
    counts: [5, 0, 0, 0, 5],
  },
] as const
for (const { what, wire, counts } of usages) {
  test(`Usage that ${what} adds up`, () => {
    const finish = readAll(chunk({ text: 'Hi' }, STOP, { usageMetadata: wire })).at(-1)
    const usage = finish?.type === 'finish' ? finish.usage : undefined
    const { input_tokens: input, output_tokens: output, total_tokens: total } = usage ?? {}
    const cached = usage?.input_tokens_details.cached_tokens
    assert.deepEqual([input, cached, output, usage?.output_tokens_details.reasoning_tokens, total], counts)
  })
}

test('Of usage and tier, the last word counts; a chunk without counts takes none away', () => {
  const finish = readAll(
    chunk({ text: 'Hi' }, {}, { usageMetadata: { promptTokenCount: 9, totalTokenCount: 9, trafficType: 'ON_DEMAND' } }),
    chunk({ text: '' }, STOP, { usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 2 } }),
    { usageMetadata: { trafficType: 'ON_DEMAND_PRIORITY' } },
  ).at(-1)
  assert.ok(finish?.type === 'finish')
  assert.deepEqual([finish.usage?.total_tokens, finish.serviceTier], [10, 'priority'])
})

test('Log probabilities of several texts at once are told of none', () => {
  const logprobsResult = { chosenCandidates: [{ token: 'a', logProbability: -1 }] }
  const both = { candidates: [{ content: { parts: [{ text: 'a' }, { text: 'b' }] }, logprobsResult, ...STOP }] }
  assert.ok(readAll(both).every((event) => !('logprobs' in event)))
  const [one] = readAll(
    chunk({ text: 'é' }, { logprobsResult: { chosenCandidates: [{ token: 'é' }, null, 5] }, ...STOP }),
  )
  assert.deepEqual(one, {
    type: 'text',
    text: 'é',
    logprobs: [{ token: 'é', logprob: 0, bytes: [195, 169], top_logprobs: [] }],
  })
})
