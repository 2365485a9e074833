import type { FastifyReply, FastifyRequest } from 'fastify'
import { LogAbandoned } from '../engine/event-log.ts'
import { errorFacts } from '../telemetry/log.ts'
import { checkContentEncoding, checkContentType, readJsonBody } from './body.ts'
import type { HttpParts } from './parts.ts'

/** The JSON body of a request, which can be read once. @throws {ApiError} 400 or 415. */
export function readJson(request: FastifyRequest, parts: HttpParts): unknown {
  const bytes = bytesOf(request)
  request.body = undefined // The request lives as long as its answer; its bytes are not needed again.
  checkContentEncoding(request.headers['content-encoding'])
  if (bytes.length > 0 || request.headers['content-type'] !== undefined) {
    checkContentType(request.headers['content-type'])
  }
  return readJsonBody(bytes, parts.limits.jsonDepthMax)
}

/** The body of a request as it was sent, as long as nobody has read it. */
export function bytesOf({ body }: FastifyRequest): Buffer {
  return body instanceof Buffer ? body : Buffer.alloc(0)
}

/** Acts when the client's connection is gone before the answer was whole; at once where it is gone already. */
export function onGone({ raw }: FastifyReply, act: () => void): void {
  const leave = () => {
    if (!raw.writableFinished) act()
  }
  if (raw.closed) leave()
  else raw.on('close', leave) // It comes once; `once` would wrap it in 180 bytes more for each stream.
}

/**
 * Takes an answer out of the framework's hands and sends it. Where that fails the connection is closed, because
 * a stream without its end must neither look like a whole one nor leave its reader waiting.
 *
 * @returns at once: a chain of promises from the handler to the end of its stream took 2 kB for each stream.
 */
export function sendRaw(
  reply: FastifyReply,
  { logger, metrics }: Pick<HttpParts, 'logger' | 'metrics'>,
  send: () => Promise<void>,
): FastifyReply {
  reply.hijack()
  metrics.streamOpened()
  const close = () => metrics.streamClosed()
  const fail = (error: unknown) => {
    const isExpected = error instanceof LogAbandoned || reply.raw.destroyed
    if (!isExpected) logger.error({ requestId: reply.request.id, ...errorFacts(error) }, 'an answer was cut')
    reply.raw.destroy()
    close()
  }
  send().then(close, fail)
  return reply
}
