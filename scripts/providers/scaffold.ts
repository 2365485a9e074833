import { FIELD_NAMES } from '../../src/providers/fields.ts'
import { SCENARIOS } from '../../src/providers/testing/conformance/scenarios.ts'

/** What the `kind` of a family looks like. */
export const KIND_FORM = /^[a-z]+(?:-[a-z]+)*$/

/** Where every family has its line. */
export const REGISTRY = 'src/providers/registry.ts'

/** The files of a new family, by path. */
export function scaffold(kind: string): ReadonlyMap<string, string> {
  const names = { kind, family: camelCase(kind) }
  const folder = `src/providers/${kind}`
  return new Map([
    [`${folder}/adapter.ts`, adapterFile(names)],
    [`${folder}/request.ts`, REQUEST_FILE],
    [`${folder}/stream.ts`, STREAM_FILE],
    [`${folder}/tables.ts`, tablesFile(names)],
    [`${folder}/testing/fixtures.ts`, fixturesFile(names)],
    [`${folder}/testing/strict.ts`, STRICT_FILE],
    [`${folder}/conformance.test.ts`, CONFORMANCE_FILE],
  ])
}

/** The registry with one more family: its import, and its line. */
export function registered(registry: string, kind: string): string {
  const family = camelCase(kind)
  const name = family === kind ? family : `'${kind}'`
  const entry = `${name}: { dialects: ${family}, load: async () => (await import('./${kind}/adapter.ts')).${family} },`
  return registry
    .replace(/^import type \{ DialectFacts/m, `import { DIALECTS as ${family} } from './${kind}/tables.ts'\n$&`)
    .replace(/^\} as const satisfies/m, `  ${entry}\n$&`)
}

