import { Settings } from 'typebox/system'
import { Value } from 'typebox/value'
import { isJsonObject, type JsonObject } from '../protocol/json.ts'
import { FAMILIES, familyOf, type FamilyDialect, type FamilyKind } from '../providers/registry.ts'
import { fallbackProblems } from './fallbacks.ts'
import type { ConfigProblem } from './problem.ts'
import { Config, FORMS } from './schema.ts'
import { sharingProblems } from './sharing.ts'

/** A configuration, or everything that keeps it from being one. */
export type Checked = { readonly config: Config } | { readonly problems: readonly ConfigProblem[] }

/** Most problems that are listed; the validator stops at eight by itself. */
const PROBLEMS_MAX = 100

/** Completes settings with the defaults, reads numbers and booleans from text, and checks the whole. */
export function checkConfig(settings: unknown): Checked {
  const value = readTexts(Value.Default(Config, settings))
  const isSound = Value.Check(Config, value)
  const problems = [...(isSound ? [] : schemaErrors(value).flatMap(problemOf)), ...referenceProblems(value)]
  return isSound && problems.length === 0 ? { config: value } : { problems }
}

type SchemaError = ReturnType<typeof Value.Errors>[number]

function schemaErrors(value: unknown): readonly SchemaError[] {
  const { maxErrors } = Settings.Get()
  Settings.Set({ maxErrors: PROBLEMS_MAX })
  try {
    return Value.Errors(Config, value)
  } finally {
    Settings.Set({ maxErrors })
  }
}

/** Flags, the environment and `${VAR}` can only give text: where a number or a boolean is wanted, it is read. */
function readTexts(value: unknown): unknown {
  if (Value.Check(Config, value)) return value
  for (const { keyword, params, instancePath } of schemaErrors(value)) {
    const text: unknown = Value.Pointer.Get(value, instancePath)
    if (keyword !== 'type' || typeof text !== 'string') continue
    if (params.type === 'integer' && /^-?\d{1,15}$/.test(text)) Value.Pointer.Set(value, instancePath, Number(text))
    if (params.type === 'boolean' && /^(?:true|false)$/.test(text))
      Value.Pointer.Set(value, instancePath, text === 'true')
  }
  return value
}

function problemOf(error: SchemaError): readonly ConfigProblem[] {
  const path = pathOf(error.instancePath)
  const { keyword, params } = error
  switch (keyword) {
    case 'boolean':
      return [{ path, text: 'is not a setting' }]
    case 'additionalProperties':
      return [] // Each of them is told of by itself.
    case 'required':
      return params.requiredProperties.map((name) => ({ path: joined(path, name), text: 'is needed' }))
    case 'type':
      return [{ path, text: `must be ${TYPES[String(params.type)] ?? String(params.type)}` }]
    case 'enum':
      return [{ path, text: `must be one of ${params.allowedValues.join(', ')}` }]
    case 'minimum':
      return [{ path, text: `must be at least ${params.limit}` }]
    case 'maximum':
      return [{ path, text: `must be at most ${params.limit}` }]
    case 'pattern':
      return [{ path, text: FORMS.get(String(params.pattern)) ?? error.message }]
    default:
      return [{ path, text: error.message }]
  }
}

const TYPES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  boolean: 'true or false',
}

/** `/keys/0/key` as `keys[0].key`. */
function pathOf(pointer: string): string {
  const keys = pointer.split('/').slice(1)
  return keys.reduce((path, key) => joined(path, key.replaceAll('~1', '/').replaceAll('~0', '~')), '')
}

/** The path of a key, or of a place in a list. */
export function joined(path: string, key: string): string {
  if (/^\d+$/.test(key)) return `${path}[${key}]`
  return path === '' ? key : `${path}.${key}`
}

/** Names that must name something, and settings that need others; what the schema refuses is passed over. */
function referenceProblems(value: unknown): ConfigProblem[] {
  const settings = isJsonObject(value) ? value : {}
  const [providers, models] = [mappingsIn(settings['providers']), mappingsIn(settings['models'])]
  const known = new Set([...providers.map(([id]) => id), 'demo'])
  const named = [
    ...models.map(([id, model]) => ({ path: `models.${id}.provider`, name: model['provider'] })),
    { path: 'default_provider', name: settings['default_provider'] },
  ]
  return [
    ...named.flatMap(({ path, name }) =>
      typeof name !== 'string' || known.has(name) ? [] : [{ path, text: `names ${name}, which is not in providers` }],
    ),
    ...providers.flatMap(([id, provider]) => providerProblems(`providers.${id}`, provider)),
    ...fallbackProblems(settings),
    ...egressProblems(settings['egress']),
    ...sharingProblems(settings),
  ]
}

function mappingsIn(section: unknown): (readonly [id: string, entry: JsonObject])[] {
  const entries = isJsonObject(section) ? Object.entries(section) : []
  return entries.flatMap(([id, entry]) => (isJsonObject(entry) ? [[id, entry] as const] : []))
}

function providerProblems(path: string, provider: JsonObject): ConfigProblem[] {
  const { kind, base_url: url, dialect } = provider
  if (typeof kind !== 'string' || !Object.hasOwn(FAMILIES, kind)) return []
  const known = familyOf(kind, typeof dialect === 'string' ? dialect : undefined)
  if (known === undefined) {
    const names = Object.keys(FAMILIES[kind as FamilyKind].dialects).join(', ')
    return [{ path: `${path}.dialect`, text: `must be one of ${names}` }]
  }
  const { needs = [], needsUnkeyed = [] } = known.facts
  const missing = (settings: typeof needs, where = '') =>
    settings
      .filter((setting) => provider[setting] === undefined)
      .map((setting) => ({ path: `${path}.${setting}`, text: `is needed for the dialect ${known.dialect}${where}` }))
  return [
    ...missing(needs),
    ...(provider['api_key'] === undefined ? missing(needsUnkeyed, ' where there is no api_key') : []),
    ...addressProblems(`${path}.base_url`, url, known),
  ]
}

function addressProblems(path: string, url: unknown, { dialect, facts, registered }: FamilyDialect): ConfigProblem[] {
  if (typeof url === 'string') {
    return url.startsWith('http') && !URL.canParse(url) ? [{ path, text: 'is not a URL' }] : []
  }
  if (url !== undefined || facts.baseUrl !== undefined || registered === FAMILIES.demo) return []
  return [{ path, text: `is needed: the dialect ${dialect} has no address of its own` }]
}

/** What has the form of an origin, or of a DNS server's address, and is none. */
function egressProblems(section: unknown): ConfigProblem[] {
  const { allow, resolver }: JsonObject = isJsonObject(section) ? section : {}
  const origins = Array.isArray(allow) ? allow : []
  const isNoUrl = (url: unknown) => typeof url === 'string' && /^https?:\/\/./.test(url) && !URL.canParse(url)
  // Whatever else may be wrong with it, its pattern tells.
  const isUnsure = typeof resolver === 'string' && /^\[[0-9A-Fa-f:.]+\]:|:\d{5}$/.test(resolver)
  return [
    ...origins.flatMap((url, index) =>
      isNoUrl(url) ? [{ path: `egress.allow[${index}]`, text: 'is not a URL' }] : [],
    ),
    ...(isUnsure && isNoUrl(`http://${resolver}`) ? [{ path: 'egress.resolver', text: 'is not an address' }] : []),
  ]
}
