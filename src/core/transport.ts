import type { Flow } from './flow.ts'

/** A request that leaves the process. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Time for the answer's headers, in milliseconds. */
  readonly firstByte_ms: number
  /** Time between two reads of its body, in milliseconds. */
  readonly idle_ms: number
  readonly signal: AbortSignal
}

/** A body, chunk by chunk; leaving it early, or the loop over it, closes the connection. */
export type TransportBody = Flow<Uint8Array> & AsyncIterable<Uint8Array>

/** An answer, as soon as its headers are there. */
export interface TransportAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: TransportBody
}

/** The way out of the process, as those who need it see it. */
export interface Transport {
  /**
   * Sends a request and waits for the headers of its answer.
   *
   * @throws {TransportError} The connection failed; the body may throw it too.
   * @throws The signal's reason, where it was aborted.
   */
  send(request: TransportRequest): Promise<TransportAnswer>
}

/** A connection that failed. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  /** Whether it is certain that the other side never saw the request. */
  readonly isUnsent: boolean
  readonly isTimeout: boolean

  constructor(problem: { isUnsent: boolean; isTimeout: boolean; cause: unknown }) {
    super('The connection failed.', { cause: problem.cause })
    this.isUnsent = problem.isUnsent
    this.isTimeout = problem.isTimeout
  }
}
