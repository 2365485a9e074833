import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildOpenApi } from '../../src/protocol/openapi.ts'
import { OTHER_KEY, startTestServer, TEST_KEY } from '../harness/server.ts'
import { says, startUpstream } from '../harness/upstream.ts'

const folder = await mkdtemp(join(tmpdir(), 'antiphon-isolation-'))
const path = join(folder, 'antiphon.db')
const upstream = await startUpstream()
upstream.answer(() => says('A plain answer.'))
const server = await startTestServer({
  providers: { main: { kind: 'openai-chat', base_url: upstream.baseUrl, api_key: 'provider-key' } },
  store: { path },
})
after(async () => {
  await server.close()
  await upstream.close()
  await rm(folder, { recursive: true })
})

/** Stands in everything that account A says: nothing of B may ever hold it. */
const CANARY = `canary-${randomUUID()}`
const [A, B] = [TEST_KEY, OTHER_KEY]

function ask(key: string, method: string, route: string, body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return fetch(server.base + route, { method, headers, ...(body && { body: JSON.stringify(body) }) })
}

async function create(key: string, body: object): Promise<string> {
  const answer = await ask(key, 'POST', '/responses', { model: 'demo', input: CANARY, ...body })
  return ((await answer.json()) as { id: string }).id
}

const foreign = await create(A, {})
const foreignJob = await create(A, { background: true })
const deleted = await create(B, { input: '/say mine' })
await ask(B, 'DELETE', `/responses/${deleted}`)

/** Ids of items that A stored: one made by the server, one by A. */
const ownId = `msg_${randomUUID()}`
await create(A, { input: [{ role: 'user', content: CANARY, id: ownId }] })
const listed = (await (await ask(A, 'GET', `/responses/${foreign}/input_items`)).json()) as { data: { id: string }[] }
const minted = listed.data[0]?.id ?? assert.fail('no item')
const spoken = minted.replace('i0', 'o0')

const ABSENT: Readonly<Record<string, string>> = {
  unknown: `resp_${'0'.repeat(48)}`,
  foreign,
  'foreign background': foreignJob,
  deleted,
}

/** Every operation of the API that takes the id of a response: a new one is here as soon as it is described. */
const OPERATIONS = Object.entries(buildOpenApi('test').paths)
  .filter(([route]) => route.includes('{'))
  .flatMap(([route, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), route] as const))
  .filter(([, route]) => !route.includes('{model}'))

test('S-01: the operations that take an id are known', () => {
  assert.ok(OPERATIONS.length >= 4)
  assert.deepEqual([...new Set(OPERATIONS.flatMap(([, route]) => route.match(/\{\w+\}/g) ?? []))], ['{response_id}'])
})

for (const [method, route] of OPERATIONS) {
  test(`S-01: ${method} ${route} tells nothing of what is not the caller's`, async () => {
    const bodies = new Map<string, string>()
    for (const [name, id] of Object.entries(ABSENT)) {
      for (const query of ['', '?stream=true', '?limit=1']) {
        const answer = await ask(B, method, route.replace('{response_id}', id) + query)
        assert.equal(answer.status, 404, name)
        bodies.set(await answer.text(), name)
      }
    }
    assert.equal(bodies.size, 1, 'one body for all')
    const malformed = await ask(B, method, route.replace('{response_id}', `${foreign}.`))
    assert.equal(malformed.status, 400)
  })
}

test('S-01: the owner still has everything, unchanged', async () => {
  assert.equal((await ask(A, 'GET', `/responses/${foreign}`)).status, 200)
  assert.equal((await ask(A, 'GET', `/responses/${foreignJob}`)).status, 200)
})

const WAYS: Readonly<Record<string, object>> = {
  previous_response_id: { previous_response_id: foreign },
  'previous_response_id of a background response': { previous_response_id: foreignJob },
  'previous_response_id, streamed': { previous_response_id: foreign, stream: true },
  'previous_response_id, in the background': { previous_response_id: foreign, background: true },
  'previous_response_id, not stored': { previous_response_id: foreign, store: false },
  'a reference to an input item': { input: [{ type: 'item_reference', id: minted }] },
  'a reference to an output item': { input: [{ type: 'item_reference', id: spoken }] },
  'a reference to an item with an id of its own': { input: [{ type: 'item_reference', id: ownId }] },
}

