import type { ModelCall } from '../../core/model-call.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { Take } from '../../core/flow.ts'
import type { Transport, TransportAnswer, TransportBody } from '../../core/transport.ts'
import { UpstreamError } from '../../core/upstream-error.ts'
import { isJsonObject, parseJson } from '../../protocol/json.ts'
import type { Adapter, PreparedCall } from '../adapter.ts'
import { redactStream } from '../redact-stream.ts'
import { createEventDecoder, type EventDecoder, type WireEvent } from '../sse.ts'
import { connectionError, ERROR_BODY_BYTES_MAX, getJson, postJson, readText, type Endpoint } from '../upstream.ts'
import { readErrorAnswer } from './errors.ts'
import { buildChatRequest } from './request.ts'
import { createChatReader, type ChatReader } from './stream.ts'
import type { Dialect } from './tables.ts'

/** What a Chat Completions provider needs. */
export interface ChatProvider {
  readonly id: string
  readonly dialect: Dialect
  readonly endpoint: Endpoint
  readonly forwardsUrls: boolean
  readonly limits: { readonly eventBytesMax: number; readonly outputBytesMax: number }
  readonly transport: Transport
}

/** How long the rest is waited for once the answer has finished or failed: usage comes last. */
const AFTERMATH_MS = 5000

const PATH = '/chat/completions'

/** An adapter for everything that speaks Chat Completions. */
export function openAiChat(provider: ChatProvider): Adapter {
  const { id, dialect, endpoint, forwardsUrls, transport } = provider
  return {
    id,
    families: dialect.families,
    forwardsUrls,
    prepare(call) {
      const { body, warnings } = buildChatRequest(call, dialect.quirks, forwardsUrls)
      const { callIdPrefix, canStream } = call
      return new ChatCall(provider, { warnings, body: JSON.stringify(body), callIdPrefix, canStream })
    },
    listModels: async (signal) => readModelList(await getJson(transport, endpoint, { path: '/models', signal })),
    chat: {
      async send(body, signal) {
        const answer = await postJson(transport, endpoint, { path: PATH, body: JSON.stringify(body), signal })
        if (answer.status < 200 || answer.status > 299) throw await readRefusal(answer, provider, signal)
        const passed = redactStream(answer.body, endpoint.secrets)
        return { status: answer.status, contentType: headerOf(answer, 'content-type'), body: passed }
      },
    },
  }
}

type Say = Take<readonly ModelEvent[]>

/** A call as it is sent, and what its answer's reader must know of it. */
interface Asked extends Pick<ModelCall, 'callIdPrefix' | 'canStream'>, Pick<PreparedCall, 'warnings'> {
  readonly body: string
}

class ChatCall implements PreparedCall {
  readonly warnings: readonly string[]
  readonly #provider: ChatProvider
  #asked: Asked

  constructor(provider: ChatProvider, asked: Asked) {
    this.warnings = asked.warnings
    this.#provider = provider
    this.#asked = asked
  }

  letGo(): void {
    this.#asked = { ...this.#asked, body: '' }
  }

  async send(signal: AbortSignal, say: Say): Promise<void> {
    const { body, isWhole } = await this.#open(signal)
    await say([])
    const { dialect, endpoint, limits } = this.#provider
    const { callIdPrefix } = this.#asked
    const reader = createChatReader(dialect.quirks, { callIdPrefix, secrets: endpoint.secrets })
    const heard: Heard = { body, reader, limits, say }
    const stream = isWhole ? undefined : new ChatStream(heard)
    try {
      await (stream === undefined ? readWhole(heard) : stream.read())
      await stream?.end()
    } catch (error) {
      if (signal.aborted) throw error
      const failure = reader.failure()
      if (failure !== undefined) throw withUsage(failure, reader)
      if (!reader.hasFinished()) throw connectionError(error)
      await say(reader.end()) // The answer was whole; only the end of the stream was lost.
    } finally {
      stream?.stop()
    }
  }

  /** Sends the call and waits for the answer to begin. A function of its own: its frame goes, and the text with it. */
  async #open(signal: AbortSignal): Promise<{ body: TransportBody; isWhole: boolean }> {
    const { endpoint, transport } = this.#provider
    const { body, canStream } = this.#asked
    const answer = await postJson(transport, endpoint, { path: PATH, body, signal })
    if (answer.status !== 200) throw await readRefusal(answer, this.#provider, signal)
    const type = headerOf(answer, 'content-type')
    return { body: answer.body, isWhole: type.includes('json') || (!canStream && !type.includes('event-stream')) }
  }
}

/** An answer that has begun, and what becomes of it. */
interface Heard {
  readonly body: TransportBody
  readonly reader: ChatReader
  readonly limits: ChatProvider['limits']
  readonly say: Say
}

