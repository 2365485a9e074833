import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../telemetry/metrics.ts'
import { checkContentEncoding, checkContentType, readJsonBody } from './body.ts'
import type { HttpParts } from './parts.ts'

/** The JSON body of a request. @throws {ApiError} 400 or 415. */
export function readJson(request: FastifyRequest, parts: HttpParts): unknown {
  const bytes = request.body instanceof Buffer ? request.body : Buffer.alloc(0)
  checkContentEncoding(request.headers['content-encoding'])
  if (bytes.length > 0 || request.headers['content-type'] !== undefined) {
    checkContentType(request.headers['content-type'])
  }
  return readJsonBody(bytes, parts.limits.jsonDepthMax)
}

/** Fires when the client's connection is gone before the answer was whole; has fired where it is gone already. */
export function whenGone(reply: FastifyReply): AbortSignal {
  const control = new AbortController()
  const leave = () => {
    if (!reply.raw.writableFinished) control.abort(new Error('The client has gone away.'))
  }
  if (reply.raw.closed) leave()
  else reply.raw.once('close', leave)
  return control.signal
}

/**
 * Takes an answer out of the framework's hands and sends it. Where that fails the connection is closed, because
 * a stream without its end must neither look like a whole one nor leave its reader waiting.
 */
export async function sendRaw(reply: FastifyReply, metrics: Metrics, send: () => Promise<void>): Promise<FastifyReply> {
  reply.hijack()
  metrics.streamOpened()
  try {
    await send()
  } catch (error) {
    reply.raw.destroy()
    throw error
  } finally {
    metrics.streamClosed()
  }
  return reply
}
