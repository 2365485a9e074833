import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HistoryItem } from '../../core/model-call.ts'
import { ApiError } from '../../protocol/error.ts'
import { assistant, functionCall, functionOutput, modelCall, user } from '../testing/model-call.ts'
import { buildMessagesRequest } from './request.ts'
import { DIALECTS, type DialectName } from './tables.ts'
import { messagesRequest, sentFields } from './testing/request.ts'

const limits = [
  { model: 'claude-opus-5-5', max_tokens: 128_000 },
  { model: 'claude-sonnet-4-5', max_tokens: 64_000 },
  { model: 'claude-opus-4-1', max_tokens: 32_000 },
  { model: 'claude-3-5-haiku-latest', max_tokens: 8192 },
  { model: 'claude-3-opus-20240229', max_tokens: 4096 },
  { model: 'claude-opus-9', max_tokens: 64_000 },
  { model: 'gpt-oss:20b', max_tokens: 8192 },
]
for (const { model, max_tokens } of limits) {
  test(`Where the client gives no limit, ${model} is asked for ${max_tokens} tokens`, () => {
    assert.equal(messagesRequest({ model }).body['max_tokens'], max_tokens)
    assert.equal(messagesRequest({ model, maxOutputTokens: 20 }).body['max_tokens'], 20)
  })
}

/** What the settings of sampling become; `refused` is the parameter that the client must leave out. */
const samplings: readonly {
  readonly model: string
  readonly given: { temperature?: number; topP?: number; effort?: 'high' }
  readonly sent?: object
  readonly warns?: boolean
  readonly refused?: string
}[] = [
  { model: 'claude-sonnet-4', given: { temperature: 0.5, topP: 0.9 }, sent: { temperature: 0.5, top_p: 0.9 } },
  { model: 'claude-sonnet-4', given: { temperature: 1.5 }, sent: { temperature: 1 }, warns: true },
  { model: 'claude-sonnet-4-5', given: { temperature: 0.5, topP: 1 }, sent: { temperature: 0.5 } },
  { model: 'claude-sonnet-4-5', given: { temperature: 1, topP: 0.9 }, sent: { top_p: 0.9 } },
  { model: 'claude-sonnet-4-5', given: { temperature: 0.5, topP: 0.9 }, sent: { temperature: 0.5 }, warns: true },
  { model: 'claude-sonnet-4-5', given: { temperature: 1, effort: 'high' }, sent: {} },
  { model: 'claude-sonnet-4-5', given: { temperature: 0.5, effort: 'high' }, refused: 'temperature' },
  { model: 'claude-sonnet-4-5', given: { topP: 0.95, effort: 'high' }, sent: { top_p: 0.95 } },
  { model: 'claude-sonnet-4-5', given: { topP: 0.94, effort: 'high' }, refused: 'top_p' },
  { model: 'claude-opus-4-6', given: { temperature: 0 }, sent: { temperature: 0 } },
  { model: 'claude-opus-5', given: { temperature: 1, topP: 0.99 }, sent: {} },
  { model: 'claude-opus-5', given: { temperature: 0.99 }, refused: 'temperature' },
  { model: 'claude-opus-5', given: { topP: 0.98 }, refused: 'top_p' },
  { model: 'claude-opus-9', given: { temperature: 0.2 }, sent: { temperature: 0.2 } },
]
for (const { model, given, sent, warns = false, refused } of samplings) {
  test(`${model} given ${JSON.stringify(given)} takes ${refused === undefined ? JSON.stringify(sent) : 'it not'}`, () => {
    const build = () => messagesRequest({ model, ...given })
    if (refused !== undefined) {
      assert.throws(build, (error) => error instanceof ApiError && error.status === 400 && error.param === refused)
      return
    }
    assert.deepEqual(sentFields(build(), 'temperature', 'top_p'), sent)
    assert.equal(build().warnings.length, warns ? 1 : 0)
  })
}

