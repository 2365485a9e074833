import type { BedrockRuntimeClientConfig } from '@aws-sdk/client-bedrock-runtime'
import type { Take } from '../../core/flow.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { TransportAnswer, TransportBody, TransportRequest } from '../../core/transport.ts'
import { headerOf } from '../exchange.ts'
import { endpointOf, type ProviderSetup } from '../family.ts'
import { ERROR_BODY_BYTES_MAX, readText } from '../upstream.ts'
import { readRefusal } from './errors.ts'
import { guardFrames } from './frames.ts'

/** One model call, as the handler that sends it has to know it: it travels in the options of the SDK's call. */
export interface Exchange {
  readonly signal: AbortSignal
  readonly say: Take<readonly ModelEvent[]>
  /** Whether a stream was asked for. */
  readonly isStreamed: boolean
  /** The answer's body, once it has begun. */
  body?: TransportBody
  /** Strings that no message may show: those of the configuration, and what credentials the SDK has found itself. */
  secrets?: readonly string[]
  /** The answer, where it came in one piece: the SDK is then shown an empty one, for we read it ourselves. */
  whole?: string
}

/** What the SDK takes as the way out of the process. */
type SdkHandler = Extract<NonNullable<BedrockRuntimeClientConfig['requestHandler']>, { handle: unknown }>
type SdkRequest = Parameters<SdkHandler['handle']>[0]
type SdkAnswer = Awaited<ReturnType<SdkHandler['handle']>>

/** Largest answer of a service that gives out credentials. */
const CREDENTIALS_BYTES_MAX = 256 * 1024

/**
 * The SDK's way out: every request goes through our transport. Model calls come with their exchange; others are the
 * SDK's own, for credentials.
 */
export class TransportHandler implements Pick<SdkHandler, 'handle'> {
  readonly metadata = { handlerProtocol: 'http/1.1' }
  readonly #setup: ProviderSetup
  readonly #secrets: readonly string[]

  constructor(setup: ProviderSetup) {
    this.#setup = setup
    this.#secrets = endpointOf(setup, { baseUrl: undefined, headers: {} }).secrets
  }

  async handle(request: SdkRequest, options?: object): Promise<SdkAnswer> {
    return options !== undefined && 'exchange' in options
      ? this.#call(request, options.exchange as Exchange) // Whoever sends a model call has put it there.
      : this.#askForCredentials(request)
  }

  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): object {
    return {}
  }

  async #call(request: SdkRequest, exchange: Exchange): Promise<SdkAnswer> {
    const { firstByte_ms, idle_ms } = this.#setup.timeouts
    exchange.secrets = [...this.#secrets, ...credentialsIn(request.headers)]
    const answer = await this.#send(request, { firstByte_ms, idle_ms, signal: exchange.signal })
    if (answer.status !== 200) throw await refusal(answer, exchange)
    exchange.body = answer.body
    await exchange.say([])
    const { eventBytesMax, outputBytesMax } = this.#setup.limits
    if (exchange.isStreamed && !headerOf(answer, 'content-type').includes('json'))
      return sdkAnswer(answer, guardFrames(answer.body, eventBytesMax))
    exchange.whole = await readText(answer.body, outputBytesMax)
    return sdkAnswer(answer, exchange.isStreamed ? nothing() : Buffer.from('{}'))
  }

  async #askForCredentials(request: SdkRequest): Promise<SdkAnswer> {
    const { connect_ms } = this.#setup.timeouts
    const signal = new AbortController().signal
    const answer = await this.#send(request, { firstByte_ms: connect_ms, idle_ms: connect_ms, signal })
    return sdkAnswer(answer, Buffer.from(await readText(answer.body, CREDENTIALS_BYTES_MAX)))
  }

  #send(request: SdkRequest, waits: Pick<TransportRequest, 'firstByte_ms' | 'idle_ms' | 'signal'>) {
    const { method, headers, body } = request
    if (method !== 'GET' && method !== 'POST') throw new Error(`The SDK asked for ${method}, which is not expected.`)
    return this.#setup.transport.send({
      method,
      url: urlOf(request),
      headers,
      ...(body === undefined ? {} : { body: bodyText(body) }),
      ...waits,
    })
  }
}

async function refusal(answer: TransportAnswer, { signal, secrets = [] }: Exchange): Promise<unknown> {
  const text = await readText(answer.body, ERROR_BODY_BYTES_MAX).catch((error: unknown) => {
    if (signal.aborted) throw error
    return '' // The status tells, even where the body breaks off.
  })
  return readRefusal({ status: answer.status, headers: answer.headers, text }, secrets)
}

/** Headers that carry credentials. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'x-amz-security-token'])

/** What proves who we are, with its scheme and without. */
function credentialsIn(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    CREDENTIALS.has(name.toLowerCase()) ? [value, value.slice(value.indexOf(' ') + 1)] : [],
  )
}

/** The path is signed as it stands: it is not encoded again. */
function urlOf({ protocol, hostname, port, path, query }: SdkRequest): URL {
  const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`)
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) url.searchParams.append(name, one)
  }
  return url
}

/** Bodies are JSON or forms: text, of which the SDK makes bytes. */
function bodyText(body: unknown): string {
  if (typeof body === 'string') return body
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()
  throw new Error('The SDK gave a body that is neither text nor bytes.')
}

function sdkAnswer({ status, headers }: TransportAnswer, body: unknown): SdkAnswer {
  const plain = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  )
  return { response: { statusCode: status, headers: Object.fromEntries(plain), body } }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
