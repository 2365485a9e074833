import { transition, type Command, type Lifecycle } from '../../core/lifecycle.ts'
import { accountId, mintResponseId, type ResponseId } from '../../protocol/id.ts'
import type { TerminalStatus } from '../../protocol/response.ts'
import type { NewResponse, ResponseStore, StoredEnding, StoredKey } from '../store.ts'

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
    calls: '[]',
    clientItemIds: [],
    binding: undefined,
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
  return { response, output, log, calls: `["calls ${number}"]` }
}

/** A foreground response that its process has just ended. */
export const ENDED: Lifecycle = {
  status: 'completed',
  background: false,
  version: 1,
  attempt: 0,
  crashes: 0,
  leaseOwner: 'boot',
  leaseUntil_ms: 0,
  isDeleted: false,
}

/** Does to a stored response what a command says. @returns whether it was lawful, and nobody was faster. */
export async function change(
  responses: ResponseStore,
  id: ResponseId,
  command: Command,
  ending?: StoredEnding,
): Promise<boolean> {
  const found = await responses.findLifecycle(id)
  const next = found && transition(found, command)
  return found !== undefined && next !== undefined && responses.swap(id, { version: found.version, next, ending })
}

/** How a response is ended by the holder of an attempt. */
export interface End {
  readonly attempt?: number
  readonly status?: TerminalStatus
  readonly ending: StoredEnding
}

/** Ends a response as the holder of an attempt does. @returns whether this has ended it. */
export function end(responses: ResponseStore, id: ResponseId, { attempt = 0, status = 'completed', ending }: End) {
  return change(responses, id, { type: 'end', attempt, status }, ending)
}

/** Deletes a response. @returns whether there was one. */
export function remove(responses: ResponseStore, id: ResponseId): Promise<boolean> {
  return change(responses, id, { type: 'remove' })
}

/** A key, by its public part. */
export function keyRow(publicId: string, createdAt: number): StoredKey {
  return { publicId, account: ALICE, digest: `digest of ${publicId}`, createdAt, revokedAt: undefined }
}
