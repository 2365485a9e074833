import { createHash } from 'node:crypto'

/** What a provider takes as the id of a call. */
export interface CallIdForm {
  /** Of what it may consist, as a whole. */
  readonly pattern: RegExp
  /** How long one is that is made: 32 at most. */
  readonly length: number
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** An id that the provider takes: as it is where it fits, else hashed to letters and digits. */
export function callIdFor(callId: string, { pattern, length }: CallIdForm): string {
  if (pattern.test(callId)) return callId
  const digest = createHash('sha256').update(callId).digest()
  return [...digest.subarray(0, length)].map((byte) => BASE62[byte % BASE62.length]).join('')
}

/** Gives each call of one answer its id: the provider's, or a made one where that is empty or was used before. */
export type CallIds = (wireId: string) => string

/**
 * Makes ids for the calls of one answer.
 *
 * @param prefix Begins those that are made: the same for the same response.
 */
export function createCallIds(prefix: string): CallIds {
  const used = new Set<string>()
  return (wireId) => {
    let id = wireId
    for (let number = used.size; id === '' || used.has(id); number++) id = `${prefix}${number}`
    used.add(id)
    return id
  }
}
