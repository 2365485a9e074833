import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { mintKey } from '../../src/accounts/keys.ts'
import { accountId } from '../../src/protocol/id.ts'
import { sendRaw } from '../bad-input/raw-http.ts'
import { startTestServer, TEST_KEY } from '../harness/server.ts'

const folder = await mkdtemp(join(tmpdir(), 'antiphon-surface-'))
const server = await startTestServer({ store: { path: join(folder, 'antiphon.db') } })
after(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

const created = await server.post('/responses', { model: 'demo', input: '/say canary-of-the-owner' })
const { id } = (await created.json()) as { id: string }

/**
 * Every way in. A route that is added must be added here, and somebody must have asked whether it
 * needs a key: those that need none stand first.
 */
const OPEN = ['/docs (GET, HEAD)', '/live (GET, HEAD)', '/openapi.json (GET, HEAD)', '/ready (GET, HEAD)']
const GUARDED = [
  '/chat/completions (POST)',
  '/models (GET, HEAD)',
  '/models/* (GET, HEAD)',
  '/responses (GET, HEAD, POST)',
  '/responses/:response_id (GET, HEAD, DELETE)',
  '/responses/:response_id/cancel (POST)',
  '/responses/:response_id/input_items (GET, HEAD)',
]

/** The routes as the router prints them: a tree, four characters to a level. */
function liveRoutes(): string[] {
  const above: string[] = []
  return server.server.app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', path = '', methods = ''] = /^([│├└─ ]*)(\S+) (\([A-Z, ]+\))$/.exec(line) ?? []
      if (path === '') return []
      above.length = indent.length / 4 - 1
      above.push(path.startsWith('/') ? path : `/${path}`)
      return [`${above.join('')} ${methods}`]
    })
}

test('S-12: the routes are those that are listed, under both prefixes, and no others', () => {
  const expected = [...OPEN, ...GUARDED.flatMap((route) => [`/v1${route}`, `/api/v1${route}`])]
  assert.deepEqual(liveRoutes().toSorted(), expected.toSorted())
})

for (const route of GUARDED) {
  const [, path = '', methods = ''] = /^(\S+) \((.*)\)$/.exec(route) ?? []
  for (const method of methods.split(', ')) {
    test(`S-12: ${method} ${path} needs a key`, async () => {
      for (const prefix of ['/v1', '/api/v1']) {
        const target = prefix + path.replace(':response_id', 'resp_x').replace('*', 'demo')
        const answer = await fetch(server.url + target, { method })
        assert.equal(answer.status, 401)
      }
    })
  }
}

for (const path of [
  '/metrics',
  '/debug',
  '/admin',
  '/config',
  '/config/update',
  '/v1/config',
  '/health',
  '/env',
  '/.env',
  '/.git/config',
  '/debug/pprof',
  '/json/list',
  '/swagger',
  '/graphql',
  '/test',
  '/v1/keys',
  '/.antiphon/antiphon.db',
]) {
  test(`S-12: ${path} leads nowhere, with a key too`, async () => {
    const headers = { authorization: `Bearer ${TEST_KEY}` }
    for (const init of [{}, { headers }, { headers, method: 'POST', body: '{}' }]) {
      assert.equal((await fetch(server.url + path, init)).status, 404)
    }
  })
}

/** Spellings by which another reader of the path might be led elsewhere than the router. */
const SPELLINGS = [
  `/v1/responses/${id}`,
  `//v1/responses/${id}`,
  `/v1//responses/${id}`,
  `/live/../v1/responses/${id}`,
  `/live/..%2fv1/responses/${id}`,
  `/v1/responses/./${id}`,
  `/v1/responses/${id}/`,
  `/v1/responses/${id}?x=/live`,
  `/v1/responses/${id}#/live`,
  `/v1/responses/${id};/live`,
  `/v1%2fresponses%2f${id}`,
  `/%76%31/responses/${id}`,
  `/V1/responses/${id}`,
  `http://x/v1/responses/${id}`,
  `http://x:80/live/../v1/responses/${id}`,
  `/live?/v1/responses/${id}`,
  `/api/v1/responses/${id}`,
  `/api//v1/responses/${id}`,
]

