import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { DEFAULT_ACCOUNT, mintKey } from '../src/accounts/keys.ts'
import { loadConfig } from '../src/config/load.ts'
import { OTHER_KEY, startTestServer, TEST_KEY, type TestServer } from '../e2e/harness/server.ts'
import { proves } from './proves.ts'

type Json = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- Bodies are whatever came.

let server: TestServer

before(async () => {
  server = await startTestServer({ models: { 'TEE/demo': { provider: 'demo', upstream_model: 'demo' } } })
})

after(async () => {
  await server.close()
})

async function errorOf(answer: Response, status: number): Promise<Json> {
  const body = (await answer.json()) as Json
  assert.equal(answer.status, status, JSON.stringify(body))
  return body['error']
}

const post = (body: object) => server.post('/responses', body)
const bare = (path: string, headers: Record<string, string> = {}) => fetch(server.base + path, { headers })

proves(['error.form', 'code.missing_required_parameter', 'error.invalid_request_error'], async () => {
  assert.deepEqual(await errorOf(await post({ input: 'Hi' }), 400), {
    type: 'invalid_request_error',
    message: 'model is required',
    param: 'model',
    code: 'missing_required_parameter',
  })
})

proves(['auth.all', 'code.authentication_required', 'error.authentication_error', 'retrieve.401'], async () => {
  const paths = ['/responses', '/responses/resp_1', '/responses/resp_1/input_items', '/models']
  for (const path of paths) {
    const error = await errorOf(await bare(path), 401)
    assert.deepEqual([error['type'], error['code']], ['authentication_error', 'authentication_required'], path)
  }
})

proves('code.invalid_api_key', async () => {
  const error = await errorOf(await bare('/responses', { authorization: 'Bearer nonsense' }), 401)
  assert.equal(error['code'], 'invalid_api_key')
})

proves('auth.bearer', async () => {
  assert.equal((await bare('/responses', { authorization: `Bearer ${TEST_KEY}` })).status, 200)
})

proves('auth.x-api-key', async () => {
  assert.equal((await bare('/responses', { 'x-api-key': TEST_KEY })).status, 200)
})

proves(['thread.auth', 'background.auth'], async () => {
  for (const background of [false, true]) await onlyForItsOwner(background)
})

