import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import type { JsonObject } from '../../src/protocol/json.ts'
import type { WireAnswer } from '../../src/providers/testing/conformance/suite.ts'
import { OTHER_KEY, startTestServer, type TestServer } from '../harness/server.ts'
import { startUpstream } from '../harness/upstream.ts'
import { answerIn } from '../threads/families.ts'
import { loadFleet, memberConfig, served, type Member } from './fleet.ts'

const upstream = await startUpstream()
const origin = `${new URL(upstream.baseUrl).origin}/v1`
const fleet = await loadFleet()

/** Every member twice: under its own name, and as another provider that speaks the same. */
const providers = Object.fromEntries(
  fleet.flatMap((member) => [
    [member.name, memberConfig(member, origin)],
    [`${member.name}-twin`, memberConfig(member, origin)],
  ]),
)
const server = await startTestServer({ providers })
/** One with the same providers, and another secret. */
const stranger = await startTestServer({ providers })
after(async () => {
  await server.close()
  await stranger.close()
  await upstream.close()
})

/** A member that thinks, in one of the ways in which thinking must come back. */
interface Thinker {
  readonly member: Member
  readonly how: 'thinking that must come back' | 'thinking without a word'
  readonly answer: WireAnswer
}

const thinkers = fleet.flatMap((member) =>
  (['thinking that must come back', 'thinking without a word'] as const).flatMap((how): Thinker[] => {
    const answer = answerIn(member.family.fixtures[how])
    return answer === undefined ? [] : [{ member, how, answer }]
  }),
)

interface Turn {
  readonly output: readonly JsonObject[]
  readonly sent: JsonObject
  readonly warnings: string
}

const ASKED = { role: 'user', content: 'Hi' }
const GO_ON = { role: 'user', content: 'Go on.' }

async function post(at: TestServer, model: string, input: readonly object[]): Promise<Turn> {
  const include = ['reasoning.encrypted_content']
  const response = await at.post('/responses', { model, input, include, store: false })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  const { output } = JSON.parse(text) as { output: JsonObject[] }
  const sent = upstream.received.at(-1)?.body
  assert.ok(sent !== undefined)
  return { output, sent: sent as JsonObject, warnings: response.headers.get('antiphon-warnings') ?? '' } // It was JSON.
}

/** What a provider thought and said in a first turn. */
async function firstTurn({ member, answer }: Thinker, at = server, name = member.name): Promise<readonly JsonObject[]> {
  upstream.answer(() => served(answer))
  return (await post(at, `${name}/${member.family.model}`, [ASKED])).output
}

function sealIn(output: readonly JsonObject[]): string {
  const seal = output.find(({ type }) => type === 'reasoning')?.['encrypted_content']
  assert.ok(typeof seal === 'string' && seal.startsWith('ap1.'))
  return seal
}

/** A second turn in which the thinking of the first has another seal, or is left out. */
async function secondTurn(
  { member, answer }: Thinker,
  output: readonly JsonObject[],
  seal: string | undefined,
): Promise<Turn> {
  upstream.answer(() => served(answer))
  const items = output.flatMap((item) => {
    if (item['type'] !== 'reasoning') return [item]
    return seal === undefined ? [] : [{ ...item, encrypted_content: seal }]
  })
  return post(server, `${member.name}/${member.family.model}`, [ASKED, ...items, GO_ON])
}

/** A seal with one of its bits changed. */
function flipped(seal: string, bit: number): string {
  const bytes = Buffer.from(seal.slice(4), 'base64url')
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return `ap1.${bytes.toString('base64url')}`
}

/** What somebody may write in the place of a seal who has one, or has seen what is in it. */
function forgeries(seal: string): readonly string[] {
  const bytes = Buffer.from(seal.slice(4), 'base64url')
  const state = { type: 'reasoning', thinking: 'c2lnbmVk', signature: 'c2lnbmVk', encrypted_content: 'c2lnbmVk' }
  const plain = JSON.stringify(state)
  return [
    '',
    'ap1.',
    'ap1',
    'c2lnbmVk',
    'gAAAAABstolen',
    plain,
    btoa(plain),
    `ap1.${plain}`,
    `ap1.${Buffer.from(plain).toString('base64url')}`,
    `ap1.${randomBytes(28).toString('base64url')}`,
    `ap1.${randomBytes(bytes.length).toString('base64url')}`,
    `ap2.${seal.slice(4)}`,
    `AP1.${seal.slice(4)}`,
    ` ${seal}`,
    seal.slice(4),
    ...[1, 4, 12, 40].map((count) => seal.slice(0, -count)),
    seal.slice(0, 42),
    `ap1.${bytes.subarray(1).toString('base64url')}`,
    `ap1.${Buffer.concat([bytes, Buffer.from([0])]).toString('base64url')}`,
    seal + seal,
    ...[0, 95, 96, 223, 224, bytes.length * 8 - 1].map((bit) => flipped(seal, bit)),
    'x'.repeat(200_000),
  ]
}

/** Asks with a seal that is not theirs, and finds that nothing of it was sent. */
async function assertShut(thinker: Thinker, output: readonly JsonObject[], seals: readonly string[]): Promise<void> {
  const without = await secondTurn(thinker, output, undefined)
  for (const seal of seals) {
    const { sent, warnings } = await secondTurn(thinker, output, seal)
    assert.deepEqual(sent, without.sent, seal.slice(0, 100))
    assert.match(warnings, /sealed reasoning was left out/, seal.slice(0, 100))
  }
}

test('Every family thinks in some way that must come back', () => {
  const silent = fleet.filter((member) => thinkers.every((thinker) => thinker.member !== member))
  assert.deepEqual(
    silent.map(({ name }) => name),
    [],
  )
})

for (const thinker of thinkers) {
  const { member, how } = thinker
  test(`${member.name}: ${how}: its own seal gives it its thinking back`, async () => {
    const output = await firstTurn(thinker)
    const own = await secondTurn(thinker, output, sealIn(output))
    const without = await secondTurn(thinker, output, undefined)
    assert.notDeepEqual(own.sent, without.sent)
    assert.doesNotMatch(own.warnings, /sealed reasoning was left out/)
  })

  test(`${member.name}: ${how}: a seal that is forged, cut or changed stays shut`, async () => {
    const output = await firstTurn(thinker)
    await assertShut(thinker, output, forgeries(sealIn(output)))
  })

  test(`${member.name}: ${how}: what another provider, or another server, has sealed stays shut`, async () => {
    const output = await firstTurn(thinker)
    const seals = [await firstTurn(thinker, server, `${member.name}-twin`), await firstTurn(thinker, stranger)]
    for (const other of thinkers) if (other.member !== member) seals.push(await firstTurn(other))
    await assertShut(thinker, output, seals.map(sealIn))
  })
}

for (const thinker of thinkers) {
  test(`S-02: ${thinker.member.name}: ${thinker.how}: what one account has sealed, another does not open`, async () => {
    const output = await firstTurn(thinker)
    const without = await secondTurn(thinker, output, undefined)
    const model = `${thinker.member.name}/${thinker.member.family.model}`
    const stolen = await server.post(
      '/responses',
      { model, input: [ASKED, ...output, GO_ON], store: false },
      { authorization: `Bearer ${OTHER_KEY}` },
    )
    await stolen.text()
    assert.equal(stolen.status, 200)
    assert.deepEqual(upstream.received.at(-1)?.body, without.sent)
    assert.match(stolen.headers.get('antiphon-warnings') ?? '', /sealed reasoning was left out/)
  })
}
