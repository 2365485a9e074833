import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestServer, TEST_KEY, type TestServerOptions } from '../harness/server.ts'
import { loadConfig } from '../../src/config/load.ts'
import { parseCreateRequest } from '../../src/protocol/parse-request.ts'
import { accountId } from '../../src/protocol/id.ts'

const { server: DEFAULTS } = await loadConfig({ port: '0', store: 'memory:' }, {})

/** One process of a role; its storage is its own, which the command line refuses. */
function startRole(role: 'api' | 'worker') {
  const settings: TestServerOptions['settings'] = { server: { ...DEFAULTS, role, metrics: true } }
  return startTestServer({ settings })
}

const JOB = { model: 'demo', input: 'Hello', background: true }

test('an api process answers and accepts jobs, and runs none', async () => {
  const server = await startRole('api')
  const answer = await server.post('/responses', { model: 'demo', input: 'Hello' })
  assert.equal(((await answer.json()) as { status: string }).status, 'completed')
  const { id } = (await (await server.post('/responses', JOB)).json()) as { id: string }
  for (let look = 0; look < 5; look++) {
    const job = (await (await server.get(`/responses/${id}`)).json()) as { status: string }
    assert.equal(job.status, 'queued')
  }
  await server.close()
})

test('a worker process runs jobs, and answers probes and metrics alone', async () => {
  const server = await startRole('worker')
  for (const [path, status] of [
    ['/live', 200],
    ['/ready', 200],
    ['/metrics', 200],
    ['/v1/models', 404],
    ['/docs', 404],
    ['/openapi.json', 404],
  ] as const) {
    const answer = await fetch(server.url + path, { headers: { authorization: `Bearer ${TEST_KEY}` } })
    assert.equal(answer.status, status, path)
  }
  const { engine } = server.server
  const account = accountId('default')
  const { response } = (await engine.create(account, parseCreateRequest(JOB))) as { response: { id: string } } // Queued.
  let status = 'queued'
  while (status === 'queued' || status === 'in_progress') {
    await new Promise((resolve) => setImmediate(resolve))
    status = (JSON.parse(await engine.retrieve(account, response.id)) as { status: string }).status
  }
  assert.equal(status, 'completed')
  await server.close()
})
