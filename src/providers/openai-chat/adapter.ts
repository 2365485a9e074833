import type { ModelCall } from '../../core/model-call.ts'
import type { Adapter } from '../adapter.ts'
import { CHAT_PATH, chatPassThrough } from '../chat-pass-through.ts'
import { credential, versionQuery } from '../dialect.ts'
import { HttpCall, type Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { readModelList } from '../model-list.ts'
import { getJson } from '../upstream.ts'
import { buildChatRequest } from './request.ts'
import { createChatReader } from './stream.ts'
import { contentOf, DIALECTS, fieldsOf, PARAM_NAMES, type Dialect, type DialectName } from './tables.ts'

/** Everything that speaks Chat Completions. */
export const openAiChat: Family = {
  about: 'Chat Completions: OpenAI and everybody who took over its wire, hosted or local.',
  create: createAdapter,
  fieldsOf: (dialect) => fieldsOf(dialectOf(dialect).quirks),
  contentOf: (dialect) => contentOf(dialectOf(dialect).quirks),
}

function dialectOf(name: string): Dialect {
  return DIALECTS[name as DialectName] // The configuration's check allows no other.
}

function createAdapter(setup: ProviderSetup): Adapter {
  const { id, transport, limits } = setup
  const dialect = dialectOf(setup.dialect)
  const { quirks } = dialect
  const endpoint = endpointOf(setup, { baseUrl: dialect.baseUrl, headers: credential(setup, dialect) })
  const { secrets } = endpoint
  const wire: Wire = { endpoint, limits, transport, framing: 'events', paramNames: PARAM_NAMES }
  const content = contentFor(setup, endpoint.baseUrl, contentOf(quirks))
  const filter = createCallFilter(fieldsOf(quirks), content)
  const query = versionQuery(setup)
  return {
    id,
    families: dialect.families,
    content,
    takesSchemas: () => quirks.jsonSchema,
    prepare(call) {
      const settled = filter(call)
      const { body, warnings } = buildChatRequest(settled.call, quirks)
      return new HttpCall(wire, {
        path: CHAT_PATH + query,
        warnings: [...settled.warnings, ...warnings],
        body: JSON.stringify(body),
        isStreamed: call.canStream,
        createReader: readerMaker(quirks, call, secrets),
      })
    },
    listModels: async (signal) =>
      readModelList(await getJson(transport, endpoint, { path: `/models${query}`, signal })),
    chat: chatPassThrough(wire, query),
  }
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker(quirks: Dialect['quirks'], { callIdPrefix }: ModelCall, secrets: readonly string[]) {
  return () => createChatReader(quirks, { callIdPrefix, secrets })
}
