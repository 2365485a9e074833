import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { imageUrlFault, webUrlFault } from './image.ts'

const FORM = { code: 'invalid_image', message: 'must be of the form data:image/png;base64,…' }
const TYPE = { code: 'invalid_image', message: 'must be a PNG, JPEG, GIF or WebP image' }
const BASE64 = { code: 'invalid_image', message: 'must hold valid base64' }
const BYTES = { code: 'invalid_image', message: 'must hold the bytes of a PNG, JPEG, GIF or WebP image' }
const PIXELS = { code: 'image_too_large', message: 'must have at most 100000000 pixels' }
const SCHEME = { code: 'invalid_image_url', message: 'must be an https, http or data URL' }
const CREDENTIALS = { code: 'invalid_image_url', message: 'must not hold credentials' }

const PNG_START = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]
const STARTS = {
  png: PNG_START.slice(0, 8),
  jpeg: [0xff, 0xd8, 0xff, 0xe0],
  gif: [0x47, 0x49, 0x46, 0x38, 0x39, 0x61],
  webp: [0x52, 0x49, 0x46, 0x46, 1, 0, 0, 0],
}

/** A PNG that says how large it is, and has nothing more. */
function png(width: number, height: number): string {
  const size = Buffer.alloc(8)
  size.writeUInt32BE(width, 0)
  size.writeUInt32BE(height, 4)
  return Buffer.concat([Buffer.from(PNG_START), size]).toString('base64')
}

function bytes(...values: readonly number[]): string {
  return Buffer.from(values).toString('base64')
}

const refused = [
  { name: 'an empty URL', url: '', fault: SCHEME },
  { name: 'words', url: 'a cat', fault: SCHEME },
  { name: 'a relative URL', url: '/cat.png', fault: SCHEME },
  { name: 'a file URL', url: 'file:///etc/passwd', fault: SCHEME },
  { name: 'a script URL', url: 'javascript:alert(1)', fault: SCHEME },
  { name: 'an ftp URL', url: 'ftp://example.com/cat.png', fault: SCHEME },
  { name: 'a host that is none', url: 'https://', fault: SCHEME },
  { name: 'a space in the URL', url: 'https://example.com/a cat.png', fault: SCHEME },
  { name: 'a line break in the URL', url: 'https://example.com/\r\ncat.png', fault: SCHEME },
  { name: 'a NUL in the URL', url: 'https://example.com/\u0000', fault: SCHEME },
  { name: 'a backslash, which browsers read as a slash', url: 'https:\\\\example.com', fault: SCHEME },
  { name: 'a user name', url: 'https://user@example.com/cat.png', fault: CREDENTIALS },
  { name: 'a password', url: 'https://:secret@example.com/cat.png', fault: CREDENTIALS },
  { name: 'no comma', url: 'data:image/png;base64', fault: FORM },
  { name: 'no base64', url: 'data:image/png,abc', fault: FORM },
  { name: 'base64 that is not last', url: `data:image/png;base64;charset=utf-8,${png(1, 1)}`, fault: FORM },
  { name: 'no type', url: `data:;base64,${png(1, 1)}`, fault: TYPE },
  { name: 'SVG', url: 'data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=', fault: TYPE },
  { name: 'HTML', url: 'data:text/html;base64,PHA+PC9wPg==', fault: TYPE },
  { name: 'a type with more behind it', url: `data:image/png2;base64,${png(1, 1)}`, fault: TYPE },
  { name: 'no bytes', url: 'data:image/png;base64,', fault: BASE64 },
  { name: 'padding alone', url: 'data:image/png;base64,==', fault: BASE64 },
  { name: 'one digit', url: 'data:image/png;base64,A', fault: BASE64 },
  { name: 'one digit and padding', url: 'data:image/png;base64,A==', fault: BASE64 },
  { name: 'five digits and padding', url: 'data:image/png;base64,AAAAA=', fault: BASE64 },
  { name: 'three padding marks', url: 'data:image/png;base64,AAAAA===', fault: BASE64 },
  { name: 'padding in the middle', url: 'data:image/png;base64,iVBO=Rw0', fault: BASE64 },
  { name: 'the URL alphabet', url: 'data:image/png;base64,_-_-', fault: BASE64 },
  { name: 'blanks', url: 'data:image/png;base64,iVBO Rw0K', fault: BASE64 },
  { name: 'escapes', url: 'data:image/png;base64,iVBO%3D', fault: BASE64 },
  { name: 'bytes of no image', url: `data:image/png;base64,${bytes(1, 2, 3, 4)}`, fault: BYTES },
  { name: 'HTML that says it is an image', url: 'data:image/png;base64,PGh0bWw+', fault: BYTES },
  { name: 'half a signature', url: `data:image/png;base64,${bytes(0x89, 0x50, 0x4e)}`, fault: BYTES },
  { name: 'one pixel too many', url: `data:image/png;base64,${png(100_000_001, 1)}`, fault: PIXELS },
  { name: 'a decompression bomb', url: `data:image/png;base64,${png(50_000, 50_000)}`, fault: PIXELS },
  { name: 'a bomb that calls itself a JPEG', url: `data:image/jpeg;base64,${png(50_000, 50_000)}`, fault: PIXELS },
  {
    name: 'the largest size that a header can name',
    url: `data:image/png;base64,${png(2 ** 32 - 1, 2 ** 32 - 1)}`,
    fault: PIXELS,
  },
]
for (const { name, url, fault } of refused) {
  test(`imageUrlFault() refuses ${name}`, () => assert.deepEqual(imageUrlFault(url), fault))
}

