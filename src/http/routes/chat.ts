import { once } from 'node:events'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { toApiError, UpstreamError } from '../../core/upstream-error.ts'
import { resolveModel } from '../../engine/prepare.ts'
import { canPassOn, passOn, type TakeAnswer } from '../../engine/pass-through.ts'
import { stoppedMidway } from '../../engine/problems.ts'
import type { Served } from '../../engine/run.ts'
import { ApiError, badRequest } from '../../protocol/error.ts'
import { isJsonObject } from '../../protocol/json.ts'
import type { RawAnswer } from '../../providers/adapter.ts'
import type { HttpParts } from '../parts.ts'
import { servedHeaders } from '../served-headers.ts'
import { onGone, readJson, sendRaw } from '../exchange.ts'

/**
 * POST /chat/completions: passed on as it is, with the model's name changed, to providers that speak
 * Chat Completions. Nothing is stored. Errors of the provider come in our shape.
 */
export function chatRoutes(app: FastifyInstance, parts: HttpParts): void {
  app.post('/chat/completions', async (request, reply) => {
    const body = readJson(request, parts)
    if (!isJsonObject(body)) throw badRequest('invalid_type', '', 'The request body must be a JSON object.')
    const { model } = body
    if (model == null) throw badRequest('missing_required_parameter', 'model', 'model is required')
    if (typeof model !== 'string') throw badRequest('invalid_type', 'model', 'model must be a string.')
    const route = resolveModel(parts.catalogue, model)
    if (!canPassOn(route)) throw notPassedOn(model)
    const leaving = new AbortController()
    onGone(reply, () => leaving.abort(new Error('The client has gone away.')))
    const forget = parts.stage.onStopped(() => leaving.abort(stoppedMidway()))
    const call = { requestId: request.id, model, body, route, signal: leaving.signal }
    const begun = Promise.withResolvers<FastifyReply>()
    const take: TakeAnswer = (answer, served) => {
      let sent = Promise.resolve()
      const send = () => (sent = sendAnswer(reply, { answer, served, gone: leaving.signal }))
      begun.resolve(sendRaw(reply, parts, send))
      return sent
    }
    passOn(parts, call, take)
      .catch((error: unknown) => begun.reject(error instanceof UpstreamError ? toApiError(error) : error))
      .finally(forget)
    return begun.promise
  })
}

function notPassedOn(model: string): ApiError {
  return badRequest(
    'unsupported_endpoint',
    'model',
    `${model.slice(0, 64)} does not speak Chat Completions here: use POST /responses.`,
  )
}

/** An answer of a provider, on its way to a client. */
interface Passing {
  readonly answer: RawAnswer
  readonly served: Served
  /** Fires where the client has gone, or, with an error for it, where the server stops. */
  readonly gone: AbortSignal
}

async function sendAnswer({ raw, request }: FastifyReply, { answer, served, gone }: Passing): Promise<void> {
  raw.writeHead(answer.status, {
    // A browser must never be made to read what a provider says as a page.
    'content-type': isStream(answer) ? answer.contentType : 'application/json',
    'cache-control': 'no-cache',
    'x-request-id': request.id,
    'x-content-type-options': 'nosniff',
    ...servedHeaders(served),
  })
  try {
    for await (const chunk of answer.body) {
      if (gone.aborted) throw gone.reason
      if (!raw.write(chunk)) await once(raw, 'drain', { signal: gone })
    }
  } catch (error) {
    if (!(gone.reason instanceof ApiError) || !isStream(answer)) throw error
    // The provider may have been in the middle of a line.
    raw.write(`\n\ndata: ${JSON.stringify({ error: gone.reason.toDetail() })}\n\n`)
  }
  raw.end()
}

function isStream({ contentType }: RawAnswer): boolean {
  return contentType.startsWith('text/event-stream')
}
