import { leaveOutEarlier } from '../core/earlier-content.ts'
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
  /** Images and files in what a tool gave back: sent there, or moved to a message of the user right after it. */
  readonly resultParts: 'map' | 'move'
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

/** A history as its provider takes it. */
export interface SettledContent {
  readonly history: readonly HistoryItem[]
  readonly warnings: readonly string[]
}

/**
 * Brings a history to what a provider takes: what it lacks is left out where it has been answered before, and told
 * of; images in results stand in a message of their own where results are text.
 *
 * @throws {ApiError} 400 `unsupported_input`: what has not been answered yet must not be left out.
 */
export function settleContent(history: readonly HistoryItem[], table: ContentTable): SettledContent {
  if (!history.some(hasContent)) return { history, warnings: [] }
  const earlier = leaveOutEarlier(history, (part) => part.type !== 'input_text' && lackOf(part, table) !== undefined)
  const dropsDetail = checkContent(earlier.history, table)
  const moved = table.resultParts === 'move' ? earlier.history.flatMap(moveParts) : earlier.history
  return {
    history: moved,
    warnings: [
      ...(earlier.count === 0
        ? []
        : ['images and files of earlier turns were left out: the provider does not take them']),
      ...(dropsDetail ? ['the detail of images was left out: the provider does not take it'] : []),
    ],
  }
}

function hasContent(item: HistoryItem): boolean {
  return partsOf(item).some(({ type }) => type !== 'input_text')
}

function partsOf(item: HistoryItem): readonly UserPart[] {
  if (item.type === 'message' && item.role !== 'assistant') return item.parts
  return item.type === 'function_call_output' && typeof item.output !== 'string' ? item.output : []
}

/** @returns whether a detail is left out. */
function checkContent(history: readonly HistoryItem[], table: ContentTable): boolean {
  let dropsDetail = false
  for (const item of history) {
    for (const part of partsOf(item)) {
      if (part.type === 'input_text') continue
      const lack = lackOf(part, table)
      if (lack !== undefined) throw unsupportedInput(lack)
      dropsDetail ||= table.imageDetail === 'drop' && part.type === 'input_image' && (part.detail ?? 'auto') !== 'auto'
    }
  }
  return dropsDetail
}

/** What is to be said of a part that the provider cannot take; undefined where it can. */
function lackOf(part: Exclude<UserPart, { type: 'input_text' }>, table: ContentTable): string | undefined {
  const isImage = part.type === 'input_image'
  const isUrl = 'url' in (isImage ? imageSource(part) : fileSource(part))
  const [data, url] = isImage ? [table.imageData, table.imageUrl] : [table.fileData, table.fileUrl]
  const kind = isImage ? 'images' : 'files'
  if (data === 'reject') return `This provider takes no ${kind}: send what they say as text.`
  if (!isUrl || url === 'map') return undefined
  return `This provider takes no URLs of ${kind} here: send the data itself, as a data: URL or file_data.`
}

/** The result of a tool as text, and its images and files in a message of the user. */
function moveParts(item: HistoryItem): HistoryItem[] {
  if (item.type !== 'function_call_output' || typeof item.output === 'string') return [item]
  const texts = item.output.filter((part) => part.type === 'input_text')
  const others = item.output.filter((part) => part.type !== 'input_text')
  if (others.length === 0) return [item]
  const note = { type: 'input_text' as const, text: MOVED }
  return [
    { ...item, output: [...texts, note] },
    { type: 'message', role: 'user', parts: [{ type: 'input_text', text: `${CAME_BACK} ${item.callId}:` }, ...others] },
  ]
}

const MOVED = '(What else the tool gave back follows in the next message.)'
const CAME_BACK = 'The tool gave this back for the call'
