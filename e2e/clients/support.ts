import assert from 'node:assert/strict'
import OpenAI, { type ClientOptions, NotFoundError } from 'openai'
import type { ResponseCreateAndStreamParams } from 'openai/lib/responses/ResponseStream'
import type { ParsedResponse, Response, ResponseStreamEvent } from 'openai/resources/responses/responses'
import { startTestServer, TEST_KEY, type TestServer, type TestServerOptions } from '../harness/server.ts'
import { chunk, DONE, startUpstream, type Answer, type Received, type Upstream } from '../harness/upstream.ts'

/** A server that stores in SQLite, with a scripted provider behind it and the official client before it. */
export interface Stage {
  readonly upstream: Upstream
  readonly server: TestServer
  /** Tries once, so that a failure is seen as it is. */
  readonly client: OpenAI
  /**
   * Answers the next requests to the provider, one each; a request too many is refused.
   *
   * @returns what the provider has received since.
   */
  script(...answers: readonly Answer[]): () => readonly Received[]
  close(): Promise<void>
}

/** A model of the scripted provider. */
export const MODEL = 'scripted'

/**
 * Starts a stage. The provider serves every model but `demo`; as `public/MODEL` it is trusted to fetch
 * URLs of users, which it otherwise is not, being in a private network.
 */
export async function startStage(options: Omit<TestServerOptions, 'providers'> = {}): Promise<Stage> {
  const upstream = await startUpstream()
  const provider = { kind: 'openai-chat', base_url: upstream.baseUrl, api_key: 'key-of-the-provider' }
  const server = await startTestServer({
    store: 'sqlite',
    ...options,
    providers: { upstream: provider, public: { ...provider, forward_urls: true } },
    settings: { default_provider: 'upstream', ...options.settings },
  })
  return {
    upstream,
    server,
    client: openClient(server),
    script(...answers) {
      const start = upstream.received.length
      upstream.answer((_, index) => answers[index - start] ?? refusal(400, 'The test has scripted no further answer.'))
      return () => upstream.received.slice(start)
    },
    async close() {
      await upstream.close()
      await server.close()
    },
  }
}

/** The official client, pointed at a server. */
export function openClient(server: TestServer, options: ClientOptions = {}): OpenAI {
  return new OpenAI({ baseURL: server.base, apiKey: TEST_KEY, maxRetries: 0, ...options })
}

/** An error answer of the provider. It asks for a retry at once, so that none is waited for. */
export function refusal(status: number, message: string, rest: { param?: string; code?: string } = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'retry-after-ms': '1' },
    chunks: [JSON.stringify({ error: { message, type: 'provider_error', ...rest } })],
  }
}

const USAGE = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }

/** A whole streamed answer of these deltas. */
export function speaks(deltas: readonly object[], finish_reason = 'stop'): Answer {
  return {
    chunks: [...deltas.map((delta) => chunk(delta)), chunk({}, { finish_reason, usage: USAGE }), DONE],
  }
}

/** A call that the model makes. */
export interface ScriptedCall {
  readonly id: string
  readonly name: string
  readonly arguments: object
}

/** A whole streamed answer that calls tools, the arguments of each cut in two. */
export function calls(...made: readonly ScriptedCall[]): Answer {
  const deltas = made.flatMap(({ id, name, arguments: given }, index) => {
    const text = JSON.stringify(given)
    return [
      { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] },
      { tool_calls: [{ index, function: { arguments: text.slice(0, 5) } }] },
      { tool_calls: [{ index, function: { arguments: text.slice(5) } }] },
    ]
  })
  return speaks(deltas, 'tool_calls')
}

/** A call of the tool that the tests offer. */
export const PARIS: ScriptedCall = { id: 'call_paris', name: 'get_weather', arguments: { city: 'Paris' } }

/** What the provider is to see after the question, `PARIS` and the tool's answer. */
export const PARIS_TURNS: readonly object[] = [
  { role: 'user', content: 'Weather in Paris?' },
  assistantCalls(PARIS),
  { role: 'tool', tool_call_id: 'call_paris', content: 'Sunny in Paris.' },
]

/** An assistant message with these calls, as the provider is to see it again. */
export function assistantCalls(...made: readonly ScriptedCall[]): object {
  const toolCalls = made.map(({ id, name, arguments: given }) => ({
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(given) },
  }))
  return { role: 'assistant', content: null, tool_calls: toolCalls }
}

