import type { TestContext } from 'node:test'
import type { ModelCall } from '../../core/model-call.ts'
import type { ModelEvent } from '../../core/model-event.ts'
import type { Transport } from '../../core/transport.ts'
import { UpstreamError, type UpstreamProblem } from '../../core/upstream-error.ts'
import { openOperatorEgress } from '../../egress/operator.ts'
import type { Adapter, UpstreamTimeouts } from '../adapter.ts'
import type { ProviderSetup } from '../family.ts'
import { openAiChat } from '../openai-chat/adapter.ts'
import type { DialectName } from '../openai-chat/tables.ts'
import { modelCall } from './model-call.ts'

/** What a test may set about a provider. */
export interface ChatProviderOptions {
  readonly dialect?: DialectName
  readonly timeouts?: Partial<UpstreamTimeouts>
  readonly limits?: Partial<ProviderSetup['limits']>
  readonly connectionsMax?: number
}

/** An adapter that speaks over a real connection, closed when the test ends. */
export function connect(context: TestContext, baseUrl: string, options: ChatProviderOptions = {}): Adapter {
  const egress = openOperatorEgress({ connect_ms: 5000, connectionsMax: options.connectionsMax ?? 4 })
  context.after(() => egress.close())
  return chatAdapter(egress, baseUrl, options)
}

/** An adapter over any transport. */
export function chatAdapter(transport: Transport, baseUrl: string, options: ChatProviderOptions = {}): Adapter {
  return openAiChat.create(providerSetup(transport, { ...options, dialect: options.dialect ?? 'generic', baseUrl }))
}

/** A provider with the key `hush-hush`, as the configuration gives it. */
export function providerSetup(
  transport: Transport,
  options: Pick<ProviderSetup, 'dialect'> &
    Partial<Omit<ProviderSetup, 'timeouts' | 'limits'>> &
    Pick<ChatProviderOptions, 'timeouts' | 'limits'>,
): ProviderSetup {
  return {
    id: 'acme',
    apiKey: 'hush-hush',
    baseUrl: undefined,
    headers: {},
    forwardUrls: true,
    own: {},
    userAgent: 'antiphon/test',
    transport,
    sleep: () => Promise.resolve(),
    now: () => 1_700_000_000_000,
    isPrivateHost: () => false,
    ...options,
    timeouts: { connect_ms: 5000, firstByte_ms: 5000, idle_ms: 5000, ...options.timeouts },
    limits: { eventBytesMax: 1_000_000, outputBytesMax: 1_000_000, ...options.limits },
  }
}

/** Everything an adapter yielded, and how it ended. */
export interface Heard {
  readonly batches: readonly (readonly ModelEvent[])[]
  readonly events: readonly ModelEvent[]
  /** What it threw; undefined where it ended by itself. */
  readonly error: unknown
  /** The same, where it was an `UpstreamError`, without its cause. */
  readonly problem: UpstreamProblem | undefined
}

/** What a listener may set. */
export interface Listening {
  readonly fields?: Partial<ModelCall>
  readonly signal?: AbortSignal
  /** Called with the number of events so far, after each batch. */
  readonly onBatch?: (eventCount: number) => void
}

/** Asks, and listens to the end. */
export async function hear(adapter: Adapter, listening: Listening = {}): Promise<Heard> {
  const { fields, signal = new AbortController().signal, onBatch } = listening
  const batches: (readonly ModelEvent[])[] = []
  let error: unknown
  try {
    await adapter.prepare(modelCall(fields)).send(signal, (batch) => {
      batches.push(batch)
      onBatch?.(batches.flat().length)
      return undefined
    })
  } catch (thrown) {
    error = thrown
  }
  return { batches, events: batches.flat(), error, problem: problemOf(error) }
}

/** What an `UpstreamError` says, without its cause. */
export function problemOf(error: unknown): UpstreamProblem | undefined {
  if (!(error instanceof UpstreamError)) return undefined
  const { cause: _, ...problem } = error.problem
  return problem
}
