import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compose, type Server } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Clock } from '../../src/engine/clock.ts'
import { createLogger, type Logger } from '../../src/telemetry/log.ts'
import { watchConformance, type Conformance } from './conformance.ts'

/** The key of the account `default` in every test server. */
export const TEST_KEY = 'test-key-of-the-default-account'

/** The key of the account `other`. */
export const OTHER_KEY = 'test-key-of-another-account'

/** A server in this process, on a real socket, whose every answer is checked. */
export interface TestServer {
  /** Such as `http://127.0.0.1:43210`. */
  readonly url: string
  /** `url` with the first base path. */
  readonly base: string
  readonly server: Server
  readonly conformance: Conformance
  /** Sends a JSON body with the test key. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  get(path: string, headers?: Record<string, string>): Promise<Response>
  delete(path: string): Promise<Response>
  /** Stops it, and fails where anything it sent was not what openapi.json says. */
  close(): Promise<void>
}

/** Settings of a test server; what is absent has the configuration's default. */
export interface TestServerOptions {
  readonly providers?: Record<string, unknown>
  readonly models?: Record<string, unknown>
  readonly settings?: Partial<Record<keyof Config, unknown>>
  readonly timeouts?: Partial<Config['timeouts']>
  readonly limits?: Partial<Config['limits']>
  readonly background?: Partial<Config['background']>
  /** `memory` unless a real database is wanted; `sqlite` makes a fresh one. */
  readonly store?: 'memory' | 'sqlite' | { readonly path: string }
  readonly clock?: Clock
  readonly logger?: Logger
}

/** Starts a server with the demo model and whatever providers are given. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'antiphon-'))
  const { store = 'memory' } = options
  const path = typeof store === 'object' ? store.path : join(folder, 'antiphon.db')
  const defaults = await loadConfig({ port: '0', store: store === 'memory' ? 'memory:' : `sqlite:${path}` }, {})
  const config: Config = {
    ...defaults,
    timeouts: { ...defaults.timeouts, drain_ms: 50, ...options.timeouts },
    limits: { ...defaults.limits, ...options.limits },
    background: { ...defaults.background, ...options.background },
    providers: options.providers as Config['providers'],
    models: (options.models ?? {}) as Config['models'],
    keys: [{ account: 'other', key: OTHER_KEY }],
    ...(options.settings as Partial<Config>),
  }
  const complete: Config = { ...config, providers: config.providers ?? {} }
  const logger = options.logger ?? createLogger('silent')
  const server = await compose(complete, {
    environment: { ANTIPHON_API_KEY: TEST_KEY },
    logger,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  })
  const conformance = watchConformance(server.app)
  const url = await server.start()
  const base = `${url}/v1`
  const auth = { authorization: `Bearer ${TEST_KEY}` }
  return {
    url,
    base,
    server,
    conformance,
    post: (route, body, headers) =>
      fetch(base + route, {
        method: 'POST',
        headers: { ...auth, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    get: (route, headers) => fetch(base + route, { headers: { ...auth, ...headers } }),
    delete: (route) => fetch(base + route, { method: 'DELETE', headers: auth }),
    async close() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
      conformance.assertClean()
    },
  }
}

/** The events of a stream, read to its end. */
export async function readStream(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text()
  return text
    .split('\n\n')
    .flatMap((block) => /^data: (\{.*\})$/m.exec(block)?.[1] ?? [])
    .map((data) => JSON.parse(data) as Record<string, unknown>)
}
