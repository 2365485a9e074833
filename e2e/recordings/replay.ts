import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock, type Clock } from '../../src/engine/clock.ts'
import type { OutputItem } from '../../src/protocol/output-item.ts'
import type { Response as Snapshot } from '../../src/protocol/response.ts'
import type { Usage } from '../../src/protocol/usage.ts'
import { readStream, startTestServer, type TestServer } from '../harness/server.ts'
import { startUpstream, type Answer, type Received, type Upstream } from '../harness/upstream.ts'
import { NO_RECORDINGS, type Recording } from './load.ts'
import type { CountedUsage, Said } from './said.ts'

const RANDOM_CUTTINGS = 20
const SEED = Number(process.env['REPLAY_SEED'] ?? 20_261_122)

/** How the recordings of one family are replayed, and read by somebody else than the server. */
export interface Replayed {
  /** For the table of counts. */
  readonly name: string
  readonly recordings: readonly Recording[]
  /** The provider's entry in the configuration, without its address. */
  readonly provider: Readonly<Record<string, unknown>>
  /** Path of the provider's address on the upstream. */
  readonly basePath: string
  /** The name of the model in a request that has come in. */
  modelOf(request: Received): string
  /** The model of a request that is compared, where what is asked depends on it; else it has a name of its own. */
  nameOf?(recording: Recording & { readonly request: object }): string
  /** What the items of an answer are, where what is said of them is compared. */
  itemsOf?(snapshot: Snapshot): readonly object[]
  /** What a recording says: read all at once, another way than the server's. */
  readAll(recording: Recording): Said
  /** Whether the finish has been seen in the first pieces of a stream. */
  hasFinish(pieces: readonly string[]): boolean
  /** Whether an error has been seen in the first pieces of a stream. */
  hasErrorChunk(pieces: readonly string[]): boolean
  /** The request of ours that must become the recorded one; or why there is none. */
  lift?(recording: Recording & { readonly request: object }): Lifted
}

/** A recorded request as a client of ours would have made it. */
export type Lifted =
  | { readonly ours: Readonly<Record<string, unknown>>; readonly expected: unknown; tell(body: unknown): unknown }
  | { readonly reason: string }

/** The time of this machine, without the waits between two tries of a call. */
const impatient: Clock = {
  ...systemClock,
  sleep: (ms, signal) => (ms <= 2000 ? Promise.resolve() : systemClock.sleep(ms, signal)),
}

const NOTHING: Said = {
  text: '',
  reasoning: '',
  calls: [],
  outcome: 'completed',
  usage: undefined,
  refusal: '',
  annotations: [],
}

/** A server before an upstream that says what was recorded. */
class Rig {
  readonly tally = {
    recordings: 0,
    whole: 0,
    streams: 0,
    'byte by byte': 0,
    'random cuttings': 0,
    truncations: 0,
    requests: 0,
    'requests not comparable': 0,
    differences: 0,
  }
  readonly #family: Replayed
  readonly #answers = new Map<string, Answer>()
  #upstream: Upstream | undefined
  #server: TestServer | undefined

  constructor(family: Replayed) {
    this.#family = family
  }

