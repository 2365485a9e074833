import type { Adapter } from '../adapter.ts'
import { HttpCall, type Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { readNamedModels } from '../model-list.ts'
import { getJson } from '../upstream.ts'
import { buildOllamaRequest } from './request.ts'
import { createOllamaReader, type ReaderOptions } from './stream.ts'
import { CONTENT, DIALECTS, FIELDS, PARAM_NAMES, type DialectName } from './tables.ts'

/** Ollama's own API. */
export const ollama: Family = {
  about: 'Ollama, by its own API, on this machine or in its cloud; base_url ends in /api.',
  dialects: DIALECTS,
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
  const { secrets } = endpoint
  const wire: Wire = { endpoint, limits, transport, framing: 'lines', paramNames: PARAM_NAMES }
  const content = contentFor(setup, endpoint.baseUrl, CONTENT)
  const filter = createCallFilter(FIELDS, content)
  return {
    id,
    families: undefined,
    content,
    takesSchemas: (_, hasTools = false) => !hasTools, // What a schema binds cannot call a tool.
    prepare(call) {
      const settled = filter(call)
      const { body, warnings } = buildOllamaRequest(settled.call)
      return new HttpCall(wire, {
        path: '/chat',
        warnings: [...settled.warnings, ...warnings],
        body: JSON.stringify(body),
        isStreamed: call.canStream,
        createReader: readerMaker({ callIdPrefix: call.callIdPrefix, secrets }),
      })
    },
    listModels: async (signal) => readNamedModels(await getJson(transport, endpoint, { path: '/tags', signal })),
  }
}

/** An address without a path is that of the server: its API is below. */
function withApi(baseUrl: string): string {
  return new URL(baseUrl).pathname === '/' ? `${baseUrl}/api` : baseUrl
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker(options: ReaderOptions) {
  return () => createOllamaReader(options)
}
