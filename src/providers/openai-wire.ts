import type { Adapter } from './adapter.ts'
import { chatPassThrough } from './chat-pass-through.ts'
import type { ContentTable } from './content.ts'
import { credential, versionQuery, type Spoken } from './dialect.ts'
import type { ParamNames } from './error-answer.ts'
import type { Wire } from './exchange.ts'
import { contentFor, endpointOf, type ProviderSetup } from './family.ts'
import { readModelList } from './model-list.ts'
import { getJson } from './upstream.ts'

/** What the wires of OpenAI have in common, at one provider. */
export interface OpenAiWire {
  readonly wire: Wire
  /** Behind every path: empty, or the version that Azure wants named. */
  readonly query: string
  /** What an adapter is whichever of them it speaks. Whoever speaks Responses speaks Chat Completions too. */
  readonly common: Pick<Adapter, 'id' | 'families' | 'content' | 'listModels' | 'chat'>
}

/** Opens nothing: makes what both families need of a provider. */
export function openAiWire(
  setup: ProviderSetup,
  dialect: Spoken<object>,
  tables: { readonly paramNames: ParamNames; readonly content: ContentTable },
): OpenAiWire {
  const { id, transport, limits } = setup
  const endpoint = endpointOf(setup, { baseUrl: dialect.baseUrl, headers: credential(setup, dialect) })
  const wire: Wire = { endpoint, limits, transport, framing: 'events', paramNames: tables.paramNames }
  const query = versionQuery(setup)
  return {
    wire,
    query,
    common: {
      id,
      families: dialect.families,
      content: contentFor(setup, endpoint.baseUrl, tables.content),
      listModels: async (signal) =>
        readModelList(await getJson(transport, endpoint, { path: `/models${query}`, signal })),
      chat: chatPassThrough(wire, query),
    },
  }
}
