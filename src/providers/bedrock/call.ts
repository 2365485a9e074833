import type { ConverseCommandInput } from '@aws-sdk/client-bedrock-runtime'
import type { Take } from '../../core/flow.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import { isJsonObject, parseJson } from '../../protocol/json.ts'
import type { PreparedCall } from '../adapter.ts'
import { AFTERMATH_MS, brokenOff, notItsProtocol, withUsage } from '../exchange.ts'
import type { Connector } from './client.ts'
import { explain } from './errors.ts'
import type { ConverseReader } from './stream.ts'
import type { Exchange } from './transport-handler.ts'
import type { WireEvent } from './wire.ts'

/** A call as the SDK takes it, and how its answer is read. */
export interface BedrockAsked extends Pick<PreparedCall, 'warnings'> {
  readonly input: ConverseCommandInput
  readonly isStreamed: boolean
  /** Makes a reader for each try. It is kept while the provider is silent: it must not hold the call. */
  readonly createReader: () => ConverseReader
}

/** Who is called. */
export interface BedrockWire {
  readonly connector: Connector
  /** Strings that no message may show. */
  readonly secrets: readonly string[]
}

/** One model call through the SDK: sent, and its answer read. */
export class BedrockCall implements PreparedCall {
  readonly warnings: readonly string[]
  readonly #wire: BedrockWire
  #asked: BedrockAsked

  constructor(wire: BedrockWire, asked: BedrockAsked) {
    this.warnings = asked.warnings
    this.#wire = wire
    this.#asked = asked
  }

  letGo(): void {
    this.#asked = { ...this.#asked, input: { modelId: undefined } }
  }

  async send(signal: AbortSignal, say: Take<readonly ModelEvent[]>): Promise<void> {
    const exchange: Exchange = { signal, say, isStreamed: this.#asked.isStreamed }
    const reader = this.#asked.createReader()
    const listener = new Listener(exchange, reader)
    try {
      await listener.hear(await unlessAborted(signal, this.#ask(exchange)))
    } catch (error) {
      signal.throwIfAborted()
      const failure = reader.failure()
      if (failure !== undefined) throw withUsage(failure, reader)
      if (!reader.hasFinished()) {
        const { body, secrets = this.#wire.secrets } = exchange
        throw explain(error, { hasBegun: body !== undefined, secrets })
      }
      await say(reader.end()) // The answer was whole; only the end of the stream was lost.
    } finally {
      listener.stop()
    }
  }

  /** Asks, and waits for the first frame of the answer. */
  async #ask(exchange: Exchange): Promise<AsyncIterable<WireEvent> | undefined> {
    const { sdk, client } = await this.#wire.connector.connect()
    const { input, isStreamed } = this.#asked
    const options: object = { exchange } // They reach our handler as they are, whatever is in them.
    if (isStreamed) {
      const { stream } = await client.send(new sdk.ConverseStreamCommand(input), options)
      return stream as AsyncIterable<WireEvent> | undefined // What the provider sends, not what it should.
    }
    await client.send(new sdk.ConverseCommand(input), options)
    return undefined
  }
}

/** Rejects with the signal's reason as soon as it is aborted: looking for credentials may take its time. */
async function unlessAborted<Value>(signal: AbortSignal, waiting: Promise<Value>): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([waiting, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Hears one answer to its end. */
class Listener {
  readonly #exchange: Exchange
  readonly #reader: ConverseReader
  #hasSpoken = false
  #timer: NodeJS.Timeout | undefined

  constructor(exchange: Exchange, reader: ConverseReader) {
    this.#exchange = exchange
    this.#reader = reader
  }

  async hear(events: AsyncIterable<WireEvent> | undefined): Promise<void> {
    const { whole, say } = this.#exchange
    const reader = this.#reader
    const first = whole === undefined ? [] : readWhole(reader, whole)
    if (whole === undefined) for await (const event of events ?? []) if (await this.#isLast(event)) break
    const failure = reader.failure()
    if (failure !== undefined) throw failure
    if (whole === undefined && !reader.hasFinished()) throw brokenOff()
    await say([...first, ...reader.end()])
  }

  /** The connection is let go, wherever the answer has been left. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#exchange.body?.leave()
  }

  /** Whether what comes after an event is of no use. */
  async #isLast(event: WireEvent): Promise<boolean> {
    const reader = this.#reader
    const said = reader.read(event)
    if (said.length > 0) {
      this.#hasSpoken = true
      await this.#exchange.say(said)
    }
    const hasFailed = reader.failure() !== undefined
    if (reader.hasFinished() || hasFailed) {
      this.#timer ??= setTimeout(() => this.#exchange.body?.leave(), AFTERMATH_MS)
    }
    return (reader.hasFinished() && reader.usage() !== undefined) || (hasFailed && !this.#hasSpoken)
  }
}

function readWhole(reader: ConverseReader, text: string): ModelEvent[] {
  const answer = parseJson(text)
  const events = isJsonObject(answer) ? reader.readWhole(answer) : undefined
  if (events === undefined) throw notItsProtocol()
  return events
}
