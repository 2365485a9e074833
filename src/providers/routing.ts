import { traitsOf, type Modality, type ModelTraits } from '../core/capability.ts'
import type { Adapter } from './adapter.ts'

/** One entry of `models` in the configuration. */
export interface ModelEntry {
  readonly provider: string
  readonly upstreamModel: string | undefined
  readonly streaming: boolean | undefined
  readonly reasoning: boolean | undefined
  readonly input: readonly Modality[] | undefined
  readonly contextWindow: number | undefined
  readonly maxOutputTokens: number | undefined
}

/** Where a model id leads. */
export interface Route {
  readonly adapter: Adapter
  readonly upstreamModel: string
  readonly traits: ModelTraits
}

/** Every model a client may name. */
export interface Catalogue {
  /** Where a model id leads; undefined where nobody has it. */
  resolve(model: string): Route | undefined
  /** Ids that clients can use, and whose they are. */
  list(signal: AbortSignal): Promise<readonly { id: string; owner: string }[]>
}

/**
 * Resolves in this order: an entry of `models`; `provider/model`; the well-known families of configured
 * providers; the default provider, with the id unchanged.
 */
export function createCatalogue(options: {
  adapters: readonly Adapter[]
  models: ReadonlyMap<string, ModelEntry>
  defaultProvider: string | undefined
}): Catalogue {
  const { models, adapters } = options
  const byId = new Map(adapters.map((adapter) => [adapter.id, adapter]))
  const plain = (adapter: Adapter, model: string): Route => ({ adapter, upstreamModel: model, traits: traitsOf(model) })

  const resolve = (model: string): Route | undefined => {
    const entry = models.get(model)
    const configured = entry === undefined ? undefined : byId.get(entry.provider)
    if (entry !== undefined && configured !== undefined) return routeOf(model, entry, configured)
    const slash = model.indexOf('/')
    const named = slash > 0 ? byId.get(model.slice(0, slash)) : undefined
    if (named !== undefined) return plain(named, model.slice(slash + 1))
    const family = adapters.find((adapter) => adapter.families?.test(model) === true)
    if (family !== undefined) return plain(family, model)
    const fallback = options.defaultProvider === undefined ? undefined : byId.get(options.defaultProvider)
    return fallback === undefined ? undefined : plain(fallback, model)
  }

  return {
    resolve,
    async list(signal) {
      const own = [...models].map(([id, entry]) => ({ id, owner: entry.provider }))
      const leadsTo = (adapter: Adapter, model: string) => {
        const route = resolve(model)
        return route?.adapter === adapter && route.upstreamModel === model
      }
      const offered = await Promise.all(adapters.map((adapter) => offeredBy(adapter, leadsTo, signal)))
      const seen = new Set(own.map(({ id }) => id))
      return [...own, ...offered.flat().filter(({ id }) => !seen.has(id) && seen.add(id))]
    },
  }
}

function routeOf(model: string, entry: ModelEntry, adapter: Adapter): Route {
  const upstreamModel = entry.upstreamModel ?? model
  const known = traitsOf(upstreamModel)
  const traits: ModelTraits = {
    streaming: entry.streaming ?? (known.streaming && traitsOf(model).streaming),
    reasoning: entry.reasoning ?? known.reasoning,
    input: entry.input,
    contextWindow: entry.contextWindow,
    maxOutputTokens: entry.maxOutputTokens,
  }
  return { adapter, upstreamModel, traits }
}

/** What a provider says it has, under ids that lead to it; a provider that cannot be asked offers nothing. */
async function offeredBy(
  adapter: Adapter,
  leadsTo: (adapter: Adapter, model: string) => boolean,
  signal: AbortSignal,
): Promise<{ id: string; owner: string }[]> {
  const models = await adapter.listModels(signal).catch(() => [])
  return models.map((model) => ({ id: leadsTo(adapter, model) ? model : `${adapter.id}/${model}`, owner: adapter.id }))
}
