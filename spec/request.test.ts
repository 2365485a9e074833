import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { startTestServer, type TestServer } from '../e2e/harness/server.ts'
import { chunk, DONE, says, startUpstream, type Upstream } from '../e2e/harness/upstream.ts'
import { proves } from './proves.ts'

type Json = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- Bodies are whatever came.

let upstream: Upstream
let server: TestServer

before(async () => {
  upstream = await startUpstream()
  upstream.answer(() => says('Answer.'))
  server = await startTestServer({
    providers: {
      local: { kind: 'openai-chat', dialect: 'openai', base_url: upstream.baseUrl, forward_urls: true },
    },
    models: { 'o3-mini': { provider: 'local' }, 'gpt-4o': { provider: 'local' } },
  })
})

after(async () => {
  await server.close()
  await upstream.close()
})

/** Sends a request that must be accepted. @returns the response, and what the provider was asked. */
async function accepted(body: object): Promise<{ response: Json; asked: Json }> {
  const answer = await server.post('/responses', { model: 'gpt-4o', input: 'Hi', ...body })
  const response = (await answer.json()) as Json
  assert.ok(answer.status < 300, JSON.stringify(response))
  return { response, asked: upstream.received.at(-1)?.body ?? {} }
}

async function refused(body: object, param: string): Promise<Json> {
  const calls = upstream.received.length
  const answer = await server.post('/responses', { model: 'gpt-4o', input: 'Hi', ...body })
  const { error } = (await answer.json()) as Json
  assert.equal(answer.status, 400, JSON.stringify(error))
  assert.equal(error.type, 'invalid_request_error')
  assert.equal(error.param, param)
  assert.equal(upstream.received.length, calls, 'the provider was not asked')
  return error as Json
}

proves('param.model', async () => {
  assert.equal((await accepted({})).asked['model'], 'gpt-4o')
  await refused({ model: undefined }, 'model')
  await refused({ model: 42 }, 'model')
})

proves('param.input', async () => {
  assert.deepEqual((await accepted({ input: 'Hello' })).asked['messages'], [{ role: 'user', content: 'Hello' }])
  const { asked } = await accepted({ input: [{ type: 'message', role: 'user', content: 'Hello' }] })
  assert.deepEqual(asked['messages'], [{ role: 'user', content: 'Hello' }])
  await refused({ input: undefined }, 'input')
  await refused({ input: 42 }, 'input')
})

proves('param.instructions', async () => {
  const { asked, response } = await accepted({ instructions: 'Be brief.' })
  assert.deepEqual(asked['messages'][0], { role: 'developer', content: 'Be brief.' })
  assert.equal(response['instructions'], 'Be brief.')
  await refused({ instructions: 42 }, 'instructions')
})

proves('param.max_output_tokens', async () => {
  assert.equal((await accepted({ max_output_tokens: 16 })).asked['max_completion_tokens'], 16)
  await refused({ max_output_tokens: 15 }, 'max_output_tokens')
  await refused({ max_output_tokens: 16.5 }, 'max_output_tokens')
})

proves('param.temperature', async () => {
  for (const temperature of [0, 2]) assert.equal((await accepted({ temperature })).asked['temperature'], temperature)
  for (const temperature of [-0.1, 2.1, '1']) await refused({ temperature }, 'temperature')
})

proves('param.temperature.reasoning', async () => {
  const error = await refused({ model: 'o3-mini', temperature: 1 }, 'temperature')
  assert.equal(error['code'], 'unsupported_parameter')
})

proves('param.top_p', async () => {
  for (const top_p of [0, 1]) assert.equal((await accepted({ top_p })).asked['top_p'], top_p)
  for (const top_p of [-0.1, 1.1, '1']) await refused({ top_p }, 'top_p')
})

proves('param.top_p.reasoning', async () => {
  const error = await refused({ model: 'o3-mini', top_p: 0.5 }, 'top_p')
  assert.equal(error['code'], 'unsupported_parameter')
})

const WEATHER = {
  type: 'function',
  name: 'get_weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: false,
}

proves('param.tools', async () => {
  const { asked } = await accepted({ tools: [WEATHER] })
  assert.equal(asked['tools'].length, 1)
  await refused({ tools: {} }, 'tools')
})

proves('tool.function', async () => {
  const { asked } = await accepted({ tools: [WEATHER] })
  const { type, ...definition } = WEATHER
  assert.deepEqual(asked['tools'], [{ type, function: definition }])
})

proves('param.tool_choice', async () => {
  for (const tool_choice of ['auto', 'none', 'required']) {
    assert.equal((await accepted({ tools: [WEATHER], tool_choice })).asked['tool_choice'], tool_choice)
  }
  const named = await accepted({ tools: [WEATHER], tool_choice: { type: 'function', name: 'get_weather' } })
  assert.deepEqual(named.asked['tool_choice'], { type: 'function', function: { name: 'get_weather' } })
  await refused({ tools: [WEATHER], tool_choice: 'sometimes' }, 'tool_choice')
  await refused({ tools: [WEATHER], tool_choice: { type: 'function', name: 'other' } }, 'tool_choice')
})

proves('param.parallel_tool_calls', async () => {
  const { asked } = await accepted({ tools: [WEATHER], parallel_tool_calls: false })
  assert.equal(asked['parallel_tool_calls'], false)
  await refused({ parallel_tool_calls: 'no' }, 'parallel_tool_calls')
})

