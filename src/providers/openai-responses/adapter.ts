import type { ModelCall } from '../../core/model-call.ts'
import type { Adapter } from '../adapter.ts'
import { chatPassThrough } from '../chat-pass-through.ts'
import { credential, versionQuery } from '../dialect.ts'
import { HttpCall, type Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { readModelList } from '../model-list.ts'
import { getJson } from '../upstream.ts'
import { buildResponsesRequest } from './request.ts'
import { createResponsesReader } from './stream.ts'
import { DIALECTS, fieldsOf, PARAM_NAMES, type Dialect, type DialectName, type Quirks } from './tables.ts'

/** Everything that speaks Responses itself. */
export const openAiResponses: Family = {
  about: 'Responses: OpenAI, and everybody who speaks it natively. Its state is kept here: nothing is stored there.',
  create: createAdapter,
  fieldsOf: (dialect) => fieldsOf(dialectOf(dialect).quirks),
  contentOf: (dialect) => dialectOf(dialect).quirks.content,
}

function dialectOf(name: string): Dialect {
  return DIALECTS[name as DialectName] // The configuration's check allows no other.
}

function createAdapter(setup: ProviderSetup): Adapter {
  const { id, transport, limits } = setup
  const dialect = dialectOf(setup.dialect)
  const { quirks } = dialect
  const endpoint = endpointOf(setup, { baseUrl: dialect.baseUrl, headers: credential(setup, dialect) })
  const wire: Wire = { endpoint, limits, transport, framing: 'events', paramNames: PARAM_NAMES }
  const content = contentFor(setup, endpoint.baseUrl, quirks.content)
  const filter = createCallFilter(fieldsOf(quirks), content)
  const query = versionQuery(setup)
  return {
    id,
    families: dialect.families,
    content,
    takesSchemas: () => quirks.formats === 'all' || quirks.formats === 'schemas alone',
    prepare(call) {
      const settled = filter(call)
      const { body, warnings } = buildResponsesRequest(settled.call, quirks)
      return new HttpCall(wire, {
        path: `/responses${query}`,
        warnings: [...settled.warnings, ...warnings],
        body: JSON.stringify(body),
        isStreamed: call.canStream,
        createReader: readerMaker(call, quirks, endpoint.secrets),
      })
    },
    listModels: async (signal) =>
      readModelList(await getJson(transport, endpoint, { path: `/models${query}`, signal })),
    // Whoever speaks Responses speaks Chat Completions too.
    chat: chatPassThrough(wire, query),
  }
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker({ callIdPrefix }: ModelCall, { takesThoughts }: Quirks, secrets: readonly string[]) {
  return () => createResponsesReader({ callIdPrefix, takesThoughts, secrets })
}
