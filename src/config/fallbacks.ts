import { isJsonObject, type JsonObject } from '../protocol/json.ts'
import { familyOf } from '../providers/registry.ts'
import type { ConfigProblem } from './problem.ts'

/** Entries of a section, by their names. */
type Entries = ReadonlyMap<string, JsonObject>

/** Fallbacks that lead to no provider, or back to where they come from; what the schema refuses is passed over. */
export function fallbackProblems(settings: JsonObject): readonly ConfigProblem[] {
  const [models, providers] = [entriesOf(settings['models']), entriesOf(settings['providers'])]
  const takesAll = settings['default_provider'] !== undefined || providers.size === 1
  return [...models].flatMap(([id, model]) =>
    fallbacksOf(model).flatMap((name, index): ConfigProblem[] => {
      const path = `models.${id}.fallback[${index}]`
      if (reaches(models, name, id)) return [{ path, text: `leads back to ${id}` }]
      const isKnown = takesAll || models.has(name) || hasProvider(providers, name)
      return isKnown ? [] : [{ path, text: `names ${name}, which leads to no provider` }]
    }),
  )
}

function entriesOf(section: unknown): Entries {
  const entries = isJsonObject(section) ? Object.entries(section) : []
  return new Map(entries.flatMap(([id, entry]) => (isJsonObject(entry) ? [[id, entry] as const] : [])))
}

function fallbacksOf(model: JsonObject | undefined): readonly string[] {
  const names = model?.['fallback']
  return Array.isArray(names) ? names.map((name) => (typeof name === 'string' ? name : '')) : []
}

/** Whether whoever follows all fallbacks from one model comes to another. */
function reaches(models: Entries, from: string, to: string): boolean {
  const seen = new Set([from])
  for (const name of seen) for (const next of fallbacksOf(models.get(name))) seen.add(next)
  return seen.has(to)
}

/** Whether a model id is `provider/model`, or of a family that a configured provider is known for. */
function hasProvider(providers: Entries, name: string): boolean {
  const named = name.slice(0, Math.max(0, name.indexOf('/')))
  if (name === 'demo' || named === 'demo' || providers.has(named)) return true
  return providers.values().some(({ kind, dialect }) => {
    if (typeof kind !== 'string') return false
    const known = familyOf(kind, typeof dialect === 'string' ? dialect : undefined)
    return known?.facts.families?.test(name) === true
  })
}
