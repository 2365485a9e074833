import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { after, test } from 'node:test'
import { pino } from 'pino'
import type { JsonValue } from '../../src/protocol/json.ts'
import { SCENARIOS, type ScenarioName } from '../../src/providers/testing/conformance/scenarios.ts'
import type { WireAnswer } from '../../src/providers/testing/conformance/suite.ts'
import { changedAt, places, valueAt } from '../fuzz/json-places.ts'
import { documentsIn } from '../fuzz/wire-documents.ts'
import { startTestServer } from '../harness/server.ts'
import { startUpstream, type Answer } from '../harness/upstream.ts'
import { answerIn } from '../threads/families.ts'
import { fleetAt, freshModel, impatientClock, loadFleet, served, speaksChat, type Member } from './fleet.ts'

/** Strings that exist nowhere else, with letters that are spelt differently in URLs and in both kinds of Base64. */
const canary = (what: string) => `${what}~>?${randomUUID()}~>?+/=`
const folder = await mkdtemp(join(tmpdir(), 'antiphon-fleet-'))
const upstream = await startUpstream()
const { origin, host } = new URL(upstream.baseUrl)
const room = `room-${randomUUID()}`

/** What opens the provider's door. */
const KEYS = { key: canary('key'), header: canary('header') }
/** What tells where the provider is, and whose account it is. */
const PLACES = {
  address: `${origin}/${room}/v1`,
  host,
  room,
  project: `project-${randomUUID()}`,
  account: '123456789012',
}

type Spell = (secret: string) => string

/** Ways in which a provider may spell what it echoes. */
const SPELLINGS: Readonly<Record<string, Spell>> = {
  'as it is': (secret) => secret,
  'in a URL': encodeURIComponent,
  'in a URL, in small letters': (secret) => encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
  'in a form': (secret) => new URLSearchParams({ '': secret }).toString().slice(1),
}
/** Ways in which it may spell a key besides. */
const CODES: Readonly<Record<string, Spell>> = {
  'in Base64': (secret) => btoa(secret).replace(/=+$/, ''),
  'in Base64 for URLs': (secret) => Buffer.from(secret).toString('base64url'),
}

const fleet = (await loadFleet()).map((member) =>
  member.own['project'] === undefined ? member : { ...member, own: { ...member.own, project: PLACES.project } },
)
const lines: string[] = []
const sink = new Writable({
  write(line: Buffer, _, done) {
    lines.push(line.toString())
    done()
  },
})
const server = await startTestServer({
  clock: impatientClock,
  providers: fleetAt(PLACES.address, fleet, { api_key: KEYS.key, headers: { 'x-secret': KEYS.header } }),
  store: { path: join(folder, 'antiphon.db') },
  settings: { server: { host: '127.0.0.1', port: 0, base_paths: ['/v1'], metrics: true } },
  logger: pino({ level: 'trace', base: null }, sink),
})
after(async () => {
  await server.close()
  await upstream.close()
  await rm(folder, { recursive: true })
})

/** What a careless provider says of the request that it got. */
function echo({ own }: Member, spellKey: Spell, spellPlace: Spell = spellKey): string {
  const { project, account, ...places } = PLACES
  const said = [...Object.values(KEYS).map(spellKey), ...Object.values(places).map(spellPlace)]
  const projects = own['project'] === undefined ? [] : [spellPlace(project), `projects/${project}/x`]
  return `No: ${[...said, ...projects].join(' ; ')} ; arn:aws:bedrock:us-east-1:${account}:inference-profile/x`
}

/** Echoes in every spelling. */
function allEchoes(member: Member): readonly string[] {
  const plain: Spell = (secret) => secret
  return [
    ...Object.values(SPELLINGS).map((spell) => echo(member, spell)),
    ...Object.values(CODES).map((spell) => echo(member, spell, plain)),
  ]
}

function assertAbsent(text: string, where: string): void {
  const check = (secrets: Readonly<Record<string, string>>, spellings: Readonly<Record<string, Spell>>) => {
    for (const [name, secret] of Object.entries(secrets)) {
      for (const [how, spell] of Object.entries(spellings)) {
        const at = text.indexOf(spell(secret))
        assert.ok(at === -1, `${name} ${how}, ${where}: ${text.slice(Math.max(0, at - 200), at + 100)}`)
      }
    }
  }
  check(KEYS, { ...SPELLINGS, ...CODES })
  check(PLACES, SPELLINGS)
}

