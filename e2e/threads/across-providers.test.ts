import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as fc from 'fast-check'
import type { Response as Snapshot } from '../../src/protocol/response.ts'
import type { ScenarioName } from '../../src/providers/testing/conformance/scenarios.ts'
import { startTestServer, type TestServer } from '../harness/server.ts'
import { startUpstream, type Answer, type Received, type Upstream } from '../harness/upstream.ts'
import { answerIn, blamesOf, loadFamilies, STRICT } from './families.ts'

/** Threads in the short form; the long one is `npm run soak:threads`. */
const THREADS = Number(process.env['THREADS'] ?? 60)

const ANSWERS = ['text', 'thinking that must come back', 'a call', 'two calls', 'text, then a call'] as const
const PIXEL = 'data:image/png;base64,iVBORw0KGgo='
const TOOL = { type: 'function', name: 'weather', description: 'Tells the weather.', parameters: { type: 'object' } }

/** What happens in one turn of a thread. */
const turnOf = (families: number) =>
  fc.record({
    family: fc.nat(families - 1),
    answer: fc.constantFrom(...ANSWERS),
    user: fc.constantFrom('text', 'image', 'system', 'nothing'),
    result: fc.constantFrom('text', 'parts', 'image'),
    hasTools: fc.boolean(),
  })
type Turn = Parameters<Parameters<ReturnType<typeof turnOf>['map']>[0]>[0]

const families = await loadFamilies()
let upstream: Upstream
let server: TestServer | undefined
/** What the provider that is asked next says. */
let next: Answer = {}

before(async () => {
  upstream = await startUpstream()
  upstream.answer(() => next)
  const origin = new URL(upstream.baseUrl).origin
  const providers = families.map(({ name, setup }) => {
    const { dialect, own = {} } = setup
    return [name, { kind: name, dialect, api_key: 'key', ...own, base_url: `${origin}/v1` }] as const
  })
  server = await startTestServer({ providers: Object.fromEntries(providers) })
})

after(async () => {
  await server?.close()
  await upstream.close()
})

test('Every family has a strict fake', () => {
  assert.deepEqual(
    families.map(({ name }) => name).filter((name) => !STRICT.has(name)),
    [],
  )
})

function post(body: object): Promise<Response> {
  assert.ok(server !== undefined)
  return server.post('/responses', body)
}

/** A thread as its client knows it. */
class Thread {
  #previousId: string | undefined
  #open: readonly string[] = []
  readonly #told: string[] = []
  /** Signed thinking of the thread, with the family that signed it. */
  readonly #signed: { family: string; signature: string }[] = []
  #hellos = 0
  #count = 0

  async play(turn: Turn): Promise<void> {
    const family = families[turn.family]
    if (family === undefined) return
    const scenario: ScenarioName = answerIn(family.fixtures[turn.answer]) === undefined ? 'text' : turn.answer
    const answer = answerIn(family.fixtures[scenario])
    assert.ok(answer !== undefined, `${family.name} says nothing`)
    const contentType = answer.contentType ?? 'text/event-stream'
    next = { headers: { 'content-type': contentType }, chunks: answer.pieces }
    const response = await post({
      model: `${family.name}/${family.model}`,
      input: this.#input(turn),
      ...(turn.hasTools || scenario.includes('call') ? { tools: [TOOL] } : {}),
      ...(this.#previousId === undefined ? {} : { previous_response_id: this.#previousId }),
    })
    const text = await response.text()
    assert.equal(response.status, 200, `${family.name}: ${text}`)
    const received = upstream.received.at(-1)
    assert.ok(received !== undefined)
    this.#check(family.name, received, response.headers.get('antiphon-warnings') ?? '')
    this.#hear(JSON.parse(text) as Snapshot, family.name, scenario, answer.pieces)
  }

  /** The results of open calls, and what the user says. */
  #input(turn: Turn): unknown[] {
    const results = this.#open.map((call_id) => ({ type: 'function_call_output', call_id, output: this.#result(turn) }))
    if (results.length > 0 && turn.user === 'nothing') return results
    const text = { type: 'input_text', text: this.#word('user') }
    const content = turn.user === 'image' ? [text, { type: 'input_image', image_url: PIXEL }] : [text]
    const system = turn.user === 'system' ? [{ role: 'system', content: this.#word('system') }] : []
    return [...results, ...system, { role: 'user', content }]
  }

  #result({ result }: Turn): unknown {
    const text = this.#word('result')
    if (result === 'text') return text
    const parts = [{ type: 'input_text', text }]
    return result === 'parts' ? parts : [...parts, { type: 'input_image', image_url: PIXEL }]
  }

  /** A word that stands nowhere else. */
  #word(who: string): string {
    const word = `${who}x${this.#count++}x`
    this.#told.push(word)
    return word
  }

  #check(name: string, received: Received, warnings: string): void {
    assert.deepEqual(blamesOf(name, received), [], `${name} was sent ${JSON.stringify(received.body, undefined, 1)}`)
    const sent = JSON.stringify(received.body)
    const lost = this.#told.filter((word) => !sent.includes(word))
    assert.deepEqual(lost, [], `${name} was not told everything`)
    assert.ok(sent.split('Hello').length > this.#hellos, `${name} was not told what assistants said`)
    const [own, foreign] = [
      this.#signed.filter(({ family }) => family === name),
      this.#signed.filter(({ family }) => family !== name),
    ]
    for (const { signature } of own) assert.ok(sent.includes(signature), `${name} did not get ${signature} back`)
    for (const { family, signature } of foreign) {
      assert.ok(!sent.includes(signature), `${name} got what ${family} had signed`)
      assert.match(warnings, /reasoning was left out/)
    }
  }

  #hear(snapshot: Snapshot, family: string, scenario: ScenarioName, pieces: readonly (string | Uint8Array)[]): void {
    assert.equal(snapshot.status, 'completed')
    this.#previousId = snapshot.id
    this.#open = snapshot.output.flatMap((item) => (item.type === 'function_call' ? [item.call_id] : []))
    if (snapshot.output_text.includes('Hello')) this.#hellos++
    if (scenario !== 'thinking that must come back') return
    const said = pieces
      .map((piece) => (typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1')))
      .join('')
    for (const [, signature = ''] of said.matchAll(SIGNATURE)) this.#signed.push({ family, signature })
  }
}

/** Where wires put what must come back. */
const SIGNATURE = /"(?:signature|thoughtSignature|encrypted_content|redactedContent)":"([^"]+)"/g

test('A thread that goes from provider to provider is taken by each, and loses nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turnOf(families.length), { minLength: 1, maxLength: 12 }), async (turns) => {
      const thread = new Thread()
      for (const turn of turns) await thread.play(turn)
    }),
    { numRuns: THREADS },
  )
})
