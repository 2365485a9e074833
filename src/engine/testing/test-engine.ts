import assert from 'node:assert/strict'
import { NO_CHECKPOINT } from '../../core/checkpoint.ts'
import { accountId } from '../../protocol/id.ts'
import type { CreateRequest } from '../../protocol/create-request.ts'
import type { Flow } from '../../core/flow.ts'
import type { ResponseEvent } from '../../protocol/event.ts'
import type { Response } from '../../protocol/response.ts'
import { createGate } from '../../providers/gate.ts'
import { createCatalogue, type Catalogue, type ModelEntry } from '../../providers/routing.ts'
import type { Store } from '../../store/store.ts'
import { NO_METRICS, type Metrics } from '../../telemetry/metrics.ts'
import { LogAbandoned } from '../event-log.ts'
import { createEngine, type Created, type Engine, type EngineParts } from '../engine.ts'
import type { Joined } from '../joining.ts'
import { fakeClock, settled, type FakeClock } from './fake-clock.ts'
import { openSealer, recordingLogger, type RecordingLogger } from './fakes.ts'
import { scriptedModel, type ScriptedCall, type ScriptedModel } from './scripted-model.ts'

/** The account that most tests act for. */
export const ALICE = accountId('alice')

/** Another account. */
export const BOB = accountId('bob')

/** Limits of a test engine: round numbers. */
export const LIMITS = {
  response_ms: 800_000,
  keepalive_ms: 15_000,
  outputBytesMax: 1000,
  streamBufferBytesMax: 131_072,
  threadMemoryCharsMax: 1_000_000,
}

/** Background work of a test engine. */
export const BACKGROUND: EngineParts['background'] = {
  concurrency: 2,
  lease_ms: 15_000,
  heartbeat_ms: 5000,
  sweep_ms: 5000,
  attemptsMax: 3,
  onCrash: 'retry',
  queueMax: 100,
  streaming: false,
}

/** How long a test engine keeps what it stores. */
export const RETENTION: EngineParts['retention'] = { responses_days: 30, deleted_ms: 3_600_000, sweep_ms: 60_000 }

const ENTRY: ModelEntry = {
  provider: 'model',
  upstreamModel: undefined,
  streaming: undefined,
  reasoning: undefined,
  input: undefined,
  contextWindow: undefined,
  maxOutputTokens: undefined,
}

/** What a test may choose. */
export interface TestEngineOptions {
  readonly clock?: FakeClock
  readonly metrics?: Metrics
  readonly background?: Partial<EngineParts['background']>
  readonly limits?: Partial<EngineParts['limits']>
  /** More models, of the providers `model` and `rival`. */
  readonly models?: Readonly<Record<string, Partial<ModelEntry>>>
  /** The name that it shares with the process whose place it takes. */
  readonly instance?: string
  /** Most calls in flight at each provider. */
  readonly concurrency?: number
  /** How the models answer by themselves. */
  readonly answer?: (call: ScriptedCall) => void
}

/** An engine with a clock that stands still and two models, `model` and `rival`, played by the test. */
export interface TestEngine {
  readonly engine: Engine
  readonly store: Store
  readonly catalogue: Catalogue
  readonly clock: FakeClock
  readonly model: ScriptedModel
  readonly rival: ScriptedModel
  readonly logger: RecordingLogger
  /** Creates a response of Alice's and lets it go on as far as it can. */
  create(request?: Partial<CreateRequest>): Promise<Created>
  /** Alice's response as a client reads it. */
  retrieve(id: string): Promise<Response>
  /** Stops the engine without patience. */
  stop(): Promise<void>
}

/** Makes an engine on a store; `start()` is the test's. */
export function testEngine(store: Store, options: TestEngineOptions = {}): TestEngine {
  const clock = options.clock ?? fakeClock()
  const logger = recordingLogger()
  const model = scriptedModel('model', options.answer)
  const rival = scriptedModel('rival', options.answer)
  const catalogue = createCatalogue({
    adapters: [model.adapter, rival.adapter],
    models: new Map(Object.entries(options.models ?? {}).map(([id, entry]) => [id, { ...ENTRY, ...entry }])),
    defaultProvider: undefined,
    gates: new Map(['model', 'rival'].map((id) => [id, createGate({ clock, concurrency: options.concurrency })])),
  })
  const engine = createEngine({
    store,
    clock,
    logger,
    metrics: options.metrics ?? NO_METRICS,
    sealer: openSealer,
    fetcher: { fetch: () => assert.fail('Nothing was to be fetched.') },
    catalogue,
    limits: { ...LIMITS, ...options.limits },
    background: { ...BACKGROUND, ...options.background },
    instance: options.instance ?? 'test:1',
    retention: RETENTION,
    checkpoint: NO_CHECKPOINT,
  })
  return {
    engine,
    store,
    catalogue,
    clock,
    model,
    rival,
    logger,
    async create(request) {
      const created = await engine.create(ALICE, { model: 'model', input: 'Hello', ...request })
      await settled()
      if (created.kind === 'stored') return assert.fail('It had no key that could be known.')
      return created
    },
    async stop() {
      const drained = engine.drain(0)
      await clock.pass(0)
      await drained
    },
    retrieve: async (id) => JSON.parse(await engine.retrieve(ALICE, id)) as Response,
  }
}

/** The id of a created response. */
export function idOf(created: Created | Joined): string {
  if (created.kind === 'stored') return created.id
  return created.kind === 'running' ? created.run.id : created.response.id
}

/** Everything that a reader is given until its end. */
export async function eventsOf(flow: Flow<readonly ResponseEvent[]>): Promise<ResponseEvent[]> {
  const events: ResponseEvent[] = []
  await flow.each((batch) => void events.push(...batch))
  return events
}

/** What a reader is given of a log that is then given up. @throws It was not given up. */
export async function cutEventsOf(flow: Flow<readonly ResponseEvent[]>): Promise<ResponseEvent[]> {
  const events: ResponseEvent[] = []
  try {
    await flow.each((batch) => void events.push(...batch))
  } catch (error) {
    if (error instanceof LogAbandoned) return events
    throw error
  }
  throw new Error('The log has come to its end.')
}
