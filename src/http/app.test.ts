import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LightMyRequestResponse } from 'fastify'
import { answerWith } from '../engine/testing/scripted-model.ts'
import { faultyStore } from '../engine/testing/faulty-store.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreDamaged, StoreUnavailable } from '../store/store.ts'
import { createStage } from './stage.ts'
import { AUTHORIZED, testApp, type TestApp } from './testing/test-app.ts'

const BODY = { model: 'model', input: 'Hello' }

function fresh(): TestApp {
  return testApp(
    openMemoryStore(() => 0),
    { answer: answerWith('Hello 👋') },
  )
}

function codeOf(answer: LightMyRequestResponse): string {
  return answer.json<{ error: { code: string } }>().error.code
}

interface Row {
  readonly what: string
  readonly request: {
    method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
    url: string
    payload?: string | object
    headers?: Record<string, string>
  }
  readonly status: number
  readonly code?: string
}

const json = { 'content-type': 'application/json' }
const rows: readonly Row[] = [
  {
    what: 'no key',
    request: { method: 'POST', url: '/v1/responses', payload: BODY, headers: { authorization: '' } },
    status: 401,
    code: 'invalid_api_key',
  },
  {
    what: 'a body that is not JSON',
    request: { method: 'POST', url: '/v1/responses', payload: '{', headers: json },
    status: 400,
    code: 'invalid_json',
  },
  { what: 'no body', request: { method: 'POST', url: '/v1/responses' }, status: 400, code: 'invalid_json' },
  {
    what: 'a body without a type',
    request: { method: 'POST', url: '/v1/responses', payload: '{}' },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    what: 'a type that is no type',
    request: { method: 'POST', url: '/v1/responses', payload: '{}', headers: { 'content-type': 'json' } },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    what: 'a body over the limit',
    request: { method: 'POST', url: '/v1/responses', payload: { ...BODY, input: 'x'.repeat(1000) } },
    status: 413,
    code: 'request_too_large',
  },
  {
    what: 'a missing field',
    request: { method: 'POST', url: '/v1/responses', payload: { input: 'x' } },
    status: 400,
    code: 'missing_required_parameter',
  },
  {
    what: 'an unknown model',
    request: { method: 'POST', url: '/v1/responses', payload: { ...BODY, model: 'x' } },
    status: 404,
    code: 'model_not_found',
  },
  { what: 'an unknown path', request: { method: 'GET', url: '/v1/nothing' }, status: 404, code: 'route_not_found' },
  { what: 'an unknown path outside', request: { method: 'GET', url: '/' }, status: 404, code: 'route_not_found' },
  {
    what: 'a path that is no URL',
    request: { method: 'GET', url: '/v1/responses/%zz' },
    status: 400,
    code: 'invalid_url',
  },
  {
    what: 'an id that is none',
    request: { method: 'GET', url: '/v1/responses/abc' },
    status: 400,
    code: 'invalid_response_id',
  },
  {
    what: 'an unknown id',
    request: { method: 'DELETE', url: '/v1/responses/resp_1' },
    status: 404,
    code: 'response_not_found',
  },
  {
    what: 'a number without a stream',
    request: { method: 'GET', url: '/v1/responses/resp_1?starting_after=1' },
    status: 400,
    code: 'invalid_value',
  },
  {
    what: 'PUT',
    request: { method: 'PUT', url: '/v1/responses', payload: BODY },
    status: 405,
    code: 'method_not_allowed',
  },
  {
    what: 'PATCH of an id',
    request: { method: 'PATCH', url: '/v1/responses/resp_1', payload: BODY },
    status: 405,
    code: 'method_not_allowed',
  },
  { what: 'OPTIONS', request: { method: 'OPTIONS', url: '/v1/models' }, status: 405, code: 'method_not_allowed' },
  {
    what: 'a preflight',
    request: { method: 'OPTIONS', url: '/v1/responses', headers: { origin: 'https://example.com' } },
    status: 403,
    code: 'cors_disabled',
  },
  { what: 'the endpoint itself', request: { method: 'GET', url: '/v1/responses' }, status: 200 },
  { what: 'HEAD', request: { method: 'HEAD', url: '/v1/models' }, status: 200 },
  { what: 'the second base path', request: { method: 'GET', url: '/api/v1/models' }, status: 200 },
  { what: 'health', request: { method: 'GET', url: '/live' }, status: 200 },
  { what: 'an answer', request: { method: 'POST', url: '/v1/responses', payload: BODY }, status: 200 },
  {
    what: 'a stream',
    request: { method: 'POST', url: '/v1/responses', payload: { ...BODY, stream: true } },
    status: 200,
  },
  {
    what: 'a job',
    request: { method: 'POST', url: '/v1/responses', payload: { ...BODY, background: true } },
    status: 202,
  },
]
const ids = new Set<string>()
for (const { what, request, status, code } of rows) {
  test(`${what} is answered ${status}${code === undefined ? '' : ` ${code}`}, with a request id of its own`, async () => {
    const { app, httpLog } = fresh()
    const answer = await app.inject({
      ...request,
      headers: { ...AUTHORIZED, 'x-request-id': 'theirs', ...request.headers },
    })
    assert.equal(answer.statusCode, status, answer.body)
    if (code !== undefined) {
      assert.equal(codeOf(answer), code)
      assert.match(String(answer.headers['content-type']), /^application\/json/)
    }
    const id = String(answer.headers['x-request-id'])
    assert.match(id, /^req_[0-9a-f]{24}$/)
    assert.ok(!ids.has(id))
    ids.add(id)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    const logged = httpLog.lines.filter(({ message }) => message === 'request answered')
    assert.deepEqual(
      logged.map(({ facts }) => [facts['requestId'], facts['status']]),
      [[id, status]],
    )
  })
}

