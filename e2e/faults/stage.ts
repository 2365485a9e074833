import assert from 'node:assert/strict'
import { after } from 'node:test'
import { grammarFaults } from '../../src/core/grammar.ts'
import type { ResponseEvent } from '../../src/protocol/event.ts'
import { startChaosProxy, type ChaosProxy } from '../harness/chaos-proxy.ts'
import { startFaultUpstream, type FaultUpstream, type FaultUpstreamOptions } from '../harness/fault-upstream.ts'
import { startTestServer, TEST_KEY, type TestServer, type TestServerOptions } from '../harness/server.ts'

/** How a stage differs from a plain one. */
export interface StageOptions extends Pick<TestServerOptions, 'timeouts' | 'limits' | 'background' | 'clock'> {
  /** Settings of the provider `up`. */
  readonly provider?: Record<string, unknown>
  readonly override?: FaultUpstreamOptions['override']
}

/** A response, as far as these tests look at it. */
export interface Told {
  readonly id: string
  readonly status: string
  readonly output_text: string
  readonly output: readonly { readonly type: string; readonly status: string; readonly arguments?: string }[]
  readonly error: { readonly code: string; readonly message: string } | null
  readonly incomplete_details: { readonly reason: string } | null
  readonly usage: { readonly output_tokens: number } | null
}

/** How a stream has ended. */
export interface Ending {
  readonly events: readonly Record<string, unknown>[]
  readonly types: readonly unknown[]
  readonly deltas: readonly string[]
  /** The response of the last event. */
  readonly final: Told
  /** The code of the `error` event before it. */
  readonly code: unknown
}

/** A server, a model that does what the prompt says (`up/any`), and the network between them. */
export interface Stage {
  readonly server: TestServer
  readonly upstream: FaultUpstream
  readonly network: ChaosProxy
  /** Asks for a response. `words` are of the fault upstream's language, such as `[tag:a] [do: hang@2]`. */
  ask(words: string, fields?: object, signal?: AbortSignal): Promise<Response>
  /** Asks for a whole answer. */
  tell(words: string, fields?: object): Promise<{ readonly status: number; readonly told: Told }>
  /** Asks for a stream, and reads it to its end: it must be well-formed, and what is stored afterwards. */
  stream(words: string, fields?: object): Promise<Ending>
  retrieve(id: string): Promise<Told>
  /** Reads a response again and again until it is as wanted. */
  retrieveUntil(id: string, isTrue: (told: Told) => boolean): Promise<Told>
}

/** Sets a stage, and strikes it after the tests of the file. */
export async function setStage({ provider, override, ...settings }: StageOptions = {}): Promise<Stage> {
  const upstream = await startFaultUpstream(override === undefined ? {} : { override })
  const { hostname: host, port } = new URL(upstream.baseUrl)
  const network = await startChaosProxy({ target: { host, port: Number(port) } })
  const base_url = `http://${network.host}:${network.port}/v1`
  const server = await startTestServer({
    providers: {
      up: { kind: 'openai-chat', dialect: 'vllm', base_url, api_key: 'key-of-the-provider', ...provider },
    },
    ...settings,
  })
  after(async () => {
    await server.close()
    await network.close()
    await upstream.close()
  })
  return actsOn({ server, upstream, network })
}

function actsOn(parts: Pick<Stage, 'server' | 'upstream' | 'network'>): Stage {
  const { server } = parts
  const ask: Stage['ask'] = (words, fields = {}, signal) =>
    fetch(`${server.base}/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'up/any', input: `Speak. ${words}`, ...fields }),
      ...(signal && { signal }),
    })
  const retrieve = async (id: string) => (await (await server.get(`/responses/${id}`)).json()) as Told
  return {
    ...parts,
    ask,
    retrieve,
    async tell(words, fields) {
      const answer = await ask(words, fields)
      return { status: answer.status, told: (await answer.json()) as Told }
    },
    async stream(words, fields) {
      const answer = await ask(words, { stream: true, ...fields })
      assert.equal(answer.status, 200, await (answer.status === 200 ? '' : answer.text()))
      const ending = endingOf(await answer.text())
      assert.deepEqual(await retrieve(ending.final.id), ending.final)
      return ending
    },
    async retrieveUntil(id, isTrue) {
      for (;;) {
        const told = await retrieve(id)
        if (isTrue(told)) return told
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
  }
}

/** Reads a stream that must have said all that streams say. */
export function endingOf(text: string): Ending {
  assert.ok(text.endsWith('\n\ndata: [DONE]\n\n'), text.slice(-300))
  const events = text
    .split('\n\n')
    .flatMap((block) => /^data: (\{.*\})$/m.exec(block)?.[1] ?? [])
    .map((data) => JSON.parse(data) as Record<string, unknown>)
  assert.deepEqual(grammarFaults(events as unknown as ResponseEvent[]), [])
  return {
    events,
    types: events.map(({ type }) => type),
    deltas: events.flatMap(({ type, delta }) => (type === 'response.output_text.delta' ? [String(delta)] : [])),
    final: events.at(-1)?.['response'] as Told,
    code: events.at(-2)?.['code'],
  }
}

/** An error answer of ours: it must be the JSON that every error is. */
export async function problemIn(answer: Response): Promise<{ status: number; code: string; message: string }> {
  assert.match(answer.headers.get('x-request-id') ?? '', /^req_/)
  const { error } = (await answer.json()) as { error: { code: string; message: string } }
  return { status: answer.status, code: error.code, message: error.message }
}

/** What a plain refusal says to try again, as far as it says anything. */
export function retryHeaders(answer: Response): { after: string | null; should: string | null } {
  return { after: answer.headers.get('retry-after'), should: answer.headers.get('x-should-retry') }
}
