import { once } from 'node:events'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { toApiError, UpstreamError } from '../../core/upstream-error.ts'
import { resolveModel } from '../../engine/prepare.ts'
import { canPassOn, passOn, type TakeAnswer } from '../../engine/pass-through.ts'
import type { Served } from '../../engine/run.ts'
import { badRequest, type ApiError } from '../../protocol/error.ts'
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
    const call = { requestId: request.id, model, body, route, signal: leaving.signal }
    const begun = Promise.withResolvers<FastifyReply>()
    const take: TakeAnswer = (answer, served) => {
      let sent = Promise.resolve()
      const send = () => (sent = sendAnswer(reply, { answer, served, gone: leaving.signal }))
      begun.resolve(sendRaw(reply, parts, send))
      return sent
    }
    passOn(parts, call, take).catch((error: unknown) => {
      begun.reject(error instanceof UpstreamError ? toApiError(error) : error)
    })
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
  readonly gone: AbortSignal
}

async function sendAnswer({ raw, request }: FastifyReply, { answer, served, gone }: Passing): Promise<void> {
  raw.writeHead(answer.status, {
    // A browser must never be made to read what a provider says as a page.
    'content-type': answer.contentType.startsWith('text/event-stream') ? answer.contentType : 'application/json',
    'cache-control': 'no-cache',
    'x-request-id': request.id,
    'x-content-type-options': 'nosniff',
    ...servedHeaders(served),
  })
  for await (const chunk of answer.body) {
    if (gone.aborted) return
    if (!raw.write(chunk)) await once(raw, 'drain', { signal: gone })
  }
  raw.end()
}
