import type { BedrockRuntimeClient, BedrockRuntimeClientConfig } from '@aws-sdk/client-bedrock-runtime'
import type { ProviderSetup } from '../family.ts'
import { requireSdk, type Sdk } from './sdk.ts'
import { TransportHandler } from './transport-handler.ts'

/** The SDK, and a client of one provider. */
export interface Connected {
  readonly sdk: Sdk
  readonly client: BedrockRuntimeClient
}

/** Connects one provider when it is first called: the SDK is loaded then, and not before. */
export class Connector {
  readonly #setup: ProviderSetup
  readonly #load: () => Promise<Sdk>
  #connected: Promise<Connected> | undefined

  constructor(setup: ProviderSetup, load: () => Promise<Sdk>) {
    this.#setup = setup
    this.#load = load
  }

  /** @throws {ApiError} 503 `provider_not_installed`. The next call looks again. */
  connect(): Promise<Connected> {
    this.#connected ??= this.#open().catch((error: unknown) => {
      this.#connected = undefined
      throw error
    })
    return this.#connected
  }

  async #open(): Promise<Connected> {
    const sdk = await requireSdk(this.#load, this.#setup.id)
    return { sdk, client: createClient(sdk, this.#setup) }
  }
}

/** A client whose calls leave through our transport, once each: trying again is the engine's business. */
function createClient({ BedrockRuntimeClient }: Sdk, setup: ProviderSetup): BedrockRuntimeClient {
  const { apiKey, baseUrl, headers, own, userAgent } = setup
  const bearer = { token: { token: apiKey }, authSchemePreference: ['httpBearerAuth'] }
  const config: BedrockRuntimeClientConfig = {
    ...(own.region === undefined ? {} : { region: own.region }),
    ...(baseUrl === undefined ? {} : { endpoint: baseUrl }),
    ...(apiKey === '' ? {} : bearer),
    maxAttempts: 1,
    requestHandler: new TransportHandler(setup),
    customUserAgent: userAgent,
  }
  const client = new BedrockRuntimeClient(config)
  // Before the request is signed, and after the SDK's own headers: those of the configuration win.
  client.middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) Object.assign(args.request.headers, headers)
      return next(args)
    },
    { step: 'build', priority: 'low', name: 'configuredHeaders' },
  )
  return client
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request
}