  async open(): Promise<void> {
    const { modelOf, provider, basePath } = this.#family
    this.#upstream = await startUpstream()
    this.#upstream.answer((request) => this.#answers.get(modelOf(request)) ?? { status: 500 })
    const origin = new URL(this.#upstream.baseUrl).origin
    this.#server = await startTestServer({
      clock: impatient,
      providers: { replay: { ...provider, base_url: origin + basePath } },
    })
  }

  async close(): Promise<void> {
    await this.#server?.close()
    await this.#upstream?.close()
  }

  /** Counts what differs before the test fails on it. */
  compare(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.tally.differences++
      throw error
    }
  }

  /** Asks for a model that gives this answer. */
  ask(name: string, answer: Answer, request: Readonly<Record<string, unknown>>): Promise<globalThis.Response> {
    this.#answers.set(name, answer)
    if (this.#server === undefined) throw new Error('The rig is not open.')
    return this.#server.post('/responses', { input: 'Replay.', ...request, model: `replay/${name}` })
  }

  /** What the server made of an answer: in the same words as the oracle. */
  async pass(name: string, answer: Answer, stream: boolean): Promise<Said> {
    const response = await this.ask(name, answer, { stream })
    if (response.status >= 400) return { ...NOTHING, outcome: 'error' }
    const events = stream ? await readStream(response) : []
    const snapshot = (stream ? events.at(-1)?.['response'] : await response.json()) as Snapshot
    const items = this.#family.itemsOf?.(snapshot)
    return { ...describe(snapshot), ...(items && { items }) }
  }

  /** Everything a stream says but for what differs from run to run: ids, times, seals. */
  async eventsOf(name: string, answer: Answer): Promise<string> {
    const response = await this.ask(name, answer, { stream: true })
    const text = await response.text()
    return text
      .replaceAll(/[0-9a-f]{48}|call_[0-9a-f]{24}/g, 'ID')
      .replaceAll(/"(created_at|completed_at)":\d+/g, '"$1":0')
      .replaceAll(/"encrypted_content":"[^"]*"/g, '"encrypted_content":"SEALED"')
      .replaceAll(`replay/${name}`, 'MODEL')
  }

  /** What reached the upstream. */
  lastReceived(): Received | undefined {
    return this.#upstream?.received.at(-1)
  }
}

function describe(snapshot: Snapshot): Said {
  const parts = snapshot.output.flatMap((item) => (item.type === 'message' ? item.content : []))
  const { status, incomplete_details: details, usage } = snapshot
  return {
    text: snapshot.output_text,
    reasoning: snapshot.output
      .flatMap((item) => (item.type === 'reasoning' ? item.summary : []))
      .map((part) => part.text)
      .join(''),
    calls: snapshot.output.filter(({ status: state }) => state === 'completed').flatMap(callOf),
    outcome: status === 'incomplete' ? (details?.reason ?? 'completed') : status === 'failed' ? 'failed' : 'completed',
    usage: usage === null ? undefined : countsOf(usage),
    refusal: parts.map((part) => (part.type === 'refusal' ? part.refusal : '')).join(''),
    annotations: parts.flatMap((part) => (part.type === 'output_text' ? part.annotations : [])).map(urlOf),
  }
}

function countsOf({ input_tokens, input_tokens_details, output_tokens, output_tokens_details }: Usage): CountedUsage {
  return {
    input: input_tokens,
    output: output_tokens,
    cached: input_tokens_details.cached_tokens,
    written: input_tokens_details.cache_write_tokens,
    reasoning: output_tokens_details.reasoning_tokens,
  }
}

function callOf(item: OutputItem): Said['calls'] {
  if (item.type === 'custom_tool_call') return [{ name: item.name, arguments: item.input }]
  if (item.type !== 'function_call') return []
  return [{ name: item.name, arguments: JSON.parse(item.arguments) as unknown }]
}

/** What an annotation points at. */
function urlOf(annotation: object): string {
  return 'url' in annotation ? String(annotation.url) : JSON.stringify(annotation)
}

function answerOf({ status, contentType }: Recording, chunks: Answer['chunks']): Answer {
  return { status, headers: { 'content-type': contentType }, chunks: chunks ?? [] }
}

/** Usage is compared where the recording counts it, each count of it; elsewhere the server estimates. */
function assertSame(rig: Rig, found: Said, expected: Said, where: string): void {
  const counted = Object.keys(expected.usage ?? {})
  const usage = Object.fromEntries(Object.entries(found.usage ?? {}).filter(([count]) => counted.includes(count)))
  const told = { ...found, usage: expected.usage === undefined ? undefined : usage }
  rig.compare(() => assert.deepEqual(told, expected, where))
}

/** What the client gets of a failure before the first word: an error, and nothing else. */
function expectation(said: Said): Said {
  const saidNothing = said.text === '' && said.reasoning === '' && said.calls.length === 0
  if (said.outcome === 'error' || (said.outcome === 'failed' && saidNothing)) return { ...NOTHING, outcome: 'error' }
  return said
}

