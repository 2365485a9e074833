import { once } from 'node:events'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { toApiError, UpstreamError } from '../../core/upstream-error.ts'
import { resolveModel } from '../../engine/prepare.ts'
import { badRequest } from '../../protocol/error.ts'
import { isJsonObject } from '../../protocol/json.ts'
import type { RawAnswer } from '../../providers/adapter.ts'
import type { HttpParts } from '../parts.ts'
import { onGone, readJson, sendRaw } from '../exchange.ts'

/**
 * POST /chat/completions: passed on as it is, with the model's name changed, to providers that speak
 * Chat Completions. Nothing is stored. Errors of the provider come in our shape.
 */
export function chatRoutes(app: FastifyInstance, parts: HttpParts): void {
  const { metrics } = parts

  app.post('/chat/completions', async (request, reply) => {
    const body = readJson(request, parts)
    if (!isJsonObject(body)) throw badRequest('invalid_type', '', 'The request body must be a JSON object.')
    const { model } = body
    if (model == null) throw badRequest('missing_required_parameter', 'model', 'model is required')
    if (typeof model !== 'string') throw badRequest('invalid_type', 'model', 'model must be a string.')
    const route = resolveModel(parts.catalogue, model)
    const { chat } = route.adapter
    if (chat === undefined) {
      throw badRequest(
        'unsupported_endpoint',
        'model',
        `${model.slice(0, 64)} does not speak Chat Completions here: use POST /responses.`,
      )
    }
    const leaving = new AbortController()
    onGone(reply, () => leaving.abort(new Error('The client has gone away.')))
    const gone = leaving.signal
    const answer = await chat.send({ ...body, model: route.upstreamModel }, gone).catch((error: unknown) => {
      if (!(error instanceof UpstreamError)) throw error
      metrics.callFailed(route.adapter.id, error.problem.fault)
      throw toApiError(error)
    })
    return sendRaw(reply, parts, () => passOn(answer, reply, gone))
  })
}

async function passOn(answer: RawAnswer, { raw, request }: FastifyReply, gone: AbortSignal): Promise<void> {
  raw.writeHead(answer.status, {
    // A browser must never be made to read what a provider says as a page.
    'content-type': answer.contentType.startsWith('text/event-stream') ? answer.contentType : 'application/json',
    'cache-control': 'no-cache',
    'x-request-id': request.id,
    'x-content-type-options': 'nosniff',
  })
  for await (const chunk of answer.body) {
    if (gone.aborted) return
    if (!raw.write(chunk)) await once(raw, 'drain', { signal: gone })
  }
  raw.end()
}
