import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { createAuthenticator } from '../../accounts/keys.ts'
import { recordingLogger, type RecordingLogger } from '../../engine/testing/fakes.ts'
import { ALICE, testEngine, type TestEngine, type TestEngineOptions } from '../../engine/testing/test-engine.ts'
import type { Store } from '../../store/store.ts'
import { NO_METRICS } from '../../telemetry/metrics.ts'
import { createApp } from '../app.ts'
import { createStage, type Stage } from '../stage.ts'
import type { HttpParts } from '../parts.ts'

/** A key of Alice's. */
export const KEY = 'a-key-of-alice'

/** Headers that every request of hers bears. */
export const AUTHORIZED = { authorization: `Bearer ${KEY}` }

/** An application over a test engine. */
export interface TestApp extends TestEngine {
  readonly app: FastifyInstance
  /** What the HTTP layer has logged. */
  readonly httpLog: RecordingLogger
  /** Sends a request of Alice's without a socket. */
  send(method: 'GET' | 'HEAD' | 'POST' | 'DELETE', url: string, body?: object): Promise<LightMyRequestResponse>
  /** A request of Alice's as bytes, for a raw socket. */
  raw(method: string, path: string, body?: string, headers?: readonly string[]): string
}

/** Makes an application; `parts` replaces what a test wants otherwise. */
export function testApp(store: Store, options: TestEngineOptions = {}, parts: Partial<HttpParts> = {}): TestApp {
  const context = testEngine(store, options)
  const httpLog = recordingLogger()
  const app = createApp({
    engine: context.engine,
    catalogue: context.catalogue,
    authenticator: createAuthenticator(store.keys, [{ account: ALICE, key: KEY }]),
    store,
    logger: httpLog,
    metrics: options.metrics ?? NO_METRICS,
    pace: { mayHold: () => false, later: () => {} },
    version: '1.2.3',
    basePaths: ['/v1', '/api/v1'],
    limits: { bodyBytesMax: 1000, jsonDepthMax: 100 },
    timeouts: { keepalive_ms: 15_000, clientStall_ms: 30_000 },
    stage: readyStage(),
    servesApi: true,
    ...parts,
  })
  return {
    ...context,
    app,
    httpLog,
    send: (method, url, body) =>
      app.inject({ method, url, headers: AUTHORIZED, ...(body === undefined ? {} : { payload: body }) }),
    raw(method, path, body, headers = []) {
      const lines = [
        `${method} ${path} HTTP/1.1`,
        'host: localhost',
        `authorization: ${AUTHORIZED.authorization}`,
        ...headers,
      ]
      if (body !== undefined) lines.push('content-type: application/json', `content-length: ${Buffer.byteLength(body)}`)
      return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
    },
  }
}

function readyStage(): Stage {
  const stage = createStage()
  stage.enter('ready')
  return stage
}