/** The format of `z.object({ city: z.string(), degrees: z.number() })`, as the provider is to see it. */
export function weatherFormat(name: string): object {
  return {
    type: 'json_schema',
    json_schema: {
      name,
      strict: true,
      schema: {
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'object',
        properties: { city: { type: 'string' }, degrees: { type: 'number' } },
        required: ['city', 'degrees'],
        additionalProperties: false,
      },
    },
  }
}

/** A message as the provider receives it. */
export interface Message {
  readonly role: string
  readonly content: unknown
  readonly [field: string]: unknown
}

/** The body of a request that the provider has received. */
export function bodyOf(received: Received | undefined): Readonly<Record<string, unknown>> {
  assert.ok(received?.body !== undefined, 'the provider was sent a body')
  return received.body
}

/** The messages of a request that the provider has received. */
export function messagesOf(received: Received | undefined): readonly Message[] {
  return bodyOf(received)['messages'] as Message[] // A Chat Completions body has them.
}

/** What the provider received as tools, by name. */
export function toolsOf(received: Received | undefined): readonly Record<string, unknown>[] {
  // Chat Completions tools are functions.
  const tools = bodyOf(received)['tools'] as { function: Record<string, unknown> }[] | undefined
  return (tools ?? []).map((tool) => tool.function)
}

/**
 * A response without what the SDK itself adds to it: what it parsed, and the request id. `output_text`
 * is ours and must stand.
 */
export function normalised(response: object): Record<string, unknown> {
  const plain = JSON.parse(JSON.stringify(response)) as Record<string, unknown>
  const { output_parsed: _, _request_id: __, ...rest } = plain
  return { ...rest, output: (plain['output'] as Record<string, unknown>[]).map(withoutParsed) }
}

function withoutParsed(item: Record<string, unknown>): object {
  const { parsed_arguments: _, ...rest } = item
  if (item['type'] !== 'message' || !Array.isArray(item['content'])) return rest
  return { ...rest, content: item['content'].map(withoutParsedText) }
}

function withoutParsedText(part: Record<string, unknown>): object {
  const { parsed: _, ...rest } = part
  return rest
}

/** What one stream has brought. */
export interface Streamed {
  readonly final: ParsedResponse<unknown>
  readonly events: readonly ResponseStreamEvent[]
}

/**
 * Creates a response as a stream and reads it to its end. What the SDK made of the events must be what
 * the last event says and, where it is stored, what is retrieved.
 */
export async function streamed(client: OpenAI, body: ResponseCreateAndStreamParams): Promise<Streamed> {
  const stream = client.responses.stream(body)
  const events: ResponseStreamEvent[] = []
  for await (const event of stream) events.push(event)
  const final = await stream.finalResponse()
  const last = events.at(-1)
  assert.ok(last !== undefined && 'response' in last, 'the last event carries the response')
  assert.deepEqual(normalised(final), normalised(last.response))
  if (body.store === false) await assert.rejects(client.responses.retrieve(final.id), NotFoundError)
  else assert.deepEqual(normalised(final), normalised(await client.responses.retrieve(final.id)))
  return { final, events }
}

/** Reads the stored events of a response to the last, live where it still runs; gives its end. */
export async function lastOf(client: OpenAI, id: string): Promise<Response> {
  const stream = await client.responses.retrieve(id, { stream: true })
  const events: ResponseStreamEvent[] = []
  for await (const event of stream) events.push(event)
  const last = events.at(-1)
  assert.ok(last !== undefined && 'response' in last, 'the last event carries the response')
  return last.response
}

/** Waits for something that must happen within a time, in milliseconds. */
export async function within<Value>(ms: number, what: string, happens: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${what} did not happen within ${ms} ms`)), ms)
  return Promise.race([happens, late.promise]).finally(() => clearTimeout(timer))
}

/** Waits until the connection of the first request to the provider is closed: a second at most. */
export async function hungUp(seen: () => readonly Received[]): Promise<void> {
  const [received] = seen()
  assert.ok(received !== undefined, 'the provider was asked')
  await within(1000, 'hanging up upstream', received.closed)
}

/** Types of events, each once, in the order in which they first came. */
export function typesOf(events: readonly { type: string }[]): readonly string[] {
  return [...new Set(events.map(({ type }) => type))]
}
