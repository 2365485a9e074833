import type { TSchema } from 'typebox'
import { CreateRequest } from './create-request.ts'
import { ErrorBody } from './error.ts'
import { ResponseEvent } from './event.ts'
import { IDEMPOTENCY_KEY_PATTERN } from './idempotency-key.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { DeletedResponse, ItemList, Model, ModelList } from './listing.ts'
import { Response } from './response.ts'

/** A description of the whole API, as OpenAPI 3.1. */
export interface OpenApi {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: JsonObject; readonly securitySchemes: JsonObject }
  readonly security: JsonValue
}

/** One method of one path. */
export interface Operation {
  readonly summary: string
  readonly [key: string]: JsonValue
}

/** Builds the description from the very schemas that requests are checked against. */
export function buildOpenApi(version: string): OpenApi {
  const schemas: Record<string, JsonValue> = {}
  const ref = (schema: TSchema): JsonValue => hoist(schema as unknown as JsonObject, schemas) // Schemas are JSON.
  const paths = describePaths(ref)
  return {
    openapi: '3.1.0',
    info: { title: 'Antiphon', version, description: 'A Responses API in front of any model provider.' },
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
    },
    security: [{ bearer: [] }, { apiKey: [] }],
  }
}

type Ref = (schema: TSchema) => JsonValue

const ID = { name: 'response_id', in: 'path', required: true, schema: { type: 'string' } }

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', pattern: IDEMPOTENCY_KEY_PATTERN },
  description: 'Names the request: sent again within 24 hours, it is the same request, and has the same response.',
}

const LAST_EVENT_ID = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  schema: { type: 'integer', minimum: 0 },
  description: 'The sequence_number of the last event seen: counts as starting_after does, where that is not given.',
}

function describePaths(ref: Ref): OpenApi['paths'] {
  return {
    '/responses': {
      get: operation('Describes the endpoint', { 200: json({ type: 'object' }) }, ref),
      post: {
        ...operation('Creates a response', createAnswers(ref), ref),
        parameters: [IDEMPOTENCY_KEY],
        requestBody: body(ref(CreateRequest)),
      },
    },
    '/responses/{response_id}': describeResponse(ref),
    '/responses/{response_id}/cancel': {
      post: { ...operation('Cancels a background response', { 200: json(ref(Response)) }, ref), parameters: [ID] },
    },
    '/responses/{response_id}/input_items': {
      get: {
        ...operation('Lists the input items of a response', { 200: json(ref(ItemList)) }, ref),
        parameters: [ID, inQuery('limit', 'integer'), inQuery('order', 'string'), inQuery('after', 'string')],
      },
    },
    '/models': { get: operation('Lists the models', { 200: json(ref(ModelList)) }, ref) },
    '/models/{model}': {
      get: {
        ...operation('Describes a model', { 200: json(ref(Model)) }, ref),
        parameters: [{ name: 'model', in: 'path', required: true, schema: { type: 'string' } }],
      },
    },
    '/chat/completions': {
      post: {
        ...operation('Passes a chat completion on to its provider', { 200: json({ type: 'object' }) }, ref),
        requestBody: body({ type: 'object' }),
      },
    },
  }
}

function createAnswers(ref: Ref): Described {
  return { 200: { ...json(ref(Response)), ...events(ref) }, 202: json(ref(Response)), 422: json(ref(ErrorBody)) }
}

function describeResponse(ref: Ref): Readonly<Record<string, Operation>> {
  const retrieved = { 200: { ...json(ref(Response)), ...events(ref) } }
  return {
    get: {
      ...operation('Retrieves a response, or streams it again', retrieved, ref),
      parameters: [ID, inQuery('stream', 'boolean'), inQuery('starting_after', 'integer'), LAST_EVENT_ID],
    },
    delete: { ...operation('Deletes a response', { 200: json(ref(DeletedResponse)) }, ref), parameters: [ID] },
  }
}

function body(schema: JsonValue): JsonObject {
  return { required: true, content: json(schema) }
}

type Described = Readonly<Record<number, JsonObject>>

const KEY_REUSED = 'The Idempotency-Key is of another request (idempotency_key_reused)'

/** What any request may be answered by a server that cannot take it just now. */
const NOT_NOW = {
  description:
    'Not now: the server is starting or stopping (server_starting, server_stopping), its storage is out of reach ' +
    '(storage_unavailable), its queue is full (queue_full), or the model provider fails (upstream_unavailable, ' +
    'server_is_overloaded).',
  headers: { 'Retry-After': { description: 'Seconds to wait, where waiting helps', schema: { type: 'integer' } } },
}

/** @param answers The content of each answer, by its status. */
function operation(summary: string, answers: Described, ref: Ref): Operation {
  const errors = json(ref(ErrorBody))
  const responses = Object.entries(answers).map(([status, content]) => [
    status,
    { description: status === '422' ? KEY_REUSED : summary, content },
  ])
  return {
    summary,
    responses: {
      ...Object.fromEntries(responses),
      503: { ...NOT_NOW, content: errors },
      default: { description: 'What went wrong', content: errors },
    },
  }
}

function json(schema: JsonValue): JsonObject {
  return { 'application/json': { schema } }
}

function events(ref: Ref): JsonObject {
  return { 'text/event-stream': { schema: ref(ResponseEvent) } }
}

function inQuery(name: string, type: string): JsonObject {
  return { name, in: 'query', required: false, schema: { type } }
}

/** Replaces every schema that has a name by a reference to it. */
function hoist(schema: JsonValue, schemas: Record<string, JsonValue>): JsonValue {
  if (Array.isArray(schema)) return schema.map((part: JsonValue) => hoist(part, schemas))
  if (!isJsonObject(schema)) return schema
  const { $id: name, ...body } = schema
  const parts = () => Object.fromEntries(Object.entries(body).map(([key, part]) => [key, hoist(part, schemas)]))
  if (typeof name !== 'string') return parts()
  if (!(name in schemas)) {
    schemas[name] = {}
    schemas[name] = parts()
  }
  return { $ref: `#/components/schemas/${name}` }
}
