import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UpstreamError } from '../core/upstream-error.ts'
import { createEventDecoder, type WireEvent } from './sse.ts'

const EVENT_BYTES_MAX = 1000

function decode(pieces: readonly Uint8Array[]): WireEvent[] {
  const decoder = createEventDecoder(EVENT_BYTES_MAX)
  return [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.end()]
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [0, ...places.toSorted((one, other) => one - other), bytes.length]
  return cuts.map((from, index) => bytes.subarray(from, cuts[index + 1] ?? bytes.length))
}

function data(...values: string[]): WireEvent[] {
  return values.map((value) => ({ name: undefined, data: value }))
}

/** Streams as they come, and the events in them. */
const streams: readonly { framing: string; stream: string; events: readonly WireEvent[] }[] = [
  { framing: 'nothing', stream: '', events: [] },
  { framing: 'line feeds', stream: 'data: a\n\ndata: b\n\n', events: data('a', 'b') },
  { framing: 'CRLF (Gemini, Perplexity)', stream: 'data: a\r\n\r\ndata: b\r\n\r\n', events: data('a', 'b') },
  { framing: 'lone carriage returns', stream: 'data: a\r\rdata: b\r\r', events: data('a', 'b') },
  { framing: 'mixed line ends', stream: 'data: a\r\n\ndata: b\n\r\ndata: c\r\r\n', events: data('a', 'b', 'c') },
  { framing: 'comments (OpenRouter)', stream: ': PROCESSING\n\n: \n\n:\ndata: a\n: b\n\n', events: data('a') },
  { framing: 'extra blank lines (Avian)', stream: '\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n', events: data('a', 'b') },
  { framing: 'data without a space', stream: 'data:a\n\ndata:  b\n\n', events: data('a', ' b') },
  { framing: 'data on several lines', stream: 'data: a\ndata\ndata:\ndata: b\n\n', events: data('a\n\n\nb') },
  { framing: 'empty data', stream: 'data:\n\ndata\n\n', events: data('', '') },
  { framing: 'a byte order mark', stream: '\uFEFFdata: a\n\n', events: data('a') },
  { framing: 'no blank line at the end', stream: 'data: a\n\ndata: b\n', events: data('a', 'b') },
  { framing: 'no line end at the end', stream: 'data: a\n\ndata: b', events: data('a', 'b') },
  { framing: 'a carriage return at the end', stream: 'data: a\n\ndata: b\r', events: data('a', 'b') },
  {
    framing: 'names of events (Groq amid plain data)',
    stream: 'data: a\n\nevent: error\ndata: {}\n\nevent:\ndata: b\n\nevent: done\n\n',
    events: [...data('a'), { name: 'error', data: '{}' }, ...data('b')],
  },
  { framing: 'id and retry', stream: 'id: 1\nretry: 3\nretry: x\ndata: a\n\n', events: data('a') },
  { framing: 'characters of two, three and four bytes', stream: 'data: é…😀汉\n\n', events: data('é…😀汉') },
  { framing: 'lines that are no fields', stream: '<html>\ndatum: x\n data: y\n[{"error":{}}]\n\n', events: [] },
  {
    framing: 'raw JSON at the tail (Google)',
    stream: 'data: {"a":1}\r\n\r\n{\r\n  "error": {\r\n    "code": 499\r\n  }\r\n}\r\n',
    events: data('{"a":1}', '{\r\n  "error": {\r\n    "code": 499\r\n  }\r\n}'),
  },
  { framing: 'raw JSON alone', stream: '{"error":\n{}}', events: data('{"error":\n{}}') },
  { framing: 'raw JSON that breaks off', stream: 'data: a\n\n{"error":{"co', events: data('a') },
  { framing: 'raw JSON with more behind it', stream: 'data: a\n{"error":{}}\ndata: b\n\n', events: data('a') },
]
for (const { framing, stream, events } of streams) {
  test(`${framing}: the same events, wherever the bytes are cut in two, and byte by byte`, () => {
    const bytes = new TextEncoder().encode(stream)
    assert.deepEqual(decode([bytes]), events)
    assert.deepEqual(decode(cut(bytes, [...bytes.keys()])), events)
    for (const place of bytes.keys()) assert.deepEqual(decode(cut(bytes, [place])), events, `cut at ${place}`)
  })
}

/** The standard's rules, for a stream that is there at once; what the end cuts off counts all the same. */
function parseWhole(stream: string): WireEvent[] {
  const events: WireEvent[] = []
  let name: string | undefined
  let lines: string[] = []
  for (const line of `${stream.replace(/^\uFEFF/, '')}\n\n`.split(/\r\n|\r|\n/)) {
    const [, field, value = ''] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? []
    if (field === 'data') lines.push(value)
    if (field === 'event') name = value === '' ? undefined : value
    if (line !== '') continue
    if (lines.length > 0) events.push({ name, data: lines.join('\n') })
    lines = []
    name = undefined
  }
  return events
}

