import type { Adapter } from '../adapter.ts'
import type { Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { readNamedModels } from '../model-list.ts'
import { preparePosted, type Posted } from '../posted.ts'
import { getJson } from '../upstream.ts'
import { buildOllamaRequest } from './request.ts'
import { createOllamaReader } from './stream.ts'
import { CONTENT, DIALECTS, FIELDS, PARAM_NAMES, type DialectName } from './tables.ts'

/** Ollama's own API. */
export const ollama: Family = {
  about: 'Ollama, by its own API, on this machine or in its cloud; base_url ends in /api.',
  create: createAdapter,
  fieldsOf: () => FIELDS,
  contentOf: () => CONTENT,
}

function createAdapter(setup: ProviderSetup): Adapter {
  const { id, apiKey, transport, limits } = setup
  const { baseUrl } = DIALECTS[setup.dialect as DialectName] // The configuration's check allows no other.
  const headers = apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` }
  const given = endpointOf(setup, { baseUrl, headers })
  const endpoint = { ...given, baseUrl: withApi(given.baseUrl) }
  const wire: Wire = { endpoint, limits, transport, framing: 'lines', paramNames: PARAM_NAMES }
  const content = contentFor(setup, endpoint.baseUrl, CONTENT)
  const posted: Posted = {
    wire,
    path: '/chat',
    filter: createCallFilter(FIELDS, content),
    build: buildOllamaRequest,
    createReader: createOllamaReader,
  }
  return {
    id,
    families: undefined,
    content,
    takesSchemas: (_, hasTools = false) => !hasTools, // What a schema binds cannot call a tool.
    prepare: (call) => preparePosted(posted, call),
    listModels: async (signal) => readNamedModels(await getJson(transport, endpoint, { path: '/tags', signal })),
  }
}

/** An address without a path is that of the server: its API is below. */
function withApi(baseUrl: string): string {
  return new URL(baseUrl).pathname === '/' ? `${baseUrl}/api` : baseUrl
}
