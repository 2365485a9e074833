import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Target } from './load.ts'
import { freePort, launch, messageOf, untilReady, type MeasuredProcess } from './process.ts'

const KEY = 'bench-key-of-the-default-account'

/** A running server, and how it is asked. */
export interface Server {
  readonly target: Target
  readonly process: MeasuredProcess
}

/** Everything that takes part in a measurement. */
export interface Rig {
  readonly upstream: MeasuredProcess
  readonly upstreamOrigin: string
  readonly askPort: number
  /** 1.0. */
  readonly pipe: Server
  readonly antiphon: Server
  /** The folder of Antiphon's database. */
  readonly folder: string
  /** When the calls with an id have come to the upstream since the last look, in Unix milliseconds. */
  arrivals(): Promise<ReadonlyMap<string, number>>
  /** Stops everything and deletes the folder. */
  close(): Promise<void>
}

/** Starts the mock upstream, the raw pipe, and Antiphon with everything on. */
export async function startRig(): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-bench-'))
  const upstream = launch({ args: [here('upstream.ts')] })
  const ports = (await messageOf(upstream.child)) as { port: number; askPort: number } // Sent by upstream.ts.
  const upstreamOrigin = `http://127.0.0.1:${ports.port}`
  const [pipe, antiphon] = await Promise.all([startPipe(upstreamOrigin), startAntiphon(upstreamOrigin, folder)])
  return {
    upstream,
    upstreamOrigin,
    askPort: ports.askPort,
    pipe,
    antiphon,
    folder,
    arrivals: async () => {
      upstream.child.send('arrivals')
      return new Map((await messageOf(upstream.child)) as [string, number][]) // Sent by upstream.ts.
    },
    close: async () => {
      await Promise.all([pipe, antiphon, { process: upstream }].map((server) => server.process.stop()))
      rmSync(folder, { recursive: true })
    },
  }
}

async function startPipe(upstreamOrigin: string): Promise<Server> {
  const process = launch({ args: [here('pipe.ts'), upstreamOrigin] })
  const { port } = (await messageOf(process.child)) as { port: number } // Sent by pipe.ts.
  const target: Target = {
    name: 'raw pipe',
    origin: `http://127.0.0.1:${port}`,
    path: '/v1/chat/completions',
    headers: {},
    body: (prompt, stream) => ({ model: 'mock', stream, messages: [{ role: 'user', content: prompt }] }),
  }
  return { target, process }
}

/** Antiphon as it is published, with a database, a log, a key and metrics. */
async function startAntiphon(upstreamOrigin: string, folder: string): Promise<Server> {
  const port = await freePort()
  const config = join(folder, 'antiphon.yaml')
  writeFileSync(
    config,
    [
      `server: { port: ${port}, metrics: true }`,
      `store: sqlite:${join(folder, 'antiphon.db')}`,
      'timeouts: { lame_duck_ms: 0 }',
      `providers: { mock: { kind: openai-chat, base_url: "${upstreamOrigin}/v1" } }`,
    ].join('\n'),
  )
  const process = launch({
    args: ['--expose-gc', '--import', here('probe.ts'), bundleFile(), 'serve', '--config', config],
    environment: { ANTIPHON_API_KEY: KEY, LOG_LEVEL: 'info' },
    folder,
    stdout: openSync(join(folder, 'log'), 'w'),
  })
  const origin = `http://127.0.0.1:${port}`
  await untilReady(origin)
  const target: Target = {
    name: 'antiphon',
    origin,
    path: '/v1/responses',
    headers: { authorization: `Bearer ${KEY}` },
    body: (prompt, stream) => ({ model: 'mock', stream, input: prompt }),
  }
  return { target, process }
}

/** Antiphon's entry in the sources. */
export function sourceFile(): string {
  return new URL('../../src/main.ts', import.meta.url).pathname
}

/** Antiphon's entry as `npm run build` makes it. */
export function bundleFile(): string {
  return new URL('../../dist/main.js', import.meta.url).pathname
}

function here(file: string): string {
  return new URL(file, import.meta.url).pathname
}
