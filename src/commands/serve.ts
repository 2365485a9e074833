import { compose, staticKeys, type Server } from '../compose.ts'
import { configPath, loadConfig, type Environment } from '../config/load.ts'
import { withOllama } from '../config/local-ollama.ts'
import type { Config } from '../config/schema.ts'
import { answersAt } from '../egress/probe.ts'
import { createLogger, LOG_LEVELS, type LogLevel } from '../telemetry/log.ts'
import { checkpointOf } from './crash-at.ts'
import { createKey } from './keys.ts'
import { fail, say } from './console.ts'
import type { Words } from './words.ts'

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** `antiphon serve`: runs until it is told to stop. */
export async function serve({ overrides }: Words, environment: Environment): Promise<number> {
  const level = environment['LOG_LEVEL'] ?? 'info'
  if (!isLogLevel(level)) return fail(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, got ${level.slice(0, 64)}.`)
  const checkpoint = checkpointOf(environment)
  const isConfigured = configPath(overrides, environment) !== undefined
  const loaded = await loadConfig(overrides, environment)
  const config = isConfigured ? loaded : await withOllama(loaded, answersAt)
  const surroundings = { environment, logger: createLogger(level), checkpoint }
  const server = await compose(config, surroundings).catch((error: unknown) => explainStore(config, error))
  const address = await server.start().catch(async (error: unknown) => {
    await server.stop()
    throw explainListen(config, error)
  })
  const key = await firstKey(server, config, environment)
  say(greeting(config, address, key))
  await stopSignal()
  say('Stopping: running responses are finished first. Press Ctrl-C again to stop now.')
  await server.stop()
  return 0
}

function isLogLevel(level: string): level is LogLevel {
  return LOG_LEVELS.some((known) => known === level)
}

/** A key for those who have none: made on the first run, unless the operator has brought one. */
async function firstKey(server: Server, config: Config, environment: Environment): Promise<string | undefined> {
  const isProvided = staticKeys(config, environment).length > 0
  if (isProvided || (await server.store.keys.list()).length > 0) return undefined
  return createKey(server.store, undefined)
}

function greeting(config: Config, address: string, key: string | undefined): string {
  const base = `${address}${config.server.base_paths[0] ?? '/v1'}`
  const shown = key ?? 'YOUR_API_KEY'
  return [
    '',
    `Antiphon listens on ${base} (documentation: ${address}/docs)`,
    `Providers: ${['demo', ...Object.keys(config.providers)].join(', ')}`,
    ...(key === undefined ? [] : ['', `API key (shown only this once): ${key}`]),
    '',
    'Try it:',
    `curl ${base}/responses -H 'Authorization: Bearer ${shown}' -H 'Content-Type: application/json' -d '{"model": "demo", "input": "Hello!"}'`,
    '',
  ].join('\n')
}

/** Resolves at the first signal to stop. The second, whichever it is and however soon, ends the process. */
function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let isStopping = false
  const onSignal = () => {
    if (isStopping) process.exit(130)
    isStopping = true
    resolve()
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
  return promise
}

function explainStore(config: Config, error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  throw new Error(
    `The storage ${withoutPassword(config.store)} cannot be opened: ${reason}\nGive another one with --store sqlite:/a/folder/you/can/write/antiphon.db`,
  )
}

/** A storage's URL as it may be shown. */
function withoutPassword(url: string): string {
  return url.replace(/(?<=:\/\/[^:@/]*:).*(?=@)/, '***')
}

function explainListen(config: Config, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const { host, port } = config.server
  if (code === 'EADDRINUSE')
    return new Error(`Port ${port} on ${host} is taken. Choose another with --port N, or PORT=N in the environment.`)
  if (code === 'EACCES')
    return new Error(`Port ${port} on ${host} may not be used by this user. Choose one above 1023 with --port N.`)
  return error instanceof Error ? error : new Error(String(error))
}
