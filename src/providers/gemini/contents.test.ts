import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HistoryItem } from '../../core/model-call.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { assistant, functionCall, functionOutput, user } from '../testing/model-call.ts'
import { buildContents } from './contents.ts'
import { createGeminiReader } from './stream.ts'
import { chunk } from './testing/answers.ts'

type Part = Readonly<Record<string, unknown>>

function contentsOf(history: readonly HistoryItem[], fromThree = true): { role: string; parts: Part[] }[] {
  return buildContents(history, fromThree).contents as unknown as { role: string; parts: Part[] }[]
}

const state = (value: JsonValue): HistoryItem => ({ type: 'reasoning', text: '', state: value })

/** An answer as the server keeps it: its events as the items that the next turn brings. */
function remember(events: readonly ModelEvent[]): HistoryItem[] {
  const items: HistoryItem[] = []
  for (const event of events) {
    const last = items.at(-1)
    if (event.type === 'text' && last?.type === 'message' && last.role === 'assistant') {
      const said = last.parts.map((part) => ('text' in part ? part.text : '')).join('')
      items.splice(-1, 1, assistant(said + event.text))
    } else if (event.type === 'text') items.push(assistant(event.text))
    if (event.type === 'reasoning') items.push({ type: 'reasoning', text: event.text, state: undefined })
    if (event.type === 'reasoning_state') items.push(state(event.state))
    if (event.type === 'native') items.push({ type: 'native', item: event.item })
    if (event.type === 'tool_call') items.push(functionCall(event.callId, event.name))
    if (event.type === 'tool_arguments' && last?.type === 'function_call') {
      items.splice(-1, 1, { ...last, arguments: event.delta })
    }
  }
  return items
}

