import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { after, test } from 'node:test'
import { pino } from 'pino'
import type { JsonValue } from '../../src/protocol/json.ts'
import { SCENARIOS, type ScenarioName } from '../../src/providers/testing/conformance/scenarios.ts'
import type { Conforming, WireAnswer } from '../../src/providers/testing/conformance/suite.ts'
import { startTestServer } from '../harness/server.ts'
import { startUpstream } from '../harness/upstream.ts'
import { fleetAt, freshModel, impatientClock, loadFleet, served, type Member } from '../security/fleet.ts'
import { answerIn } from '../threads/families.ts'
import { HOSTILE_VALUES } from './hostile-values.ts'
import { changedAt, places, type Place } from './json-places.ts'
import { createRandom } from './random.ts'
import { documentsIn } from './wire-documents.ts'

/** FUZZ_SEED chooses the sample; PROVIDER_SHOTS how many answers of each scenario are in it: `all` takes every one. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122)
const SHOTS = process.env['PROVIDER_SHOTS'] ?? '6'
const PATIENCE_MS = 20_000
const FAILURES_MAX = 5
/** Longer answers are not stored. */
const STORED_CHARS_MAX = 100_000
const ERROR_LEVEL = 50
/** After so many shots the provider answers as it should: one that only ever fails is left alone. */
const SHOTS_BETWEEN_ANSWERS = 8

const upstream = await startUpstream()
const fleet = await loadFleet()
const firsts = fleet.filter(({ name, family }) => name === family.name)
const lines: string[] = []
const sink = new Writable({
  write(line: Buffer, _, done) {
    lines.push(line.toString())
    done()
  },
})
const server = await startTestServer({
  clock: impatientClock,
  providers: fleetAt(`${new URL(upstream.baseUrl).origin}/v1`, firsts),
  logger: pino({ level: 'trace', base: null }, sink),
})
// Closing checks every event and body that was sent against openapi.json and the grammar of events.
after(async () => {
  await server.close()
  await upstream.close()
})

/** One answer with something else in one place, asked for in one way. */
interface Shot {
  readonly number: number
  readonly place: Place
  readonly value: string
  readonly stream: boolean
}

/** Every shot at a place of a document that was not seen before: many answers begin and end alike. */
function allShots(answer: WireAnswer, seen: Set<string>): Shot[] {
  return documentsIn(answer.pieces).documents.flatMap((document, number) =>
    places(document).flatMap((place) => {
      const sight = JSON.stringify([document, place])
      if (seen.has(sight)) return []
      seen.add(sight)
      return HOSTILE_VALUES.flatMap((value) => [true, false].map((stream) => ({ number, place, value, stream })))
    }),
  )
}

function sample(answer: WireAnswer, seed: number): Shot[] {
  const random = createRandom(seed)
  const { documents } = documentsIn(answer.pieces)
  if (documents.length === 0) return []
  return Array.from({ length: Number(SHOTS) }, () => {
    const number = random.below(documents.length)
    const place = random.pick(places(documents[number] ?? null))
    return { number, place, value: random.pick(HOSTILE_VALUES), stream: random.chance(0.5) }
  })
}

const MARK = 'in its place'

/** A document as text, with another text in the place of one of its values. */
function textWith(document: JsonValue, place: Place, value: string): string {
  const marked = changedAt(document, place, () => MARK) ?? null
  return JSON.stringify(marked).split(`"${MARK}"`).join(value)
}

/** The pieces of an answer in which one thing stands in the place of another. */
function distorted(answer: WireAnswer, { number, place, value }: Shot): WireAnswer {
  const { documents, withTexts } = documentsIn(answer.pieces)
  return { ...answer, pieces: withTexts(new Map([[number, textWith(documents[number] ?? null, place, value)]])) }
}

/** What may be said of a provider that talks nonsense: that it does, or what its status says; never that we failed. */
function allowedStatuses({ status = 200 }: WireAnswer, name: ScenarioName): ReadonlySet<number> {
  if (status >= 500) return new Set([503])
  if (status >= 400) return new Set([400, 404, 429, 503])
  const isLimited = name === 'too many requests inside the stream'
  return new Set(isLimited ? [200, 429, 503] : [200, 503])
}

