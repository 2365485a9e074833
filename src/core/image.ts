import type { Problem } from '../protocol/error.ts'

/** Most pixels an image may say it has: more is a decompression bomb, not a picture. */
export const PIXELS_MAX = 100_000_000

const BASE64 = /^([A-Za-z0-9+/]*)={0,2}$/
const DATA_URL = /^data:([^;,]*)((?:;[^;,]*)*),/i

/** What the first bytes of each image type are, in latin-1. */
const SIGNATURES: readonly (readonly [type: string, start: string])[] = [
  ['image/png', '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', '\xff\xd8\xff'],
  ['image/gif', 'GIF8'],
  ['image/webp', 'RIFF'],
]

/** What is wrong with an image or file URL, without its place; undefined where it is fine. */
export type UrlFault = Pick<Problem, 'code' | 'message'>

const NOT_A_URL: UrlFault = { code: 'invalid_image_url', message: 'must be an https, http or data URL' }

/**
 * Checks the URL of an image: `https:`, `http:` or a base64 `data:` URL of a PNG, JPEG, GIF or WebP
 * whose bytes are what they say.
 */
export function imageUrlFault(url: string): UrlFault | undefined {
  if (!/^data:/i.test(url)) return webUrlFault(url, NOT_A_URL)
  const header = DATA_URL.exec(url)
  if (header === null || !(header[2] ?? '').toLowerCase().endsWith(';base64')) {
    return invalidImage('must be of the form data:image/png;base64,…')
  }
  const type = (header[1] ?? '').toLowerCase()
  if (!['image/png', 'image/jpeg', 'image/jpg', 'image/gif', 'image/webp'].includes(type)) {
    return invalidImage('must be a PNG, JPEG, GIF or WebP image')
  }
  const [, digits = ''] = BASE64.exec(url.slice(header[0].length)) ?? []
  if (digits === '' || digits.length % 4 === 1) return invalidImage('must hold valid base64')
  return contentFault(atob(digits.slice(0, 64)))
}

function contentFault(start: string): UrlFault | undefined {
  if (imageTypeOf(start) === undefined) return invalidImage('must hold the bytes of a PNG, JPEG, GIF or WebP image')
  return isPixelBomb(start) ? { code: 'image_too_large', message: `must have at most ${PIXELS_MAX} pixels` } : undefined
}

/** The type of an image by its first bytes (latin-1); undefined where they are of none that models read. */
export function imageTypeOf(start: string): string | undefined {
  return SIGNATURES.find(([, signature]) => start.startsWith(signature))?.[0]
}

/** Whether an image says in its first bytes (latin-1) that it has more pixels than an image may have. */
export function isPixelBomb(start: string): boolean {
  if (imageTypeOf(start) !== 'image/png' || start.length < 24) return false
  return wordAt(start, 16) * wordAt(start, 20) > PIXELS_MAX
}

/**
 * Checks a URL that is meant to be fetched: `https:` or `http:`, with a host and no credentials.
 *
 * @param fault What to answer where it is none; credentials are blamed under the same code.
 */
export function webUrlFault(text: string, fault: UrlFault): UrlFault | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // eslint-disable-next-line no-control-regex -- A control character is what is looked for.
  const isPlain = !/[\u0000-\u0020\\]/.test(text)
  if (url === undefined || !isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:')) return fault
  return url.username === '' && url.password === ''
    ? undefined
    : { code: fault.code, message: 'must not hold credentials' }
}

function invalidImage(message: string): UrlFault {
  return { code: 'invalid_image', message }
}

function wordAt(bytes: string, offset: number): number {
  return [0, 1, 2, 3].reduce((word, index) => word * 256 + bytes.charCodeAt(offset + index), 0)
}
