import { isUtf8 } from 'node:buffer'
import type { FetchKind } from '../core/fetcher.ts'
import { imageTypeOf, isPixelBomb, PIXELS_MAX } from '../core/image.ts'
import { FetchFault } from './fetch-fault.ts'

/** How many bytes tell what an image is, and how large. */
const START_BYTES = 32

/**
 * What bytes are, by the bytes alone: what their server calls them does not count.
 *
 * @throws {FetchFault} They are of no type that models read.
 */
export function mediaTypeOf(bytes: Buffer, wanted: FetchKind): string {
  const start = bytes.toString('latin1', 0, START_BYTES)
  return wanted === 'image' ? imageType(start) : fileType(bytes, start)
}

function imageType(start: string): string {
  const type = imageTypeOf(start)
  const isOther = type === 'image/webp' && start.slice(8, 12) !== 'WEBP' // RIFF holds sound and video too.
  if (type === undefined || isOther) throw new FetchFault('must lead to a PNG, JPEG, GIF or WebP image')
  if (isPixelBomb(start)) throw new FetchFault(`must lead to an image of at most ${PIXELS_MAX} pixels`)
  return type
}

function fileType(bytes: Buffer, start: string): string {
  if (start.startsWith('%PDF-')) return 'application/pdf'
  if (bytes.length > 0 && !bytes.includes(0) && isUtf8(bytes)) return 'text/plain'
  throw new FetchFault('must lead to a PDF, or to text in UTF-8')
}
