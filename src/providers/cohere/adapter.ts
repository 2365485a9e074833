import type { Adapter } from '../adapter.ts'
import { HttpCall, type Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { readNamedModels } from '../model-list.ts'
import { getJson } from '../upstream.ts'
import { buildCohereRequest } from './request.ts'
import { createCohereReader, type ReaderOptions } from './stream.ts'
import { CONTENT, DIALECTS, FIELDS, PARAM_NAMES } from './tables.ts'

/** The list of models has not moved to the second version. */
const MODELS_PATH = '/../v1/models?endpoint=chat&page_size=1000'

/** Cohere's Chat. */
export const cohere: Family = {
  about: 'Cohere, by the second version of its Chat.',
  dialects: DIALECTS,
  create: createAdapter,
  fieldsOf: () => FIELDS,
  contentOf: () => CONTENT,
}

function createAdapter(setup: ProviderSetup): Adapter {
  const { id, apiKey, transport, limits } = setup
  const { baseUrl, families } = DIALECTS.cohere
  const headers = apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` }
  const endpoint = endpointOf(setup, { baseUrl, headers })
  const { secrets } = endpoint
  const wire: Wire = { endpoint, limits, transport, framing: 'events', paramNames: PARAM_NAMES }
  const content = contentFor(setup, endpoint.baseUrl, CONTENT)
  const filter = createCallFilter(FIELDS, content)
  return {
    id,
    families,
    content,
    takesSchemas: (_, hasTools = false) => !hasTools, // A format beside tools is refused.
    prepare(call) {
      const settled = filter(call)
      const { body, warnings } = buildCohereRequest(settled.call)
      return new HttpCall(wire, {
        path: '/chat',
        warnings: [...settled.warnings, ...warnings],
        body: JSON.stringify(body),
        isStreamed: call.canStream,
        createReader: readerMaker({ callIdPrefix: call.callIdPrefix, secrets }),
      })
    },
    listModels: async (signal) => readNamedModels(await getJson(transport, endpoint, { path: MODELS_PATH, signal })),
  }
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker(options: ReaderOptions) {
  return () => createCohereReader(options)
}