/** What an error answer means; the status tells, even where the body breaks off. */
async function readRefusal(
  answer: TransportAnswer,
  { endpoint }: ChatProvider,
  signal: AbortSignal,
): Promise<UpstreamError> {
  const text = await readText(answer.body, ERROR_BODY_BYTES_MAX).catch((error: unknown) => {
    if (signal.aborted) throw error
    return ''
  })
  return readErrorAnswer({ status: answer.status, headers: answer.headers, text }, endpoint.secrets)
}

/** A stream of chunks, and how far it has come. */
class ChatStream {
  readonly #body: TransportBody
  readonly #reader: ChatReader
  readonly #say: Say
  readonly #decoder: EventDecoder
  #hasSpoken = false
  #hasChunks = false
  /** The end mark has come: what follows it is not read. */
  #isDone = false
  /** Something came that is no chunk: what came before it still counts. */
  #isGarbled = false
  #timer: NodeJS.Timeout | undefined
  #heard: Promise<void> | undefined

  constructor({ body, reader, limits, say }: Heard) {
    this.#body = body
    this.#reader = reader
    this.#say = say
    this.#decoder = createEventDecoder(limits.eventBytesMax)
  }

  /** Reads until the body ends, or is left. Not asynchronous itself: a suspended function is 0.6 kB per stream. */
  read(): Promise<void> {
    return this.#body.each((piece) => this.#hear(this.#decoder.push(piece)))
  }

  async end(): Promise<void> {
    await this.#heard // A body that was left does not wait for it.
    await this.#hear(this.#decoder.end())
    const reader = this.#reader
    const failure = reader.failure()
    if (failure !== undefined) throw withUsage(failure, reader)
    const tooLong = this.#decoder.failure()
    if (tooLong !== undefined && !reader.hasFinished()) throw tooLong
    if (!this.#hasChunks || this.#isGarbled) throw notItsProtocol()
    if (!this.#isDone && !reader.hasFinished()) throw brokenOff()
    await this.#say(reader.end())
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #hear(batch: readonly WireEvent[]): Promise<void> | undefined {
    const [only] = batch
    const events =
      batch.length === 1 && only !== undefined
        ? this.#readEvent(only.data)
        : batch.flatMap(({ data }) => this.#readEvent(data))
    this.#hasSpoken ||= events.length > 0
    if (this.#isOver() || this.#decoder.failure() !== undefined) this.#body.leave()
    else if (isSettled(this.#reader)) this.#timer ??= setTimeout(() => this.#body.leave(), AFTERMATH_MS)
    this.#heard = events.length > 0 ? this.#say(events) : undefined
    return this.#heard
  }

  #readEvent(data: string): ModelEvent[] {
    const text = data.trim()
    if (this.#isDone || this.#isGarbled || text === '') return []
    this.#isDone = text === '[DONE]'
    if (this.#isDone) return []
    const chunk = parseJson(text)
    if (isJsonObject(chunk)) {
      this.#hasChunks = true
      return this.#reader.read(chunk)
    }
    this.#isGarbled = !this.#reader.hasFinished()
    return []
  }

  /** Whether what comes after is of no use. */
  #isOver(): boolean {
    return this.#isDone || this.#isGarbled || (!this.#hasSpoken && this.#reader.failure() !== undefined)
  }
}

/** Whether the answer has finished or failed, and only its usage may still come. */
function isSettled(reader: ChatReader): boolean {
  return reader.hasFinished() || reader.failure() !== undefined
}

/** Providers that cannot stream, and some that were asked to, answer in one piece. */
async function readWhole({ body, reader, limits, say }: Heard): Promise<void> {
  const answer = parseJson(await readText(body, limits.outputBytesMax))
  if (!isJsonObject(answer) || (answer['error'] == null && isEmptyList(answer['choices']))) throw notItsProtocol()
  const events = reader.read(answer)
  const failure = reader.failure()
  if (failure !== undefined) throw withUsage(failure, reader)
  await say([...events, ...reader.end()])
}

function isEmptyList(value: unknown): boolean {
  return !Array.isArray(value) || value.length === 0
}

function withUsage(failure: UpstreamError, reader: ChatReader): UpstreamError {
  const usage = reader.usage()
  return usage === undefined ? failure : new UpstreamError({ ...failure.problem, usage })
}

function brokenOff(): UpstreamError {
  const message = 'The model provider ended its answer before it was finished.'
  return new UpstreamError({ fault: 'invalid_response', message, accepted: true })
}

function notItsProtocol(): UpstreamError {
  const message = 'The model provider answered with something other than its protocol.'
  return new UpstreamError({ fault: 'invalid_response', message, accepted: true })
}

function headerOf(answer: TransportAnswer, name: string): string {
  const value = answer.headers[name]
  return typeof value === 'string' ? value.toLowerCase() : ''
}

function readModelList(body: unknown): readonly string[] {
  const data = isJsonObject(body) && Array.isArray(body['data']) ? body['data'] : []
  return data.flatMap((model: unknown) => (isJsonObject(model) && typeof model['id'] === 'string' ? [model['id']] : []))
}