for (const target of SPELLINGS) {
  test(`S-11: ${target.replace(id, 'ID')} without a key shows nothing of the response`, async () => {
    for (const host of ['x', 'localhost', '127.0.0.1', 'live']) {
      const [answer] = await sendRaw(server.url, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      assert.ok(target.startsWith('/live?') || (answer?.status ?? 0) >= 400)
      assert.ok(!(answer?.body ?? '').includes('canary-of-the-owner'))
    }
  })
}

test('S-10: SQL holds no values: whatever is interpolated is a constant of the folder', async () => {
  const sources = 'src/store/sqlite'
  // Migrations hold nothing but the schema.
  const files = (await readdir(sources)).filter((file) => !/test|migrations/.test(file) && file.endsWith('.ts'))
  assert.ok(files.includes('response-operations.ts'))
  const texts = await Promise.all(files.map((file) => readFile(join(sources, file), 'utf8')))
  const all = texts.join('\n')
  for (const [index, text] of texts.entries()) {
    const statements = text.match(/(?:prepare|exec)\(\s*`[^`]*`/g) ?? []
    const holes = statements.flatMap((statement) => statement.match(/\$\{[^}]*\}/g) ?? [])
    const isConstant = (hole: string) =>
      new RegExp(`^(?:export )?const ${hole.slice(2, -1)} = |const ${hole.slice(2, -1)} = ['"\`]`, 'm').test(all)
    assert.deepEqual(
      holes.filter((hole) => !isConstant(hole)),
      [],
      files[index] ?? '',
    )
    assert.doesNotMatch(text, /(?:prepare|exec)\([^)]*['"`]\s*\+/)
  }
})

test('S-14: nothing that is stored is a credential', async () => {
  const { key, stored } = mintKey(accountId('default'), 0)
  await server.server.store.keys.insert(stored)
  const db = new DatabaseSync(join(folder, 'antiphon.db'), { readOnly: true })
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all()
  const values = tables.flatMap(({ name }) =>
    db
      .prepare(`SELECT * FROM ${String(name)}`)
      .all()
      .flatMap((row) => Object.values(row)),
  )
  db.close()
  const seal = await readFile(join(folder, 'seal.key'))
  const texts = [...values, seal].flatMap((value) => {
    if (value instanceof Uint8Array)
      return ['latin1', 'hex', 'base64url'].map((form) => Buffer.from(value).toString(form as BufferEncoding)) // These three.
    return value === null ? [] : [String(value)]
  })
  assert.ok(texts.includes(stored.digest))
  assert.ok(!texts.some((text) => text.includes(key)), 'the key itself is not stored')
  for (const text of new Set(texts)) {
    if (text === '' || /[^\x21-\x7e]/.test(text) || text.length > 8000) continue
    for (const headers of [{ authorization: `Bearer ${text}` }, { 'x-api-key': text }]) {
      const answer = await fetch(`${server.base}/models`, { headers })
      assert.equal(answer.status, 401)
    }
  }
  assert.equal((await fetch(`${server.base}/models`, { headers: { 'x-api-key': key } })).status, 200)
})

test('S-58: whatever a browser gets, it may neither guess the type of nor run', async () => {
  const paths = [
    '/live',
    '/ready',
    '/openapi.json',
    '/docs',
    '/v1/responses',
    '/nothing',
    '/%zz',
    '/<script>alert(1)</script>',
  ]
  for (const path of paths) {
    const answer = await fetch(server.url + path)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', path)
    const type = answer.headers.get('content-type')
    assert.equal(type, path === '/docs' ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8', path)
    assert.ok(!(await answer.text()).includes('<script'))
  }
})
