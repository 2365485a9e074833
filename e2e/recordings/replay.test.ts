import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock, type Clock } from '../../src/engine/clock.ts'
import type { Response as Snapshot } from '../../src/protocol/response.ts'
import { readStream, startTestServer, type TestServer } from '../harness/server.ts'
import { startUpstream, type Answer, type Upstream } from '../harness/upstream.ts'
import { loadRecordings, NO_RECORDINGS, type Recording } from './load.ts'
import { hasErrorChunk, hasFinish, readAll, type Said } from './oracle.ts'

const RANDOM_CUTTINGS = 20
const SEED = Number(process.env['REPLAY_SEED'] ?? 20_261_122)

const recordings = loadRecordings('chat-completions')
const tally = {
  recordings: 0,
  whole: 0,
  streams: 0,
  'byte by byte': 0,
  'random cuttings': 0,
  truncations: 0,
  differences: 0,
}

/** The time of this machine, without the waits between two tries of a call. */
const impatient: Clock = {
  ...systemClock,
  sleep: (ms, signal) => (ms <= 2000 ? Promise.resolve() : systemClock.sleep(ms, signal)),
}

let upstream: Upstream
let server: TestServer
const answers = new Map<string, Answer>()

before(async () => {
  upstream = await startUpstream()
  upstream.answer(({ body }) => answers.get(String(body?.['model'])) ?? { status: 500 })
  server = await startTestServer({
    clock: impatient,
    providers: { replay: { kind: 'openai-chat', base_url: upstream.baseUrl } },
  })
})

after(async () => {
  await server.close()
  await upstream.close()
  console.table({ ...tally, seed: SEED })
})

/** What the server made of an answer: in the same words as the oracle. */
async function pass(name: string, answer: Answer, stream: boolean): Promise<Said> {
  answers.set(name, answer)
  const response = await server.post('/responses', { model: `replay/${name}`, input: 'Replay.', stream })
  if (response.status >= 400) return { ...NOTHING, outcome: 'error' }
  const events = stream ? await readStream(response) : []
  const snapshot = (stream ? events.at(-1)?.['response'] : await response.json()) as Snapshot
  return describe(snapshot)
}

const NOTHING: Said = { text: '', reasoning: '', calls: [], outcome: 'completed', usage: undefined, refusal: '' }

function describe(snapshot: Snapshot): Said {
  const parts = snapshot.output.flatMap((item) => (item.type === 'message' ? item.content : []))
  const { status, incomplete_details: details, usage } = snapshot
  return {
    text: snapshot.output_text,
    reasoning: snapshot.output
      .flatMap((item) => (item.type === 'reasoning' ? item.summary : []))
      .map((part) => part.text)
      .join(''),
    calls: snapshot.output.flatMap((item) =>
      item.type === 'function_call' && item.status === 'completed'
        ? [{ name: item.name, arguments: JSON.parse(item.arguments) as unknown }]
        : [],
    ),
    outcome: status === 'incomplete' ? (details?.reason ?? 'completed') : status === 'failed' ? 'failed' : 'completed',
    usage: usage === null ? undefined : { input: usage.input_tokens, output: usage.output_tokens },
    refusal: parts.map((part) => (part.type === 'refusal' ? part.refusal : '')).join(''),
  }
}

function answerOf({ status, contentType }: Recording, chunks: Answer['chunks']): Answer {
  return { status, headers: { 'content-type': contentType }, chunks: chunks ?? [] }
}

/** Counts what differs before the test fails on it. */
function compare(check: () => void): void {
  try {
    check()
  } catch (error) {
    tally.differences++
    throw error
  }
}

/** Usage is compared where the recording counts it; elsewhere the server estimates. */
function assertSame(found: Said, expected: Said, where: string): void {
  const usage = expected.usage === undefined ? undefined : found.usage
  compare(() => assert.deepEqual({ ...found, usage }, expected, where))
}

/** What the client gets of a failure before the first word: an error, and nothing else. */
function expectation(recording: Recording): Said {
  const said = readAll(recording)
  const saidNothing = said.text === '' && said.reasoning === '' && said.calls.length === 0
  if (said.outcome === 'error' || (said.outcome === 'failed' && saidNothing)) return { ...NOTHING, outcome: 'error' }
  return said
}

for (const recording of recordings) {
  test(`${recording.id} says the same through the server`, async () => {
    const expected = expectation(recording)
    tally.recordings++
    for (const stream of [false, true]) {
      assertSame(
        await pass(`${recording.id}-${stream}`, answerOf(recording, recording.pieces), stream),
        expected,
        `stream: ${stream}`,
      )
      tally[stream ? 'streams' : 'whole']++
    }
  })
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

/** Everything a stream says but for what differs from run to run: ids and times. */
async function eventsOf(name: string, answer: Answer): Promise<string> {
  answers.set(name, answer)
  const response = await server.post('/responses', { model: `replay/${name}`, input: 'Replay.', stream: true })
  const text = await response.text()
  return text
    .replaceAll(/[0-9a-f]{48}|call_[0-9a-f]{24}/g, 'ID')
    .replaceAll(/"(created_at|completed_at)":\d+/g, '"$1":0')
    .replaceAll(`replay/${name}`, 'MODEL')
}

const streams = recordings.filter(({ isStream }) => isStream)

for (const recording of streams) {
  test(`${recording.id} gives the same events however its bytes are cut`, async () => {
    const bytes = Buffer.from(recording.pieces.join(''))
    const expected = await eventsOf(recording.id, answerOf(recording, [bytes]))
    const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))
    const bytewise = await eventsOf(recording.id, answerOf(recording, single))
    compare(() => assert.equal(bytewise, expected, 'byte by byte'))
    tally['byte by byte']++
    const random = randomNumbers(SEED)
    for (let round = 0; round < RANDOM_CUTTINGS; round++) {
      const cut = cutAtRandom(bytes, random)
      const found = await eventsOf(recording.id, answerOf(recording, cut))
      compare(() => assert.equal(found, expected, `cutting ${round} of seed ${SEED}`))
      tally['random cuttings']++
    }
  })

  test(`${recording.id} cut off after any event has failed, unless it had finished`, async () => {
    for (let length = 0; length < recording.pieces.length; length++) {
      const pieces = recording.pieces.slice(0, length)
      const found = await pass(`${recording.id}-cut`, { ...answerOf(recording, pieces), end: 'cut' }, true)
      const isTrueEnd = hasFinish(pieces) && !hasErrorChunk(pieces)
      const expected = isTrueEnd ? ['completed', 'max_output_tokens', 'content_filter'] : ['failed', 'error']
      compare(() =>
        assert.ok(
          expected.includes(found.outcome),
          `after ${length} events: ${found.outcome}, expected ${expected.join(' or ')}`,
        ),
      )
      tally.truncations++
    }
  })
}

test('recordings are there', { skip: NO_RECORDINGS }, () => {
  assert.ok(recordings.length > 80)
  assert.ok(streams.length > 30)
})
