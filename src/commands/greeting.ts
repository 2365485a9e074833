import type { Config } from '../config/schema.ts'

/** What a server that has started says: where it is, what it has, and a line to paste. */
export function greeting(config: Config, address: string, key: string | undefined): string {
  const { base_paths: paths, role, workers } = config.server
  const base = `${address}${paths[0] ?? '/v1'}`
  const processes = workers === 1 ? [] : [`Processes: ${workers}`]
  const providers = `Providers: ${['demo', ...Object.keys(config.providers)].join(', ')}`
  if (role === 'worker') {
    return ['', `Antiphon works on background responses (probe: ${address}/ready)`, providers, ...processes, ''].join(
      '\n',
    )
  }
  const shown = key ?? 'YOUR_API_KEY'
  return [
    '',
    `Antiphon listens on ${base} (documentation: ${address}/docs)`,
    providers,
    ...processes,
    ...(key === undefined ? [] : ['', `API key (shown only this once): ${key}`]),
    '',
    'Try it:',
    `curl ${base}/responses -H 'Authorization: Bearer ${shown}' -H 'Content-Type: application/json' -d '{"model": "demo", "input": "Hello!"}'`,
    '',
  ].join('\n')
}

/** What a server says that has been told to stop. */
export const FAREWELL = 'Stopping: running responses are finished first. Press Ctrl-C again to stop now.'