/** What a client's request says: every kind of tool is offered, so that calls can be of each. */
const REQUEST = {
  input: 'Hi',
  tools: [
    { type: 'function', name: 'weather' },
    { type: 'custom', name: 'patch' },
  ],
  include: ['reasoning.encrypted_content'],
}

async function fire(member: Member, answer: WireAnswer, shot: Shot): Promise<{ status: number; text: string }> {
  const { stream, value } = shot
  upstream.answer(() => served(distorted(answer, shot)))
  const asked = upstream.received.length
  const store = !stream && value.length <= STORED_CHARS_MAX
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const body = { ...REQUEST, model: freshModel(member), stream, store }
  const response = await Promise.race([server.post('/responses', body), late(signal)])
  const text = await Promise.race([response.text(), late(signal)])
  assert.ok(upstream.received.length > asked, 'the provider was not asked')
  for (const [header, content] of response.headers) assert.match(`${header}: ${content}`, /^[a-z-]+: [\x20-\x7e]*$/)
  if (response.status === 200 && stream) assert.match(text, /\n\ndata: \[DONE\]\n\n$/)
  if (response.status === 200 && store) await checkStored(text)
  return { status: response.status, text }
}

function late(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('no answer in time'))))
}

/** What was answered is what is stored. */
async function checkStored(text: string): Promise<void> {
  const answered = JSON.parse(text) as { id: string }
  const stored: unknown = await (await server.get(`/responses/${answered.id}`)).json()
  assert.deepEqual(stored, answered)
  await (await server.delete(`/responses/${answered.id}`)).text()
}

/** What is wrong with how the server took it. */
async function faultOf(
  member: Member,
  name: ScenarioName,
  answer: WireAnswer,
  shot: Shot,
): Promise<string | undefined> {
  try {
    const { status, text } = await fire(member, answer, shot)
    assert.ok(allowedStatuses(answer, name).has(status), `${status} ${text.slice(0, 300)}`)
    assert.ok(!text.includes('"internal_error"'), text.slice(-500))
    for (const line of lines.splice(0)) {
      assert.match(line, /^\{.*\}\n$/, 'a line of the log is broken')
      const { level } = JSON.parse(line) as { level: number }
      assert.ok(level < ERROR_LEVEL, line)
    }
    server.conformance.assertClean()
    return undefined
  } catch (error) {
    const { number, place, value, stream } = shot
    const where = `${member.name}, ${name}: document ${number}, ${place.join('.') || 'the whole'}`
    return `${where} = ${value.slice(0, 60)}${stream ? ', streamed' : ''}: ${String(error).slice(0, 600)}`
  }
}

/** Whatever came before, the next request is answered. */
async function checkHealth(member: Member): Promise<void> {
  const answer = answerIn(member.family.fixtures.text)
  assert.ok(answer !== undefined)
  upstream.answer(() => served(answer))
  const response = await server.post('/responses', { model: freshModel(member), input: 'Hi', store: false })
  assert.equal(((await response.json()) as { output_text: string }).output_text, 'Hello, world')
}

function exercise(member: Member, family: Conforming): void {
  const names = Object.keys(SCENARIOS) as ScenarioName[] // The keys of the table.
  const seen = new Set<string>()
  for (const [index, name] of names.entries()) {
    const answer = answerIn(family.fixtures[name])
    if (answer === undefined) continue
    const shots = SHOTS === 'all' ? allShots(answer, seen) : sample(answer, SEED + index)
    if (shots.length === 0) continue
    test(`S-68: ${family.name}: ${name}, distorted in ${shots.length} ways: survived, and nobody else blamed`, async () => {
      const failures: string[] = []
      for (const [number, shot] of shots.entries()) {
        if (number % SHOTS_BETWEEN_ANSWERS === 0) await checkHealth(member)
        const fault = await faultOf(member, name, answer, shot)
        if (fault !== undefined && failures.push(fault) >= FAILURES_MAX) break
      }
      assert.deepEqual(failures, [])
    })
  }
}

for (const member of firsts) exercise(member, member.family)

