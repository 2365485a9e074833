import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, test } from 'node:test'
import { startTestServer, TEST_KEY, type TestServer, type TestServerOptions } from '../harness/server.ts'
import { startUpstream } from '../harness/upstream.ts'

const { cache } = createRequire(import.meta.url)
const isLoaded = () => Object.keys(cache).some((path) => path.includes('prom-client'))

const upstream = await startUpstream()
const providers = { main: { kind: 'openai-chat', base_url: upstream.baseUrl, api_key: 'sk-of-the-provider' } }
const servers: TestServer[] = []
after(async () => {
  for (const server of servers) await server.close()
  await upstream.close()
})

async function start(metrics: boolean): Promise<TestServer> {
  const settings: TestServerOptions['settings'] = {
    server: { host: '127.0.0.1', port: 0, base_paths: ['/v1'], metrics },
  }
  const server = await startTestServer({ providers, settings })
  servers.push(server)
  return server
}

test('S-39: a server has no metrics unless it is told so, and loads nothing for them', async () => {
  const server = await start(false)
  assert.equal((await fetch(`${server.url}/metrics`)).status, 404)
  assert.equal(isLoaded(), false)
})

test('S-39: where metrics are on, /metrics is the one route more', async () => {
  const [off, on] = [servers[0] ?? assert.fail(), await start(true)]
  assert.equal(isLoaded(), true)
  const routes = ({ server }: TestServer): readonly string[] =>
    server.app.printRoutes({ commonPrefix: false }).match(/\S+ \(.*\)/g) ?? []
  assert.deepEqual(
    routes(on).filter((route) => !routes(off).includes(route)),
    ['/metrics (GET, HEAD)'],
  )
})

test('S-31: metrics tell what happened, and nothing of what was said or by whom', async () => {
  const server = servers[1] ?? assert.fail()
  upstream.answer(() => ({ status: 401, chunks: ['{"error":{"message":"canary-of-the-provider"}}'] }))
  const request = { model: 'demo', input: '/say canary-prompt', metadata: { canary: 'canary' } }
  const created = await server.post('/responses?canary', request)
  const { id } = (await created.json()) as { id: string }
  await (await server.post('/responses', { ...request, stream: true })).text()
  await (await server.post('/responses', { ...request, model: 'main/canary-model' })).text()
  await (await server.post('/chat/completions', { model: 'main/canary-model', messages: [] })).text()
  await server.get(`/responses/${id}`)
  await server.get('/canary-path')
  await fetch(`${server.base}/models`, { headers: { authorization: 'Bearer canary-key' } })
  const text = await (await fetch(`${server.url}/metrics`)).text()
  for (const line of [
    'antiphon_http_requests_total{method="POST",route="/v1/responses",status="200"} 2',
    'antiphon_http_requests_total{method="POST",route="/v1/responses",status="503"} 1',
    'antiphon_http_requests_total{method="POST",route="/v1/chat/completions",status="503"} 1',
    'antiphon_http_requests_total{method="GET",route="none",status="404"} 1',
    'antiphon_responses_total{provider="demo",status="completed"} 2',
    'antiphon_responses_total{provider="main",status="failed"} 1',
    'antiphon_model_calls_failed_total{provider="main",fault="auth"} 2',
    'antiphon_responses_running 0',
    'antiphon_open_streams 0',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line} in ${text}`)
  }
  const hidden = ['canary', TEST_KEY, 'sk-of-the-provider', id, 'default', upstream.baseUrl, '127.0.0.1', process.cwd()]
  for (const secret of hidden) assert.ok(!text.includes(secret), secret)
})
