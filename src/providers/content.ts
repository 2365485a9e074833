import type { HistoryItem } from '../core/model-call.ts'
import { badRequest, type ApiError } from '../protocol/error.ts'
import type { UserPart } from '../protocol/input-item.ts'
import type { InputFile, InputImage } from '../protocol/part.ts'

/** What becomes of a kind of content at a provider. */
export type ContentTreatment =
  | 'map'
  /** Antiphon fetches what the URL names and sends the bytes. */
  | 'fetch'
  /** It stays out; nothing of what was said is lost by it. */
  | 'drop'
  | 'reject'

/** What becomes of images and files at one provider. */
export interface ContentTable {
  readonly imageData: ContentTreatment
  readonly imageUrl: ContentTreatment
  readonly imageDetail: ContentTreatment
  readonly fileData: ContentTreatment
  readonly fileUrl: ContentTreatment
  /** Images and files in what a tool gave back. */
  readonly resultParts: ContentTreatment
}

/** Bytes that came in a request, with their type. */
export interface InlineData {
  /** In lower case, such as `image/png`. */
  readonly mediaType: string
  readonly base64: string
}

const DATA_URL = /^data:([^;,]*)((?:;[^;,]*)*),/i

/** The bytes in a base64 data URL; undefined for any other URL. */
export function inlineData(url: string): InlineData | undefined {
  const header = DATA_URL.exec(url)
  if (header === null || !/;base64$/i.test(header[2] ?? '')) return undefined
  const type = (header[1] ?? '').toLowerCase()
  return { mediaType: type === 'image/jpg' ? 'image/jpeg' : type, base64: url.slice(header[0].length) }
}

/** Where an image or a file is: its bytes, or a URL that the provider fetches. */
export type Source = InlineData | { readonly url: string }

/**
 * Where the content of an image is.
 *
 * @throws {ApiError} It has neither bytes nor a URL.
 */
export function imageSource(part: InputImage): Source {
  return sourceOf(part.image_url) ?? refuse('an image needs an image_url')
}

/**
 * Where the content of a file is. `file_data` may be a data URL or bare base64; the type is then told by the name.
 *
 * @throws {ApiError} It has neither bytes nor a URL.
 */
export function fileSource(part: InputFile): Source {
  const data = part.file_data
  if (data == null || data === '') return sourceOf(part.file_url) ?? refuse('a file needs file_data or a file_url')
  return inlineData(data) ?? { mediaType: typeByName(part.filename ?? ''), base64: data }
}

function sourceOf(url: string | null | undefined): Source | undefined {
  if (url == null || url === '') return undefined
  return inlineData(url) ?? { url }
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['html', 'text/html'],
  ['json', 'application/json'],
  ['xml', 'text/xml'],
  ['doc', 'application/msword'],
  ['docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['xls', 'application/vnd.ms-excel'],
  ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['gif', 'image/gif'],
  ['webp', 'image/webp'],
])

/** The type that a file's name tells; PDF where it tells none, which is what most files are. */
function typeByName(name: string): string {
  const ending = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''
  return TYPES.get(ending) ?? 'application/pdf'
}

function refuse(what: string): never {
  throw unsupportedInput(`This input cannot be sent: ${what}.`)
}

/** An input that this provider does not take, with what to do about it. */
export function unsupportedInput(message: string): ApiError {
  return badRequest('unsupported_input', 'input', message)
}

/**
 * Checks that a history holds no content that a provider lacks, and says what it will not hear of.
 *
 * @throws {ApiError} 400 `unsupported_input`.
 */
export function checkContent(history: readonly HistoryItem[], table: ContentTable): readonly string[] {
  let dropsDetail = false
  for (const item of history) {
    if (item.type === 'message' && item.role !== 'assistant') {
      for (const part of item.parts) dropsDetail = checkPart(part, table) || dropsDetail
    }
    if (item.type === 'function_call_output' && typeof item.output !== 'string') {
      for (const part of item.output) dropsDetail = checkResultPart(part, table) || dropsDetail
    }
  }
  return dropsDetail ? ['the detail of images was left out: the provider does not take it'] : []
}

function checkResultPart(part: UserPart, table: ContentTable): boolean {
  if (part.type !== 'input_text' && table.resultParts === 'reject') {
    throw unsupportedInput(
      'This provider takes text alone as the result of a tool: send images and files in a message.',
    )
  }
  return checkPart(part, table)
}

/** @returns whether a detail is left out. */
function checkPart(part: UserPart, table: ContentTable): boolean {
  if (part.type === 'input_text') return false
  const isImage = part.type === 'input_image'
  const isUrl = 'url' in (isImage ? imageSource(part) : fileSource(part))
  const [data, url] = isImage ? [table.imageData, table.imageUrl] : [table.fileData, table.fileUrl]
  const kind = isImage ? 'images' : 'files'
  if (data === 'reject') throw unsupportedInput(`This provider takes no ${kind}: send what they say as text.`)
  if (isUrl && url !== 'map') {
    throw unsupportedInput(
      `This provider takes no URLs of ${kind} here: send the data itself, as a data: URL or file_data.`,
    )
  }
  return isImage && table.imageDetail === 'drop' && part.detail != null && part.detail !== 'auto'
}