const call = (id: string, rest: object = {}) => ({ functionCall: { id, name: 'f', args: { n: 1 } }, ...rest })
const trips: readonly { what: string; parts: readonly Part[]; back?: readonly Part[] }[] = [
  {
    what: 'a signed text in one part',
    parts: [{ text: 'Hello', thoughtSignature: 'c2ln' }],
  },
  {
    what: 'an image between two texts, signed',
    parts: [
      { text: 'Here:' },
      { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' }, thoughtSignature: 'c2ln' },
      { text: 'Nice?' },
    ],
  },
  {
    what: 'an image alone, which nobody signed',
    parts: [{ inlineData: { mimeType: 'image/jpeg', data: '/9j/' } }],
  },
  {
    what: 'a text whose signature follows without text',
    parts: [{ text: 'Hel' }, { text: 'lo' }, { text: '', thoughtSignature: 'c2ln' }],
    back: [{ text: 'Hello' }, { text: '', thoughtSignature: 'c2ln' }],
  },
  {
    what: 'texts of which some are signed',
    parts: [{ text: 'H', thoughtSignature: 'MQ==' }, { text: 'éll' }, { text: '😀', thoughtSignature: 'Mg==' }],
  },
  {
    what: 'calls at once, of which the first is signed',
    parts: [call('a', { thoughtSignature: 'c2ln' }), call('b')],
  },
  {
    what: 'thoughts, a text, a call, each signed',
    parts: [
      { text: 'Hm.', thought: true, thoughtSignature: 'MQ==' },
      { text: 'Let me see.', thoughtSignature: 'Mg==' },
      call('a', { thoughtSignature: 'Mw==' }),
    ],
  },
  {
    what: 'calls, and a signature behind them',
    parts: [call('a', { thoughtSignature: 'MQ==' }), { text: '', thoughtSignature: 'Mg==' }],
  },
  {
    what: 'a part that we have no word for',
    parts: [{ toolCall: { id: 'x', toolType: 'FILE_SEARCH' }, thoughtSignature: 'MQ==' }, { text: 'Hi' }],
  },
  {
    what: 'thoughts that nobody signed',
    parts: [{ text: 'Hm.', thought: true }, { text: 'Hi' }],
    back: [{ text: 'Hi' }],
  },
]
for (const { what, parts, back = parts } of trips) {
  test(`Turn two brings back ${what}, byte for byte and in its place`, () => {
    const reader = createGeminiReader({ callIdPrefix: 'call_made_', secrets: [] })
    const events = parts.flatMap((part) => reader.read(chunk(part)))
    const ids = parts.flatMap((part) => ('functionCall' in part ? [(part['functionCall'] as { id: string }).id] : []))
    const results = ids.map((id) => functionOutput(id, 'done'))
    const history = [user('Hi'), ...remember([...events, ...reader.end()]), ...results, user('Go on.')]
    assert.deepEqual(contentsOf(history)[1], { role: 'model', parts: back })
  })
}

test('Signatures of a text that is another by now follow it', () => {
  const history = [user('Hi'), assistant('Bye'), state({ texts: [{ chars: 5, thoughtSignature: 'c2ln' }] }), user('?')]
  assert.deepEqual(contentsOf(history)[1]?.parts, [{ text: 'Bye' }, { text: '', thoughtSignature: 'c2ln' }])
})

test('Signatures go to no call but their own', () => {
  const history = [
    user('Hi'),
    state({ call_id: 'gone', thoughtSignature: 'MQ==' }),
    functionCall('a', 'f'),
    functionOutput('a', ''),
    state({ call_id: 'a', thoughtSignature: 'Mg==' }),
    functionCall('a', 'f'),
    functionOutput('a', ''),
  ]
  const calls = contentsOf(history, false).flatMap(({ parts }) => parts.filter((part) => 'functionCall' in part))
  assert.deepEqual(
    calls.map(({ thoughtSignature }) => thoughtSignature),
    [undefined, 'Mg=='],
  )
})

const outputs: readonly (readonly [output: string, response: object])[] = [
  ['sunny', { output: 'sunny' }],
  ['{"sky":"blue"}', { sky: 'blue' }],
  ['["blue"]', { output: '["blue"]' }],
  ['5', { output: '5' }],
  ['', { output: '' }],
  ['{"id":12345678901234567890}', { output: '{"id":12345678901234567890}' }],
]
for (const [output, response] of outputs) {
  test(`The result ${JSON.stringify(output)} is ${JSON.stringify(response)}`, () => {
    const history = [user('Hi'), functionCall('a', 'f'), functionOutput('a', output)]
    assert.deepEqual(contentsOf(history).at(-1)?.parts, [{ functionResponse: { id: 'a', name: 'f', response } }])
  })
}

test('Before Gemini 3 there are no ids, and the images of results stand behind them', () => {
  const image = { type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=' } as const
  const history: HistoryItem[] = [
    user('Hi'),
    functionCall('a', 'f', 'not JSON'),
    functionCall('b', 'g', ''),
    { type: 'function_call_output', callId: 'a', output: [{ type: 'input_text', text: 'See:' }, image] },
    functionOutput('b', 'done'),
    user('And?'),
  ]
  assert.deepEqual(contentsOf(history, false).slice(1), [
    {
      role: 'model',
      parts: [
        { functionCall: { name: 'f', args: { arguments: 'not JSON' } } },
        { functionCall: { name: 'g', args: {} } },
      ],
    },
    {
      role: 'user',
      parts: [
        { functionResponse: { name: 'f', response: { output: 'See:' } } },
        { functionResponse: { name: 'g', response: { output: 'done' } } },
        { text: 'What f returned:' },
        { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
        { text: 'And?' },
      ],
    },
  ])
})

/** Steps of a thread: a call comes with its result, at once or later. */
const step = fc.oneof(
  fc.string({ maxLength: 3 }).map((text) => [user(text)]),
  fc.string({ maxLength: 3 }).map((text) => [assistant(text)]),
  fc.constant([{ type: 'message', role: 'system', parts: [{ type: 'input_text', text: 'Be brief.' }] } as HistoryItem]),
  fc
    .constantFrom<JsonValue | undefined>(
      undefined,
      {},
      { extra_content: 1 },
      { call_id: '1', thoughtSignature: 'c2ln' },
      { texts: [{ chars: 0, thoughtSignature: 'c2ln' }] },
      { texts: [{ chars: -1 }, null] },
      { part: { text: 'Hm.', thought: true, thoughtSignature: 'c2ln' } },
    )
    .map((value): HistoryItem[] => [{ type: 'reasoning', text: 'Hm.', state: value }]),
  fc.constantFrom('1', '2').map((id) => [functionCall(id, 'f'), functionOutput(id, `of ${id}`)]),
  fc
    .constantFrom('a', 'b')
    .map((id) => [
      functionCall(id, 'f'),
      functionCall(`${id}2`, 'g'),
      functionOutput(`${id}2`, '2'),
      user('wait'),
      functionOutput(id, '1'),
    ]),
)
const histories = fc.array(step, { maxLength: 12 }).map((steps) => steps.flat())

test('Whatever was said, Google takes it: sides by turns, parts that hold something, each call with its result', () => {
  fc.assert(
    fc.property(histories, fc.boolean(), (history, fromThree) => {
      const contents = contentsOf(history, fromThree)
      for (const [place, { role, parts }] of contents.entries()) {
        assert.equal(role, place % 2 === 0 ? 'user' : 'model')
        assert.ok(parts.length > 0)
        const calls = namesIn(parts, 'functionCall')
        assert.deepEqual(namesIn(contents[place + 1]?.parts ?? [], 'functionResponse'), role === 'model' ? calls : [])
        if (fromThree && calls.length > 0) assert.ok(parts.some((part) => isCall(part) && 'thoughtSignature' in part))
      }
      const words = JSON.stringify(contents)
      for (const text of wordsOf(history)) assert.ok(words.includes(JSON.stringify(text).slice(1, -1)))
    }),
    { numRuns: 500 },
  )
})

const isCall = (part: Part) => 'functionCall' in part

function namesIn(parts: readonly Part[], kind: string): string[] {
  return parts.flatMap((part) => (kind in part ? [(part[kind] as JsonObject)['name'] as string] : []))
}

function wordsOf(history: readonly HistoryItem[]): string[] {
  return history.flatMap((item) =>
    item.type === 'message' && item.role !== 'system'
      ? item.parts.flatMap((part) => ('text' in part && part.text.trim() !== '' ? [part.text] : []))
      : [],
  )
}

test('A thread that goes on begins with the same contents', () => {
  fc.assert(
    fc.property(histories, histories, (before, after) => {
      const [short, long] = [
        contentsOf([...before, user('So?')]),
        contentsOf([...before, user('So?'), assistant('So.'), ...after]),
      ]
      assert.deepEqual(long.slice(0, short.length), short)
    }),
    { numRuns: 300 },
  )
})
