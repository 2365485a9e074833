import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mediaTypeOf } from './media-type.ts'

/** Bytes as text whose characters are a byte each. */
function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

const PNG = '\x89PNG\r\n\x1a\n\0\0\0\rIHDR'

const taken = [
  { wanted: 'image', content: PNG, type: 'image/png' },
  { wanted: 'image', content: `${PNG}\0\0\x27\x10\0\0\x27\x10`, type: 'image/png' },
  { wanted: 'image', content: '\xff\xd8\xff\xe0JFIF', type: 'image/jpeg' },
  { wanted: 'image', content: 'GIF89a', type: 'image/gif' },
  { wanted: 'image', content: 'RIFF\x10\0\0\0WEBPVP8 ', type: 'image/webp' },
  { wanted: 'file', content: '%PDF-1.7\n\xff\0', type: 'application/pdf' },
  { wanted: 'file', content: 'a', type: 'text/plain' },
  { wanted: 'file', content: '\xef\xbb\xbf{"a": "\xc3\xa4"}\r\n', type: 'text/plain' },
  { wanted: 'file', content: '<html><script>', type: 'text/plain' },
] as const
for (const { wanted, content, type } of taken) {
  test(`${JSON.stringify(content)} is ${type}`, () => assert.equal(mediaTypeOf(bytes(content), wanted), type))
}

const refused = [
  { wanted: 'image', content: '' },
  { wanted: 'image', content: 'GIF' },
  { wanted: 'image', content: '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>' },
  { wanted: 'image', content: '<html>' },
  { wanted: 'image', content: ` ${PNG}` },
  { wanted: 'image', content: '%PDF-1.7' },
  { wanted: 'image', content: 'RIFF\x10\0\0\0WAVEfmt ' },
  { wanted: 'image', content: 'RIFF' },
  { wanted: 'image', content: 'BM\0\0' },
  { wanted: 'image', content: '\x1f\x8b\x08' },
  { wanted: 'file', content: '' },
  { wanted: 'file', content: PNG },
  { wanted: 'file', content: 'a\0b' },
  { wanted: 'file', content: '\xff\xfea\0' },
  { wanted: 'file', content: 'caf\xe9' },
  { wanted: 'file', content: '\xed\xa0\x80' },
  { wanted: 'file', content: 'PK\x03\x04\xff' },
  { wanted: 'file', content: '\x7fELF\x02\0' },
] as const
for (const { wanted, content } of refused) {
  test(`${JSON.stringify(content)} is no ${wanted}`, () => {
    assert.throws(() => mediaTypeOf(bytes(content), wanted), /^FetchFault: must lead to a P/)
  })
}

test('An image that says it has too many pixels is refused', () => {
  const content = `${PNG}\0\0\x27\x10\0\0\x27\x11`
  assert.throws(() => mediaTypeOf(bytes(content), 'image'), /must lead to an image of at most 100000000 pixels/)
})