/** A small generator of numbers from 0 to 1: the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

function cutAtRandom(bytes: Buffer, random: () => number): Buffer[] {
  const cuts = Array.from({ length: 8 }, () => Math.floor(random() * bytes.length)).toSorted(
    (one, other) => one - other,
  )
  return [...cuts, bytes.length].map((end, index) => bytes.subarray(cuts[index - 1] ?? 0, end))
}

/** Declares the tests of one family: what is said, however it is cut, and what was asked. */
export function replayFamily(family: Replayed): void {
  const rig = new Rig(family)
  before(() => rig.open())
  after(async () => {
    await rig.close()
    console.table({ [family.name]: { ...rig.tally, seed: SEED } })
  })
  for (const recording of family.recordings) {
    testSaid(rig, family, recording)
    if (recording.isStream) testCuttings(rig, recording)
    if (recording.isStream) testTruncations(rig, family, recording)
    if (family.lift !== undefined && recording.request !== undefined) testRequest(rig, family, recording)
  }
  test(`recordings of ${family.name} are there`, { skip: NO_RECORDINGS }, () => {
    assert.ok(family.recordings.length > 0)
  })
}

function testSaid(rig: Rig, family: Replayed, recording: Recording): void {
  test(`${recording.id} says the same through the server`, async () => {
    const expected = expectation(family.readAll(recording))
    rig.tally.recordings++
    for (const stream of [false, true]) {
      const answer = answerOf(recording, recording.bytes)
      assertSame(rig, await rig.pass(`${recording.id}-${stream}`, answer, stream), expected, `stream: ${stream}`)
      rig.tally[stream ? 'streams' : 'whole']++
    }
  })
}

function testCuttings(rig: Rig, recording: Recording): void {
  test(`${recording.id} gives the same events however its bytes are cut`, async () => {
    const bytes = Buffer.concat(recording.bytes)
    const expected = await rig.eventsOf(recording.id, answerOf(recording, [bytes]))
    const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))
    const bytewise = await rig.eventsOf(recording.id, answerOf(recording, single))
    rig.compare(() => assert.equal(bytewise, expected, 'byte by byte'))
    rig.tally['byte by byte']++
    const random = randomNumbers(SEED)
    for (let round = 0; round < RANDOM_CUTTINGS; round++) {
      const found = await rig.eventsOf(recording.id, answerOf(recording, cutAtRandom(bytes, random)))
      rig.compare(() => assert.equal(found, expected, `cutting ${round} of seed ${SEED}`))
      rig.tally['random cuttings']++
    }
  })
}

function testTruncations(rig: Rig, family: Replayed, recording: Recording): void {
  test(`${recording.id} cut off after any event has failed, unless it had finished`, async () => {
    for (let length = 0; length < recording.pieces.length; length++) {
      const pieces = recording.pieces.slice(0, length)
      const answer: Answer = { ...answerOf(recording, recording.bytes.slice(0, length)), end: 'cut' }
      const found = await rig.pass(`${recording.id}-cut`, answer, true)
      const isTrueEnd = family.hasFinish(pieces) && !family.hasErrorChunk(pieces)
      const expected = isTrueEnd ? ['completed', 'max_output_tokens', 'content_filter'] : ['failed', 'error']
      rig.compare(() =>
        assert.ok(
          expected.includes(found.outcome),
          `after ${length} events: ${found.outcome}, expected ${expected.join(' or ')}`,
        ),
      )
      rig.tally.truncations++
    }
  })
}

function testRequest(rig: Rig, family: Replayed, recording: Recording): void {
  const { request } = recording
  if (request === undefined) return
  const asked = { ...recording, request }
  const lifted = family.lift?.(asked) ?? { reason: 'The family compares none.' }
  if ('reason' in lifted) {
    rig.tally['requests not comparable']++
    return
  }
  test(`${recording.id} is asked for as it was`, async () => {
    const answer = answerOf(recording, recording.bytes)
    const name = family.nameOf?.(asked) ?? `${recording.id}-asked`
    await (await rig.ask(name, answer, lifted.ours)).text()
    rig.compare(() => assert.deepEqual(lifted.tell(rig.lastReceived()?.body), lifted.expected))
    rig.tally.requests++
  })
}
