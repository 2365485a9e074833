import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer, type TestServer } from '../harness/server.ts'
import { HALF_CHARACTERS, NAUGHTY_STRINGS } from './naughty-strings.ts'
import { assertAlive, assertRefused, invalid, testRefusals, wrongType, type RefusedValues } from './refusal.ts'

const servers: Readonly<Record<string, TestServer>> = {
  memory: await startTestServer(),
  sqlite: await startTestServer({ store: 'sqlite' }),
}
after(() => Promise.all(Object.values(servers).map((server) => server.close())))
const { memory: server = assert.fail() } = servers

interface Stored {
  readonly id: string
  readonly instructions: string
  readonly metadata: Record<string, string>
  readonly user: string
  readonly tools: { description: string }[]
  readonly text: { format: { schema: object } }
}

/** A request with one string wherever a request holds free text. */
function everywhere(text: string): object {
  const short = [...text].slice(0, 60).join('')
  return {
    model: 'demo',
    instructions: text,
    metadata: { [`k${short}`]: [...text].slice(0, 512).join('') },
    user: text,
    tool_choice: 'none',
    tools: [{ type: 'function', name: 'f', description: text, parameters: { [text]: text } }],
    text: { format: { type: 'json_schema', name: 'x', schema: { default: text } } },
    input: [
      { role: 'user', content: text },
      { type: 'function_call', call_id: `c${short}`, name: 'f', arguments: text },
      { type: 'function_call_output', call_id: `c${short}`, output: text },
      { role: 'user', content: [{ type: 'input_text', text }], id: `i${short}` },
    ],
  }
}

/** What must be found again, as the answer and the list of items show it. */
async function assertRoundTrip(where: TestServer, sent: string, kept: string): Promise<void> {
  const created = await where.post('/responses', everywhere(sent))
  const text = await created.text()
  assert.equal(created.status, 200, text.slice(0, 500))
  const { id } = JSON.parse(text) as Stored
  assert.equal(await (await where.get(`/responses/${id}`)).text(), text)
  const items = (await (await where.get(`/responses/${id}/input_items?order=asc`)).json()) as { data: object[] }
  const expected = JSON.parse(JSON.stringify(everywhere(kept))) as Stored & { input: object[] }
  const stored = JSON.parse(text) as Stored
  for (const field of ['instructions', 'metadata', 'user'] as const) assert.deepEqual(stored[field], expected[field])
  assert.deepEqual(stored.tools[0], { strict: null, ...expected.tools[0] })
  assert.deepEqual(stored.text.format, expected.text.format)
  const parts = [{ content: [{ type: 'input_text', text: kept }] }, {}, {}, {}]
  const shown = expected.input.map((item, index) => ({ ...item, ...parts[index] }))
  assert.deepEqual(
    items.data.map((item, index) => pick(item, shown[index] ?? {})),
    shown,
  )
}

for (const [store, where] of Object.entries(servers)) {
  for (const text of NAUGHTY_STRINGS) {
    test(`B-76, B-78: ${JSON.stringify(text).slice(0, 50)} comes back as it was sent (${store})`, async () => {
      await assertRoundTrip(where, text, text)
    })
  }
  for (const [sent, kept] of HALF_CHARACTERS) {
    test(`B-24, B-78: ${JSON.stringify(sent)} is kept as ${JSON.stringify(kept)} (${store})`, async () => {
      await assertRoundTrip(where, sent, kept)
    })
  }
}

test('B-78: any string as a model or a tool name is answered by the rule of its field', async () => {
  for (const name of NAUGHTY_STRINGS) {
    const asModel = await server.post('/responses', { model: name, input: 'x' })
    const asTool = await server.post('/responses', {
      model: 'demo',
      input: '/say x',
      tools: [{ type: 'function', name }],
    })
    assert.ok([400, 404].includes(asModel.status), `${asModel.status} for model ${JSON.stringify(name)}`)
    assert.equal(asTool.status, /^[\w.-]{1,128}$/.test(name) ? 200 : 400, JSON.stringify(name))
    await Promise.all([asModel.text(), asTool.text()])
  }
})

const body = (metadata: unknown) => ({ model: 'demo', input: '/say hi', metadata })
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
const tooManyKeys = invalid('metadata_too_many_keys', 'metadata')
const keyTooLong = (key: string) => invalid('metadata_key_too_long', `metadata.${key}`)

const METADATA: readonly RefusedValues[] = [
  ['B-73', [[], 5, 'x', true], wrongType('metadata')],
  ['B-73', [{ a: 5 }, { a: null }, { a: {} }, { a: [] }, { a: true }, { b: 'x', a: 5 }], wrongType('metadata.a')],
  ['B-73', [keys(17), keys(1000)], tooManyKeys],
  ['B-73', [{ ['k'.repeat(65)]: 'v' }], keyTooLong(`${'k'.repeat(64)}…`)],
  ['B-73', [{ ['😀'.repeat(65)]: 'v' }], keyTooLong(`${'😀'.repeat(64)}…`)],
  ['B-73', [{ a: 'v'.repeat(513) }, { a: '😀'.repeat(513) }], invalid('metadata_value_too_long', 'metadata.a')],
  ['B-75', [{ 'a\nb': 5 }], wrongType('metadata.a\nb')],
  ['B-75', [{ constructor: 5 }], wrongType('metadata.constructor')],
]
testRefusals(server, METADATA, body)

test('B-10: __proto__ in metadata is a key like any other', async () => {
  const json = (value: string) => `{"model":"demo","input":"/say hi","metadata":{"__proto__":${value}}}`
  await assertRefused(await server.post('/responses', json('{"a":"b"}')), wrongType('metadata.__proto__'))
  const answer = await server.post('/responses', json('"v"'))
  assert.match(await answer.text(), /"metadata":\{"__proto__":"v"\}/)
})

const KEPT: Readonly<Record<string, Record<string, string>>> = {
  'B-73: 16 keys': keys(16),
  'B-73: a key of 64 characters': { ['k'.repeat(64)]: 'v' },
  'B-73: a key of 64 emoji': { ['😀'.repeat(64)]: 'v' },
  'B-73: a value of 512 characters': { a: 'v'.repeat(512) },
  'B-73: a value of 512 emoji': { a: '😀'.repeat(512) },
  'B-73: an empty key and an empty value': { '': '' },
  'B-75: dots and dollars': { 'a.b': '1', $set: '2', 'a[0]': '3' },
  'B-75: names of Object': { constructor: '1', toString: '2', valueOf: '3', hasOwnProperty: '4' },
  'B-75: one letter composed and decomposed': { é: '1', 'e\u0301': '2' },
  'B-75: directions, NUL and line breaks': { '\u202ea': '1', '\0': '2', '\n': '3', '\r\n': '4' },
  'B-75: numbers as keys': { 2: 'b', 1: 'a', '-1': 'c' },
}

for (const [name, metadata] of Object.entries(KEPT)) {
  test(`${name}: kept exactly, in both stores`, async () => {
    for (const where of Object.values(servers)) {
      const { id } = (await (await where.post('/responses', body(metadata))).json()) as Stored
      const stored = (await (await where.get(`/responses/${id}`)).json()) as Stored
      assert.deepEqual(Object.entries(stored.metadata), Object.entries(metadata))
    }
  })
}

test('after all of these, the servers answer', async () => {
  for (const where of Object.values(servers)) await assertAlive(where)
})

function pick(item: object, like: object): object {
  return Object.fromEntries(Object.entries(item).filter(([key]) => key in like))
}
