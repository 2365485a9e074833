import type { TestContext } from 'node:test'
import type { Transport, TransportRequest } from '../../../core/transport.ts'
import { openOperatorEgress } from '../../../egress/operator.ts'
import type { Adapter } from '../../adapter.ts'
import type { ProviderSetup } from '../../family.ts'
import { bodyOf } from '../../testing/body.ts'
import { providerSetup } from '../../testing/chat-provider.ts'
import type { WireAnswer } from '../../testing/conformance/suite.ts'
import { bedrock } from '../adapter.ts'

type Options = Partial<Omit<ProviderSetup, 'timeouts' | 'limits' | 'dialect'>> &
  Pick<Parameters<typeof providerSetup>[1], 'timeouts' | 'limits'>

/** An adapter in us-east-1, over any transport. */
export function bedrockOver(transport: Transport, options: Options = {}): Adapter {
  return bedrock.create(providerSetup(transport, { own: { region: 'us-east-1' }, ...options, dialect: 'converse' }))
}

/** An adapter that speaks over a real connection, closed when the test ends. */
export function connectBedrock(context: TestContext, baseUrl: string, options: Options = {}): Adapter {
  const egress = openOperatorEgress({ connect_ms: 5000, connectionsMax: 4 })
  context.after(() => egress.close())
  return bedrockOver(egress, { baseUrl: new URL(baseUrl).origin, ...options })
}

/** A Bedrock that gives everybody one answer, and remembers what it was asked. */
export class Answering implements Transport {
  readonly requests: TransportRequest[] = []
  readonly #answer: WireAnswer

  constructor(answer: WireAnswer) {
    this.#answer = answer
  }

  send(request: TransportRequest) {
    this.requests.push(request)
    const { status = 200, headers = {}, contentType = 'application/json', pieces } = this.#answer
    const body = bodyOf(flow(pieces))
    return Promise.resolve({ status, headers: { 'content-type': contentType, ...headers }, body })
  }
}

// eslint-disable-next-line typescript/require-await -- A body is read asynchronously, wherever it comes from.
async function* flow(pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}
