import type { ModelCall } from '../../core/model-call.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { Take } from '../../core/flow.ts'
import type { Transport, TransportAnswer } from '../../core/transport.ts'
import { UpstreamError } from '../../core/upstream-error.ts'
import { isJsonObject, parseJson } from '../../protocol/json.ts'
import type { Adapter } from '../adapter.ts'
import { redactStream } from '../redact-stream.ts'
import { createEventDecoder, type WireEvent } from '../sse.ts'
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
      const asked = { call, body: JSON.stringify(body) }
      return { warnings, send: (signal, say) => generate(provider, { ...asked, say }, signal) }
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

async function generate(
  provider: ChatProvider,
  { call, body, say }: { call: ModelCall; body: string; say: Say },
  signal: AbortSignal,
): Promise<void> {
  const { endpoint, dialect, transport, limits } = provider
  const answer = await postJson(transport, endpoint, { path: PATH, body, signal })
  if (answer.status !== 200) throw await readRefusal(answer, provider, signal)
  await say([])
  const reader = createChatReader(dialect.quirks, { callIdPrefix: call.callIdPrefix, secrets: endpoint.secrets })
  const heard: Heard = { answer, reader, limits, say }
  try {
    const type = headerOf(answer, 'content-type')
    const isWhole = type.includes('json') || (!call.canStream && !type.includes('event-stream'))
    await (isWhole ? readWhole(heard) : readStream(heard))
  } catch (error) {
    if (signal.aborted) throw error
    const failure = reader.failure()
    if (failure !== undefined) throw withUsage(failure, reader)
    if (!reader.hasFinished()) throw connectionError(error)
    await say(reader.end()) // The answer was whole; only the end of the stream was lost.
  }
}

/** An answer that has begun, and what becomes of it. */
interface Heard {
  readonly answer: TransportAnswer
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

async function readStream({ answer, reader, limits, say }: Heard): Promise<void> {
  const { body } = answer
  const decoder = createEventDecoder(limits.eventBytesMax)
  const progress: Progress = { hasSpoken: false, hasChunks: false, isDone: false, isGarbled: false }
  let timer: NodeJS.Timeout | undefined
  let heard: Promise<void> | undefined
  const hear = (batch: readonly WireEvent[]) => {
    const [only] = batch
    const events =
      batch.length === 1 && only !== undefined
        ? readEvent(only.data, reader, progress)
        : batch.flatMap(({ data }) => readEvent(data, reader, progress))
    progress.hasSpoken ||= events.length > 0
    if (isOver(reader, progress) || decoder.failure() !== undefined) body.leave()
    else if (isSettled(reader)) timer ??= setTimeout(() => body.leave(), AFTERMATH_MS)
    heard = events.length > 0 ? say(events) : undefined
    return heard
  }
  try {
    await body.each((piece) => hear(decoder.push(piece)))
    await heard // A body that was left does not wait for it.
    await hear(decoder.end())
  } finally {
    clearTimeout(timer)
  }
  const failure = reader.failure()
  if (failure !== undefined) throw withUsage(failure, reader)
  const tooLong = decoder.failure()
  if (tooLong !== undefined && !reader.hasFinished()) throw tooLong
  if (!progress.hasChunks || progress.isGarbled) throw notItsProtocol()
  if (!progress.isDone && !reader.hasFinished()) throw brokenOff()
  await say(reader.end())
}

/** Whether what comes after is of no use. */
function isOver(reader: ChatReader, { isDone, isGarbled, hasSpoken }: Progress): boolean {
  return isDone || isGarbled || (!hasSpoken && reader.failure() !== undefined)
}

/** Whether the answer has finished or failed, and only its usage may still come. */
function isSettled(reader: ChatReader): boolean {
  return reader.hasFinished() || reader.failure() !== undefined
}

/** Providers that cannot stream, and some that were asked to, answer in one piece. */
async function readWhole({ answer, reader, limits, say }: Heard): Promise<void> {
  const body = parseJson(await readText(answer.body, limits.outputBytesMax))
  if (!isJsonObject(body) || (body['error'] == null && isEmptyList(body['choices']))) throw notItsProtocol()
  const events = reader.read(body)
  const failure = reader.failure()
  if (failure !== undefined) throw withUsage(failure, reader)
  await say([...events, ...reader.end()])
}

/** How far a stream has come. */
interface Progress {
  hasSpoken: boolean
  hasChunks: boolean
  /** The end mark has come: what follows it is not read. */
  isDone: boolean
  /** Something came that is no chunk: what came before it still counts. */
  isGarbled: boolean
}

function readEvent(data: string, reader: ChatReader, progress: Progress): ModelEvent[] {
  const text = data.trim()
  if (progress.isDone || progress.isGarbled || text === '') return []
  progress.isDone = text === '[DONE]'
  if (progress.isDone) return []
  const chunk = parseJson(text)
  progress.hasChunks ||= isJsonObject(chunk)
  if (isJsonObject(chunk)) return reader.read(chunk)
  progress.isGarbled = !reader.hasFinished()
  return []
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
