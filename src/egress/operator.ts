import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { errors, Pool, type Dispatcher } from 'undici'
import { TransportError, type Transport, type TransportAnswer, type TransportRequest } from '../core/transport.ts'
import { AnswerBody } from './answer-body.ts'

/** The way out to the origins that the operator configured: private ones allowed, no redirects, no cookies. */
export interface OperatorEgress extends Transport {
  /** Ends every connection. */
  close(): Promise<void>
}

/**
 * Opens the way out.
 *
 * @param options.connect_ms Time for the connection itself, TLS included.
 * @param options.connectionsMax Sockets per origin.
 */
export function openOperatorEgress(options: { connect_ms: number; connectionsMax: number }): OperatorEgress {
  const pools = new Map<string, Pool>()
  const poolOf = (origin: string) => {
    const existing = pools.get(origin)
    if (existing !== undefined) return existing
    const pool = new Pool(origin, {
      connections: options.connectionsMax,
      connect: { timeout: options.connect_ms },
      pipelining: 1,
    })
    pools.set(origin, pool)
    return pool
  }
  return {
    send: (request) => dispatch(poolOf(request.url.origin), request),
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
    },
  }
}

function dispatch(pool: Pool, { signal, ...request }: TransportRequest): Promise<TransportAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<TransportAnswer>()
  if (signal.aborted) {
    reject(reasonOf(signal))
    return promise
  }
  const bytes = request.body === undefined ? undefined : Buffer.from(request.body)
  const length = bytes === undefined ? {} : { 'content-length': String(bytes.length) }
  pool.dispatch(
    {
      method: request.method,
      path: request.url.pathname + request.url.search,
      headers: { ...request.headers, ...length },
      body: bytes === undefined ? null : bodyOf(bytes),
      headersTimeout: request.firstByte_ms,
      bodyTimeout: request.idle_ms,
    },
    new Answering(signal, { resolve, reject }),
  )
  return promise
}

/** Largest body that is given as it is. Given piece by piece, a call costs 12 µs more. */
const KEPT_BYTES_MAX = 16 * 1024

/** Iterables are in undici's documentation, and missing in its types. */
function bodyOf(bytes: Buffer): Buffer | Readable {
  return bytes.length <= KEPT_BYTES_MAX ? bytes : (once([bytes]) as unknown as Readable)
}

/**
 * A body that is given once and then gone. The client keeps what it is given until the whole answer has come: as
 * text, every long prompt would be in memory once more for as long as its stream runs.
 */
function* once(pieces: Uint8Array[]): Generator<Uint8Array> {
  for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) yield piece
}

/** Whoever waits for an answer to begin. */
interface Waiting {
  readonly resolve: (answer: TransportAnswer) => void
  readonly reject: (error: unknown) => void
}

/** Hears what becomes of one request. Of the request itself it knows nothing. */
class Answering implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal
  readonly #body = new AnswerBody()
  readonly #abort = () => this.#stop()
  #waiting: Waiting | undefined
  #controller: Dispatcher.DispatchController | undefined

  constructor(signal: AbortSignal, waiting: Waiting) {
    this.#signal = signal
    this.#waiting = waiting
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#signal.aborted) this.#stop()
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    controller.rawHeaders = null // Read already; kept, they are 2 kB for each stream.
    this.#body.attach(controller)
    this.#waiting?.resolve({ status, headers, body: this.#body })
    this.#waiting = undefined
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#body.push(chunk)
  }

  onResponseEnd(): void {
    this.#settle()
    this.#body.end()
  }

  onResponseError(_: Dispatcher.DispatchController, cause: Error): void {
    this.#settle()
    this.#fail(this.#signal.aborted ? cause : explain(cause))
  }

  #stop(): void {
    const error = reasonOf(this.#signal)
    this.#controller?.abort(error)
    this.#fail(error)
  }

  #fail(error: Error): void {
    this.#body.fail(error)
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  #settle(): void {
    this.#signal.removeEventListener('abort', this.#abort)
  }
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('The call was aborted.')
}

const UNSENT_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

function explain(cause: Error): TransportError {
  const isConnectTimeout = cause instanceof errors.ConnectTimeoutError
  const code = 'code' in cause ? cause.code : undefined
  return new TransportError({
    isUnsent: isConnectTimeout || UNSENT_CODES.has(code),
    isTimeout:
      isConnectTimeout || cause instanceof errors.HeadersTimeoutError || cause instanceof errors.BodyTimeoutError,
    cause,
  })
}
