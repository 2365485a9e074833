import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../src/telemetry/log.ts'
import { startFaultUpstream, type FaultUpstream } from '../harness/fault-upstream.ts'
import { OTHER_KEY, startTestServer, TEST_KEY, type TestServer } from '../harness/server.ts'

/** The keys of the two accounts. */
export const KEYS = { mine: TEST_KEY, other: OTHER_KEY } as const

/** One of the two accounts. */
export type Who = keyof typeof KEYS

/** An answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly text: string
}

/** A server with a provider that does what prompts say; it can be stopped and started again. */
export interface ModelStage {
  readonly upstream: FaultUpstream
  ask(who: Who, method: string, path: string, body?: object): Promise<Answer>
  /** The answer before it has been read. While no server is there, it is waited for. */
  open(
    who: Who,
    method: string,
    path: string,
    more?: Pick<RequestInit, 'headers' | 'signal' | 'body'>,
  ): Promise<Response>
  /** Stops the server in order, and starts another one on the same storage. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** The model that every request names. */
export const MODEL = 'fake/m'

/** How many jobs run at a time: one more that is held has to wait. */
export const CONCURRENCY = 2

/** Starts a server on a real database. */
export async function startModelStage(): Promise<ModelStage> {
  const folder = await mkdtemp(join(tmpdir(), 'antiphon-model-'))
  const upstream = await startFaultUpstream()
  const logger = createLogger('silent')
  const start = (): Promise<TestServer> =>
    startTestServer({
      store: { path: join(folder, 'antiphon.db') },
      providers: { fake: { kind: 'openai-chat', dialect: 'vllm', base_url: upstream.baseUrl } },
      background: { concurrency: CONCURRENCY, queue_max: 1000, streaming: true },
      logger,
    })
  let server = await start()
  let restarted = Promise.resolve()
  const open: ModelStage['open'] = async (who, method, path, more = {}) => {
    await restarted
    const headers = { authorization: `Bearer ${KEYS[who]}`, 'content-type': 'application/json', ...more.headers }
    return fetch(server.base + path, { method, ...more, headers })
  }
  return {
    upstream,
    open,
    async ask(who, method, path, body) {
      const answer = await open(who, method, path, body && { body: JSON.stringify(body) })
      return { status: answer.status, text: await answer.text() }
    },
    restart() {
      const closing = server.close()
      restarted = closing.then(start).then((next) => void (server = next))
      return restarted
    },
    async close() {
      await server.close()
      await upstream.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** The data of every event of a stream, as it stood on the wire. */
export function eventsIn(text: string): readonly string[] {
  return [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json = '']) => json)
}
