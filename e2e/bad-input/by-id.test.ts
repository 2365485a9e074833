import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { OTHER_KEY, readStream, startTestServer, TEST_KEY } from '../harness/server.ts'
import { assertAlive, assertRefused, invalid, missing, wrongValue, type Refusal } from './refusal.ts'

const server = await startTestServer()
after(() => server.close())

const NOT_FOUND = missing('response_not_found', 'response_id')
const BAD_ID = invalid('invalid_response_id', 'response_id')

/** Every operation that takes the id of a response. */
const OPERATIONS: readonly (readonly [method: string, rest: string])[] = [
  ['GET', ''],
  ['GET', '?stream=true'],
  ['GET', '?stream=true&starting_after=1'],
  ['DELETE', ''],
  ['POST', '/cancel'],
  ['GET', '/input_items'],
]

function ask(method: string, path: string, key = TEST_KEY): Promise<Response> {
  return fetch(server.base + path, { method, headers: { authorization: `Bearer ${key}` } })
}

async function create(body: object): Promise<string> {
  const answer = await server.post('/responses', { model: 'demo', ...body })
  return ((await answer.json()) as { id: string }).id
}

const foreign = await create({ input: '/say hi' })
const deleted = await create({ input: '/say hi' })
await server.delete(`/responses/${deleted}`)
const unstored = await create({ input: '/say hi', store: false })

const MALFORMED = [
  'abc',
  'resp',
  'resp_',
  'RESP_abc',
  'Resp_abc',
  'resp-abc',
  ' resp_abc',
  'resp_abc ',
  'resp_a.b',
  'resp_a b',
  'resp_é',
  'resp_😀',
  "resp_' OR 1=1--",
  'resp_a;b',
  'resp_a\0',
  'resp_a\n',
  'resp_a/b',
  'resp_a\\b',
  '../resp_a',
  `resp_${'a'.repeat(65)}`,
  `resp_${'a'.repeat(300)}`,
  'msg_abc',
  '{response_id}',
  'undefined',
  'null',
  '__proto__',
  '0',
]

for (const id of MALFORMED) {
  test(`B-81: ${JSON.stringify(id).slice(0, 40)}: 400 invalid_response_id from every operation`, async () => {
    for (const [method, rest] of OPERATIONS) {
      await assertRefused(await ask(method, `/responses/${encodeURIComponent(id)}${rest}`), BAD_ID)
    }
  })
}

const ABSENT: readonly (readonly [name: string, id: string, key: string])[] = [
  ['unknown', `resp_${'0'.repeat(48)}`, TEST_KEY],
  ['unknown, of 64 characters', `resp_${'a'.repeat(64)}`, TEST_KEY],
  ['unknown, like a method of Object', 'resp___proto__', TEST_KEY],
  ['of another account', foreign, OTHER_KEY],
  ['deleted', deleted, TEST_KEY],
  ['never stored', unstored, TEST_KEY],
]

test('B-82: unknown, foreign, deleted and unstored ids are told the same, byte for byte, by every operation', async () => {
  const bodies = new Set<string>()
  for (const [method, rest] of OPERATIONS) {
    for (const [, id, key] of ABSENT) {
      const answer = await ask(method, `/responses/${id}${rest}`, key)
      bodies.add(await answer.clone().text())
      await assertRefused(answer, NOT_FOUND)
    }
  }
  assert.equal(bodies.size, 1)
})

test('B-82: the owner still has what another account asked for', async () => {
  assert.equal((await ask('GET', `/responses/${foreign}`)).status, 200)
})

test('B-83: a second DELETE: 404', async () => {
  const id = await create({ input: '/say hi' })
  const first = await server.delete(`/responses/${id}`)
  assert.deepEqual(await first.json(), { id, object: 'response.deleted', deleted: true })
  await assertRefused(await server.delete(`/responses/${id}`), NOT_FOUND)
})

const QUERIES: readonly (readonly [rest: string, expected: Refusal])[] = [
  ...['yes', '', 'TRUE', '1', 'true%20', 'null'].map((value) => [`?stream=${value}`, wrongValue('stream')] as const),
  ['?stream', wrongValue('stream')],
  ['?stream=true&stream=true', wrongValue('stream')],
  ['?stream[]=true&stream=1', wrongValue('stream')],
  ...['-1', 'abc', '1.5', '1e3', '', '%2B1', '0x1', '9007199254740992', '1%00'].map(
    (value) => [`?stream=true&starting_after=${value}`, wrongValue('starting_after')] as const,
  ),
  ['?stream=true&starting_after=0&starting_after=1', wrongValue('starting_after')],
  ['?starting_after=1', wrongValue('starting_after')],
  ['?stream=false&starting_after=1', wrongValue('starting_after')],
  ['?stream=true&include_obfuscation=maybe', wrongValue('include_obfuscation')],
  ...['0', '101', '-1', 'abc', '1.5', ''].map((value) => [`/input_items?limit=${value}`, wrongValue('limit')] as const),
  ['/input_items?limit=1&limit=2', wrongValue('limit')],
  ...['up', '', 'ASC'].map((value) => [`/input_items?order=${value}`, wrongValue('order')] as const),
  ...['nothing', '', 'msg_%00'].map((value) => [`/input_items?after=${value}`, wrongValue('after')] as const),
]

for (const [rest, expected] of QUERIES) {
  test(`B-84: ${rest}: 400 ${expected.code} ${expected.param}`, async () => {
    await assertRefused(await ask('GET', `/responses/${foreign}${rest}`), expected)
  })
}

test('B-84: starting_after beyond the end, and unknown parameters, are no fault', async () => {
  const beyond = await ask('GET', `/responses/${foreign}?stream=true&starting_after=${Number.MAX_SAFE_INTEGER}`)
  assert.equal(await beyond.text(), 'data: [DONE]\n\n')
  const from = await ask('GET', `/responses/${foreign}?stream=true&starting_after=2&nothing=1`)
  assert.equal((await readStream(from))[0]?.['sequence_number'], 3)
})

test('B-87: cancelling a foreground response: 400 not_cancellable, whatever the body', async () => {
  for (const body of ['', '{', '{}', 'x']) {
    const answer = await server.post(`/responses/${foreign}/cancel`, body)
    await assertRefused(answer, invalid('not_cancellable', 'response_id'))
  }
})

test('B-87: cancelling a background response that has ended: 200 with the same object, twice', async () => {
  const id = await create({ input: '/say hi', background: true })
  const events = await readStream(await ask('GET', `/responses/${id}?stream=true`))
  assert.equal(events.at(-1)?.['type'], 'response.completed')
  const ended = await (await ask('GET', `/responses/${id}`)).text()
  for (let time = 0; time < 2; time++) {
    const answer = await ask('POST', `/responses/${id}/cancel`)
    assert.equal(answer.status, 200)
    assert.equal(await answer.text(), ended)
  }
})

test('after all of these, the server answers', () => assertAlive(server))
