import assert from 'node:assert/strict'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { grammarFaults } from '../../src/core/grammar.ts'
import type { ResponseEvent } from '../../src/protocol/event.ts'
import { buildOpenApi, type OpenApi } from '../../src/protocol/openapi.ts'

/** What a server has sent, checked against openapi.json by a validator that is not ours. */
export interface Conformance {
  /** Fails where anything that was sent is not what openapi.json says, or an event came out of order. */
  assertClean(): void
  counts(): { bodies: number; events: number; streams: number }
}

/** Watches everything an application sends under its base paths. */
export function watchConformance(app: FastifyInstance): Conformance {
  const faults: string[] = []
  const counts = { bodies: 0, events: 0, streams: 0 }
  const check = createChecker()
  app.addHook('onRequest', async (request, reply) => {
    const chunks: Buffer[] = []
    const { raw } = reply
    const keep = (chunk: unknown) => {
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string))
    }
    // Node's own functions, wrapped: whatever the arguments are, the first is the bytes.
    const wrap = <Method extends (...args: never[]) => unknown>(method: Method): Method =>
      ((...args: Parameters<Method>) => {
        keep(args[0])
        return method.apply(raw, args)
      }) as Method
    raw.write = wrap(raw.write)
    raw.end = wrap(raw.end)
    raw.once('close', () => {
      if (request.headers.upgrade !== undefined) return
      const type = String(raw.getHeader('content-type') ?? '')
      const text = Buffer.concat(chunks).toString()
      const where = `${request.method} ${request.url} → ${raw.statusCode}`
      const say = (fault: string) => faults.push(`${where}: ${fault}`)
      if (type.startsWith('text/event-stream') && !request.url.includes('/chat/completions')) {
        counts.streams++
        counts.events += checkStream(text, request, check, say)
      } else if (type.startsWith('application/json') && text !== '') {
        counts.bodies++
        checkBody(text, request, raw.statusCode, check, say)
      }
    })
  })
  return {
    assertClean: () => assert.deepEqual(faults.slice(0, 5), [], `${faults.length} faults in what was sent`),
    counts: () => counts,
  }
}

type Check = (name: string, value: unknown) => string | undefined
type Say = (fault: string) => void

function createChecker(): Check {
  const api: OpenApi = buildOpenApi('test')
  const ajv = new Ajv2020({ strict: false, allErrors: false })
  ajv.addSchema({ $id: 'api', components: api.components })
  const compiled = new Map<string, ValidateFunction>()
  return (name, value) => {
    const known = compiled.get(name) ?? ajv.compile({ $ref: `api#/components/schemas/${name}` })
    compiled.set(name, known)
    return known(value) ? undefined : `${name}: ${ajv.errorsText(known.errors)}`
  }
}

const SCHEMA_BY_ROUTE: Readonly<Record<string, string>> = {
  'POST /responses': 'Response',
  'GET /responses/:response_id': 'Response',
  'DELETE /responses/:response_id': 'DeletedResponse',
  'POST /responses/:response_id/cancel': 'Response',
  'GET /responses/:response_id/input_items': 'ItemList',
  'GET /models': 'ModelList',
  'GET /models/*': 'Model',
}

function checkBody(text: string, request: FastifyRequest, status: number, check: Check, say: Say): void {
  const route = `${request.method} ${(request.routeOptions.url ?? '').replace(/^\/(?:api\/)?v1/, '')}`
  const name = status >= 400 ? 'ErrorBody' : SCHEMA_BY_ROUTE[route]
  if (name === undefined || request.url.startsWith('/ready')) return
  const fault = check(name, JSON.parse(text))
  if (fault !== undefined) say(fault)
}

function checkStream(text: string, request: FastifyRequest, check: Check, say: Say): number {
  const events: ResponseEvent[] = []
  let isDone = false
  for (const block of text.split('\n\n').slice(0, -1)) {
    if (block.startsWith(':')) continue
    if (isDone) say('something follows [DONE]')
    if (block === 'data: [DONE]') {
      isDone = true
      continue
    }
    const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(block) ?? []
    if (data === undefined) {
      say(`not an event: ${block.slice(0, 80)}`)
      continue
    }
    const event = JSON.parse(data) as ResponseEvent
    if (event.type !== name) say(`event: ${name} carries ${event.type}`)
    const fault = check('ResponseEvent', event)
    if (fault !== undefined) say(fault)
    events.push(event)
  }
  // A client that left early has seen a beginning; one that resumed has seen an end.
  if (isDone && !request.url.includes('starting_after')) grammarFaults(events).forEach(say)
  return events.length
}
