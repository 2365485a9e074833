import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { startTestServer, type TestServer } from '../e2e/harness/server.ts'
import { says, startUpstream, type Upstream } from '../e2e/harness/upstream.ts'
import { proves } from './proves.ts'

type Json = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- Bodies are whatever came.

let upstream: Upstream
let server: TestServer

before(async () => {
  upstream = await startUpstream()
  upstream.answer(() => says('Answer.'))
  server = await startTestServer({
    providers: { local: { kind: 'openai-chat', dialect: 'openai', base_url: upstream.baseUrl, forward_urls: true } },
  })
})

after(async () => {
  await server.close()
  await upstream.close()
})

/** The messages that the provider is sent for some input. */
async function messagesFor(input: unknown): Promise<Json[]> {
  const answer = await server.post('/responses', { model: 'gpt-4o', input })
  assert.equal(answer.status, 200, await answer.text())
  return upstream.received.at(-1)?.body?.['messages'] as Json[]
}

async function errorFor(input: unknown): Promise<Json> {
  const answer = await server.post('/responses', { model: 'gpt-4o', input })
  assert.equal(answer.status, 400)
  return ((await answer.json()) as Json)['error']
}

const user = (...content: object[]) => [{ type: 'message', role: 'user', content }]

proves('item.message', async () => {
  assert.deepEqual(await messagesFor([{ type: 'message', role: 'user', content: 'Hi' }]), [
    { role: 'user', content: 'Hi' },
  ])
  assert.equal((await errorFor([{ type: 'message', content: 'Hi' }]))['param'], 'input[0].role')
})

proves('item.message.roles', async () => {
  const roles = ['user', 'assistant', 'system', 'developer']
  const messages = await messagesFor(roles.map((role) => ({ type: 'message', role, content: `I am ${role}.` })))
  assert.deepEqual(
    messages,
    roles.map((role) => ({ role, content: `I am ${role}.` })),
  )
  assert.equal((await errorFor([{ type: 'message', role: 'tool', content: 'Hi' }]))['param'], 'input[0].role')
})

proves('item.message.content', async () => {
  assert.deepEqual(await messagesFor(user({ type: 'input_text', text: 'Hi' })), [{ role: 'user', content: 'Hi' }])
  assert.equal((await errorFor([{ role: 'user', content: 42 }]))['param'], 'input[0].content')
})

const CALL = {
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name: 'get_weather',
  arguments: '{"city":"Paris"}',
}
const OUTPUT = { type: 'function_call_output', call_id: 'call_1', output: '{"temperature":22}' }

proves('item.function_call', async () => {
  const [message] = await messagesFor([CALL, OUTPUT])
  const call = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } }
  assert.deepEqual(message, { role: 'assistant', content: null, tool_calls: [call] })
  assert.equal((await errorFor([{ ...CALL, name: undefined }, OUTPUT]))['param'], 'input[0].name')
})

proves('item.function_call_output', async () => {
  const messages = await messagesFor([CALL, OUTPUT])
  assert.deepEqual(messages[1], { role: 'tool', tool_call_id: 'call_1', content: '{"temperature":22}' })
  assert.match((await errorFor([OUTPUT]))['message'], /No tool call found/)
})

proves('part.input_text', async () => {
  const messages = await messagesFor(user({ type: 'input_text', text: 'One' }, { type: 'input_text', text: 'Two' }))
  assert.deepEqual(messages[0]?.['content'], [
    { type: 'text', text: 'One' },
    { type: 'text', text: 'Two' },
  ])
})

const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

proves('part.input_image', async () => {
  for (const image_url of ['https://example.com/image.jpg', PIXEL]) {
    const [message] = await messagesFor(user({ type: 'input_image', image_url }))
    assert.deepEqual(message?.['content'], [{ type: 'image_url', image_url: { url: image_url } }])
  }
  const error = await errorFor(user({ type: 'input_image', file_id: 'file-1' }))
  assert.deepEqual([error['code'], error['param']], ['file_not_found', 'input[0].content[0].file_id'])
})

proves('image.detail', async () => {
  for (const detail of ['auto', 'low', 'high']) {
    const [message] = await messagesFor(user({ type: 'input_image', image_url: PIXEL, detail }))
    assert.equal(message?.['content'][0].image_url.detail, detail)
  }
  const error = await errorFor(user({ type: 'input_image', image_url: PIXEL, detail: 'ultra' }))
  assert.equal(error['param'], 'input[0].content[0].detail')
})

proves('part.input_file', async () => {
  const file = { filename: 'note.txt', file_data: 'data:text/plain;base64,SGk=' }
  const [message] = await messagesFor(user({ type: 'input_file', ...file }))
  assert.deepEqual(message?.['content'], [{ type: 'file', file }])
})

proves('part.output_text', async () => {
  const content = [{ type: 'output_text', text: 'I said so.' }]
  assert.deepEqual(await messagesFor([{ type: 'message', role: 'assistant', content }]), [
    { role: 'assistant', content: 'I said so.' },
  ])
  assert.match((await errorFor(user({ type: 'output_text', text: 'x' })))['param'], /^input\[0\]\.content\[0\]/)
})

proves('part.refusal', async () => {
  const content = [{ type: 'refusal', refusal: 'I will not.' }]
  assert.deepEqual(await messagesFor([{ type: 'message', role: 'assistant', content }]), [
    { role: 'assistant', content: 'I will not.' },
  ])
})

proves('overview.stateless', async () => {
  const input = [
    { role: 'user', content: 'My name is Alice.' },
    { role: 'assistant', content: 'Hello Alice.' },
    { role: 'user', content: 'What is my name?' },
  ]
  assert.deepEqual(await messagesFor(input), input)
})

proves('overview.multimodal', async () => {
  const [message] = await messagesFor(
    user({ type: 'input_text', text: 'Look.' }, { type: 'input_image', image_url: PIXEL }),
  )
  assert.deepEqual(
    message?.['content'].map((part: Json) => part['type']),
    ['text', 'image_url'],
  )
})