/** Heads of answers that no provider should send, or not with these bodies. */
const ODD_HEADS: readonly { readonly status: number; readonly headers?: Record<string, string> }[] = [
  ...[200, 400, 429, 503].flatMap((status) =>
    ['', 'text/html; charset=utf-16', 'application/json; charset=x', 'text/event-stream', 'image/png', '*/*'].map(
      (type) => ({
        status,
        headers: { 'content-type': type },
      }),
    ),
  ),
  ...['NaN', '-1', '1e400', 'Infinity', '0x10', 'Thu, 01 Jan 1970 00:00:00 GMT', 'x'.repeat(5000)].flatMap((wait) =>
    [429, 503].map((status) => ({ status, headers: { 'retry-after': wait, 'retry-after-ms': wait } })),
  ),
  ...['__proto__', 'constructor', 'toString:x', '#', ':', 'ThrottlingException#x:y'].map((type) => ({
    status: 400,
    headers: { 'x-amzn-errortype': type },
  })),
  ...[201, 202, 204, 205, 206, 226, 300, 301, 302, 303, 304, 307, 308, 399].map((status) => ({
    status,
    headers: { location: 'http://169.254.169.254/' },
  })),
  ...[
    402, 405, 406, 407, 409, 410, 411, 413, 414, 418, 421, 425, 426, 428, 431, 451, 499, 500, 501, 505, 511, 599, 999,
  ].map((status) => ({ status })),
  { status: 200, headers: { 'content-encoding': 'gzip' } },
  { status: 200, headers: { 'transfer-encoding': 'chunked', trailer: 'x-trailer' } },
]

/** Statuses in which a provider refuses what the client asks. */
const REFUSALS: ReadonlySet<number> = new Set([400, 409, 410, 413, 414, 418, 425, 451])

for (const member of firsts) {
  test(`S-68: ${member.name}: odd heads of answers are the provider's fault, and nobody else's`, async () => {
    for (const name of ['text', 'a bad request'] as const) {
      const answer = answerIn(member.family.fixtures[name])
      assert.ok(answer !== undefined)
      for (const { status, headers } of ODD_HEADS) {
        if (name === 'a bad request' && status === 200) continue // It is one, whatever its status is.
        await checkHealth(member)
        const where = `${name}, ${status} ${JSON.stringify(headers)}`
        const { chunks = [] } = served(answer)
        const mayHaveBody = status !== 204 && status !== 205 && status !== 304
        upstream.answer(() => ({ status, headers: headers ?? {}, chunks: mayHaveBody ? chunks : [] }))
        const response = await server.post('/responses', {
          model: freshModel(member),
          input: 'Hi',
          stream: status % 2 === 0,
        })
        const text = await response.text()
        const isRefused = REFUSALS.has(status)
        const allowed = status === 429 ? [429, 503] : isRefused ? [400, 404, 429] : [200, 503]
        assert.ok(allowed.includes(response.status), `${where}: ${response.status} ${text.slice(0, 300)}`)
        assert.ok(!text.includes('internal_error') && !text.includes('169.254'), where)
      }
    }
  })
}

/** A list of models, as any of the families may spell it. */
const MODEL_LIST: JsonValue = {
  object: 'list',
  data: [{ id: 'm', object: 'model', owned_by: 'x' }],
  models: [{ name: 'models/m', model: 'm', endpoints: ['chat'], supportedGenerationMethods: ['generateContent'] }],
  next_page_token: '',
}

test('S-68: a list of models, distorted in every way, is a list of models all the same', async () => {
  for (const place of places(MODEL_LIST)) {
    for (const value of HOSTILE_VALUES) {
      const where = `${place.join('.')} = ${value.slice(0, 60)}`
      upstream.answer(() => ({
        headers: { 'content-type': 'application/json' },
        chunks: [textWith(MODEL_LIST, place, value)],
      }))
      const response = await server.get('/models')
      const { data } = (await response.json()) as { data: { id: unknown }[] }
      assert.equal(response.status, 200, where)
      assert.ok(
        data.every(({ id }) => typeof id === 'string'),
        where,
      )
      server.conformance.assertClean()
    }
  }
})

test('S-26: no prototype has changed', () => {
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  assert.deepEqual(Object.keys(Object.prototype), [])
})
