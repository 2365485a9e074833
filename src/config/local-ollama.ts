import type { Config } from './schema.ts'

/** Where Ollama listens by default. */
const OLLAMA_URL = 'http://127.0.0.1:11434'

/** How long a local Ollama is waited for at the start. */
const PROBE_MS = 300

/**
 * Uses a local Ollama where one answers: part of a run without configuration.
 *
 * @param answersAt Whether a server answers an address within so many milliseconds: see `egress/probe.ts`.
 */
export async function withOllama(
  config: Config,
  answersAt: (url: string, wait_ms: number) => Promise<boolean>,
): Promise<Config> {
  if (!(await answersAt(`${OLLAMA_URL}/api/version`, PROBE_MS))) return config
  return { ...config, providers: { ...config.providers, ollama: { kind: 'ollama' } } }
}
