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

function dispatch(pool: Pool, request: TransportRequest): Promise<TransportAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<TransportAnswer>()
  const body = new AnswerBody()
  let controller: Dispatcher.DispatchController | undefined
  const abort = () => {
    const reason = request.signal.reason
    const error = reason instanceof Error ? reason : new Error('The call was aborted.')
    controller?.abort(error)
    body.fail(error)
    reject(error)
  }
  if (request.signal.aborted) {
    abort()
    return promise
  }
  request.signal.addEventListener('abort', abort, { once: true })
  const settle = () => request.signal.removeEventListener('abort', abort)
  pool.dispatch(
    {
      method: request.method,
      path: request.url.pathname + request.url.search,
      headers: { ...request.headers },
      body: request.body ?? null,
      headersTimeout: request.firstByte_ms,
      bodyTimeout: request.idle_ms,
    },
    {
      onRequestStart(started) {
        controller = started
        if (request.signal.aborted) abort()
      },
      onResponseStart(started, status, headers) {
        if (status < 200) return
        body.attach(started)
        resolve({ status, headers, body })
      },
      onResponseData: (_, chunk) => body.push(chunk),
      onResponseEnd() {
        settle()
        body.end()
      },
      onResponseError(_, cause) {
        settle()
        const error = request.signal.aborted ? cause : explain(cause)
        body.fail(error)
        reject(error)
      },
    },
  )
  return promise
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