const allowed = [
  { url: '/v1/responses', allow: 'GET, POST' },
  { url: '/v1/responses/resp_1', allow: 'GET, DELETE' },
  { url: '/v1/responses/resp_1/cancel', allow: 'POST' },
  { url: '/v1/responses/resp_1/input_items?limit=1', allow: 'GET' },
  { url: '/v1/models', allow: 'GET' },
  { url: '/v1/models/a/b', allow: 'GET' },
  { url: '/v1/chat/completions', allow: 'POST' },
  { url: '/live', allow: 'GET' },
] as const
for (const { url, allow } of allowed) {
  test(`${url} tells which methods it has: ${allow}`, async () => {
    const answer = await fresh().app.inject({ method: 'PUT', url, headers: AUTHORIZED })
    assert.deepEqual([answer.statusCode, answer.headers['allow'], codeOf(answer)], [405, allow, 'method_not_allowed'])
  })
}

test('HEAD has the headers of GET and no body', async () => {
  const { send } = fresh()
  const [head, get] = [await send('HEAD', '/openapi.json'), await send('GET', '/openapi.json')]
  assert.deepEqual([head.statusCode, head.body], [200, ''])
  assert.deepEqual(
    [head.headers['content-type'], head.headers['content-length']],
    [get.headers['content-type'], get.headers['content-length']],
  )
})

