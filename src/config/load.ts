import { readFile } from 'node:fs/promises'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { DIALECTS } from '../providers/openai-chat/tables.ts'
import { isJsonObject } from '../protocol/json.ts'
import { Config } from './schema.ts'

/** Environment variables, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Everything that is wrong with the configuration, a sentence each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** What the command line says about the configuration; it beats the environment, which beats the file. */
export interface Overrides {
  readonly config?: string | undefined
  readonly host?: string | undefined
  readonly port?: string | undefined
  readonly store?: string | undefined
}

/**
 * Loads the configuration: file, environment, flags.
 *
 * @throws {ConfigError} With every problem found.
 */
export async function loadConfig(overrides: Overrides, environment: Environment): Promise<Config> {
  const path = overrides.config ?? environment['ANTIPHON_CONFIG']
  const file = path === undefined ? undefined : await readConfigFile(path)
  const problems: string[] = []
  const written = expand(file ?? {}, '', { environment, problems })
  const settings = override(isJsonObject(written) ? written : {}, overrides, environment)
  const config = path === undefined ? { ...settings, providers: providersOf(environment) } : settings
  return check(config, [...problems, ...(isJsonObject(written) ? [] : ['The file must hold a mapping of sections.'])])
}

async function readConfigFile(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ConfigError([`The configuration file ${path} cannot be read: ${reason(cause)}.`])
  })
  try {
    return parse(text) ?? {}
  } catch (cause) {
    throw new ConfigError([`The configuration file ${path} is not valid YAML: ${reason(cause)}`])
  }
}

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

/** What strings are completed from, and what was missing. */
interface Expansion {
  readonly environment: Environment
  readonly problems: string[]
}

/** Replaces `${VAR}` and `${VAR:-default}` in every string of a value. */
function expand(value: unknown, path: string, expansion: Expansion): unknown {
  if (typeof value === 'string') {
    return value.replace(VARIABLE, (_, name: string, fallback: string | undefined) => {
      const found = expansion.environment[name] ?? fallback
      if (found === undefined) expansion.problems.push(`${path}: the environment variable ${name} is not set.`)
      return found ?? ''
    })
  }
  if (Array.isArray(value)) return value.map((item, index) => expand(item, `${path}[${index}]`, expansion))
  if (!isJsonObject(value)) return value
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([key, item]) => [key, expand(item, path === '' ? key : `${path}.${key}`, expansion)]),
  )
}

function override(settings: object, flags: Overrides, environment: Environment): Record<string, unknown> {
  const given: Record<string, unknown> = { ...settings }
  const host = flags.host ?? environment['ANTIPHON_HOST']
  const port = flags.port ?? environment['ANTIPHON_PORT'] ?? environment['PORT']
  const store = flags.store ?? environment['ANTIPHON_STORE']
  const server = isJsonObject(given['server']) ? given['server'] : {}
  return {
    ...given,
    server: { ...server, ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) },
    ...(store === undefined ? {} : { store }),
  }
}

/** Without a file, every provider whose key is in the environment is enabled. */
function providersOf(environment: Environment): Record<string, unknown> {
  const rows = Object.entries(DIALECTS).flatMap(([name, { keyVariable }]) => {
    const key = keyVariable === undefined ? undefined : environment[keyVariable]
    return key ? [[name, { kind: 'openai-chat', dialect: name, api_key: key }] as const] : []
  })
  return Object.fromEntries(rows)
}

const validator = Compile(Config)

function check(settings: unknown, problems: readonly string[]): Config {
  const value = Value.Convert(Config, Value.Default(Config, settings))
  if (!validator.Check(value)) throw new ConfigError([...problems, ...schemaProblems(value)])
  const all = [...problems, ...referenceProblems(value)]
  if (all.length > 0) throw new ConfigError(all)
  return value
}

function schemaProblems(value: unknown): string[] {
  const problems = validator.Errors(value).map((error) => {
    const path = error.instancePath.split('/').slice(1).join('.')
    const unknown = 'additionalProperties' in error.params ? error.params.additionalProperties : undefined
    if (Array.isArray(unknown))
      return unknown.map((key) => `${path === '' ? '' : `${path}.`}${key} is not a setting.`).join('\n')
    const choices = 'allowedValues' in error.params ? ` (${String(error.params.allowedValues)})` : ''
    return `${path === '' ? 'The configuration' : path} ${error.message}${choices}.`
  })
  return [...new Set(problems)]
}

/** Names that must name something, and settings that only make sense together. */
function referenceProblems(config: Config): string[] {
  const known = new Set([...Object.keys(config.providers), 'demo'])
  const problems: string[] = []
  for (const [id, { provider }] of Object.entries(config.models)) {
    if (!known.has(provider)) problems.push(`models.${id}.provider names ${provider}, which is not in providers.`)
  }
  if (config.default_provider !== undefined && !known.has(config.default_provider)) {
    problems.push(`default_provider names ${config.default_provider}, which is not in providers.`)
  }
  for (const [id, { kind, base_url, dialect }] of Object.entries(config.providers)) {
    const standard = DIALECTS[(dialect ?? 'generic') as keyof typeof DIALECTS].baseUrl // The schema allows no other.
    if (kind === 'openai-chat' && base_url === undefined && standard === undefined) {
      problems.push(
        `providers.${id}.base_url is needed: the dialect ${dialect ?? 'generic'} has no address of its own.`,
      )
    }
    if (base_url !== undefined && !URL.canParse(base_url)) problems.push(`providers.${id}.base_url is not a URL.`)
  }
  return problems
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
