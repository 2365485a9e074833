import type { UserPart } from '../../protocol/input-item.ts'
import type { JsonObject } from '../../protocol/json.ts'
import type { InputFile } from '../../protocol/part.ts'
import { fileSource, imageSource, unsupportedInput, type Source } from '../content.ts'
import { given } from '../given.ts'

/** Files of these types are text, beside all of `text/…`. */
const TEXT_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'application/xml',
  'application/yaml',
  'application/x-yaml',
  'application/javascript',
  'application/sql',
])

/**
 * A part of a user's message, or of what a tool gave back, as a block: none where it says nothing.
 *
 * @throws {ApiError} 400 `unsupported_input` for files that are neither PDF, text nor images.
 * @see https://platform.claude.com/docs/en/api/messages/create (read 2026-11-22)
 */
export function userBlocks(part: UserPart): JsonObject[] {
  switch (part.type) {
    case 'input_text':
      return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text }]
    case 'input_image':
      return [{ type: 'image', source: wireSource(imageSource(part)) }]
    default:
      return [fileBlock(part)]
  }
}

function fileBlock(part: InputFile): JsonObject {
  const source = fileSource(part)
  const title = given('title', part.filename == null || part.filename === '' ? undefined : part.filename)
  if ('url' in source || source.mediaType === 'application/pdf') {
    return { type: 'document', source: wireSource(source), ...title }
  }
  if (source.mediaType.startsWith('image/')) return { type: 'image', source: wireSource(source) }
  if (!source.mediaType.startsWith('text/') && !TEXT_TYPES.has(source.mediaType)) {
    throw unsupportedInput(`This provider takes PDF, text and images as files, not ${source.mediaType.slice(0, 100)}.`)
  }
  const data = Buffer.from(source.base64, 'base64').toString('utf8')
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data }, ...title }
}

function wireSource(source: Source): JsonObject {
  if ('url' in source) return { type: 'url', url: source.url }
  return { type: 'base64', media_type: source.mediaType, data: source.base64 }
}
