import type { Response } from '../protocol/response.ts'

/** Gives the JSON text of a snapshot. */
export type SnapshotText = (response: Response) => string

/** Most characters of text that are remembered before what is older is forgotten: a good deal more than one run's. */
const REMEMBERED_CHARS_MAX = 1024 * 1024

/**
 * Makes a memory of texts: the same snapshot is stored, sent in events and sent as the answer, all of it within
 * moments, and written out only once. A text is forgotten with its snapshot, or when enough others have come since:
 * the first snapshots of streams that wait for their model are in memory for long, and their texts need not be.
 */
export function createSnapshotText(): SnapshotText {
  let texts = new WeakMap<Response, string>()
  let olderTexts = texts
  let chars = 0
  return (response) => {
    const known = texts.get(response) ?? olderTexts.get(response)
    if (known !== undefined) return known
    const text = JSON.stringify(response)
    texts.set(response, text)
    chars += text.length
    if (chars < REMEMBERED_CHARS_MAX) return text
    olderTexts = texts
    texts = new WeakMap()
    chars = 0
    return text
  }
}
