import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../../core/model-event.ts'
import type { Transport, TransportRequest } from '../../../core/transport.ts'
import { UpstreamError } from '../../../core/upstream-error.ts'
import { ApiError } from '../../../protocol/error.ts'
import type { JsonObject } from '../../../protocol/json.ts'
import type { Adapter } from '../../adapter.ts'
import type { Family, ProviderSetup } from '../../family.ts'
import { bodyOf } from '../body.ts'
import { providerSetup } from '../chat-provider.ts'
import { modelCall } from '../model-call.ts'
import { SCENARIOS, scenarioOf, type ScenarioName } from './scenarios.ts'

/** What a provider answers, as it goes over the wire. */
export interface WireAnswer {
  readonly status?: number
  /** `text/event-stream` where there are several pieces, else `application/json`. */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly pieces: readonly (string | Uint8Array)[]
}

/** A provider that lacks something, with where that is written. */
export interface NotSupported {
  readonly notSupported: string
  readonly source: string
}

/** Says that a provider lacks something. */
export function NOT_SUPPORTED(reason: string, source: string): NotSupported {
  return { notSupported: reason, source }
}

/** One scenario at one provider. */
export type Fixture =
  /** The body that must be sent, whole; and of what the client must be warned. */
  | { readonly sent: JsonObject; readonly path?: string; readonly warnings?: readonly string[] }
  /** What the provider answers; where its words differ from the scenario's for a reason, what is said then. */
  | { readonly answer: WireAnswer; readonly said?: readonly ModelEvent[]; readonly because?: string }
  /** The request is refused before anything is sent. */
  | { readonly refused: { readonly param: string; readonly message: RegExp } }
  | NotSupported

/** A fixture for every scenario there is: a new one does not compile until every provider has it. */
export type Fixtures = Readonly<Record<ScenarioName, Fixture>>

/** A family that is put to the test. */
export interface Conforming {
  readonly name: string
  readonly family: Family
  readonly setup: Pick<ProviderSetup, 'dialect'> & Partial<Omit<ProviderSetup, 'timeouts' | 'limits'>>
  /** The model's name in every request. */
  readonly model: string
  readonly fixtures: Fixtures
}

/** Declares the tests of one family: every scenario as its fixture has it. */
export function conformanceSuite(conforming: Conforming): void {
  for (const name of Object.keys(SCENARIOS) as ScenarioName[]) {
    const fixture = conforming.fixtures[name]
    if ('notSupported' in fixture) {
      test(`${conforming.name}: ${name}`, { skip: `${fixture.notSupported} (${fixture.source})` })
      continue
    }
    test(`${conforming.name}: ${name}`, () => runFixture(conforming, name, fixture))
  }
}

/** Exactly one request, answered as the fixture says. */
class FixedTransport implements Transport {
  request: TransportRequest | undefined
  readonly #answer: WireAnswer

  constructor(answer: WireAnswer) {
    this.#answer = answer
  }

  send(request: TransportRequest) {
    this.request ??= request
    const { status = 200, pieces, headers = {} } = this.#answer
    const contentType = this.#answer.contentType ?? (pieces.length > 1 ? 'text/event-stream' : 'application/json')
    const body = bodyOf(
      (async function* () {
        for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece
      })(),
    )
    return Promise.resolve({ status, headers: { 'content-type': contentType, ...headers }, body })
  }
}

async function runFixture(
  conforming: Conforming,
  name: ScenarioName,
  fixture: Exclude<Fixture, NotSupported>,
): Promise<void> {
  const { family, setup, model } = conforming
  const transport = new FixedTransport('answer' in fixture ? fixture.answer : { status: 500, pieces: ['{}'] })
  const adapter = family.create(providerSetup(transport, setup))
  const { call, said, problem } = scenarioOf(name)
  const prepare = () => adapter.prepare(modelCall({ model, ...call }))
  if ('refused' in fixture) {
    assert.throws(prepare, (error) => isRefusal(error, fixture.refused))
    return
  }
  const { events, error } = await hear(prepare())
  if ('sent' in fixture) {
    assert.deepEqual(JSON.parse(String(transport.request?.body)), fixture.sent)
    assert.deepEqual(prepare().warnings, fixture.warnings ?? [])
    if (fixture.path !== undefined) assert.equal(pathOf(transport.request), fixture.path)
    return
  }
  if (problem !== undefined) {
    assert.ok(error instanceof UpstreamError, `expected an UpstreamError, got ${String(error)}`)
    const named = Object.keys(problem) as (keyof typeof problem)[]
    assert.deepEqual(Object.fromEntries(named.map((key) => [key, error.problem[key]])), problem)
    return
  }
  assert.equal(error, undefined)
  assert.deepEqual(joined(events, name), fixture.said ?? said)
}

function isRefusal(error: unknown, { param, message }: { param: string; message: RegExp }): boolean {
  assert.ok(error instanceof ApiError)
  assert.equal(error.status, 400)
  assert.equal(error.param, param)
  assert.match(error.message, message)
  return true
}

function pathOf(request: TransportRequest | undefined): string {
  return request === undefined ? '' : request.url.pathname + request.url.search
}

async function hear(call: ReturnType<Adapter['prepare']>): Promise<{ events: ModelEvent[]; error: unknown }> {
  const events: ModelEvent[] = []
  let error: unknown
  try {
    await call.send(new AbortController().signal, (batch) => {
      events.push(...batch)
      return undefined
    })
  } catch (caught) {
    error = caught
  }
  return { events, error }
}

/** Pieces of one text joined, call ids by their order, states hidden, usage shown where it matters. */
function joined(events: readonly ModelEvent[], name: ScenarioName): ModelEvent[] {
  const ids = new Map<string, string>()
  const result: ModelEvent[] = []
  for (const event of events) {
    const next = plain(event, ids, name)
    const last = result.at(-1)
    if (isEmpty(next)) continue
    if (last?.type === 'text' && next.type === 'text' && last.logprobs === undefined) {
      result.splice(-1, 1, { ...next, text: last.text + next.text })
    } else if (
      (last?.type === 'reasoning' && next.type === 'reasoning') ||
      (last?.type === 'refusal' && next.type === 'refusal')
    ) {
      result.splice(-1, 1, { ...next, text: last.text + next.text })
    } else if (last?.type === 'tool_arguments' && next.type === 'tool_arguments' && last.callId === next.callId) {
      result.splice(-1, 1, { ...next, delta: last.delta + next.delta })
    } else result.push(next)
  }
  return result
}

function isEmpty(event: ModelEvent): boolean {
  if (event.type === 'tool_arguments') return event.delta === '' || event.delta === '{}'
  return 'text' in event && event.text === ''
}

function plain(event: ModelEvent, ids: Map<string, string>, name: ScenarioName): ModelEvent {
  if (event.type === 'tool_call') {
    const id = `#${ids.size + 1}`
    ids.set(event.callId, id)
    return { ...event, callId: id }
  }
  if (event.type === 'tool_arguments') return { ...event, callId: ids.get(event.callId) ?? event.callId }
  if (event.type === 'reasoning_state') return { ...event, state: 'STATE' }
  if (event.type !== 'finish') return event
  const { usage, serviceTier, ...rest } = event
  return {
    ...rest,
    ...(name === 'usage with its details' && usage !== undefined ? { usage } : {}),
    ...(name === 'the tier that served' && serviceTier !== undefined ? { serviceTier } : {}),
  }
}