/** An answer that echoes what it was asked wherever nobody reads. */
function echoing(member: Member, answer: Answer): Answer {
  const { headers = {}, chunks = [] } = answer
  const { key } = KEYS
  const isEvents = headers['content-type'] === 'text/event-stream'
  return {
    ...answer,
    headers: {
      ...headers,
      authorization: `Bearer ${key}`,
      'x-goog-api-key': key,
      'x-amz-security-token': key,
      'x-request-id': key,
      'request-id': key,
      'openai-organization': PLACES.project,
      'set-cookie': `key=${key}`,
      via: PLACES.address,
      warning: `199 - "${key}"`,
    },
    chunks: isEvents ? [`: ${echo(member, String)}\n\n`, ...chunks] : chunks,
  }
}

/** The texts in an answer, each with its place and the number of its document. */
function textsIn({ documents }: ReturnType<typeof documentsIn>) {
  return documents.flatMap((document, number) =>
    places(document).flatMap((place) => {
      const text = valueAt(document, place)
      return typeof text === 'string' ? [{ document, number, place, text }] : []
    }),
  )
}

/** An answer with other documents in the places of some, by their numbers. */
function changed(member: Member, answer: WireAnswer, documents: ReadonlyMap<number, JsonValue>): Answer {
  const written = new Map([...documents].map(([number, value]) => [number, JSON.stringify(value)]))
  return echoing(member, served({ ...answer, pieces: documentsIn(answer.pieces).withTexts(written) }))
}

/** The same answer with an echo in the place of each text. */
function* oneByOne(member: Member, answer: WireAnswer): Generator<Answer> {
  const said = echo(member, String)
  const texts = textsIn(documentsIn(answer.pieces))
  for (const { document, number, place, text } of texts) {
    const value = changedAt(document, place, () => `${text} ${said}`) ?? null
    yield changed(member, answer, new Map([[number, value]]))
  }
  if (texts.length === 0) yield echoing(member, served({ ...answer, pieces: [...answer.pieces, said] }))
}

/** The same answer with an echo, in every spelling, in the places of all texts but those that tell what it is. */
function* allAtOnce(member: Member, answer: WireAnswer): Generator<Answer> {
  for (const said of allEchoes(member)) {
    const documents = new Map<number, JsonValue>()
    for (const { document, number, place } of textsIn(documentsIn(answer.pieces))) {
      if (place.at(-1) === 'type' || place.at(-1) === 'status') continue
      documents.set(number, changedAt(documents.get(number) ?? document, place, () => said) ?? null)
    }
    yield changed(member, answer, documents)
  }
}

/** Events in which the server says something of its own; in others the model speaks. */
const OWN_EVENTS: ReadonlySet<unknown> = new Set(['error', 'response.created', 'response.failed', 'response.completed'])

/** What a client hears, but for what the model says: that is said on letter for letter. */
function besideTheModel(text: string): string {
  const documents = text.startsWith('{')
    ? [text]
    : [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, data = '']) => data)
  const told = documents.map((document) => JSON.parse(document) as { type?: string; response?: object })
  const hide = (name: string, value: unknown) => (name === 'output' || name === 'output_text' ? undefined : value)
  return JSON.stringify(
    told.filter(({ type }) => type === undefined || OWN_EVENTS.has(type)),
    hide,
  )
}

async function ask(member: Member, answer: Answer, extra: object): Promise<{ text: string; status: number }> {
  upstream.answer(() => answer)
  const response = await server.post('/responses', { model: freshModel(member), input: 'Hi', ...extra })
  const text = await response.text()
  assertAbsent(JSON.stringify([...response.headers]), 'in the headers')
  return { text, status: response.status }
}

const names = Object.keys(SCENARIOS) as ScenarioName[] // The keys of the table.
const isFailure = (name: ScenarioName) => 'problem' in SCENARIOS[name]

