import type { ModelCall } from '../../core/model-call.ts'
import type { Adapter } from '../adapter.ts'
import { chatPassThrough } from '../chat-pass-through.ts'
import { HttpCall, type Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { googleTransport } from '../google-auth.ts'
import { readModelList } from '../model-list.ts'
import { withPastTools } from '../past-tools.ts'
import { getJson, type Endpoint } from '../upstream.ts'
import { vertexBaseUrl } from '../vertex.ts'
import { factsOf } from './models.ts'
import { buildMessagesRequest, type MessagesRequest } from './request.ts'
import { keepsTo } from './schema.ts'
import { createMessagesReader } from './stream.ts'
import { bearer, BINDING_BETA, contentOf, dialectOf, fieldsOf, PARAM_NAMES, VERSION, type Dialect } from './tables.ts'

const PATH = '/messages'
const MODELS_PATH = '/models?limit=1000'
const BETA_HEADER = 'anthropic-beta'

/** Everything that speaks Messages. */
export const anthropic: Family = {
  about: 'Messages: Anthropic, directly or on Azure and Vertex AI, and everybody who took over its wire.',
  create: createAdapter,
  fieldsOf: (dialect) => fieldsOf(dialectOf(dialect)),
  contentOf: (dialect) => contentOf(dialectOf(dialect)),
}

function createAdapter(setup: ProviderSetup): Adapter {
  const dialect = dialectOf(setup.dialect)
  const { isVertex } = dialect
  const transport = isVertex ? googleTransport(setup) : setup.transport
  const place = isVertex ? { ...setup, baseUrl: vertexBaseUrl(setup) } : setup
  const endpoint = endpointOf(place, { baseUrl: dialect.baseUrl, headers: headersOf(setup, dialect) })
  const { secrets } = endpoint
  const wire: Wire = { endpoint, limits: setup.limits, transport, framing: 'events', paramNames: PARAM_NAMES }
  const content = contentFor(setup, endpoint.baseUrl, contentOf(dialect))
  const filter = createCallFilter(fieldsOf(dialect), content)
  return {
    id: setup.id,
    families: dialect.families,
    content,
    takesSchemas: (model, _, schema) => dialect.takes.has('schemas') && factsOf(model).schemas && keepsTo(schema),
    prepare(call) {
      const settled = filter(call)
      const request = buildMessagesRequest(withPastTools(settled.call), dialect)
      return new HttpCall(wire, {
        path: pathOf(call, dialect),
        headers: betaHeaders(request, setup),
        warnings: [...settled.warnings, ...request.warnings],
        body: JSON.stringify(request.body),
        isStreamed: call.canStream,
        createReader: readerMaker(call, secrets),
      })
    },
    async listModels(signal) {
      return isVertex ? [] : readModelList(await getJson(transport, endpoint, { path: MODELS_PATH, signal }))
    },
    ...(dialect.speaksChat === true
      ? { chat: chatPassThrough({ ...wire, endpoint: chatEndpoint(setup, dialect) }) }
      : {}),
  }
}

/** For Chat Completions, which know the key as a bearer. */
function chatEndpoint(setup: ProviderSetup, { baseUrl }: Dialect): Endpoint {
  return endpointOf(setup, { baseUrl, headers: setup.apiKey === '' ? {} : bearer(setup.apiKey) })
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker({ callIdPrefix }: ModelCall, secrets: readonly string[]) {
  return () => createMessagesReader({ callIdPrefix, secrets })
}

function headersOf({ apiKey }: ProviderSetup, { credential, isVertex }: Dialect): Readonly<Record<string, string>> {
  return { ...(isVertex ? {} : { 'anthropic-version': VERSION }), ...(apiKey === '' ? {} : credential(apiKey)) }
}

/** Beside the betas that the configuration asks for. */
function betaHeaders({ usesBinding }: MessagesRequest, { headers }: ProviderSetup): Readonly<Record<string, string>> {
  const betas = [headers[BETA_HEADER], usesBinding ? BINDING_BETA : undefined].filter((beta) => beta !== undefined)
  return betas.length === 0 ? {} : { [BETA_HEADER]: betas.join(',') }
}

function pathOf({ model, canStream }: ModelCall, { isVertex }: Dialect): string {
  if (!isVertex) return PATH
  const name = encodeURIComponent(model).replaceAll('%40', '@')
  return `/publishers/anthropic/models/${name}:${canStream ? 'streamRawPredict' : 'rawPredict'}`
}
