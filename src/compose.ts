import type { FastifyInstance } from 'fastify'
import { createAuthenticator, DEFAULT_ACCOUNT, type StaticKey } from './accounts/keys.ts'
import { createSealer } from './accounts/sealer.ts'
import { FIRST_SLOT, instanceOf } from './config/instance.ts'
import type { Config } from './config/schema.ts'
import { NO_CHECKPOINT, type Checkpoint } from './core/checkpoint.ts'
import type { UserFetcher } from './core/fetcher.ts'
import type { Environment } from './config/load.ts'
import { isPrivateHost } from './egress/addresses.ts'
import { openOperatorEgress, type OperatorEgress } from './egress/operator.ts'
import { systemClock, type Clock } from './engine/clock.ts'
import { createEngine, type Engine, type EngineParts } from './engine/engine.ts'
import { createApp } from './http/app.ts'
import { watchConnections } from './http/connections.ts'
import { drain, type StopOptions } from './http/drain.ts'
import { createFlushPace } from './http/flush-pace.ts'
import type { HttpParts } from './http/parts.ts'
import { createStage } from './http/stage.ts'
import { accountId } from './protocol/id.ts'
import { lateSealer, openStorage } from './open-storage.ts'
import type { Adapter } from './providers/adapter.ts'
import { demoAdapter } from './providers/demo/adapter.ts'
import type { OwnSetting, ProviderSetup } from './providers/family.ts'
import { familyOf } from './providers/registry.ts'
import { createGate } from './providers/gate.ts'
import { createCatalogue, type Catalogue, type ModelEntry } from './providers/routing.ts'
import { onceThere } from './engine/patience.ts'
import type { Store } from './store/store.ts'
import type { Logger } from './telemetry/log.ts'
import { NO_METRICS } from './telemetry/metrics.ts'
import { VERSION } from './version.ts'

/** A server, built and not yet listening. */
export interface Server {
  readonly app: FastifyInstance
  readonly engine: Engine
  readonly store: Store
  /** Takes up what was left, and listens. @returns the address, such as `http://127.0.0.1:4000`. */
  start(): Promise<string>
  /** What this process is known by to those that share its storage. */
  readonly instance: string
  /** Ends what runs within the drain time, hangs up and closes everything. */
  stop(options?: StopOptions): Promise<void>
}

/** Sockets per provider: as many streams as one process is meant to carry. */
const UPSTREAM_CONNECTIONS_MAX = 16_384

/** What the process brings: its environment, its log, its clock, its slot; and where a test wants it to crash. */
export interface Surroundings {
  readonly environment: Environment
  readonly logger: Logger
  readonly clock?: Clock
  readonly checkpoint?: Checkpoint
  /** Its number among the processes behind the port. */
  readonly slot?: number
}

/**
 * Builds everything from the configuration. The only place that constructs.
 *
 * @throws The storage cannot be opened.
 */
export async function compose(config: Config, surroundings: Surroundings): Promise<Server> {
  const { environment, logger, clock = systemClock, checkpoint = NO_CHECKPOINT } = surroundings
  // Loaded only where it is wanted: nobody else pays for it.
  const metrics = config.server.metrics ? (await import('./telemetry/prometheus.ts')).createMetrics() : NO_METRICS
  const stopping = new AbortController()
  const waits = { clock, logger, signal: stopping.signal, pause_ms: config.background.sweep_ms }
  const storage = await openStorage(config, { clock, logger })
  const { store } = storage
  const egress = openOperatorEgress({
    connect_ms: config.timeouts.connect_ms,
    connectionsMax: UPSTREAM_CONNECTIONS_MAX,
  })
  const catalogue = await catalogueOf(config, { egress, clock })
  const sealer = lateSealer()
  const instance = instanceOf(config.server, surroundings.slot ?? FIRST_SLOT)
  const engine = createEngine({
    store,
    catalogue,
    sealer,
    fetcher: lazyFetcher(config.egress, clock),
    clock,
    logger,
    metrics,
    instance,
    checkpoint,
    retention: config.retention,
    ...engineLimits(config),
  })
  const stage = createStage()
  const app = createApp({
    engine,
    catalogue,
    authenticator: createAuthenticator(store.keys, staticKeys(config, environment)),
    store,
    logger,
    pace: createFlushPace(),
    metrics,
    version: VERSION,
    stage,
    ...httpSettings(config),
  })
  const connections = watchConnections(app.server)
  return {
    app,
    engine,
    store,
    instance,
    async start() {
      // The port comes first: a second server that finds it taken must not take over the work of the first.
      const address = await app.listen({ host: config.server.host, port: config.server.port })
      checkpoint('start:listening')
      sealer.open(createSealer(await onceThere(() => storage.open(), waits)))
      await engine.start()
      checkpoint('start:taken-up')
      stage.enter('ready')
      return address
    },
    async stop(options = {}) {
      stopping.abort(new Error('The server stops.'))
      await drain({ app, connections, stage, engine, clock, drain_ms: config.timeouts.drain_ms }, options)
      await egress.close()
      await store.close()
    },
  }
}

