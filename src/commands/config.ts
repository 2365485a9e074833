import { loadConfig, type Environment } from '../config/load.ts'
import { Config } from '../config/schema.ts'
import { fail, say } from './console.ts'
import type { Words } from './words.ts'

/** `antiphon config check|schema`. */
export async function runConfig({ positionals, overrides }: Words, environment: Environment): Promise<number> {
  const [action] = positionals
  if (action === 'schema') return say(JSON.stringify(Config, null, 2))
  if (action !== 'check') return fail('Say antiphon config check or antiphon config schema.')
  const config = await loadConfig(overrides, environment)
  const providers = Object.keys(config.providers)
  return say(
    `The configuration is valid. Providers: ${['demo', ...providers].join(', ')}. Models: ${Object.keys(config.models).length}.`,
  )
}