for (const [name, body] of Object.entries(WAYS)) {
  test(`S-02: ${name}: 404, and nothing of A reaches the provider in B's call`, async () => {
    const calls = upstream.received.length
    const request = { model: 'main/x', input: 'What did the other one say?', ...body }
    const answer = await ask(B, 'POST', '/responses', request)
    assert.equal(answer.status, 404)
    assert.ok(!(await answer.text()).includes(CANARY))
    const own = await ask(B, 'POST', '/responses', { model: 'main/x', input: 'Hello!' })
    assert.equal(own.status, 200)
    assert.equal(upstream.received.length, calls + 1)
    assert.ok(!JSON.stringify(upstream.received).includes(CANARY))
  })
}

test('S-02: the same ways work for the owner', async () => {
  for (const [name, body] of Object.entries(WAYS)) {
    const answer = await ask(A, 'POST', '/responses', { model: 'demo', input: 'And then?', ...body })
    const text = await answer.text()
    assert.ok(answer.ok, `${name}: ${text}`)
  }
})

test('S-08: two accounts use one item id, and each gets its own', async () => {
  const shared = `shared-${randomUUID()}`
  await create(A, { input: [{ role: 'user', content: `${CANARY} of A`, id: shared }] })
  await create(B, { input: [{ role: 'user', content: '/say of B', id: shared }] })
  const reference = { model: 'demo', input: [{ type: 'item_reference', id: shared }] }
  const [ofA, ofB] = await Promise.all(
    [A, B].map(async (key) => (await ask(key, 'POST', '/responses', reference)).text()),
  )
  assert.ok(ofA?.includes(`You said: ${CANARY} of A`))
  assert.ok(ofB?.includes('"output_text":"of B"'))
})

test('S-03: ids are the millisecond that created_at tells to the second, and 144 random bits', async () => {
  const before_ms = Date.now()
  const ids = await Promise.all(Array.from({ length: 1000 }, () => create(A, { input: '/say x' })))
  const parts = ids.map((id) => /^resp_([0-9a-f]{12})([0-9a-f]{36})$/.exec(id) ?? assert.fail(id))
  for (const [, time = ''] of parts) {
    const time_ms = Number.parseInt(time, 16)
    assert.ok(time_ms >= before_ms && time_ms <= Date.now())
  }
  const digits = parts.map(([, , random = '']) => random)
  assert.equal(new Set(digits.map((id) => id.slice(0, 16))).size, 1000)
  assert.equal(new Set(digits.map((id) => id.slice(-16))).size, 1000)
  assert.notDeepEqual(digits, digits.toSorted())
  for (let place = 0; place < 36; place++) {
    const counts = Object.values(Object.groupBy(digits, (id) => id[place] ?? '')).map((group) => group?.length ?? 0)
    assert.equal(counts.length, 16, `place ${place} takes every digit`)
    assert.ok(Math.max(...counts) < 125, `place ${place} has no favourite`) // 62 on average; 125 is 8 sigma away.
  }
})

test('S-03: ids of the provider stay inside', async () => {
  upstream.answer(() => ({
    chunks: [
      '{"id":"chatcmpl-PROVIDER","system_fingerprint":"fp_PROVIDER","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}',
    ].map((data) => `data: ${data}\n\ndata: [DONE]\n\n`),
  }))
  const answer = await ask(A, 'POST', '/responses', { model: 'main/x', input: 'x', stream: true })
  assert.ok(!(await answer.text()).includes('PROVIDER'))
})

test('S-05: the database refuses rows without an owner', () => {
  const db = new DatabaseSync(path)
  const insert = (table: string) => {
    const columns = db
      .prepare(`PRAGMA table_info(${table})`)
      .all()
      .map(({ name }) => String(name))
    const values = columns.map((column) => (column === 'account_id' ? 'NULL' : `x'00'`))
    return () => db.exec(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${values.join(', ')})`)
  }
  const owned = db
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%account_id%'`)
    .all()
    .map(({ name }) => String(name))
  assert.ok(['responses', 'items', 'keys'].every((table) => owned.includes(table)))
  for (const table of owned) {
    assert.throws(insert(table), /NOT NULL constraint failed: \w+\.account_id|cannot store (?:BLOB|INT)/)
    const { notnull } =
      db.prepare(`SELECT "notnull" FROM pragma_table_info(?) WHERE name = 'account_id'`).get(table) ?? {}
    assert.equal(notnull, 1, table)
  }
  db.close()
})