const faults = [
  {
    what: 'unavailable',
    error: new StoreUnavailable('disk full at /secret'),
    status: 503,
    code: 'storage_unavailable',
    retryAfter: '5',
    isLogged: false,
  },
  {
    what: 'damaged',
    error: new StoreDamaged('row 7 of /secret'),
    status: 500,
    code: 'internal_error',
    retryAfter: undefined,
    isLogged: true,
  },
  {
    what: 'broken',
    error: new Error('SQL of /secret'),
    status: 500,
    code: 'internal_error',
    retryAfter: undefined,
    isLogged: true,
  },
] as const
for (const { what, error, status, code, retryAfter, isLogged } of faults) {
  test(`a storage that is ${what} is answered ${status}, and the log says more than the client`, async () => {
    const store = faultyStore(openMemoryStore(() => 0))
    store.breakDown('find', error)
    const { send, httpLog } = testApp(store)
    const answer = await send('GET', '/v1/responses/resp_1')
    assert.deepEqual([answer.statusCode, codeOf(answer), answer.headers['retry-after']], [status, code, retryAfter])
    assert.ok(!answer.body.includes('secret'))
    const logged = httpLog.lines.find(({ level }) => level === 'error')
    assert.equal(logged?.facts['reason'], isLogged ? error.message : undefined)
    if (isLogged) assert.equal(logged?.facts['requestId'], answer.headers['x-request-id'])
  })
}

for (const { phase, isStoreUp, status, body } of [
  { phase: 'starting', isStoreUp: true, status: 503, body: { status: 'starting' } },
  { phase: 'ready', isStoreUp: true, status: 200, body: { status: 'ok' } },
  { phase: 'ready', isStoreUp: false, status: 503, body: { status: 'storage unavailable' } },
  { phase: 'lame-duck', isStoreUp: true, status: 503, body: { status: 'draining' } },
  { phase: 'draining', isStoreUp: false, status: 503, body: { status: 'draining' } },
] as const) {
  test(`a ${phase} server is ${body.status}, ${status === 200 ? '' : 'not '}ready, and alive`, async () => {
    const store = openMemoryStore(() => 0)
    const ping = () => (isStoreUp ? Promise.resolve() : Promise.reject(new StoreUnavailable('full')))
    const { app } = testApp(store, {}, { store: { ...store, ping }, stage: { ...createStage(), phase: () => phase } })
    const ready = await app.inject('/ready')
    assert.deepEqual([ready.statusCode, ready.json()], [status, body])
    assert.equal((await app.inject('/live')).statusCode, 200)
  })
}

test('the API describes itself to programs and to people, without a key', async () => {
  const { app } = fresh()
  const [api, page] = [await app.inject('/openapi.json'), await app.inject('/docs')]
  assert.deepEqual([api.statusCode, api.json<{ info: { version: string } }>().info.version], [200, '1.2.3'])
  assert.deepEqual([page.statusCode, page.headers['content-type']], [200, 'text/html; charset=utf-8'])
  assert.match(page.body, /^<!doctype html>/)
})

test('a server without the API answers probes, and nothing else', async () => {
  const { app } = testApp(
    openMemoryStore(() => 0),
    {},
    { servesApi: false },
  )
  const paths = ['/live', '/ready', '/v1/models', '/v1/responses', '/openapi.json', '/docs']
  const answers = await Promise.all(paths.map((url) => app.inject({ url, headers: AUTHORIZED })))
  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [200, 200, 404, 404, 404, 404],
  )
})

for (const { phase, code } of [
  { phase: 'starting', code: 'server_starting' },
  { phase: 'draining', code: 'server_stopping' },
  { phase: 'stopped', code: 'server_stopping' },
] as const) {
  test(`a ${phase} server refuses what is new, once it has read it, in its own words`, async () => {
    const stage = { ...createStage(), phase: () => phase }
    const { send, app, model } = testApp(
      openMemoryStore(() => 0),
      {},
      { stage },
    )
    for (const answer of [await send('POST', '/v1/responses', BODY), await send('GET', '/v1/models')]) {
      assert.deepEqual([answer.statusCode, codeOf(answer), answer.headers['retry-after']], [503, code, '1'])
      assert.equal(answer.json<{ error: { type: string } }>().error.type, 'server_error')
    }
    assert.equal((await app.inject({ method: 'POST', url: '/v1/responses', payload: BODY })).statusCode, 401)
    assert.equal((await app.inject('/live')).statusCode, 200)
    assert.equal(model.calls.length, 0)
  })
}
