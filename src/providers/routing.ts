import { traitsOf, type Modality, type ModelTraits } from '../core/capability.ts'
import type { UpstreamError } from '../core/upstream-error.ts'
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
  /** Ids of the models to turn to, in order, where this one fails before its first word. */
  readonly fallback?: readonly string[] | undefined
}

/** Where a model id leads. */
export interface Route {
  readonly adapter: Adapter
  /** What every call of the adapter's provider passes. */
  readonly gate: Gate
  readonly upstreamModel: string
  readonly traits: ModelTraits
  /** Ids of the models to turn to, in order, where this one fails before its first word; they may have their own. */
  readonly fallback: readonly string[]
}

/** Who wants to call a provider. */
export interface Caller {
  /** Ends the waiting: the client has left, or its time is over. */
  readonly signal: AbortSignal
  /** Nobody waits for the answer in person: its turn may be waited for until the signal ends it. */
  readonly isPatient: boolean
}

/** A call that was let through. */
export type Pass = number

/** Why a call is not let through. */
export interface Refusal {
  /**
   * `failing`: the provider has failed again and again; `limited`: it has asked for a rest for this model; `busy`: it
   * has as many calls as it may have, and others wait.
   */
  readonly reason: 'failing' | 'limited' | 'busy'
  /** After what time it may be tried again, in milliseconds. */
  readonly wait_ms: number
}

/** What every call of one provider passes: it keeps calls from a provider that cannot take them. */
export interface Gate {
  /**
   * Asks to be let through with a call for a model.
   *
   * @returns a pass, which `leave` wants back, or why there is none; a promise only where its turn must be waited for.
   * @throws The signal's reason, where it was aborted meanwhile.
   */
  enter(model: string, caller: Caller): Pass | Refusal | Promise<Pass | Refusal>
  /** The provider has begun to answer. */
  answered(pass: Pass): void
  /**
   * The call is over.
   *
   * @param failure Where the provider failed before it began to answer.
   */
  leave(pass: Pass, model: string, failure?: UpstreamError): void
  /** Whether a call may be made again: retries are a small share of all calls. */
  grantsRetry(): boolean
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
  /** By provider; without one every call is let through. */
  gates?: ReadonlyMap<string, Gate>
}): Catalogue {
  const { models } = options
  const doors = options.adapters.map((adapter): Door => ({
    adapter,
    gate: options.gates?.get(adapter.id) ?? OPEN_GATE,
  }))
  const byId = new Map(doors.map((door) => [door.adapter.id, door]))

  const resolve = (model: string): Route | undefined => {
    const entry = models.get(model)
    const configured = entry === undefined ? undefined : byId.get(entry.provider)
    if (entry !== undefined && configured !== undefined) return routeOf(model, entry, configured)
    const slash = model.indexOf('/')
    const named = slash > 0 ? byId.get(model.slice(0, slash)) : undefined
    if (named !== undefined) return plain(named, model.slice(slash + 1))
    const family = doors.find(({ adapter }) => adapter.families?.test(model) === true)
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
      const offered = await Promise.all(doors.map(({ adapter }) => offeredBy(adapter, leadsTo, signal)))
      const seen = new Set(own.map(({ id }) => id))
      return [...own, ...offered.flat().filter(({ id }) => !seen.has(id) && seen.add(id))]
    },
  }
}

const OPEN_GATE: Gate = { enter: () => 0, answered: () => {}, leave: () => {}, grantsRetry: () => true }

/** A provider, and what is before it. */
type Door = Pick<Route, 'adapter' | 'gate'>

const NO_FALLBACK: readonly string[] = []

function plain({ adapter, gate }: Door, model: string): Route {
  return { adapter, gate, upstreamModel: model, traits: traitsOf(model), fallback: NO_FALLBACK }
}

function routeOf(model: string, entry: ModelEntry, { adapter, gate }: Door): Route {
  const upstreamModel = entry.upstreamModel ?? model
  const known = traitsOf(upstreamModel)
  const traits: ModelTraits = {
    streaming: entry.streaming ?? (known.streaming && traitsOf(model).streaming),
    reasoning: entry.reasoning ?? known.reasoning,
    input: entry.input,
    contextWindow: entry.contextWindow,
    maxOutputTokens: entry.maxOutputTokens,
  }
  return { adapter, gate, upstreamModel, traits, fallback: entry.fallback ?? NO_FALLBACK }
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
