import type { ContentBlock, ToolResultContentBlock } from '@aws-sdk/client-bedrock-runtime'
import type { UserPart } from '../../protocol/input-item.ts'
import type { InputFile } from '../../protocol/part.ts'
import { fileSource, imageSource, unsupportedInput, type InlineData, type Source } from '../content.ts'
import { DOCUMENT_FORMATS, IMAGE_FORMATS } from './tables.ts'

/** A block of a user's message that may stand in what a tool gave back, too. */
export type PartBlock = Extract<ContentBlock, { text: string } | { image: object } | { document: object }> &
  ToolResultContentBlock

const NAME_CHARS_MAX = 200

/** What a document is called that has no name, or none in letters that are allowed. */
const UNNAMED = 'document'

/**
 * Names documents as Converse allows: some characters, no two of one name in a request. The order of the thread
 * decides, so that a longer thread begins with the same names.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html (read 2026-11-22)
 */
export class DocumentNames {
  readonly #used = new Map<string, number>()

  /** A name for the next document; the ending of its file's is told by its format. */
  next(filename: string): string {
    const allowed = filename
      .replace(/\.[A-Za-z0-9]+$/, '')
      .replaceAll(/[^A-Za-z0-9 ()[\]-]+/g, ' ')
      .replaceAll(/ {2,}/g, ' ')
      .slice(0, NAME_CHARS_MAX)
      .trim()
    const name = allowed === '' ? UNNAMED : allowed
    const uses = this.#uses(name)
    if (uses === 1) return name
    const ending = ` (${uses})`
    const numbered = name.slice(0, NAME_CHARS_MAX - ending.length) + ending
    return this.#uses(numbered) === 1 ? numbered : this.next(numbered)
  }

  /** Names are compared without regard to capitals. */
  #uses(name: string): number {
    const key = name.toLowerCase()
    const uses = (this.#used.get(key) ?? 0) + 1
    this.#used.set(key, uses)
    return uses
  }
}

/**
 * A part as a block: none where it says nothing.
 *
 * @throws {ApiError} 400 `unsupported_input` for images and files of other types.
 */
export function partBlocks(part: UserPart, names: DocumentNames): PartBlock[] {
  switch (part.type) {
    case 'input_text':
      return part.text.trim() === '' ? [] : [{ text: part.text }]
    case 'input_image':
      return [imageBlock(bytesOf(imageSource(part)))]
    default:
      return [fileBlock(part, names)]
  }
}

/** What was given as a URL has been fetched by now: the table of content says so. */
function bytesOf(source: Source): InlineData {
  if ('url' in source) throw unsupportedInput('This provider takes no URLs: send the data itself, as a data: URL.')
  return source
}

function imageBlock({ mediaType, base64 }: InlineData): PartBlock {
  const format = lookUp(IMAGE_FORMATS, mediaType)
  if (format === undefined) throw unsupported('images', mediaType, IMAGE_FORMATS)
  return { image: { format, source: { bytes: decode(base64) } } }
}

function fileBlock(part: InputFile, names: DocumentNames): PartBlock {
  const data = bytesOf(fileSource(part))
  const { mediaType, base64 } = data
  if (mediaType.startsWith('image/')) return imageBlock(data)
  const format = lookUp(DOCUMENT_FORMATS, mediaType) ?? (mediaType.startsWith('text/') ? 'txt' : undefined)
  if (format === undefined) throw unsupported('files', mediaType, DOCUMENT_FORMATS)
  return { document: { format, name: names.next(part.filename ?? ''), source: { bytes: decode(base64) } } }
}

function lookUp<Formats extends object>(formats: Formats, type: string): Formats[keyof Formats] | undefined {
  return Object.hasOwn(formats, type) ? formats[type as keyof Formats] : undefined // It is one of its keys.
}

function decode(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64')
}

function unsupported(kind: string, type: string, formats: object): Error {
  return unsupportedInput(
    `This provider takes ${kind} of the types ${Object.keys(formats).join(', ')}, not ${type.slice(0, 64)}.`,
  )
}
