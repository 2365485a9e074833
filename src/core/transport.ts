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

/** An answer whose body is read chunk by chunk; leaving the loop early closes the connection. */
export interface TransportAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: AsyncIterable<Uint8Array>
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