function camelCase(kind: string): string {
  return kind.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

interface Names {
  readonly kind: string
  readonly family: string
}

const adapterFile = ({ kind, family }: Names) => `import type { ModelCall } from '../../core/model-call.ts'
import type { Adapter } from '../adapter.ts'
import { HttpCall, type Wire } from '../exchange.ts'
import { contentFor, endpointOf, type Family, type ProviderSetup } from '../family.ts'
import { createCallFilter } from '../fields.ts'
import { buildRequest } from './request.ts'
import { createReader } from './stream.ts'
import { CONTENT, DIALECTS, FIELDS, PARAM_NAMES } from './tables.ts'

/** The family ${kind}. */
export const ${family}: Family = {
  about: 'Who speaks this wire, in a sentence for docs/providers.md.',
  create: createAdapter,
  fieldsOf: () => FIELDS,
  contentOf: () => CONTENT,
}

function createAdapter(setup: ProviderSetup): Adapter {
  const { id, transport, limits, apiKey } = setup
  const headers: Record<string, string> = apiKey === '' ? {} : { authorization: \`Bearer \${apiKey}\` }
  const endpoint = endpointOf(setup, { baseUrl: DIALECTS.generic.baseUrl, headers })
  const wire: Wire = { endpoint, limits, transport, framing: 'events', paramNames: PARAM_NAMES }
  const content = contentFor(setup, endpoint.baseUrl, CONTENT)
  const filter = createCallFilter(FIELDS, content)
  return {
    id,
    families: undefined,
    content,
    takesSchemas: () => false,
    prepare(call) {
      const settled = filter(call)
      return new HttpCall(wire, {
        path: '/chat',
        warnings: settled.warnings,
        body: JSON.stringify(buildRequest(settled.call)),
        isStreamed: call.canStream,
        createReader: readerMaker(call, endpoint.secrets),
      })
    },
    listModels: () => Promise.resolve([]),
  }
}

/** A function of its own: what it returns is kept while the provider is silent, and must not hold the call. */
function readerMaker({ callIdPrefix }: ModelCall, secrets: readonly string[]) {
  return () => createReader({ callIdPrefix, secrets })
}
`

const REQUEST_FILE = `import type { ModelCall } from '../../core/model-call.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { gatherTurns, type Turn } from '../turns.ts'

/**
 * Translates a call that holds nothing that the provider lacks. Deterministic and append-only: the same beginning of
 * a thread gives the same beginning of the messages, so that the provider's prompt cache holds.
 */
export function buildRequest(call: ModelCall): JsonObject {
  return {
    model: call.model,
    messages: gatherTurns(call.history).map(message),
    stream: call.canStream,
  }
}

function message(turn: Turn): JsonObject {
  return { role: turn.role, content: textOf(turn) }
}

function textOf(turn: Turn): string {
  if (turn.role === 'tool') return turn.results.map(({ output }) => JSON.stringify(output)).join('')
  const parts =
    turn.role === 'assistant' ? turn.said.flatMap((item) => ('parts' in item ? item.parts : [])) : turn.parts
  return parts.map((part) => ('text' in part ? part.text : '')).join('')
}
`

const STREAM_FILE = `import type { FinishEvent, ModelEvent } from '../../core/model-event.ts'
import type { UpstreamError } from '../../core/upstream-error.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { readErrorChunk } from '../error-answer.ts'
import type { AnswerReader } from '../exchange.ts'
import { FINISH_REASON, PARAM_NAMES } from './tables.ts'

/** What a reader is told. */
export interface ReaderOptions {
  /** Begins the ids of calls that came without one. */
  readonly callIdPrefix: string
  /** Strings that no message may show. */
  readonly secrets: readonly string[]
}

/** What is remembered between events. */
interface State {
  readonly options: ReaderOptions
  finish: FinishEvent['reason'] | undefined
  failure: UpstreamError | undefined
}

type Handler = (event: JsonObject, state: State) => ModelEvent[]

/** What each event of the wire says. */
const HANDLERS: ReadonlyMap<unknown, Handler> = new Map<unknown, Handler>([
  ['text', ({ text }) => (typeof text === 'string' ? [{ type: 'text', text }] : [])],
  ['end', readEnd],
  ['error', readFailure],
])

/** Makes a reader for one answer. */
export function createReader(options: ReaderOptions): AnswerReader {
  const state: State = { options, finish: undefined, failure: undefined }
  return {
    read: (event) => HANDLERS.get(event['type'])?.(event, state) ?? [],
    readWhole: () => undefined,
    hasFinished: () => state.finish !== undefined,
    failure: () => state.failure,
    usage: () => undefined,
    end: () => [{ type: 'finish', reason: state.finish ?? 'stop' }],
  }
}

function readEnd({ reason }: JsonObject, state: State): ModelEvent[] {
  state.finish = FINISH_REASON.get(String(reason)) ?? 'stop'
  return []
}

function readFailure({ error }: JsonObject, state: State): ModelEvent[] {
  state.failure ??= readErrorChunk(error, { ...state.options, paramNames: PARAM_NAMES })
  return []
}
`

const tablesFile = ({ kind }: Names) => `import type { StopReason } from '../../core/model-event.ts'
import type { ContentTable } from '../content.ts'
import type { ParamNames } from '../error-answer.ts'
import type { DialectFacts } from '../family.ts'
import { drop, type FieldTable } from '../fields.ts'

/** The spellings of ${kind}. */
export const DIALECTS = {
  generic: { baseUrl: undefined },
} as const satisfies Record<string, DialectFacts>

/** What becomes of request fields: from the provider's reference, with its address and the day it was read. */
export const FIELDS: FieldTable = {
${Object.keys(FIELD_NAMES)
  .map((field) => `  ${field}: drop(),`)
  .join('\n')}
}

/** What becomes of images and files. */
export const CONTENT: ContentTable = {
  imageData: 'reject',
  imageUrl: 'reject',
  imageDetail: 'drop',
  fileData: 'reject',
  fileUrl: 'reject',
  resultParts: 'move',
}

/** Their words for an end → ours. */
export const FINISH_REASON: ReadonlyMap<string, StopReason> = new Map([
  ['length', 'max_output_tokens'],
  ['filter', 'content_filter'],
])

/** Parameters of ours by theirs, for complaints. */
export const PARAM_NAMES: ParamNames = new Map([['messages', 'input']])
`

const fixturesFile = ({
  kind,
  family,
}: Names) => `import type { Conforming, Fixtures } from '../../testing/conformance/suite.ts'
import { NOT_SUPPORTED } from '../../testing/conformance/suite.ts'
import { ${family} } from '../adapter.ts'

const UNKNOWN = NOT_SUPPORTED('not looked at yet', 'docs/adding-a-provider.md')

const frame = (event: object) => \`data: \${JSON.stringify(event)}\\n\\n\`

/** What ${kind} does in every scenario. */
const fixtures: Fixtures = {
${Object.keys(SCENARIOS)
  .map((name) => `  ${quoted(name)}: ${FIRST_FIXTURES[name] ?? 'UNKNOWN'},`)
  .join('\n')}
}

/** ${kind}, put to the test. */
export const conforming: Conforming = {
  name: '${kind}',
  family: ${family},
  setup: { dialect: 'generic', baseUrl: 'https://provider.example/v1' },
  model: 'some-model',
  fixtures,
}
`

const STRICT_FILE = `import { listIn, onlyKeys, type Blame, type Loose } from '../../testing/strict.ts'

const FIELDS = new Set(['model', 'messages', 'stream'])

/** The wire as its strictest server takes it: with the address of its reference. */
export function blameRequest(body: Loose, blame: Blame): void {
  onlyKeys(body, FIELDS, blame)
  for (const { content } of listIn(body['messages'], blame, 'messages')) {
    if (content === '') blame('content must not be empty')
  }
}
`

/** What the scaffold does already. */
const FIRST_FIXTURES: Readonly<Record<string, string>> = {
  'a question': `{
    sent: { model: 'some-model', messages: [{ role: 'user', content: 'Hi' }], stream: true },
    path: '/v1/chat',
  }`,
  text: `{
    answer: {
      pieces: [
        frame({ type: 'text', text: 'Hello,' }),
        frame({ type: 'text', text: ' world' }),
        frame({ type: 'end', reason: 'stop' }),
      ],
    },
  }`,
}

function quoted(name: string): string {
  return /^[a-z]+$/i.test(name) ? name : `'${name}'`
}

const CONFORMANCE_FILE = `import { conformanceSuite } from '../testing/conformance/suite.ts'
import { conforming } from './testing/fixtures.ts'

conformanceSuite(conforming)
`
