import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ScenarioName } from '../../src/providers/testing/conformance/scenarios.ts'
import { impatientClock } from '../harness/impatient-clock.ts'
import { readStream, startTestServer, type TestServer } from '../harness/server.ts'
import { startUpstream, type Answer, type Upstream } from '../harness/upstream.ts'
import { answerIn, loadFamilies } from '../threads/families.ts'

/** What a client must get of a fault, and how often the provider must be asked. */
interface Fault {
  readonly scenario: ScenarioName
  readonly status: number
  readonly code: string
  readonly tries: number
  /** Whether the client is told when to come again, or not to. */
  readonly headers?: Readonly<Record<string, string | undefined>>
}

/** Faults before the first word: an error answer, after as many tries as may help. */
const BEFORE: readonly Fault[] = [
  { scenario: 'a bad request', status: 400, code: 'upstream_rejected', tries: 1 },
  { scenario: 'a context that is too long', status: 400, code: 'context_length_exceeded', tries: 1 },
  { scenario: 'an unknown model', status: 404, code: 'model_not_found', tries: 1 },
  { scenario: 'a bad key', status: 503, code: 'upstream_auth_failed', tries: 1 },
  {
    scenario: 'too many requests',
    status: 429,
    code: 'rate_limit_exceeded',
    tries: 3,
    headers: { 'retry-after': '7' },
  },
  { scenario: 'overloaded', status: 503, code: 'upstream_unavailable', tries: 3 },
  { scenario: 'a server error', status: 503, code: 'upstream_unavailable', tries: 3 },
  {
    scenario: 'overloaded inside the stream, before a word',
    status: 503,
    code: 'upstream_unavailable',
    tries: 3,
    headers: { 'x-should-retry': 'false' },
  },
  { scenario: 'too many requests inside the stream', status: 429, code: 'rate_limit_exceeded', tries: 3 },
  { scenario: 'something else than its protocol', status: 503, code: 'upstream_invalid_response', tries: 1 },
]

/** Faults after some words: the words, and a failure; the provider is not asked again. */
const AFTER: readonly (readonly [ScenarioName, string])[] = [
  ['an error after some words', 'upstream_unavailable'],
  ['a stream that breaks off', 'upstream_invalid_response'],
  ['garbage inside the stream', 'upstream_invalid_response'],
]

/** What the fixtures' providers ask to wait. */
const ASKED_MS = 7000

const families = await loadFamilies()
let upstream: Upstream
let next: Answer = {}

before(async () => {
  upstream = await startUpstream()
  upstream.answer(() => next)
})

after(() => upstream.close())

/** A server for one test alone: what it has learned of a provider's faults must not reach the next. */
async function openServer(family: (typeof families)[number]): Promise<TestServer> {
  const { name, setup } = family
  const { dialect, own = {} } = setup
  const base_url = `${new URL(upstream.baseUrl).origin}/v1`
  return startTestServer({
    clock: impatientClock(ASKED_MS),
    providers: { [name]: { kind: name, dialect, api_key: 'key', ...own, base_url } },
  })
}

/** Lets the provider answer as a fixture has it. @returns whether the family has such an answer. */
function stage(family: (typeof families)[number], scenario: ScenarioName): boolean {
  const answer = answerIn(family.fixtures[scenario])
  if (answer === undefined) return false
  const { status = 200, headers = {}, pieces } = answer
  const contentType = answer.contentType ?? (pieces.length > 1 ? 'text/event-stream' : 'application/json')
  next = { status, headers: { 'content-type': contentType, ...headers }, chunks: pieces }
  return true
}

for (const family of families) {
  for (const { scenario, status, code, tries, headers = {} } of BEFORE) {
    for (const stream of [false, true]) {
      test(`${family.name}: ${scenario}${stream ? ', streamed' : ''}: ${status} ${code}`, async (context) => {
        if (!stage(family, scenario)) return context.skip(`${family.name} has no such answer`)
        const server = await openServer(family)
        const asked = upstream.received.length
        const response = await server.post('/responses', {
          model: `${family.name}/${family.model}`,
          input: 'Hi',
          stream,
        })
        const { error } = (await response.json()) as { error: { code: string; message: string } }
        const tried = upstream.received.length - asked
        await server.close()
        assert.deepEqual({ status: response.status, code: error.code, tries: tried }, { status, code, tries })
        for (const [header, value] of Object.entries(headers)) assert.equal(response.headers.get(header), value)
        assert.equal(response.headers.has('retry-after'), status === 429 || status === 503)
        assert.doesNotMatch(error.message, /127\.0\.0\.1|hush/)
      })
    }
  }

  for (const [scenario, code] of AFTER) {
    test(`${family.name}: ${scenario}: the words, then response.failed`, async (context) => {
      if (!stage(family, scenario)) return context.skip(`${family.name} has no such answer`)
      const server = await openServer(family)
      const asked = upstream.received.length
      const model = `${family.name}/${family.model}`
      const response = await server.post('/responses', { model, input: 'Hi', stream: true })
      const events = await readStream(response)
      const whole = await server.post('/responses', { model, input: 'Hi' })
      const snapshot = (await whole.json()) as { status: string; output_text: string }
      await server.close()
      assert.equal(response.status, 200)
      assert.deepEqual(
        events.slice(-2).map(({ type }) => type),
        ['error', 'response.failed'],
      )
      assert.equal(whole.status, 200)
      assert.equal(events.at(-2)?.['code'], code)
      assert.equal(snapshot.status, 'failed')
      assert.match(snapshot.output_text, /^Hel/)
      assert.equal(upstream.received.length - asked, 2)
    })
  }
}
