import { accountId, mintResponseId, type ResponseId } from '../../protocol/id.ts'
import type { NewResponse, StoredEnding, StoredKey } from '../store.ts'

/** The account that most rows belong to. */
export const ALICE = accountId('alice')

/** Another account. */
export const BOB = accountId('bob')

/** The response id with a number of its own. */
export function idOf(number: number): ResponseId {
  return mintResponseId(number.toString(16).padStart(48, '0'))
}

/** A foreground response as it is accepted. */
export function foregroundRow(number: number, changes: Partial<NewResponse> = {}): NewResponse {
  return {
    id: idOf(number),
    status: 'in_progress',
    background: false,
    createdAt: 1_700_000_000 + number,
    previousId: undefined,
    request: undefined,
    input: `["input ${number}"]`,
    response: `{"first":${number}}`,
    clientItemIds: [],
    ...changes,
  }
}

/** A background response as it is accepted. */
export function backgroundRow(number: number, changes: Partial<NewResponse> = {}): NewResponse {
  return foregroundRow(number, { status: 'queued', background: true, request: `{"request":${number}}`, ...changes })
}

/** The end of a response that went well. */
export function endingOf(number: number): StoredEnding {
  const [response, output, log] = [`{"final":${number}}`, `["output ${number}"]`, `["log ${number}"]`]
  return { status: 'completed', response, output, log }
}

/** A key, by its public part. */
export function keyRow(publicId: string, createdAt: number): StoredKey {
  return { publicId, account: ALICE, digest: `digest of ${publicId}`, createdAt, revokedAt: undefined }
}
