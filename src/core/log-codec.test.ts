import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ResponseEvent } from '../protocol/event.ts'
import type { Logprob } from '../protocol/part.ts'
import type { Ending } from './conclude.ts'
import { decodeLog, encodeLog, numbered } from './log-codec.ts'
import type { OutputEvent } from './model-event.ts'
import { arbitraryEnding, arbitraryOutput } from './testing/arbitrary-run.ts'
import { playRun, renumbered, STOPPED, USAGE, type PlayedRun } from './testing/play-run.ts'

const WORDS = [' the', ' quick', ' fox', ',', ' und', '\n', ' 42', '👩‍👩‍👧']

function tokens(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => WORDS[index % WORDS.length] ?? '')
}

const texts = (count: number): readonly OutputEvent[] => tokens(count).map((text) => ({ type: 'text', text }))

const thoughts = (count: number): readonly OutputEvent[] => tokens(count).map((text) => ({ type: 'reasoning', text }))

function logprob(token: string, rivals: number): Logprob {
  const one = { token, logprob: -0.1234567, bytes: [...Buffer.from(token)] }
  return { ...one, top_logprobs: Array.from({ length: rivals }, () => one) }
}

function withLogprobs(count: number, rivals: number): readonly OutputEvent[] {
  return tokens(count).map((text) => ({ type: 'text', text, logprobs: [logprob(text, rivals)] }))
}

function calls(count: number): readonly OutputEvent[] {
  return Array.from({ length: count }, (_, index): OutputEvent[] => {
    const callId = `call_${index}`
    const pieces = ['{"city":', ' "Pa', 'ris",', ' "days":', ' 3', '}']
    return [
      { type: 'tool_call', callId, name: 'get_weather' },
      ...pieces.map((delta): OutputEvent => ({ type: 'tool_arguments', callId, delta })),
    ]
  }).flat()
}

function citations(count: number): readonly OutputEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'annotation',
    annotation: {
      type: 'url_citation',
      url: `https://example.com/${index}`,
      title: 'A page',
      start_index: 0,
      end_index: index,
    },
  }))
}

const FAILED: Ending = {
  kind: 'failed',
  error: { type: 'server_error', code: 'upstream_unavailable', message: 'It broke off.', param: '' },
  usage: USAGE,
}

const realistic: readonly { name: string; said: readonly OutputEvent[]; ending?: Ending; percentMax: number }[] = [
  { name: 'an empty answer', said: [], percentMax: 50 },
  { name: 'one word', said: texts(1), percentMax: 50 },
  { name: '20 tokens', said: texts(20), percentMax: 50 },
  { name: '2,000 tokens', said: texts(2000), percentMax: 50 },
  {
    name: '500 tokens of thought and a seal',
    said: [...thoughts(500), { type: 'reasoning_seal', sealed: 's'.repeat(800) }, ...texts(200)],
    percentMax: 50,
  },
  { name: '20 calls', said: calls(20), percentMax: 50 },
  { name: '20 citations', said: [...texts(300), ...citations(20)], percentMax: 150 },
  { name: '300 tokens with log probabilities', said: withLogprobs(300, 0), percentMax: 50 },
  { name: '300 tokens with 5 rivals each', said: withLogprobs(300, 5), percentMax: 50 },
  { name: 'a failure half way', said: texts(200), ending: FAILED, percentMax: 70 },
  { name: 'a cancelled answer', said: calls(3), ending: { kind: 'cancelled', usage: null }, percentMax: 60 },
]
for (const { name, said, ending = STOPPED, percentMax } of realistic) {
  test(`the log of ${name} takes at most ${percentMax} % of its snapshot, and comes back letter for letter`, () => {
    const { events, final } = playRun(said, ending)
    const log = encodeLog(events, final)
    assertRestored({ events, final })
    const percent = (100 * log.length) / JSON.stringify(final).length
    assert.ok(percent <= percentMax, `${percent.toFixed(1)} %`)
  })
}

test('a streamed token costs at most three bytes once its place is named', () => {
  const size = (count: number) => {
    const { events, final } = playRun(texts(count), STOPPED)
    return encodeLog(events, final).length
  }
  assert.ok(size(2000) - size(1000) <= 3 * 1000)
})

test('a token with a log probability costs at most five bytes', () => {
  const size = (count: number) => {
    const { events, final } = playRun(withLogprobs(count, 2), STOPPED)
    return encodeLog(events, final).length
  }
  assert.ok(size(2000) - size(1000) <= 5 * 1000)
})