/** Nobody but its account may see a response or go on with it. */
async function onlyForItsOwner(background: boolean): Promise<void> {
  const created = (await (await post({ model: 'demo', input: 'Hi', background })).json()) as Json
  const anonymous = await fetch(`${server.base}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo', input: 'Hi', previous_response_id: created['id'], background: true }),
  })
  assert.equal(anonymous.status, 401)
  assert.equal((await bare(`/responses/${created['id']}`)).status, 401)
  assert.equal((await bare(`/responses/${created['id']}`, { 'x-api-key': OTHER_KEY })).status, 404)
  const foreign = await server.post(
    '/responses',
    { model: 'demo', input: 'Hi', previous_response_id: created['id'] },
    { authorization: `Bearer ${OTHER_KEY}` },
  )
  assert.equal(foreign.status, 404)
}

proves('error.permission_denied_error', async () => {
  const preflight = await fetch(`${server.base}/responses`, {
    method: 'OPTIONS',
    headers: { origin: 'https://example.com', 'access-control-request-method': 'POST' },
  })
  assert.equal((await errorOf(preflight, 403))['type'], 'permission_denied_error')
})

proves(['error.not_found_error', 'code.response_not_found', 'retrieve.404'], async () => {
  const own = (await (await post({ model: 'demo', input: 'Hi' })).json()) as Json
  const unknown = await errorOf(await server.get('/responses/resp_unknown'), 404)
  const foreign = await errorOf(await bare(`/responses/${own['id']}`, { 'x-api-key': OTHER_KEY }), 404)
  assert.deepEqual([unknown['type'], unknown['code']], ['not_found_error', 'response_not_found'])
  assert.deepEqual(foreign, unknown)
})

proves('code.invalid_response_id', async () => {
  const error = await errorOf(await server.get('/responses/abc'), 400)
  assert.deepEqual([error['type'], error['code']], ['invalid_request_error', 'invalid_response_id'])
})

proves('code.model_not_found', async () => {
  const error = await errorOf(await post({ model: 'no-such-model', input: 'Hi' }), 404)
  assert.deepEqual([error['type'], error['code'], error['param']], ['not_found_error', 'model_not_found', 'model'])
})

proves('error.rate_limit_error', async () => {
  const answer = await post({ model: 'demo', input: '/fail 429' })
  assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/)
  assert.equal((await errorOf(answer, 429))['type'], 'rate_limit_error')
})

proves('error.server_error', async () => {
  assert.equal((await errorOf(await post({ model: 'demo', input: '/fail 503' }), 503))['type'], 'server_error')
})

proves('error.api_error', async () => {
  const broken = await startTestServer()
  const { store } = broken.server
  Object.assign(store.keys, { find: () => Promise.reject(new TypeError('secret detail of the inside')) })
  const answer = await fetch(`${broken.base}/responses`, { headers: { 'x-api-key': unknownKey() } })
  const error = await errorOf(answer, 500)
  assert.equal(error['type'], 'api_error')
  assert.doesNotMatch(error['message'], /secret/)
  await broken.close()
})

/** A key of the right form that no server knows, so that the store is asked. */
function unknownKey(): string {
  return mintKey(DEFAULT_ACCOUNT, 0).key
}

proves('limit.builtin-tools', async () => {
  for (const type of ['web_search_preview', 'file_search', 'code_interpreter', 'mcp', 'image_generation']) {
    const error = await errorOf(await post({ model: 'demo', input: 'Hi', tools: [{ type }] }), 400)
    assert.deepEqual([error['code'], error['param']], ['unsupported_tool', 'tools[0].type'], type)
  }
})

proves('limit.deep-research', async () => {
  for (const model of ['o3-deep-research', 'o4-mini-deep-research']) {
    const error = await errorOf(await post({ model, input: 'Hi' }), 400)
    assert.deepEqual([error['code'], error['param']], ['model_not_supported', 'model'], model)
  }
})

proves('limit.tee-streaming', async () => {
  const error = await errorOf(await post({ model: 'TEE/demo', input: 'Hi', stream: true }), 400)
  assert.deepEqual([error['code'], error['param']], ['streaming_not_supported', 'stream'])
  assert.match(error['message'], /\/v1\/chat\/completions/)
  assert.equal((await post({ model: 'TEE/demo', input: 'Hi' })).status, 200)
})

proves(['background.limit', 'limit.background'], async () => {
  assert.equal((await loadConfig({}, {})).timeouts.response_ms, 800_000)
  const quick = await startTestServer({
    settings: { timeouts: { ...(await loadConfig({}, {})).timeouts, response_ms: 40, drain_ms: 50 } },
  })
  const queued = (await (
    await quick.post('/responses', { model: 'demo', input: '/wait 60', background: true })
  ).json()) as Json
  const stream = await quick.get(`/responses/${queued['id']}?stream=true`)
  const last = /event: response\.failed\ndata: (.*)/.exec(await stream.text())?.[1] ?? '{}'
  const { error } = JSON.parse(last).response
  assert.equal(error.code, 'server_error')
  assert.match(error.message, /limit/)
  await quick.close()
})

proves('header.x-request-id', async () => {
  const answers = await Promise.all([
    bare('/responses'),
    bare('/nowhere'),
    server.get('/models'),
    post({ model: 'demo', input: 'Hi', stream: true }),
    post({ model: 'demo', input: 'Hi', background: true }),
    post({}),
  ])
  const ids = answers.map((answer) => answer.headers.get('x-request-id') ?? '')
  for (const id of ids) assert.match(id, /^req_[0-9a-f]+$/)
  assert.equal(new Set(ids).size, ids.length)
  await Promise.all(answers.map((answer) => answer.text()))
})

proves('header.content-type', async () => {
  const json = await post({ model: 'demo', input: 'Hi' })
  assert.match(json.headers.get('content-type') ?? '', /^application\/json/)
  const stream = await post({ model: 'demo', input: 'Hi', stream: true })
  assert.match(stream.headers.get('content-type') ?? '', /^text\/event-stream/)
  await Promise.all([json.text(), stream.text()])
})
