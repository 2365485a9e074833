import { configPath, loadConfig, type Environment } from '../config/load.ts'
import { withOllama } from '../config/local-ollama.ts'
import { answersAt } from '../egress/probe.ts'
import { createLogger, LOG_LEVELS, type LogLevel } from '../telemetry/log.ts'
import { fail, say } from './console.ts'
import { FAREWELL } from './greeting.ts'
import { serveHere, type ServeParts } from './serve-here.ts'
import { hearSignals } from './stop-wishes.ts'
import type { Words } from './words.ts'

/** `antiphon serve`: runs until it is told to stop. */
export async function serve({ overrides }: Words, environment: Environment): Promise<number> {
  const level = environment['LOG_LEVEL'] ?? 'info'
  if (!isLogLevel(level)) return fail(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, got ${level.slice(0, 64)}.`)
  const isConfigured = configPath(overrides, environment) !== undefined
  const loaded = await loadConfig(overrides, environment)
  const config = isConfigured ? loaded : await withOllama(loaded, answersAt)
  const parts = { config, environment, logger: createLogger(level) }
  if (config.server.workers === 1) return serveAlone(parts)
  const { serveInCluster } = await import('./cluster.ts')
  return serveInCluster(parts)
}

function isLogLevel(level: string): level is LogLevel {
  return LOG_LEVELS.some((known) => known === level)
}

async function serveAlone(parts: Pick<ServeParts, 'config' | 'environment' | 'logger'>): Promise<number> {
  const { wishes, leave } = hearSignals()
  const serving = serveHere({ ...parts, wishes, onReady: say, onStopping: () => say(FAREWELL) })
  // Where it has served, it hears them to its end: a signal that comes late must not change how it ends.
  return serving.catch((error: unknown) => {
    leave()
    throw error
  })
}