const accepted = [
  { name: 'a data URL in upper case', url: `DATA:IMAGE/PNG;BASE64,${png(1, 1)}` },
  { name: 'https', url: 'https://example.com/cat.png?size=1&x=%20#top' },
  { name: 'http with a port', url: 'http://example.com:8080/cat.png' },
  { name: 'a host in other letters', url: 'https://bücher.example/katze.png' },
  { name: 'a PNG', url: `data:image/png;base64,${png(1, 1)}` },
  { name: 'a PNG of the most pixels', url: `data:image/png;base64,${png(10_000, 10_000)}` },
  { name: 'a PNG whose header is cut off', url: `data:image/png;base64,${bytes(...STARTS.png)}` },
  { name: 'a JPEG', url: `data:image/jpeg;base64,${bytes(...STARTS.jpeg)}` },
  { name: 'a JPEG under its other name', url: `data:image/jpg;base64,${bytes(...STARTS.jpeg)}` },
  { name: 'a GIF', url: `data:image/gif;base64,${bytes(...STARTS.gif)}` },
  { name: 'a WebP', url: `data:image/webp;base64,${bytes(...STARTS.webp)}` },
  { name: 'a type in upper case', url: `data:IMAGE/PNG;base64,${bytes(...STARTS.png)}` },
  { name: 'a parameter before base64', url: `data:image/png;name=cat.png;base64,${bytes(...STARTS.png)}` },
  {
    name: 'base64 without its padding',
    url: `data:image/png;base64,${bytes(...STARTS.png, 0, 0).replaceAll('=', '')}`,
  },
]
for (const { name, url } of accepted) {
  test(`imageUrlFault() accepts ${name}`, () => assert.equal(imageUrlFault(url), undefined))
}

test('imageUrlFault() answers for any base64 after the header, and never throws', () => {
  const base64 = fc.string({ unit: fc.constantFrom('A', '+', '/', '=', '9', 'iVBORw0KGgo'), maxLength: 90 })
  fc.assert(
    fc.property(base64, (data) => {
      const fault = imageUrlFault(`data:image/png;base64,${data}`)
      assert.ok(fault === undefined || ['invalid_image', 'image_too_large'].includes(fault.code))
    }),
    { numRuns: 500 },
  )
})

const NO_FILE = { code: 'invalid_file_url', message: 'must be an https or http URL' }

const fetched = [
  { name: 'a data URL', url: `data:image/png;base64,${png(1, 1)}`, fault: NO_FILE },
  { name: 'credentials', url: 'https://a:b@example.com/', fault: { ...NO_FILE, message: 'must not hold credentials' } },
  { name: 'nothing in an https URL', url: 'https://example.com/report.pdf', fault: undefined },
]
for (const { name, url, fault } of fetched) {
  test(`webUrlFault() refuses ${name}, in the words it is given`, () => {
    assert.deepEqual(webUrlFault(url, NO_FILE), fault)
  })
}