proves('param.stream', async () => {
  const plain = await server.post('/responses', { model: 'gpt-4o', input: 'Hi' })
  assert.match(plain.headers.get('content-type') ?? '', /^application\/json/)
  await plain.text()
  const streamed = await server.post('/responses', { model: 'gpt-4o', input: 'Hi', stream: true })
  assert.match(streamed.headers.get('content-type') ?? '', /^text\/event-stream/)
  await streamed.text()
  await refused({ stream: 'yes' }, 'stream')
})

proves('param.store', async () => {
  const stored = await accepted({})
  assert.equal(stored.response['store'], true)
  assert.equal((await server.get(`/responses/${stored.response['id']}`)).status, 200)
  const forgotten = await accepted({ store: false })
  assert.equal((await server.get(`/responses/${forgotten.response['id']}`)).status, 404)
  await refused({ store: 1 }, 'store')
})

proves('param.previous_response_id', async () => {
  const first = await accepted({ input: 'One' })
  const second = await accepted({ input: 'Two', previous_response_id: first.response['id'] })
  assert.equal(second.response['previous_response_id'], first.response['id'])
  assert.equal(second.asked['messages'].length, 3)
  await refused({ previous_response_id: 5 }, 'previous_response_id')
})

proves('param.reasoning', async () => {
  const { asked, response } = await accepted({ model: 'o3-mini', reasoning: { effort: 'high', summary: 'auto' } })
  assert.equal(asked['reasoning_effort'], 'high')
  assert.deepEqual(response['reasoning'], { effort: 'high', summary: 'auto' })
  await refused({ reasoning: 'high' }, 'reasoning')
})

proves('reasoning.effort', async () => {
  for (const effort of ['low', 'medium', 'high']) {
    assert.equal((await accepted({ reasoning: { effort } })).asked['reasoning_effort'], effort)
  }
  await refused({ reasoning: { effort: 'extreme' } }, 'reasoning.effort')
})

proves('reasoning.summary', async () => {
  upstream.answer(() => ({
    chunks: [chunk({ reasoning_content: 'Hm.' }), chunk({ content: 'Yes.' }, { finish_reason: 'stop' }), DONE],
  }))
  for (const summary of ['none', 'auto', 'detailed', 'concise']) {
    const { response } = await accepted({ reasoning: { summary } })
    const thoughts = response['output'].filter((item: Json) => item['type'] === 'reasoning')
    assert.equal(thoughts.length, summary === 'none' ? 0 : 1, summary)
    assert.equal(response['reasoning'].summary, summary === 'none' ? null : summary)
  }
  upstream.answer(() => says('Answer.'))
  await refused({ reasoning: { summary: 'long' } }, 'reasoning.summary')
})

proves('param.text', async () => {
  assert.deepEqual((await accepted({})).response['text'], { format: { type: 'text' } })
  await refused({ text: 'json' }, 'text')
  await refused({ text: { format: { type: 'xml' } } }, 'text.format.type')
})

proves('format.text', async () => {
  assert.equal((await accepted({ text: { format: { type: 'text' } } })).asked['response_format'], undefined)
})

proves('format.json_object', async () => {
  const { asked } = await accepted({ text: { format: { type: 'json_object' } } })
  assert.deepEqual(asked['response_format'], { type: 'json_object' })
})

proves('format.json_schema', async () => {
  const json_schema = { name: 'colors', schema: { type: 'object', properties: {} }, strict: true }
  const { asked, response } = await accepted({ text: { format: { type: 'json_schema', json_schema } } })
  assert.deepEqual(asked['response_format'], { type: 'json_schema', json_schema })
  assert.deepEqual(response['text'].format, { type: 'json_schema', ...json_schema })
})

const keys = (count: number, length = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index).padStart(length, 'k'), 'v']))

proves(['param.metadata', 'limit.metadata'], async () => {
  for (const metadata of [keys(16), keys(1, 64), { key: 'v'.repeat(512) }]) {
    assert.deepEqual((await accepted({ metadata })).response['metadata'], metadata)
  }
  await refused({ metadata: keys(17) }, 'metadata')
  await refused({ metadata: keys(1, 65) }, `metadata.${'k'.repeat(64)}…`)
  await refused({ metadata: { key: 'v'.repeat(513) } }, 'metadata.key')
  await refused({ metadata: { key: 5 } }, 'metadata.key')
})

proves('param.truncation', async () => {
  for (const truncation of ['auto', 'disabled']) {
    assert.equal((await accepted({ truncation })).response['truncation'], truncation)
  }
  await refused({ truncation: 'maybe' }, 'truncation')
})

proves('param.user', async () => {
  const { asked, response } = await accepted({ user: 'user-7' })
  assert.equal(asked['user'], 'user-7')
  assert.equal(response['user'], 'user-7')
  await refused({ user: 7 }, 'user')
})

proves('param.seed', async () => {
  assert.equal((await accepted({ seed: 7 })).asked['seed'], 7)
  await refused({ seed: 1.5 }, 'seed')
})

proves('param.background', async () => {
  const { response } = await accepted({ background: true })
  assert.equal(response['background'], true)
  await (await server.get(`/responses/${response['id']}?stream=true`)).text()
  await refused({ background: 'yes' }, 'background')
})

proves('param.service_tier', async () => {
  for (const service_tier of ['auto', 'default', 'flex']) {
    assert.equal((await accepted({ service_tier })).asked['service_tier'], service_tier)
  }
  await refused({ service_tier: 'gold' }, 'service_tier')
})
