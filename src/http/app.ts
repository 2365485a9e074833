import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { ErrorBody } from '../protocol/error.ts'
import type { AccountId } from '../protocol/id.ts'
import { createRandomHex, type RandomHex } from '../engine/random-hex.ts'
import { errorFacts, type Logger } from '../telemetry/log.ts'
import { authenticate } from './credentials.ts'
import { checkHttp, checkLength } from './http-rules.ts'
import {
  corsDisabled,
  incompleteRequest,
  methodNotAllowed,
  routeNotFound,
  serverStarting,
  serverStopping,
  toProblem,
} from './problem.ts'
import type { HttpParts } from './parts.ts'
import { chatRoutes } from './routes/chat.ts'
import { metaRoutes, probeRoutes } from './routes/meta.ts'
import { modelRoutes } from './routes/models.ts'
import { responseRoutes } from './routes/responses.ts'
import type { Phase } from './stage.ts'
import { watchStalled } from './stalled.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose the request is; set once the credentials have been checked. */
    account: AccountId
  }
}

/** Time for a request's headers, in milliseconds. */
const HEADERS_TIMEOUT_MS = 20_000

/** How often both times are looked at, in milliseconds: half a minute in Node, which would be added to them. */
const TIMEOUT_CHECK_MS = 5000

/** Why requests are refused, in the phases in which they are. */
const REFUSALS: Readonly<Partial<Record<Phase, () => Error>>> = {
  starting: serverStarting,
  draining: serverStopping,
  stopped: serverStopping,
}

/** Time for a whole request, body included, in milliseconds. */
const REQUEST_TIMEOUT_MS = 120_000

/** Idle connections are kept longer than load balancers do (60 s), so that they never race us. */
const KEEP_ALIVE_MS = 72_000

const HEADER_BYTES_MAX = 16 * 1024

/**
 * The HTTP application: id, headers, route, credentials, body, handler, in this order for every request.
 */
export function createApp(parts: HttpParts): FastifyInstance {
  const randomHex = createRandomHex()
  const app = Fastify({
    bodyLimit: parts.limits.bodyBytesMax,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      requireHostHeader: false,
    },
    genReqId: () => mintRequestId(randomHex),
    requestIdHeader: false,
    return503OnClosing: false, // The answer would not be one of ours.
    routerOptions: { maxParamLength: HEADER_BYTES_MAX },
    frameworkErrors: (error, request, reply) => {
      reply.headers(headersOf(request.id))
      sendProblem(parts.logger, error, reply)
      reportAnswer(parts, request, reply) // Such requests have no hooks.
    },
    clientErrorHandler: (error, socket) => refuseBytes(error, socket, mintRequestId(randomHex)),
  })
  app.decorateRequest('account')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
  // Asynchronous, so that the parser finds its own faults before: a request must not be answered twice.
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headersOf(request.id))
    checkHttp(request.raw)
  })
  app.addHook('onResponse', (request, reply, done) => {
    reportAnswer(parts, request, reply)
    done()
  })
  app.setErrorHandler((error, _, reply) => sendProblem(parts.logger, error, reply))
  app.setNotFoundHandler((request) => {
    throw notFound(app, request)
  })
  // Bodies are asked for only after the credentials have been checked: see the hook of the API's routes.
  for (const event of ['checkContinue', 'checkExpectation']) {
    app.server.on(event, (request, response) => app.server.emit('request', request, response))
  }
  watchStalled(app.server, parts.timeouts.clientStall_ms)
  registerRoutes(app, parts)
  return app
}

function registerRoutes(app: FastifyInstance, parts: HttpParts): void {
  probeRoutes(app, parts)
  if (!parts.servesApi) return
  metaRoutes(app, parts)
  for (const prefix of parts.basePaths) {
    void app.register(
      async (api) => {
        api.addHook('onRequest', async (request, reply) => {
          request.account = await authenticate(request.raw, parts.authenticator)
          checkLength(request.headers['content-length'], parts.limits.bodyBytesMax)
          if (request.headers.expect !== undefined) reply.raw.writeContinue()
        })
        // Only now that the body has been read: a client that is still sending might never read the answer.
        api.addHook('preHandler', (_request, _reply, done) => done(REFUSALS[parts.stage.phase()]?.()))
        responseRoutes(api, parts)
        modelRoutes(api, parts)
        chatRoutes(api, parts)
      },
      { prefix },
    )
  }
}

const METHODS = ['GET', 'POST', 'DELETE'] as const

function notFound(app: FastifyInstance, request: FastifyRequest): Error {
  if (request.method === 'OPTIONS' && request.headers.origin !== undefined) return corsDisabled()
  const path = request.url.split('?', 1)[0] ?? '/'
  const allowed = METHODS.filter((method) => app.findRoute({ method, url: routePattern(path) }) !== null)
  return allowed.length === 0 ? routeNotFound() : methodNotAllowed(request.method, allowed)
}

/** A path as its route is registered: every id in its place. */
function routePattern(path: string): string {
  return path.replace(/(\/responses\/)[^/]+/, '$1:response_id').replace(/(\/models\/).+/, '$1*')
}

function sendProblem(logger: Logger, error: unknown, reply: FastifyReply): void {
  const problem = toProblem(isHalf(reply.request) ? incompleteRequest(error) : error)
  if (problem.isOurs) logger.error({ requestId: reply.request.id, ...errorFacts(error) }, 'request failed')
  // What is left of a refused body is not read: the connection cannot be used again.
  const closes = problem.status === 413 || problem.status === 415 ? { connection: 'close' } : {}
  void reply
    .code(problem.status)
    .headers({ ...problem.headers, ...closes })
    .send(problem.body)
}

/** Whether the client left before its request was whole: whatever failed then, it was not us. */
function isHalf({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete
}

function reportAnswer({ logger, metrics }: HttpParts, request: FastifyRequest, reply: FastifyReply): void {
  const { method } = request
  const { statusCode: status, elapsedTime } = reply
  const route = request.routeOptions.url ?? 'none'
  metrics.requestAnswered({ method, route, status, duration_ms: elapsedTime })
  logger.info(
    { requestId: request.id, method, route, status, duration_ms: Math.round(elapsedTime) },
    'request answered',
  )
}

function mintRequestId(randomHex: RandomHex): string {
  return `req_${randomHex(12)}`
}

/** What every answer bears. */
function headersOf(requestId: string): Record<string, string> {
  return { 'x-request-id': requestId, 'x-content-type-options': 'nosniff' }
}

/** Faults of the bytes themselves, by Node's error code. Anything else is a bad request too. */
const BYTE_FAULTS: Readonly<Record<string, { line: string; code: string; message: string }>> = {
  HPE_HEADER_OVERFLOW: {
    line: '431 Request Header Fields Too Large',
    code: 'headers_too_large',
    message: `The request's headers are larger than ${HEADER_BYTES_MAX} bytes.`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    line: '413 Payload Too Large',
    code: 'request_too_large',
    message: 'The chunk extensions of the request body are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    line: '408 Request Timeout',
    code: 'request_timeout',
    message: 'The request did not arrive in time.',
  },
}

/** Answers what is not HTTP, and hangs up. */
function refuseBytes(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  if (socket.destroyed || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const fault = BYTE_FAULTS[error.code ?? ''] ?? {
    line: '400 Bad Request',
    code: 'bad_http',
    message: 'The request is not valid HTTP/1.1.',
  }
  const { code, message, line } = fault
  const body: ErrorBody = { error: { type: 'invalid_request_error', message, param: '', code } }
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${line}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    ...Object.entries(headersOf(requestId)).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`)
}