test('the form of a small log is stable: logs stored by an earlier version stay readable', () => {
  const { events, final } = playRun(
    [
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo' },
    ],
    STOPPED,
  )
  const stored = JSON.stringify([
    ['r', 'response.created', { completed_at: null, status: 'in_progress', output: [], output_text: '', usage: null }],
    [
      'r',
      'response.in_progress',
      { completed_at: null, status: 'in_progress', output: [], output_text: '', usage: null },
    ],
    ['a', 0, { status: 'in_progress', content: [] }],
    ['p', 0, 0],
    ['d', 0, 0, 3, 2],
    ['c', 0],
    ['r', 'response.completed', {}],
  ])
  assert.equal(encodeLog(events, final), stored)
  assert.equal(JSON.stringify(decodeLog(stored, final)), JSON.stringify(events))
})

test('a part that closes before another is as short as one that closes with its item', () => {
  const said: readonly OutputEvent[] = [
    { type: 'text', text: 'Well' },
    { type: 'refusal', text: 'No.' },
  ]
  const { events, final } = playRun(said, STOPPED)
  const kinds = (JSON.parse(encodeLog(events, final)) as unknown[][]).map(([letter]) => letter) // A list of lists.
  assert.equal(kinds.join(''), 'rrapdqpdcr')
})

test('so is a part of a summary', () => {
  const { events, final } = playRun([...thoughts(1), { type: 'break' }, ...thoughts(1), ...texts(1)], STOPPED)
  const kinds = (JSON.parse(encodeLog(events, final)) as unknown[][]).map(([letter]) => letter) // A list of lists.
  assert.equal(kinds.join(''), 'rrapdqpdcapdcr')
})

test('an item that its provider alone knows costs its final form and its events', () => {
  const item = { type: 'web_search_call', id: 'ws_1', status: 'completed', query: 'Rome' }
  const begun = { type: 'native', item, isOpen: true } as const
  const searching = { type: 'native_event', back: 0, event: { type: 'response.web_search_call.searching' } } as const
  const { events, final } = playRun([begun, searching, { type: 'native_end', back: 0, item }], STOPPED)
  const kinds = (JSON.parse(encodeLog(events, final)) as unknown[][]).map(([letter]) => letter) // A list of lists.
  assert.equal(kinds.join(''), 'rraecr')
})

test('an empty log is empty', () => {
  const { final } = playRun([], STOPPED)
  assert.deepEqual(decodeLog(encodeLog([], final), final), [])
})

const { events, final } = playRun([...thoughts(3), ...texts(5), ...citations(1), ...calls(2)], STOPPED)

/** Logs that the final snapshot does not explain: they are kept as they were. */
const odd: readonly { name: string; events: readonly ResponseEvent[] }[] = [
  { name: 'without its first event', events: events.slice(1) },
  { name: 'cut off in the middle', events: events.slice(0, 9) },
  { name: 'backwards', events: events.toReversed() },
  { name: 'with every event twice', events: events.flatMap((event) => [event, event]) },
  {
    name: 'whose deltas say something else',
    events: events.map((event) => ('delta' in event ? { ...event, delta: 'x' } : event)),
  },
  {
    name: 'whose deltas say it with padding',
    events: events.map((event) =>
      event.type === 'response.output_text.delta' ? { ...event, obfuscation: 'abc' } : event,
    ),
  },
  {
    name: 'of places that the snapshot lacks',
    events: events.map((event) =>
      'output_index' in event ? { ...event, output_index: event.output_index + 9 } : event,
    ),
  },
  {
    name: 'of parts that the snapshot lacks',
    events: events.map((event) => ('content_index' in event ? { ...event, content_index: 7 } : event)),
  },
]
for (const { name, events: kept } of odd) {
  test(`a log ${name} comes back letter for letter`, () => {
    assertRestored({ events: renumbered(kept), final })
  })
}

test('after one delta that had to be kept whole, the next ones are short again', () => {
  const { events: plain, final: end } = playRun(texts(500), STOPPED)
  const first = plain.findIndex(({ type }) => type === 'response.output_text.delta')
  const padded = plain.map((event, at) => (at === first ? { ...event, obfuscation: 'abc' } : event))
  assertRestored({ events: renumbered(padded), final: end })
  assert.ok(encodeLog(renumbered(padded), end).length - encodeLog(plain, end).length < 500)
})

test('law: a log comes back letter for letter even against the snapshot of another run', () => {
  fc.assert(
    fc.property(arbitraryOutput, arbitraryOutput, arbitraryEnding, (said, other, ending) => {
      assertRestored({ events: playRun(said, ending).events, final: playRun(other, ending).final })
    }),
    { numRuns: 200 },
  )
})

test('numbered() puts the number last', () => {
  const event = numbered({ type: 'error', code: 'c', message: 'm', param: '', error: FAILED.error }, 7)
  assert.deepEqual(Object.keys(event), ['type', 'code', 'message', 'param', 'error', 'sequence_number'])
  assert.equal(event.sequence_number, 7)
})

function assertRestored(run: PlayedRun): void {
  const restored = decodeLog(encodeLog(run.events, run.final), run.final)
  assert.equal(JSON.stringify(restored), JSON.stringify(run.events))
}
