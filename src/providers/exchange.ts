import type { Take } from '../core/flow.ts'
import type { ModelEvent } from '../core/model-event.ts'
import type { Transport, TransportAnswer, TransportBody } from '../core/transport.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { isJsonObject, parseJson, type JsonObject } from '../protocol/json.ts'
import type { Usage } from '../protocol/usage.ts'
import type { PreparedCall } from './adapter.ts'
import { readErrorAnswer, type ParamNames } from './error-answer.ts'
import { createLineDecoder } from './lines.ts'
import { createEventDecoder, type EventDecoder, type WireEvent } from './sse.ts'
import { connectionError, ERROR_BODY_BYTES_MAX, postJson, readText, type Endpoint } from './upstream.ts'

/** Reads one answer, document by document. What differs from family to family is in here. */
export interface AnswerReader {
  /** One document of a stream. */
  read(document: JsonObject): ModelEvent[]
  /** An answer in one piece; undefined where it is none of this family. */
  readWhole(answer: JsonObject): ModelEvent[] | undefined
  /** The documents of a stream that came as one list; undefined where they are no answer. */
  readList?(documents: readonly JsonObject[]): ModelEvent[] | undefined
  /** Whether the provider has said that the answer is over. */
  hasFinished(): boolean
  /** The error that came inside the answer, if one did. */
  failure(): UpstreamError | undefined
  usage(): Usage | undefined
  /** The answer is over: what was held back, and the finish. */
  end(): ModelEvent[]
}

/** How one provider is spoken to, whatever is said. */
export interface Wire {
  readonly endpoint: Endpoint
  readonly limits: { readonly eventBytesMax: number; readonly outputBytesMax: number }
  readonly transport: Transport
  /** How a stream is cut into JSON documents: server-sent events, or one on each line. */
  readonly framing: 'events' | 'lines'
  /** Names of our parameters by those of the family, for its complaints. */
  readonly paramNames: ParamNames
}

/** A call as it is sent, and how its answer is read. */
export interface WireCall extends Pick<PreparedCall, 'warnings'> {
  /** Below the base URL. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  /** Whether a stream was asked for. */
  readonly isStreamed: boolean
  /** Makes a reader for each try. It is kept while the provider is silent: it must not hold the call. */
  readonly createReader: () => AnswerReader
}

/** How long the rest is waited for once the answer has finished or failed: usage comes last. */
export const AFTERMATH_MS = 5000

type Say = Take<readonly ModelEvent[]>

/** One model call over HTTP: sent, and its answer read, whichever way the provider sends it. */
export class HttpCall implements PreparedCall {
  readonly warnings: readonly string[]
  readonly #wire: Wire
  #asked: WireCall

  constructor(wire: Wire, asked: WireCall) {
    this.warnings = asked.warnings
    this.#wire = wire
    this.#asked = asked
  }

  letGo(): void {
    this.#asked = { ...this.#asked, body: '' }
  }

  async send(signal: AbortSignal, say: Say): Promise<void> {
    const { body, isWhole } = await this.#open(signal)
    await say([])
    const { limits, framing } = this.#wire
    const reader = this.#asked.createReader()
    const heard: Heard = { body, reader, limits, say }
    const stream = isWhole ? undefined : new AnswerStream(heard, framing)
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
    const { endpoint, transport, framing } = this.#wire
    const { path, headers, body, isStreamed } = this.#asked
    const answer = await postJson(transport, endpoint, { path, body, signal, ...(headers && { headers }) })
    if (answer.status !== 200) throw await readRefusal(answer, this.#wire, signal)
    const type = headerOf(answer, 'content-type')
    const isWhole = framing === 'lines' ? !isStreamed : isJson(type) || (!isStreamed && !type.includes('event-stream'))
    return { body: answer.body, isWhole }
  }
}

function isJson(contentType: string): boolean {
  return contentType.includes('json') && !contentType.includes('stream')
}

/** An answer that has begun, and what becomes of it. */
interface Heard {
  readonly body: TransportBody
  readonly reader: AnswerReader
  readonly limits: Wire['limits']
  readonly say: Say
}

/** What an error answer means; the status tells, even where the body breaks off. */
export async function readRefusal(
  answer: TransportAnswer,
  { endpoint, paramNames }: Pick<Wire, 'endpoint' | 'paramNames'>,
  signal: AbortSignal,
): Promise<UpstreamError> {
  const text = await readText(answer.body, ERROR_BODY_BYTES_MAX).catch((error: unknown) => {
    if (signal.aborted) throw error
    return ''
  })
  const { status, headers } = answer
  return readErrorAnswer({ status, headers, text }, { secrets: endpoint.secrets, paramNames })
}

/** A stream of documents, and how far it has come. */
class AnswerStream {
  readonly #body: TransportBody
  readonly #reader: AnswerReader
  readonly #say: Say
  readonly #decoder: EventDecoder
  #hasSpoken = false
  #hasDocuments = false
  /** The end mark has come: what follows it is not read. */
  #isDone = false
  /** Something came that is no document: what came before it still counts. */
  #isGarbled = false
  #timer: NodeJS.Timeout | undefined
  #heard: Promise<void> | undefined

  constructor({ body, reader, limits, say }: Heard, framing: Wire['framing']) {
    this.#body = body
    this.#reader = reader
    this.#say = say
    this.#decoder = (framing === 'lines' ? createLineDecoder : createEventDecoder)(limits.eventBytesMax)
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
    if (!this.#hasDocuments || this.#isGarbled) throw notItsProtocol()
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
    const document = parseJson(text)
    if (isJsonObject(document)) {
      this.#hasDocuments = true
      return this.#reader.read(document)
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
function isSettled(reader: AnswerReader): boolean {
  return reader.hasFinished() || reader.failure() !== undefined
}

/** Providers that cannot stream, and some that were asked to, answer in one piece. */
async function readWhole({ body, reader, limits, say }: Heard): Promise<void> {
  const answer = parseJson(await readText(body, limits.outputBytesMax))
  const events = isJsonObject(answer) ? reader.readWhole(answer) : readList(answer, reader)
  if (events === undefined) throw notItsProtocol()
  const failure = reader.failure()
  if (failure !== undefined) throw withUsage(failure, reader)
  await say([...events, ...reader.end()])
}

function readList(answer: unknown, reader: AnswerReader): ModelEvent[] | undefined {
  return Array.isArray(answer) && answer.every(isJsonObject) ? reader.readList?.(answer) : undefined
}

/** A failure, with what had been used until then. */
export function withUsage(failure: UpstreamError, reader: AnswerReader): UpstreamError {
  const usage = reader.usage()
  return usage === undefined ? failure : new UpstreamError({ ...failure.problem, usage })
}

/** The answer ended before it was finished. */
export function brokenOff(): UpstreamError {
  const message = 'The model provider ended its answer before it was finished.'
  return new UpstreamError({ fault: 'invalid_response', message, accepted: true })
}

/** The answer is none of this family. */
export function notItsProtocol(): UpstreamError {
  const message = 'The model provider answered with something other than its protocol.'
  return new UpstreamError({ fault: 'invalid_response', message, accepted: true })
}

/** One header of an answer, in lower case; empty where it is absent. */
export function headerOf(answer: TransportAnswer, name: string): string {
  const value = answer.headers[name]
  return typeof value === 'string' ? value.toLowerCase() : ''
}
