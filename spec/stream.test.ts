import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { readStream, startTestServer, type TestServer } from '../e2e/harness/server.ts'
import { proves } from './proves.ts'

type Json = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- Bodies are whatever came.

let server: TestServer

before(async () => {
  server = await startTestServer()
})

after(async () => {
  await server.close()
})

const open = (body: object = {}) => server.post('/responses', { model: 'demo', input: 'Hi', stream: true, ...body })
const eventsOf = async (body: object = {}): Promise<Json[]> => readStream(await open(body))

async function only(type: string, body: object = {}): Promise<Json[]> {
  const found = (await eventsOf(body)).filter((event) => event['type'] === type)
  assert.ok(found.length > 0, `there is a ${type}`)
  return found
}

proves(['stream.sse', 'overview.streaming'], async () => {
  const answer = await open()
  assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/)
  const lines = (await answer.text()).split('\n').filter((line) => line.startsWith('data: {'))
  assert.ok(lines.length > 5)
  for (const line of lines) assert.equal(typeof JSON.parse(line.slice('data: '.length)).type, 'string')
})

proves('stream.sequence', async () => {
  const numbers = (await eventsOf()).map((event) => event['sequence_number'])
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index),
  )
})

proves('stream.order', async () => {
  const types = (await eventsOf({ input: '/say Hello' })).map((event) => event['type'])
  assert.deepEqual(types, [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ])
})

proves('stream.done', async () => {
  const text = await (await open()).text()
  assert.ok(text.endsWith('\n\ndata: [DONE]\n\n'))
})

proves('event.response.created', async () => {
  const [event] = await eventsOf()
  assert.equal(event?.['type'], 'response.created')
  assert.deepEqual([event?.['response'].object, event?.['response'].output], ['response', []])
})

proves('event.response.in_progress', async () => {
  const [event] = await only('response.in_progress')
  assert.equal(event?.['response'].status, 'in_progress')
})

proves('event.response.output_item.added', async () => {
  const [event] = await only('response.output_item.added')
  assert.deepEqual([event?.['output_index'], event?.['item'].status, event?.['item'].content], [0, 'in_progress', []])
})

proves('event.response.output_item.done', async () => {
  const [event] = await only('response.output_item.done')
  assert.deepEqual([event?.['output_index'], event?.['item'].status], [0, 'completed'])
  assert.equal(event?.['item'].content[0].text, 'You said: Hi')
})

proves('event.response.content_part.added', async () => {
  const [event] = await only('response.content_part.added')
  assert.deepEqual([event?.['content_index'], event?.['part'].type, event?.['part'].text], [0, 'output_text', ''])
})

proves('event.response.content_part.done', async () => {
  const [event] = await only('response.content_part.done')
  assert.equal(event?.['part'].text, 'You said: Hi')
})

proves('event.response.output_text.delta', async () => {
  const deltas = await only('response.output_text.delta')
  assert.equal(deltas.map((event) => event['delta']).join(''), 'You said: Hi')
  assert.ok(deltas.length > 1)
})

proves('event.response.output_text.done', async () => {
  const [event] = await only('response.output_text.done')
  assert.equal(event?.['text'], 'You said: Hi')
})

const TOOLS = {
  input: 'Weather in Rome?',
  tools: [
    { type: 'function', name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  ],
}

proves('event.response.function_call_arguments.delta', async () => {
  const deltas = await only('response.function_call_arguments.delta', TOOLS)
  assert.equal(deltas.map((event) => event['delta']).join(''), '{"city":"Rome"}')
})

proves('event.response.function_call_arguments.done', async () => {
  const [event] = await only('response.function_call_arguments.done', TOOLS)
  assert.equal(event?.['arguments'], '{"city":"Rome"}')
})

proves('event.response.completed', async () => {
  const event = (await eventsOf()).at(-1)
  assert.equal(event?.['type'], 'response.completed')
  assert.deepEqual([event?.['response'].status, event?.['response'].output_text], ['completed', 'You said: Hi'])
})

proves('event.response.incomplete', async () => {
  const event = (await eventsOf({ input: '/words 50', max_output_tokens: 16 })).at(-1)
  assert.equal(event?.['type'], 'response.incomplete')
  assert.equal(event?.['response'].incomplete_details.reason, 'max_output_tokens')
})

proves('event.response.failed', async () => {
  const events = await eventsOf({ input: '/break 500' })
  assert.deepEqual(
    events.slice(-2).map((event) => event['type']),
    ['error', 'response.failed'],
  )
  assert.equal(events.at(-1)?.['response'].status, 'failed')
})
