import { ApiError } from '../protocol/error.ts'
import type { FetchKind } from '../core/fetcher.ts'

/** Why nothing was fetched. */
export class FetchFault extends Error {
  override readonly name = 'FetchFault'
  /** Whether it is ours to mend, and no matter of the URL. */
  readonly isOurs: boolean

  /** @param words What goes on after `The image URL`; nothing in it may tell of the network that we stand in. */
  constructor(words: string, options: { isOurs?: boolean; cause?: unknown } = {}) {
    super(words, { cause: options.cause })
    this.isOurs = options.isOurs ?? false
  }
}

/**
 * The one answer to every address that is refused, every name that leads nowhere and every connection that fails:
 * whoever could tell them apart could map the network from outside.
 */
export function unreachable(cause?: unknown): FetchFault {
  return new FetchFault(
    'leads nowhere that this server can fetch from: use an https URL of a public server, or send the data itself',
    { cause },
  )
}

/** The fault of a process that has no room, no socket or no DNS server. */
export function overloaded(cause?: unknown): FetchFault {
  return new FetchFault('cannot be fetched at the moment: try again', { isOurs: true, cause })
}

/** Errors of this machine, in the words of the operating system and of DNS. */
const OURS: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

/** What a failed connection is for the client. */
export function connectionFault(cause: unknown): FetchFault {
  if (cause instanceof FetchFault) return cause
  const isOurs = cause instanceof Error && 'code' in cause && OURS.has(cause.code)
  return isOurs ? overloaded(cause) : unreachable(cause)
}

/** A fault as the client is told of it. */
export function faultAnswer(fault: FetchFault, wanted: FetchKind): ApiError {
  const problem = { message: `The ${wanted} URL ${fault.message}.`, cause: fault }
  return fault.isOurs
    ? new ApiError({ ...problem, type: 'server_error', code: 'fetch_unavailable', headers: { 'retry-after': '2' } })
    : new ApiError({ ...problem, type: 'invalid_request_error', code: `invalid_${wanted}_url`, param: 'input' })
}
