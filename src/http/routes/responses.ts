import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Flow } from '../../core/flow.ts'
import { LogAbandoned } from '../../engine/event-log.ts'
import type { Run } from '../../engine/run.ts'
import { badRequest } from '../../protocol/error.ts'
import type { CreateRequest } from '../../protocol/create-request.ts'
import type { ResponseEvent } from '../../protocol/event.ts'
import type { ResponseId } from '../../protocol/id.ts'
import { parseCreateRequest } from '../../protocol/parse-request.ts'
import { bytesOf, onGone, readJson, sendRaw } from '../exchange.ts'
import type { HttpParts } from '../parts.ts'
import { servedHeaders, warningHeaders } from '../served-headers.ts'
import { readCount, readFlag, readLastEventId, readPage } from '../query.ts'
import { sendEvents, type StreamOptions } from '../sse.ts'
import { readSubmission } from '../submission.ts'

interface ById {
  Params: { response_id: string }
  Querystring: Readonly<Record<string, unknown>>
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** Everything under `/responses`. */
export function responseRoutes(app: FastifyInstance, parts: HttpParts): void {
  const { engine } = parts

  app.get('/responses', async () => ({
    object: 'endpoint',
    name: 'responses',
    description: 'Creates, streams, stores and retrieves model responses. POST a body with model and input.',
    methods: { create: 'POST /responses', retrieve: 'GET /responses/{id}', delete: 'DELETE /responses/{id}' },
    documentation: '/docs',
  }))

  app.post('/responses', async (request, reply) => {
    const bytes = bytesOf(request)
    const body = readBody(request, parts)
    const submission = readSubmission({ headers: request.headers, bytes, body })
    const created = await engine.create(request.account, body, submission)
    if (created.kind === 'stored') return answerAgain({ request, reply, parts }, created.id, body)
    if (created.kind === 'queued') {
      const headers = warningHeaders(created.warnings)
      if (body.stream !== true) return reply.code(202).headers(headers).send(created.response)
      return streamLog(openExchange(reply, parts, headers), created.events, body)
    }
    return body.stream === true
      ? streamRun(reply, parts, { run: created.run, settings: body })
      : answerRun(reply, parts, created.run)
  })

  app.get<ById>('/responses/:response_id', async (request, reply) => {
    const { response_id: id } = request.params
    const isStream = readFlag(request.query, 'stream')
    const startingAfter = readCount(request.query, 'starting_after')
    if (startingAfter !== undefined && !isStream) {
      throw badRequest('invalid_value', 'starting_after', 'starting_after needs stream=true.')
    }
    if (!isStream) return reply.type(JSON_TYPE).send(await engine.retrieve(request.account, id))
    const after = startingAfter ?? readLastEventId(request.headers) ?? -1
    const exchange = openExchange(reply, parts, {})
    const events = await engine.events(request.account, id, { after })
    return streamLog(exchange, events, {
      stream_options: { include_obfuscation: readFlag(request.query, 'include_obfuscation') },
    })
  })

  app.delete<ById>('/responses/:response_id', async (request) => ({
    id: await engine.remove(request.account, request.params.response_id),
    object: 'response.deleted',
    deleted: true,
  }))

  app.post<ById>('/responses/:response_id/cancel', async (request, reply) =>
    reply.type(JSON_TYPE).send(await engine.cancel(request.account, request.params.response_id)),
  )

  app.get<ById>('/responses/:response_id/input_items', async (request) =>
    engine.inputItems(request.account, request.params.response_id, readPage(request.query)),
  )
}

/** A request and its answer. */
interface Asked {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly parts: HttpParts
}

/** Answers a request that was accepted before with the response that it has made. */
async function answerAgain({ request, reply, parts }: Asked, id: ResponseId, body: CreateRequest): Promise<unknown> {
  const { engine } = parts
  const headers = { 'idempotent-replayed': 'true' }
  if (body.background === true && body.stream !== true) {
    return reply
      .code(202)
      .headers(headers)
      .type(JSON_TYPE)
      .send(await engine.retrieve(request.account, id))
  }
  const events = await engine.events(request.account, id, { after: -1 })
  if (body.stream === true) return streamLog(openExchange(reply, parts, headers), events, body)
  onGone(reply, () => events.leave())
  // Deleted meanwhile, or given back by the process that ran it: what there is of it is told.
  await events
    .each(() => undefined)
    .catch((error: unknown) => {
      if (!(error instanceof LogAbandoned)) throw error
    })
  const exchange = openExchange(reply, parts, headers)
  return reply
    .headers(exchange.headers)
    .type(JSON_TYPE)
    .send(await engine.retrieve(request.account, id))
}

function readBody(request: FastifyRequest, parts: HttpParts): CreateRequest {
  return parseCreateRequest(readJson(request, parts))
}

/** One request that is answered from a log. */
interface Exchange {
  readonly reply: FastifyReply
  readonly headers: Readonly<Record<string, string>>
  readonly parts: HttpParts
}

function openExchange(reply: FastifyReply, parts: HttpParts, extra: Readonly<Record<string, string>>): Exchange {
  const headers = { 'x-request-id': reply.request.id, 'x-content-type-options': 'nosniff', ...extra }
  return { reply, headers, parts }
}

/** A whole answer: the end of the log. A failure before the model said anything is an HTTP error. */
async function answerRun(reply: FastifyReply, parts: HttpParts, run: Run): Promise<unknown> {
  onGone(reply, run.join())
  const final = await run.ended
  const failure = run.failure()
  if (failure !== undefined) throw failure
  const { headers } = openExchange(reply, parts, servedHeaders(run.served()))
  return reply.headers(headers).type(JSON_TYPE).send(parts.engine.textOf(final))
}

type StreamSettings = Pick<CreateRequest, 'stream_options'>

async function streamRun(
  reply: FastifyReply,
  parts: HttpParts,
  { run, settings }: { readonly run: Run; readonly settings: StreamSettings },
): Promise<FastifyReply> {
  const events = run.log.read({ after: -1, paced: true })
  const leave = run.join()
  onGone(reply, () => {
    leave()
    events.leave()
  })
  await run.begun
  return stream(openExchange(reply, parts, servedHeaders(run.served())), events, settings)
}

function streamLog(exchange: Exchange, events: Flow<readonly ResponseEvent[]>, settings: StreamSettings): FastifyReply {
  onGone(exchange.reply, () => events.leave())
  return stream(exchange, events, settings)
}

function stream(
  { reply, headers, parts }: Exchange,
  events: Flow<readonly ResponseEvent[]>,
  { stream_options }: StreamSettings,
): FastifyReply {
  const { keepalive_ms, clientStall_ms: stall_ms } = parts.timeouts
  const obfuscate = stream_options?.include_obfuscation === true
  const { textOf } = parts.engine
  const options: StreamOptions = { headers, keepalive_ms, stall_ms, obfuscate, textOf, pace: parts.pace }
  return sendRaw(reply, parts, () => sendEvents(reply.raw, events, options))
}