function httpSettings({
  limits,
  server,
  timeouts,
}: Config): Pick<HttpParts, 'basePaths' | 'servesApi' | 'limits' | 'timeouts'> {
  return {
    basePaths: server.base_paths,
    servesApi: server.role !== 'worker',
    limits: { bodyBytesMax: limits.body_bytes_max, jsonDepthMax: limits.json_depth_max },
    timeouts: { keepalive_ms: timeouts.keepalive_ms, clientStall_ms: timeouts.client_stall_ms },
  }
}

function engineLimits({ background, limits, server, timeouts }: Config): Pick<EngineParts, 'limits' | 'background'> {
  return {
    limits: {
      response_ms: timeouts.response_ms,
      keepalive_ms: timeouts.keepalive_ms,
      outputBytesMax: limits.output_bytes_max,
      streamBufferBytesMax: limits.stream_buffer_bytes_max,
      threadMemoryCharsMax: limits.thread_memory_bytes_max,
    },
    background: {
      concurrency: server.role === 'api' ? 0 : background.concurrency,
      queueMax: background.queue_max,
      lease_ms: background.lease_ms,
      heartbeat_ms: background.heartbeat_ms,
      sweep_ms: background.sweep_ms,
      attemptsMax: background.attempts_max,
      onCrash: background.on_crash === 'fail' ? 'fail' : 'retry',
      streaming: background.streaming,
    },
  }
}

/** Keys that need no storage: from the configuration, and `ANTIPHON_API_KEY`. */
export function staticKeys(config: Config, environment: Environment): readonly StaticKey[] {
  const configured = config.keys.map(({ account, key }) => ({ account: accountId(account), key }))
  const given = environment['ANTIPHON_API_KEY']
  return given ? [...configured, { account: DEFAULT_ACCOUNT, key: given }] : configured
}

/** The way out for URLs of users, loaded for the first of them: most servers never fetch one. */
function lazyFetcher({ allow, resolver }: Config['egress'], clock: Clock): UserFetcher {
  const open = async () => {
    const { openUserFetcher } = await import('./egress/user-fetch.ts')
    return openUserFetcher({ allow, resolver }, { after: clock.after })
  }
  let opened: Promise<UserFetcher> | undefined
  return { fetch: async (url, wanted, signal) => (await (opened ??= open())).fetch(url, wanted, signal) }
}

/** What adapters are given. */
interface AdapterTools {
  readonly egress: OperatorEgress
  readonly clock: Clock
}

async function catalogueOf(config: Config, tools: AdapterTools): Promise<Catalogue> {
  const configured = await Promise.all(Object.keys(config.providers).map((id) => adapterOf(id, config, tools)))
  const demo = configured.some(({ id }) => id === 'demo') ? [] : [demoAdapter(tools.clock.sleep)]
  const models = Object.entries(config.models).map(([id, model]): [string, ModelEntry] => [
    id,
    {
      provider: model.provider,
      upstreamModel: model.upstream_model,
      streaming: model.streaming,
      reasoning: model.reasoning,
      input: model.input,
      contextWindow: model.context_window,
      maxOutputTokens: model.max_output_tokens,
      fallback: model.fallback,
    },
  ])
  const gates = Object.entries(config.providers).map(
    ([id, { concurrency, queue_ms }]) => [id, createGate({ clock: tools.clock, concurrency, queue_ms })] as const,
  )
  return createCatalogue({
    adapters: [...configured, ...demo],
    gates: new Map(gates),
    models: new Map(models),
    defaultProvider: config.default_provider ?? (configured.length === 1 ? configured[0]?.id : undefined),
  })
}

async function adapterOf(id: string, config: Config, { egress, clock }: AdapterTools): Promise<Adapter> {
  const provider = config.providers[id] ?? { kind: 'demo' }
  const known = familyOf(provider.kind, provider.dialect)
  if (known === undefined) throw new Error(`providers.${id} names no kind that there is`) // The check has seen to it.
  const { region, project, location, credentials_file, api_version } = provider
  const { connect_ms, first_byte_ms: firstByte_ms, idle_ms } = config.timeouts
  const family = await known.registered.load()
  return family.create({
    id,
    dialect: known.dialect,
    apiKey: provider.api_key ?? '',
    baseUrl: provider.base_url?.replace(/\/+$/, ''),
    headers: lowerCased(provider.headers ?? {}),
    forwardUrls: provider.forward_urls,
    own: withoutUndefined({ region, project, location, credentials_file, api_version }),
    userAgent: `antiphon/${VERSION}`,
    timeouts: { connect_ms, firstByte_ms, idle_ms },
    limits: { eventBytesMax: config.limits.event_bytes_max, outputBytesMax: config.limits.output_bytes_max },
    transport: egress,
    sleep: clock.sleep,
    now: clock.now,
    isPrivateHost,
  })
}

/** Names of headers as adapters write them: else one that is written otherwise would be sent beside ours. */
function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function withoutUndefined(own: Record<OwnSetting, string | undefined>): ProviderSetup['own'] {
  return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined))
}
