import type { Fetched, FetchKind, UserFetcher } from '../core/fetcher.ts'
import type { HistoryItem } from '../core/model-call.ts'
import { ApiError, badRequest } from '../protocol/error.ts'
import type { UserPart } from '../protocol/input-item.ts'

/** Most different URLs that are fetched for one request. */
export const INLINED_URLS_MAX = 20

/** Most bytes that the URLs of one request may lead to together: more than any provider takes in one. */
export const INLINED_BYTES_MAX = 50_000_000

/** Fetches of one request at the same time. */
const AT_ONCE_MAX = 4

/** What a provider cannot fetch by itself. */
export interface UrlNeeds {
  readonly image: boolean
  readonly file: boolean
}

/** Who fetches it, and for how long anybody waits. */
export interface Fetching {
  readonly fetcher: UserFetcher
  readonly signal: AbortSignal
}

/** Who fetches it, and for which items it does not matter much. */
interface Inlining extends Fetching {
  /** So many items at the beginning have been answered before: what cannot be fetched any more stays a URL there. */
  readonly answered?: number
}

/** A URL to fetch. */
interface Target {
  readonly wanted: FetchKind
  readonly url: string
}

/** A URL to fetch, and where it stands first. */
interface PlacedTarget extends Target {
  readonly place: string
  /** Whether all may go on without it. */
  readonly isOptional: boolean
}

/**
 * Puts what http(s) URLs of users lead to in their place, as data URLs: in their messages and in what tools gave back.
 * Each different URL is fetched once; nothing else of the parts is changed. What was answered before need not be there
 * any more: a link that has died must not end a thread.
 *
 * @throws {ApiError} 400 for too many URLs or bytes, and whatever the fetcher says, with the place of the part.
 * @throws The signal's reason, where it was aborted.
 */
export async function inlineUrls(
  history: readonly HistoryItem[],
  needs: UrlNeeds,
  inlining: Inlining,
): Promise<readonly HistoryItem[]> {
  const targets = targetsIn(history, needs, inlining.answered ?? 0)
  if (targets.size === 0) return history
  for (const [key, { isOptional }] of targets) {
    if (targets.size > INLINED_URLS_MAX && isOptional) targets.delete(key) // The oldest first.
  }
  if (targets.size > INLINED_URLS_MAX) {
    throw badRequest(
      'too_many_urls',
      'input',
      `input must have at most ${INLINED_URLS_MAX} different URLs to fetch, got ${targets.size}: send the data itself.`,
    )
  }
  const dataUrls = await fetchAll(targets, inlining)
  return history.map((item) =>
    withParts(item, (part) => {
      const target = targetOf(part, needs)
      const dataUrl = target === undefined ? undefined : dataUrls.get(keyOf(target))
      return dataUrl === undefined ? part : withData(part, dataUrl)
    }),
  )
}

/** What is to be fetched, each once. */
function targetsIn(history: readonly HistoryItem[], needs: UrlNeeds, answered: number): Map<string, PlacedTarget> {
  const targets = new Map<string, PlacedTarget>()
  for (const [itemIndex, item] of history.entries()) {
    for (const [partIndex, part] of partsOf(item).entries()) {
      const target = targetOf(part, needs)
      const isOptional = itemIndex < answered
      if (target === undefined || (targets.has(keyOf(target)) && isOptional)) continue
      const place = `part ${partIndex + 1} of item ${itemIndex + 1} of the conversation`
      targets.set(keyOf(target), { ...target, place, isOptional })
    }
  }
  return targets
}

/** What tells one fetch from another: an image and a file are not checked alike. */
function keyOf({ wanted, url }: Target): string {
  return `${wanted} ${url}`
}

function targetOf(part: UserPart, needs: UrlNeeds): Target | undefined {
  if (part.type === 'input_image' && needs.image) return webTarget('image', part.image_url)
  // Where there is data, nobody looks at the URL.
  if (part.type === 'input_file' && needs.file && !part.file_data) return webTarget('file', part.file_url)
  return undefined
}

function webTarget(wanted: FetchKind, url: string | null | undefined): Target | undefined {
  return url != null && /^https?:/i.test(url) ? { wanted, url } : undefined
}

function partsOf(item: HistoryItem): readonly UserPart[] {
  if (item.type === 'message' && item.role !== 'assistant') return item.parts
  return item.type === 'function_call_output' && typeof item.output !== 'string' ? item.output : []
}

function withParts(item: HistoryItem, change: (part: UserPart) => UserPart): HistoryItem {
  if (item.type === 'message' && item.role !== 'assistant') return { ...item, parts: item.parts.map(change) }
  if (item.type !== 'function_call_output' || typeof item.output === 'string') return item
  return { ...item, output: item.output.map(change) }
}

function withData(part: UserPart, dataUrl: string): UserPart {
  if (part.type === 'input_image') return { ...part, image_url: dataUrl }
  if (part.type === 'input_text') return part
  const { file_url: _, ...rest } = part
  return { ...rest, file_data: dataUrl }
}

/** Fetches everything, a few at a time; the first failure ends the others. */
async function fetchAll(
  targets: ReadonlyMap<string, PlacedTarget>,
  { fetcher, signal }: Fetching,
): Promise<ReadonlyMap<string, string>> {
  const control = new AbortController()
  const cancel = () => control.abort(signal.reason)
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  const dataUrls = new Map<string, string>()
  const waiting = targets.entries() // All take the next one from here.
  let bytes = 0
  const work = async () => {
    for (const [key, target] of waiting) {
      control.signal.throwIfAborted()
      const fetched = await fetchOne(target, { fetcher, signal: control.signal })
      if (fetched === undefined) continue
      bytes += fetched.bytes.length
      if (bytes > INLINED_BYTES_MAX) throw tooManyBytes(target)
      dataUrls.set(key, dataUrlOf(fetched))
    }
  }
  const workers = Array.from({ length: AT_ONCE_MAX }, () => work().catch((error: unknown) => control.abort(error)))
  await Promise.all(workers)
  signal.removeEventListener('abort', cancel)
  control.signal.throwIfAborted()
  return dataUrls
}

async function fetchOne(
  { url, wanted, place, isOptional }: PlacedTarget,
  { fetcher, signal }: Fetching,
): Promise<Fetched | undefined> {
  try {
    return await fetcher.fetch(url, wanted, signal)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (isOptional) return undefined
    const { type, code, param, status, headers, message } = error
    throw new ApiError({ type, code, param, status, headers, message: `${message} It is ${place}.`, cause: error })
  }
}

function tooManyBytes({ place }: PlacedTarget): ApiError {
  return badRequest(
    'input_too_large',
    'input',
    `The URLs of input must lead to at most ${INLINED_BYTES_MAX} bytes together: ${place} is too much.`,
  )
}

function dataUrlOf({ mediaType, bytes }: Fetched): string {
  const { buffer, byteOffset, byteLength } = bytes
  return `data:${mediaType};base64,${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}`
}
