import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { readStream, startTestServer, type TestServer } from '../e2e/harness/server.ts'
import { proves } from './proves.ts'

type Json = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- Bodies are whatever came.

let server: TestServer

before(async () => {
  server = await startTestServer({ store: 'sqlite' })
})

after(async () => {
  await server.close()
})

const TOOL = {
  type: 'function',
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}

async function create(body: object): Promise<Json> {
  const answer = await server.post('/responses', { model: 'demo', input: 'Hi', ...body })
  return (await answer.json()) as Json
}

async function streamed(body: object): Promise<Json[]> {
  return readStream(await server.post('/responses', { model: 'demo', input: 'Hi', stream: true, ...body }))
}

/** Polls a background response until it has ended. */
async function polled(id: string): Promise<Json> {
  for (;;) {
    const response = (await (await server.get(`/responses/${id}`)).json()) as Json
    if (response['status'] !== 'queued' && response['status'] !== 'in_progress') return response
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

proves('endpoint.create', async () => {
  assert.equal((await create({}))['output_text'], 'You said: Hi')
})

proves('endpoint.info', async () => {
  const answer = await server.get('/responses')
  assert.equal(answer.status, 200)
  assert.equal(((await answer.json()) as Json)['name'], 'responses')
})

proves(['endpoint.retrieve', 'retrieve.same', 'overview.storage'], async () => {
  const created = await create({ metadata: { topic: 'demo' } })
  const answer = await server.get(`/responses/${created['id']}`)
  assert.equal(answer.status, 200)
  assert.deepEqual(await answer.json(), created)
})

proves(['endpoint.delete', 'delete.answer'], async () => {
  const { id: responseId } = await create({})
  const answer = await server.delete(`/responses/${responseId}`)
  assert.equal(answer.status, 200)
  assert.deepEqual(await answer.json(), { id: responseId, object: 'response.deleted', deleted: true })
  assert.equal((await server.get(`/responses/${responseId}`)).status, 404)
})

proves('response.id', async () => {
  const [one, other] = [await create({}), await create({})]
  assert.match(one['id'], /^resp_/)
  assert.notEqual(one['id'], other['id'])
})
proves('response.object', async () => assert.equal((await create({}))['object'], 'response'))
proves('response.created_at', async () => {
  const before_s = Math.floor(Date.now() / 1000)
  const { created_at: created } = await create({})
  assert.ok(Number.isInteger(created) && created >= before_s && created <= Date.now() / 1000)
})
proves('response.model', async () => assert.equal((await create({}))['model'], 'demo'))
proves('response.status', async () => assert.equal((await create({}))['status'], 'completed'))
proves('response.output', async () => assert.equal((await create({}))['output'].length, 1))
proves('response.output_text', async () => {
  const { output, output_text: text } = await create({ input: '/think of Rome' })
  assert.equal(text, output[1].content[0].text)
})
proves('response.usage', async () => {
  const { usage } = await create({ input: 'one two three' })
  assert.deepEqual([usage.input_tokens, usage.output_tokens, usage.total_tokens], [3, 5, 8])
})
proves('response.error', async () => {
  assert.equal((await create({}))['error'], null)
  const failed = await create({ input: '/break 500' })
  assert.equal(failed['error'].code, 'server_error')
  assert.equal(typeof failed['error'].message, 'string')
})
proves('response.incomplete_details', async () => {
  const cut = await create({ input: '/words 50', max_output_tokens: 16 })
  assert.deepEqual(cut['incomplete_details'], { reason: 'max_output_tokens' })
  assert.equal(cut['output_text'].split(' ').length, 16)
})
proves('response.metadata', async () => {
  assert.deepEqual((await create({ metadata: { a: 'b' } }))['metadata'], { a: 'b' })
})
proves('response.service_tier', async () => {
  assert.equal((await create({}))['service_tier'], 'default')
  assert.equal((await create({ service_tier: 'flex' }))['service_tier'], 'flex')
})

proves('status.queued', async () => assert.equal((await create({ background: true }))['status'], 'queued'))
proves('status.in_progress', async () => {
  const [first] = await streamed({})
  assert.equal(first?.['response'].status, 'in_progress')
})
proves('status.completed', async () => assert.equal((await create({}))['status'], 'completed'))
proves('status.incomplete', async () => {
  assert.equal((await create({ input: '/words 50', max_output_tokens: 16 }))['status'], 'incomplete')
})
proves('status.failed', async () => assert.equal((await create({ input: '/break 500' }))['status'], 'failed'))
proves('status.cancelled', async () => {
  const { id } = await create({ input: '/wait 60', background: true })
  const answer = await server.post(`/responses/${id}/cancel`, {})
  assert.equal(((await answer.json()) as Json)['status'], 'cancelled')
  assert.equal((await polled(id))['status'], 'cancelled')
})

proves('output.message', async () => {
  const [item] = (await create({}))['output']
  const { id, ...rest } = item
  assert.match(id, /^msg_/)
  const content = [{ type: 'output_text', text: 'You said: Hi', annotations: [], logprobs: [] }]
  assert.deepEqual(rest, { type: 'message', role: 'assistant', status: 'completed', content })
})

proves(['output.function_call', 'overview.tools'], async () => {
  const { output } = await create({ input: 'Weather in Paris?', tools: [TOOL] })
  const [{ id: itemId, call_id: callId, ...rest }] = output
  assert.match(itemId, /^fc_/)
  assert.match(callId, /^call_/)
  assert.notEqual(itemId, callId)
  assert.deepEqual(rest, {
    type: 'function_call',
    name: 'get_weather',
    arguments: '{"city":"Paris"}',
    status: 'completed',
  })
})

proves('output.reasoning', async () => {
  const [item] = (await create({ input: '/think of Rome' }))['output']
  assert.equal(item.type, 'reasoning')
  assert.equal(typeof item.id, 'string')
  assert.deepEqual(item.content, [])
  assert.deepEqual(item.summary, [{ type: 'summary_text', text: 'The user asks: of Rome' }])
})

proves(['thread.chain', 'thread.history', 'overview.stateful'], async () => {
  const first = await create({ input: 'My name is Alice.' })
  const second = await create({ input: 'Nice weather.', previous_response_id: first['id'] })
  const third = await create({ input: 'What is my name?', previous_response_id: second['id'] })
  assert.equal(third['output_text'], 'Your name is Alice.')
})

proves('thread.store', async () => {
  const forgotten = await create({ store: false })
  const { error } = await create({ previous_response_id: forgotten['id'] })
  assert.deepEqual([error.type, error.code], ['not_found_error', 'previous_response_not_found'])
})

proves(['background.accepted', 'background.poll', 'overview.background'], async () => {
  const answer = await server.post('/responses', { model: 'demo', input: 'Hi', background: true })
  assert.equal(answer.status, 202)
  const queued = (await answer.json()) as Json
  assert.deepEqual([queued['object'], queued['status'], queued['output']], ['response', 'queued', []])
  const done = await polled(queued['id'])
  assert.deepEqual([done['status'], done['output_text']], ['completed', 'You said: Hi'])
  const failed = await polled((await create({ input: '/fail 500', background: true }))['id'])
  assert.equal(failed['status'], 'failed')
  const cut = await polled((await create({ input: '/words 50', max_output_tokens: 16, background: true }))['id'])
  assert.equal(cut['status'], 'incomplete')
})

proves('background.rejects-stream', async () => {
  const { error } = await create({ background: true, stream: true })
  assert.deepEqual([error.type, error.param], ['invalid_request_error', 'stream'])
})