test('U-14, U-15: Any stream, cut anywhere, gives the events that the standard says', async () => {
  const line = fc.oneof(
    fc.constantFrom('data: ', 'data:', 'data', 'event: ', 'event', ': ', 'id: ', 'dat', 'x: '),
    fc
      .tuple(fc.constantFrom('data: ', 'data:', 'event: ', ':', 'other: '), fc.string({ unit: 'grapheme' }))
      .map((pair) => pair.join('').replaceAll(/[\r\n]/g, ' ')),
  )
  const lineEnd = fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\r\r')
  const stream = fc
    .tuple(fc.constantFrom('', '\uFEFF'), fc.array(fc.tuple(line, lineEnd), { maxLength: 8 }), line)
    .map(([mark, lines, rest]) => mark + lines.flat().join('') + rest)
  await fc.assert(
    fc.asyncProperty(stream, fc.array(fc.nat(120), { maxLength: 30 }), async (text, places) => {
      assert.deepEqual(decode(cut(new TextEncoder().encode(text), places)), parseWhole(text))
    }),
    { numRuns: 1000 },
  )
})

test('Each read gives the events that it completes', () => {
  const decoder = createEventDecoder(EVENT_BYTES_MAX)
  const pieces = ['data: a\n\ndata: b\n\nda', 'ta: c', '\n\n', ': comment\n\n'].map((text) =>
    new TextEncoder().encode(text),
  )
  const batches = pieces.map((piece) => decoder.push(piece).map((event) => event.data))
  assert.deepEqual(batches, [['a', 'b'], [], ['c'], []])
})

test('Bytes that are not UTF-8 become replacement characters', () => {
  assert.deepEqual(decode([new Uint8Array([...Buffer.from('data: a'), 0xff, 0xc3])]), data('a\uFFFD\uFFFD'))
})

const sizes = [
  { what: 'an event of the longest length', stream: `data: ${'x'.repeat(EVENT_BYTES_MAX - 6)}\n\n`, isTaken: true },
  { what: 'an event that is longer', stream: `data: ${'x'.repeat(EVENT_BYTES_MAX + 1)}\n\n`, isTaken: false },
  {
    what: 'an event that is longer and has no end',
    stream: `data: ${'x'.repeat(EVENT_BYTES_MAX + 1)}`,
    isTaken: false,
  },
  { what: 'an event of many lines', stream: `${'data: 0123456789\n'.repeat(EVENT_BYTES_MAX / 10)}\n`, isTaken: false },
  {
    what: 'an event with a long name',
    stream: `event: ${'x'.repeat(EVENT_BYTES_MAX + 1)}\ndata: a\n\n`,
    isTaken: false,
  },
  { what: 'raw JSON that is longer', stream: `{"x": "${'x'.repeat(EVENT_BYTES_MAX)}"}`, isTaken: false },
  { what: 'many events that are long together', stream: 'data: 0123456789\n\n'.repeat(EVENT_BYTES_MAX), isTaken: true },
  { what: 'a long comment', stream: `:${'x'.repeat(EVENT_BYTES_MAX * 3)}\n\n`, isTaken: true },
]
for (const { what, stream, isTaken } of sizes) {
  test(`${what} is ${isTaken ? 'read' : 'refused'}, however it arrives`, () => {
    const bytes = new TextEncoder().encode(`data: first\n\n${stream}`)
    const places = Array.from({ length: Math.floor(bytes.length / 7) }, (_, index) => index * 7)
    for (const pieces of isTaken ? [[bytes], cut(bytes, places)] : [cut(bytes, places)]) {
      const decoder = createEventDecoder(EVENT_BYTES_MAX)
      const read = [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.end()]
      if (isTaken) assert.equal(decoder.failure(), undefined)
      else assertTooLong(decoder.failure())
      assert.deepEqual(read[0], { name: undefined, data: 'first' })
    }
  })
}

test('An event that is too long is refused when it comes in one read too, and so is all that follows', () => {
  const bytes = new TextEncoder().encode(`data: first\n\ndata: ${'x'.repeat(EVENT_BYTES_MAX + 1)}\n\ndata: after\n\n`)
  const decoder = createEventDecoder(EVENT_BYTES_MAX)
  assert.deepEqual(decoder.push(bytes), data('first'))
  assertTooLong(decoder.failure())
  assert.deepEqual([...decoder.push(Buffer.from('data: later\n\n')), ...decoder.end()], [])
})

function assertTooLong(error: unknown): void {
  assert.ok(error instanceof UpstreamError)
  assert.deepEqual(error.problem, {
    fault: 'invalid_response',
    message: 'The model provider sent an event of more than 1000 bytes.',
    accepted: true,
  })
}