const tiers = [
  { tier: 'auto', sent: 'auto' },
  { tier: 'default', sent: 'standard_only' },
  { tier: 'priority', sent: 'auto', warning: /^service_tier priority was sent as auto/ },
  { tier: 'flex', sent: undefined, warning: /^service_tier flex was left out/ },
]
for (const { tier, sent, warning } of tiers) {
  test(`The tier ${tier} is asked for as ${sent}`, () => {
    const { body, warnings } = messagesRequest({ serviceTier: tier })
    assert.equal(body['service_tier'], sent)
    assert.equal(warnings.length, warning === undefined ? 0 : 1)
    if (warning !== undefined) assert.match(warnings.join(), warning)
  })
}

const people = [
  { given: { user: 'u' }, id: 'u', warns: false },
  { given: { safetyIdentifier: 's' }, id: 's', warns: false },
  { given: { user: 's', safetyIdentifier: 's' }, id: 's', warns: false },
]
for (const { given, id, warns } of people) {
  test(`The wire is told of ${JSON.stringify(given)} as ${id}`, () => {
    const { body, warnings } = messagesRequest(given)
    assert.deepEqual(body['metadata'], { user_id: id })
    assert.equal(warnings.length > 0, warns)
  })
}

test('Instructions, the first words of the system and the wish for JSON stand together, blank ones nowhere', () => {
  const first: HistoryItem = { type: 'message', role: 'developer', parts: [{ type: 'input_text', text: 'Be brief.' }] }
  const history = [first, user('Hi')]
  const { body } = messagesRequest({ instructions: ' \n', history, format: { type: 'json_object' } })
  const [brief, json] = body['system'] as { text: string }[]
  assert.equal(brief?.text, 'Be brief.')
  assert.match(json?.text ?? '', /one JSON object/)
})

test('On Vertex AI, the body has the version and no model', () => {
  const { body } = messagesRequest({ promptCacheKey: 'k', serviceTier: 'auto' }, 'vertex')
  assert.equal(body['anthropic_version'], 'vertex-2023-10-16')
  assert.ok(!('model' in body) && !('service_tier' in body))
  assert.deepEqual(body['cache_control'], { type: 'ephemeral' })
})

test('A schema on a dialect that enforces none is refused', () => {
  const format = { type: 'json_schema', name: 'x', schema: {} } as const
  assert.throws(() => messagesRequest({ format }, 'vertex'), { code: 'unsupported_parameter', param: 'text.format' })
})

test('A call that is not streamed does not ask for a stream', () => {
  assert.ok(!('stream' in messagesRequest({ canStream: false }).body))
})

const signed = (thinking: string): HistoryItem => ({
  type: 'reasoning',
  text: thinking,
  state: { type: 'thinking', thinking, signature: 's' },
})

/** What an assistant may have said at once, with what its calls gave back. */
const sayings: readonly (readonly HistoryItem[])[] = [
  [assistant('Yes?')],
  [signed('Hm.'), assistant('Yes?')],
  [signed('Hm.'), functionCall('call_1', 'f', '{"a":1}'), functionOutput('call_1', 'done')],
  [functionCall('x:0/é', 'f', 'no JSON'), functionOutput('x:0/é', '')],
  [{ type: 'reasoning', text: 'Hm.', state: undefined }, assistant('')],
]

test('A longer thread begins with the bytes of the shorter one, in every dialect', () => {
  const arbitrary = fc.array(fc.constantFrom(...sayings), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(arbitrary, fc.constantFrom<DialectName>('anthropic', 'vertex', 'ollama'), (rounds, dialect) => {
      const history = [user('Hi'), ...rounds.flatMap((round, index) => [...round, user(`And ${index}?`)])]
      const messagesOf = (items: readonly HistoryItem[]) =>
        buildMessagesRequest(modelCall({ history: items }), DIALECTS[dialect]).body['messages'] as object[]
      const whole = messagesOf(history)
      for (let length = 1; length <= history.length; length++) {
        if (history[length - 1]?.type !== 'message') continue
        const part = messagesOf(history.slice(0, length))
        const last = part.length - 1
        assert.deepEqual(JSON.stringify(part.slice(0, last)), JSON.stringify(whole.slice(0, last)))
      }
    }),
  )
})
