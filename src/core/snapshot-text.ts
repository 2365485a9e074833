import type { Response } from '../protocol/response.ts'

/** Gives the JSON text of a snapshot. */
export type SnapshotText = (response: Response) => string

/**
 * Makes a memory of texts: the same snapshot is stored, sent in events and sent as the answer, and written out
 * only once. A text is forgotten with its snapshot.
 */
export function createSnapshotText(): SnapshotText {
  const texts = new WeakMap<Response, string>()
  return (response) => {
    const known = texts.get(response)
    if (known !== undefined) return known
    const text = JSON.stringify(response)
    texts.set(response, text)
    return text
  }
}
