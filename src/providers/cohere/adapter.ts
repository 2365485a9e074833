import type { Adapter } from '../adapter.ts'
import type { Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { readNamedModels } from '../model-list.ts'
import { preparePosted, type Posted } from '../posted.ts'
import { getJson } from '../upstream.ts'
import { buildCohereRequest } from './request.ts'
import { createCohereReader } from './stream.ts'
import { CONTENT, DIALECTS, FIELDS, PARAM_NAMES } from './tables.ts'

/** The list of models has not moved to the second version. */
const MODELS_PATH = '/../v1/models?endpoint=chat&page_size=1000'

/** Cohere's Chat. */
export const cohere: Family = {
  about: 'Cohere, by the second version of its Chat.',
  create: createAdapter,
  fieldsOf: () => FIELDS,
  contentOf: () => CONTENT,
}

function createAdapter(setup: ProviderSetup): Adapter {
  const { id, apiKey, transport, limits } = setup
  const { baseUrl, families } = DIALECTS.cohere
  const headers = apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` }
  const endpoint = endpointOf(setup, { baseUrl, headers })
  const wire: Wire = { endpoint, limits, transport, framing: 'events', paramNames: PARAM_NAMES }
  const content = contentFor(setup, endpoint.baseUrl, CONTENT)
  const posted: Posted = {
    wire,
    path: '/chat',
    filter: createCallFilter(FIELDS, content),
    build: buildCohereRequest,
    createReader: createCohereReader,
  }
  return {
    id,
    families,
    content,
    takesSchemas: (_, hasTools = false) => !hasTools, // A format beside tools is refused.
    prepare: (call) => preparePosted(posted, call),
    listModels: async (signal) => readNamedModels(await getJson(transport, endpoint, { path: MODELS_PATH, signal })),
  }
}
