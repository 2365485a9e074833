import { TransportError, type Transport, type TransportAnswer } from '../core/transport.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { parseJson } from '../protocol/json.ts'
import type { UpstreamTimeouts } from './adapter.ts'

/** Where a provider is and how it is spoken to. */
export interface Endpoint {
  /** With the version segment, such as `https://api.example.com/v1`; no slash at the end. */
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeouts: UpstreamTimeouts
  /** Strings that must never reach a client, wherever they stand: keys. */
  readonly keys: readonly string[]
  /** Strings that no complaint of the provider's may show: keys, and what tells where it is and whose account it is. */
  readonly secrets: readonly string[]
}

/** Most bytes of an error answer that are read. */
export const ERROR_BODY_BYTES_MAX = 64 * 1024

/** Most bytes of a document, such as a list of models, that are read. */
const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024

/** What is posted, and where below the base URL. */
export interface PostedJson {
  readonly path: string
  readonly body: string
  readonly signal: AbortSignal
  /** Beside those of the endpoint. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Posts a JSON body and waits for the answer's headers.
 *
 * @throws {UpstreamError} The provider cannot be reached or does not answer in time.
 * @throws The signal's reason, where it was aborted.
 */
export async function postJson(
  transport: Transport,
  endpoint: Endpoint,
  { path, body, signal, headers }: PostedJson,
): Promise<TransportAnswer> {
  return sendOrExplain(signal, () =>
    transport.send({
      method: 'POST',
      url: new URL(endpoint.baseUrl + path),
      headers: {
        ...endpoint.headers,
        ...headers,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body,
      firstByte_ms: endpoint.timeouts.firstByte_ms,
      idle_ms: endpoint.timeouts.idle_ms,
      signal,
    }),
  )
}

/**
 * Gets a JSON document; undefined for any answer that is not a 200 with JSON.
 *
 * @throws {UpstreamError} The provider cannot be reached, or its answer breaks off.
 * @throws The signal's reason, where it was aborted.
 */
export async function getJson(
  transport: Transport,
  endpoint: Endpoint,
  { path, signal }: { path: string; signal: AbortSignal },
): Promise<unknown> {
  return sendOrExplain(signal, async () => {
    const answer = await transport.send({
      method: 'GET',
      url: new URL(endpoint.baseUrl + path),
      headers: endpoint.headers,
      firstByte_ms: endpoint.timeouts.connect_ms,
      idle_ms: endpoint.timeouts.connect_ms,
      signal,
    })
    const text = await readText(answer.body, DOCUMENT_BYTES_MAX)
    return answer.status === 200 ? parseJson(text) : undefined
  })
}

async function sendOrExplain<Answer>(signal: AbortSignal, send: () => Promise<Answer>): Promise<Answer> {
  try {
    return await send()
  } catch (error) {
    if (signal.aborted) throw error
    throw connectionError(error)
  }
}

/** A failure of the connection, in words that name neither address nor key. Other errors pass as they are. */
export function connectionError(cause: unknown): unknown {
  if (!(cause instanceof TransportError)) return cause
  const accepted = !cause.isUnsent
  if (cause.isTimeout) {
    return new UpstreamError({
      fault: 'timeout',
      message: 'The model provider did not answer in time.',
      accepted,
      cause,
    })
  }
  const message = accepted ? 'The connection to the model provider broke off.' : 'The model provider cannot be reached.'
  return new UpstreamError({ fault: 'unavailable', message, accepted, cause })
}

/** Reads a body as text, up to a limit; what is beyond is cut off. */
export async function readText(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of body) {
    text += decoder.decode(chunk.subarray(0, bytesMax - bytes), { stream: true })
    bytes += chunk.length
    if (bytes > bytesMax) break
  }
  return text + decoder.decode()
}
