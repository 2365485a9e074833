import { checkCapability } from '../core/capability.ts'
import type { Catalogue, Route } from '../providers/routing.ts'
import { ApiError } from '../protocol/error.ts'
import type { Logger } from '../telemetry/log.ts'
import { translate, type Means, type Placed, type Translated } from './translate.ts'

/** A model to turn to. */
export interface Fallback {
  /** Its id, as the configuration names it. */
  readonly id: string
  readonly route: Route
}

/** The next model that can be asked the same, with its call; undefined where there is none left. */
export type NextModel = (logger: Logger) => Promise<Translated | undefined>

/** The fallbacks of a model in order, each of them followed by its own, and none of them twice. */
export function* fallbacksOf(catalogue: Catalogue, model: string, { fallback }: Route): Generator<Fallback, undefined> {
  const seen = new Set([model])
  const pending = [...fallback]
  for (let id = pending.shift(); id !== undefined; id = pending.shift()) {
    const route = seen.has(id) ? undefined : catalogue.resolve(id)
    seen.add(id)
    if (route === undefined) continue
    yield { id, route }
    pending.unshift(...route.fallback)
  }
}

/**
 * Translates a request for the fallbacks of its model, each when its turn has come. Those that cannot do what the
 * request asks are passed over.
 *
 * @returns undefined where the model has none: then nothing is kept.
 */
export function fallBack(
  placed: Placed,
  route: Route,
  tools: Means & { readonly catalogue: Catalogue },
): NextModel | undefined {
  if (route.fallback.length === 0) return undefined
  const { model } = placed.request
  const fallbacks = fallbacksOf(tools.catalogue, model, route)
  return async (logger) => {
    for (let { value } = fallbacks.next(); value !== undefined; { value } = fallbacks.next()) {
      const translated = await translateFor(value, placed, { ...tools, logger })
      const warnings = [`${value.id} was asked in place of ${model}`]
      if (translated !== undefined) return { ...translated, warnings: [...warnings, ...translated.warnings] }
    }
    return undefined
  }
}

async function translateFor(
  { id, route }: Fallback,
  placed: Placed,
  { logger, ...means }: Means & { readonly logger: Logger },
): Promise<Translated | undefined> {
  try {
    checkCapability(placed.request, route.traits)
    return await translate(placed, route, means)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    logger.info({ fallback: id, code: error.code, param: error.param }, 'a fallback cannot do what the request asks')
    return undefined
  }
}
