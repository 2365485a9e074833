import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer } from '../harness/server.ts'
import { ACCEPTED_VALUES, EITHER_VALUES, REJECTED_BODIES, REJECTED_VALUES } from './json-corpus.ts'
import { assertAlive, assertRefused, invalid } from './refusal.ts'

const server = await startTestServer()
after(() => server.close())

/** A value inside a tool's schema: free JSON that the answer echoes. */
const withSchema = (value: string) =>
  `{"model":"demo","input":"/say hi","tools":[{"type":"function","name":"f","parameters":{"const":${value}}}]}`

async function echoed(value: string): Promise<unknown> {
  const answer = await server.post('/responses', withSchema(value))
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  const body = JSON.parse(text) as { tools: { parameters: { const: unknown } }[] }
  return body.tools[0]?.parameters.const
}

test('the corpus is as large as it claims, and no case stands in it twice', () => {
  const rejected = [...REJECTED_VALUES, ...REJECTED_BODIES]
  const either = EITHER_VALUES.map(([text]) => text)
  for (const [cases, least] of [
    [rejected, 60],
    [ACCEPTED_VALUES, 40],
    [either, 20],
  ] as const) {
    assert.ok(cases.length >= least)
    assert.equal(new Set(cases).size, cases.length)
  }
})

for (const text of REJECTED_VALUES) {
  test(`B-22: ${JSON.stringify(text)} as a value: 400 invalid_json`, async () => {
    await assertRefused(await server.post('/responses', withSchema(text)), invalid('invalid_json'))
  })
}

for (const text of REJECTED_BODIES) {
  test(`B-22: ${JSON.stringify(text)} as the body: 400 invalid_json`, async () => {
    await assertRefused(await server.post('/responses', text), invalid('invalid_json'))
  })
}

for (const text of ACCEPTED_VALUES) {
  test(`B-23: ${JSON.stringify(text)} comes back as it was sent`, async () => {
    assert.deepEqual(withoutSignOfZero(await echoed(text)), withoutSignOfZero(JSON.parse(text)))
  })
}

for (const [text, read] of EITHER_VALUES) {
  test(`B-24: ${JSON.stringify(text).slice(0, 60)} is read as pinned`, async () => {
    assert.deepEqual(await echoed(text), read)
  })
}

test('after all of these, the server answers', () => assertAlive(server))

/** JSON.stringify writes -0 as 0. */
function withoutSignOfZero(value: unknown): unknown {
  return value === 0 ? 0 : value
}