/** Failures in which the model has spoken: what it said is stored as it said it. */
const SPEAKS: ReadonlySet<ScenarioName> = new Set([
  'an error after some words',
  'a stream that breaks off',
  'garbage inside the stream',
])

for (const member of fleet) {
  for (const name of names.filter(isFailure)) {
    const answer = answerIn(member.family.fixtures[name])
    if (answer === undefined) continue
    test(`S-30, S-32: ${member.name}: ${name}, with what was asked in every text: no client sees it`, async () => {
      let count = 0
      for (const echoed of [...oneByOne(member, answer), ...allAtOnce(member, answer)]) {
        const { text } = await ask(member, echoed, { stream: count++ % 2 === 1, store: !SPEAKS.has(name) })
        assertAbsent(besideTheModel(text), `answer ${count}`)
      }
    })
  }
}

/** One member of each family: dialects differ in where requests go, not in what answers are. */
const firsts = fleet.filter(({ name, family }) => name === family.name)

for (const member of firsts) {
  test(`S-30: ${member.name}: what was asked, echoed in any text of any answer, shows only where the model speaks`, async () => {
    for (const name of names.filter((candidate) => !isFailure(candidate))) {
      const answer = answerIn(member.family.fixtures[name])
      if (answer === undefined) continue
      for (const echoed of oneByOne(member, answer)) {
        const { text } = await ask(member, echoed, { store: false })
        assertAbsent(besideTheModel(text), name)
      }
    }
  })

  test(`S-30: ${member.name}: a background response that failed shows nothing of what was asked`, async () => {
    const answer = answerIn(member.family.fixtures['a bad request'])
    assert.ok(answer !== undefined)
    for (const echoed of allAtOnce(member, answer)) {
      const { text } = await ask(member, echoed, { background: true })
      const { id } = JSON.parse(text) as { id: string }
      const stream = await server.get(`/responses/${id}?stream=true`)
      assert.match(await stream.text(), /^event: response.failed$/m)
      const stored = await (await server.get(`/responses/${id}`)).text()
      assert.match(stored, /"status":"failed"/)
      assertAbsent(stored, 'in what is stored')
    }
  })
}

/** A stream of Chat Completions that says a text, cut in two. */
const SAID = (text: string) => `data: {"choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\ndata: [DONE]\n\n`

for (const { name, family } of fleet.filter(speaksChat)) {
  test(`S-30: ${name}: Chat Completions that are passed on show no key, wherever the stream is cut`, async () => {
    for (const spell of [...Object.values(SPELLINGS), ...Object.values(CODES)]) {
      const said = SAID(`${spell(KEYS.key)} and ${spell(KEYS.header)}`)
      for (let cut = 0; cut <= said.length; cut += 11) {
        upstream.answer(() => ({ chunks: [said.slice(0, cut), said.slice(cut)] }))
        const response = await server.post('/chat/completions', { model: `${name}/${family.model}`, messages: [] })
        const text = await response.text()
        assertAbsent(text, `cut at ${cut}`)
        assert.equal(text, SAID('[redacted] and [redacted]'))
      }
    }
  })
}

test('S-69: what the model itself says is said on, letter for letter, whatever it is', async () => {
  for (const member of fleet) {
    const answer = answerIn(member.family.fixtures.text)
    assert.ok(answer !== undefined)
    const said = `Try ${PLACES.address}`
    const { documents, withTexts } = documentsIn(answer.pieces)
    const texts = documents.map((document, number) => {
      return [number, JSON.stringify(document).replaceAll('Hello', said)] as const
    })
    const { text } = await ask(member, served({ ...answer, pieces: withTexts(new Map(texts)) }), { store: false })
    assert.equal((JSON.parse(text) as { output_text: string }).output_text, `${said}, world`, member.name)
  }
})

test('S-31: nothing of it is in the log, in the metrics, or in any file beside the database', async () => {
  assert.ok(lines.length > 500)
  for (const line of lines) {
    assert.match(line, /^\{.*\}\n$/)
    assertAbsent(line, 'in the log')
  }
  assertAbsent(await (await fetch(`${server.url}/metrics`)).text(), 'in the metrics')
  for (const file of await readdir(folder)) assertAbsent(await readFile(join(folder, file), 'latin1'), `in ${file}`)
})
