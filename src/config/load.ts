import { readFile } from 'node:fs/promises'
import { FAMILIES } from '../providers/registry.ts'
import { isJsonObject, type JsonObject } from '../protocol/json.ts'
import { checkConfig, joined } from './check.ts'
import type { ConfigProblem } from './problem.ts'
import type { Config } from './schema.ts'

/** Environment variables, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Everything that is wrong with the configuration, a sentence each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(['The configuration cannot be used:', ...problems.map((problem) => `  - ${problem}`)].join('\n'))
    this.problems = problems
  }
}

/** What the command line says about the configuration; it beats the environment, which beats the file. */
export interface Overrides {
  readonly config?: string | undefined
  readonly host?: string | undefined
  readonly port?: string | undefined
  readonly store?: string | undefined
  readonly role?: string | undefined
  readonly workers?: string | undefined
}

/**
 * Loads the configuration: file, environment, flags. A setting without a value is one that is not given.
 *
 * @throws {ConfigError} With every problem found.
 */
export async function loadConfig(overrides: Overrides, environment: Environment): Promise<Config> {
  const path = configPath(overrides, environment)
  const expansion: Expansion = { environment, problems: [] }
  const written = path === undefined ? {} : expand(await readConfigFile(path), '', expansion)
  if (!isJsonObject(written)) throw new ConfigError(['The configuration file must hold a mapping of sections.'])
  const settings = override(written, overrides, environment)
  const config = path === undefined ? { ...settings, providers: providersOf(environment) } : settings
  const checked = checkConfig(config)
  const missing = new Set(expansion.problems.map((problem) => problem.path))
  const found = 'problems' in checked ? checked.problems.filter((problem) => !missing.has(problem.path)) : []
  const problems = [...expansion.problems, ...found].map(({ path: place, text }) => `${place} ${text}.`)
  if (problems.length > 0 || 'problems' in checked) throw new ConfigError([...new Set(problems)])
  return checked.config
}

/** Which file holds the configuration, if any does. */
export function configPath(overrides: Overrides, environment: Environment): string | undefined {
  return overrides.config ?? given(environment, 'ANTIPHON_CONFIG')
}

async function readConfigFile(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ConfigError([`The configuration file ${path} cannot be read: ${reason(cause)}.`])
  })
  const { parse } = await import('yaml')
  try {
    return parse(text) ?? {}
  } catch (cause) {
    // The lines that follow the first show the file, and with it perhaps a key.
    const [fault = ''] = reason(cause).split('\n')
    throw new ConfigError([`The configuration file ${path} is not valid YAML: ${fault.replace(/:$/, '')}.`])
  }
}

/** An environment variable; an empty one is not given. */
function given(environment: Environment, name: string): string | undefined {
  return environment[name] === '' ? undefined : environment[name]
}

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

/** What strings are completed from, and what was missing. */
interface Expansion {
  readonly environment: Environment
  readonly problems: ConfigProblem[]
}

/** Replaces `${VAR}` and `${VAR:-default}` in every string of a value, and leaves out what has no value. */
function expand(value: unknown, path: string, expansion: Expansion): unknown {
  if (typeof value === 'string') {
    return value.replace(VARIABLE, (_, name: string, fallback: string | undefined) => {
      const found = fallback === undefined ? expansion.environment[name] : given(expansion.environment, name)
      const text = found ?? fallback
      if (text === undefined) expansion.problems.push({ path, text: `needs the environment variable ${name}` })
      return text ?? ''
    })
  }
  if (Array.isArray(value)) return value.map((item, index) => expand(item, joined(path, String(index)), expansion))
  if (!isJsonObject(value)) return value
  const entries = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(entries.map(([key, item]) => [key, expand(item, joined(path, key), expansion)]))
}

function override(settings: JsonObject, flags: Overrides, environment: Environment): Record<string, unknown> {
  const wanted = {
    host: flags.host ?? given(environment, 'ANTIPHON_HOST'),
    port: flags.port ?? given(environment, 'ANTIPHON_PORT') ?? given(environment, 'PORT'),
    role: flags.role ?? given(environment, 'ANTIPHON_ROLE'),
    workers: flags.workers ?? given(environment, 'ANTIPHON_WORKERS'),
  }
  const said = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
  const store = flags.store ?? given(environment, 'ANTIPHON_STORE')
  const { server = {} } = settings
  const section = isJsonObject(server) ? { ...server, ...said } : server
  return { ...settings, server: section, ...(store === undefined ? {} : { store }) }
}

/** Without a file, every provider whose key is in the environment is enabled, once: the first family that takes it. */
function providersOf(environment: Environment): Record<string, unknown> {
  const rows = Object.entries(FAMILIES).flatMap(([kind, { dialects }]) =>
    Object.entries(dialects).flatMap(([dialect, facts]) => {
      const variables = [facts.keyVariable ?? '', ...(facts.otherKeyVariables ?? [])]
      const variable = variables.find((name) => given(environment, name) !== undefined)
      if (variable === undefined) return []
      return [{ variable, id: dialect, entry: { kind, dialect, api_key: given(environment, variable) } }]
    }),
  )
  const first = rows.filter(({ variable }, index) => rows.findIndex((row) => row.variable === variable) === index)
  return Object.fromEntries(first.map(({ id, entry }) => [id, entry]))
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
