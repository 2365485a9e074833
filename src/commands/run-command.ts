import { parseArgs } from 'node:util'
import type { Environment } from '../config/load.ts'
import { VERSION } from '../version.ts'
import { fail, say } from './console.ts'
import type { Words } from './words.ts'

const USAGE = `antiphon ${VERSION}: a Responses API in front of any model provider.

Usage
  antiphon serve [--config FILE] [--host H] [--port N] [--store URL]
                 [--role all|api|worker] [--workers N]
  antiphon keys create|list|revoke [--account NAME] [ID] [--config FILE] [--store URL]
  antiphon config check|schema [--config FILE]
  antiphon db check [--config FILE] [--store URL]
  antiphon --version | --help

Environment
  ANTIPHON_CONFIG, ANTIPHON_HOST, ANTIPHON_PORT (or PORT), ANTIPHON_STORE,
  ANTIPHON_ROLE, ANTIPHON_WORKERS
  ANTIPHON_API_KEY   a key that is accepted for the account "default"; none is generated then
  LOG_LEVEL          fatal, error, warn, info, debug, trace or silent

Flags beat the environment, which beats the file.
`

/** First Node version whose security fixes this server relies on. */
export const NODE_MAJOR_MIN = 24

/** Runs the command line. @returns the exit code; `serve` returns when the server has stopped. */
export async function runCommand(args: readonly string[], environment: Environment): Promise<number> {
  if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
    return fail(`Antiphon needs Node ${NODE_MAJOR_MIN} or later; this is ${process.versions.node}.`)
  }
  try {
    return await dispatch(args, environment)
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

async function dispatch(args: readonly string[], environment: Environment): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      store: { type: 'string' },
      role: { type: 'string' },
      workers: { type: 'string' },
      account: { type: 'string' },
      version: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.version === true) return say(VERSION)
  if (values.help === true) return say(USAGE)
  const [command = 'help', ...rest] = positionals
  const { account, config, host, port, store, role, workers } = values
  const words: Words = { positionals: rest, overrides: { config, host, port, store, role, workers }, account }
  // Loaded only when asked for: --help needs no server, and an old Node is told so before it meets what it lacks.
  switch (command) {
    case 'serve': {
      const { serve } = await import('./serve.ts')
      return serve(words, environment)
    }
    case 'keys': {
      const { runKeys } = await import('./keys.ts')
      return runKeys(words, environment)
    }
    case 'config': {
      const { runConfig } = await import('./config.ts')
      return runConfig(words, environment)
    }
    case 'db': {
      const { runDb } = await import('./db.ts')
      return runDb(words, environment)
    }
    case 'help':
      return say(USAGE)
    default:
      return fail(`There is no command ${command}.\n\n${USAGE}`)
  }
}
