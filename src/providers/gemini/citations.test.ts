import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { annotate, readCitations, readGrounding } from './citations.ts'

const PAGES = [{ web: { uri: 'https://a.example', title: 'A' } }, { maps: { uri: 'https://b.example' } }]

function places(text: string, citations: Parameters<typeof annotate>[1]): (readonly [string, unknown, unknown])[] {
  return annotate(text, citations).map((event) => {
    assert.ok(event.type === 'annotation')
    const { url, start_index: start, end_index: end } = event.annotation as Record<string, unknown>
    return [String(url), start, end]
  })
}

test('Bytes of a text become its characters', () => {
  const text = 'Zürich 😀 liegt am See.'
  const supports = [
    { segment: { endIndex: 7 }, groundingChunkIndices: [0] },
    { segment: { startIndex: 8, endIndex: 12 }, groundingChunkIndices: [1] },
    { segment: { startIndex: 13, endIndex: 26 }, groundingChunkIndices: [0, 1] },
  ]
  const cited = places(text, readGrounding({ groundingChunks: PAGES, groundingSupports: supports }))
  const said = cited.map(([url, start, end]) => [url, [...text].slice(Number(start), Number(end)).join('')])
  assert.deepEqual(said, [
    ['https://a.example', 'Zürich'],
    ['https://b.example', '😀'],
    ['https://a.example', 'liegt am See.'],
    ['https://b.example', 'liegt am See.'],
  ])
})

test('Any span of whole characters is found again', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 2 })),
      fc.nat(20),
      fc.nat(20),
      (parts, from, length) => {
        const characters = [...parts.join('')]
        const [start, end] = [Math.min(from, characters.length), Math.min(from + length, characters.length)]
        const bytesTo = (count: number) => Buffer.byteLength(characters.slice(0, count).join(''))
        const bytes = { start: bytesTo(start), end: bytesTo(end) }
        fc.pre(!/\p{Surrogate}/u.test(characters.join('')))
        assert.deepEqual(places(characters.join(''), [{ url: 'u', title: '', bytes }]), [['u', start, end]])
      },
    ),
  )
})

test('Offsets inside a character, behind the text, or the wrong way round stay within the text', () => {
  const span = (start: number, end: number) => ({ url: `${start}-${end}`, title: '', bytes: { start, end } })
  assert.deepEqual(places('é!', [span(1, 3), span(0, 99), span(3, 1)]), [
    ['1-3', 0, 2],
    ['0-99', 0, 2],
    ['3-1', 2, 2],
  ])
})

test('Sources without a place stand at the end; without a URL, or for a place twice, they are not told', () => {
  assert.deepEqual(places('Hi', readGrounding({ groundingChunks: [...PAGES, ...PAGES, { web: {} }] })), [
    ['https://a.example', 2, 2],
    ['https://b.example', 2, 2],
  ])
})

test('What is quoted is told under either of its names, and with its title', () => {
  const quoted = { startIndex: 0, endIndex: 2, uri: 'https://a.example', title: 'A', license: 'mit' }
  const annotation = { type: 'url_citation', url: 'https://a.example', title: 'A', start_index: 0, end_index: 2 }
  for (const metadata of [{ citationSources: [quoted] }, { citations: [quoted, { uri: null }] }]) {
    assert.deepEqual(annotate('Hi', readCitations(metadata)), [{ type: 'annotation', annotation }])
  }
})

test('Sources that are no objects are no sources', () => {
  // What a provider may send in the place of one; the types say what it should.
  const odd = ['x', 'https://a.example', 7, true, [], { uri: 7 }] as unknown as { uri: string }[]
  const groundingChunks = odd.flatMap((place) => [{ web: place }, place as object])
  const groundingSupports = [{ groundingChunkIndices: groundingChunks.map((_, index) => index) }]
  assert.deepEqual(readGrounding({ groundingChunks }), [])
  assert.deepEqual(readGrounding({ groundingChunks, groundingSupports }), [])
  assert.deepEqual(readCitations({ citations: odd }), [])
})
