import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryItem } from '../../core/model-call.ts'
import type { ProviderSetup } from '../family.ts'
import { hear, providerSetup } from '../testing/chat-provider.ts'
import { assistant, modelCall, user } from '../testing/model-call.ts'
import { OneAnswer } from '../testing/one-answer.ts'
import { openAiResponses } from './adapter.ts'
import type { DialectName } from './tables.ts'
import { completed, frame, message, reasoning, stream } from './testing/events.ts'

const HI = stream([message(['Hi'])]).join('')
const EVENTS = 'text/event-stream'

type Setup = Partial<Omit<ProviderSetup, 'timeouts' | 'limits'>>

function adapterAt(server: OneAnswer, dialect: DialectName, setup: Setup = {}) {
  return openAiResponses.create(providerSetup(server, { dialect, ...setup }))
}

const places: readonly {
  readonly dialect: DialectName
  readonly setup?: Setup
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}[] = [
  {
    dialect: 'openai',
    url: 'https://api.openai.com/v1/responses',
    headers: { authorization: 'Bearer hush-hush' },
  },
  {
    dialect: 'openai',
    setup: { headers: { 'openai-organization': 'org-1' } },
    url: 'https://api.openai.com/v1/responses',
    headers: { authorization: 'Bearer hush-hush', 'openai-organization': 'org-1' },
  },
  {
    dialect: 'azure',
    setup: { baseUrl: 'https://acme.openai.azure.com/openai/v1' },
    url: 'https://acme.openai.azure.com/openai/v1/responses',
    headers: { 'api-key': 'hush-hush' },
  },
  {
    dialect: 'azure',
    setup: { baseUrl: 'https://acme.openai.azure.com/openai', own: { api_version: '2025-04-01-preview' } },
    url: 'https://acme.openai.azure.com/openai/responses?api-version=2025-04-01-preview',
    headers: { 'api-key': 'hush-hush' },
  },
  {
    dialect: 'xai',
    url: 'https://api.x.ai/v1/responses',
    headers: { authorization: 'Bearer hush-hush' },
  },
  {
    dialect: 'lmstudio',
    setup: { apiKey: '' },
    url: 'http://127.0.0.1:1234/v1/responses',
    headers: {},
  },
]
const CREDENTIALS = ['authorization', 'api-key', 'openai-organization']
for (const { dialect, setup, url, headers } of places) {
  test(`${dialect} is asked at ${url} with ${Object.keys(headers).join(', ') || 'no key'}`, async () => {
    const server = new OneAnswer(HI, EVENTS)
    const { error } = await hear(adapterAt(server, dialect, setup))
    assert.equal(error, undefined)
    const [request] = server.requests
    assert.equal(request?.url.href, url)
    const sent = CREDENTIALS.flatMap((name) =>
      request.headers[name] === undefined ? [] : [[name, request.headers[name]]],
    )
    assert.deepEqual(Object.fromEntries(sent), headers)
  })
}

test('Models are listed where the rest is', async () => {
  const server = new OneAnswer('{"data":[{"id":"gpt-5.5"},{"id":5}]}')
  const own = { api_version: 'v1' }
  const azure = adapterAt(server, 'azure', { baseUrl: 'https://a.example/openai', own })
  const { signal } = new AbortController()
  assert.deepEqual(await azure.listModels(signal), ['gpt-5.5'])
  assert.equal(server.requests[0]?.url.href, 'https://a.example/openai/models?api-version=v1')
})

test('Chat Completions are passed on to whoever speaks both', async () => {
  const server = new OneAnswer('{"choices":[]}')
  const answer = await adapterAt(server, 'openai').chat?.send({ model: 'gpt-5.5' }, new AbortController().signal)
  assert.equal(answer?.status, 200)
  assert.equal(server.requests[0]?.url.href, 'https://api.openai.com/v1/chat/completions')
  const setup = { baseUrl: 'https://a.example/openai', own: { api_version: 'v1' } }
  await adapterAt(server, 'azure', setup).chat?.send({ model: 'gpt-5.5' }, new AbortController().signal)
  assert.equal(server.requests[1]?.url.href, 'https://a.example/openai/chat/completions?api-version=v1')
})

test('Who keeps to schemas is told', () => {
  const takes = (dialect: DialectName) =>
    adapterAt(new OneAnswer(''), dialect, { baseUrl: 'https://a.example/v1' }).takesSchemas('m')
  const dialects = ['openai', 'azure', 'vllm', 'deepseek', 'lmstudio'] as const
  assert.deepEqual(dialects.map(takes), [true, true, true, false, false])
})

test("OpenAI's models are known by their names", () => {
  const { families } = adapterAt(new OneAnswer(''), 'openai')
  const known = ['gpt-5.5', 'o3-mini', 'o4', 'chatgpt-4o-latest', 'claude-opus-5', 'omni'].map((name) =>
    families?.test(name),
  )
  assert.deepEqual(known, [true, true, true, true, false, false])
})

test('The same call gives the same bytes', async () => {
  const server = new OneAnswer(HI, EVENTS)
  const call = modelCall({ model: 'gpt-5.5', effort: 'high', promptCacheKey: 'k', history: [user('Hi')] })
  for (let time = 0; time < 2; time++) {
    await adapterAt(server, 'openai')
      .prepare(call)
      .send(new AbortController().signal, () => undefined)
  }
  assert.equal(server.requests[0]?.body, server.requests[1]?.body)
})

test('What must come back of an answer goes back byte for byte', async () => {
  const seal = `gAAAAAB${'+/='.repeat(40)}\u00e9`
  const server = new OneAnswer(stream([reasoning(['Let me', 'think.'], seal), message(['Hi'])]).join(''), EVENTS)
  const adapter = adapterAt(server, 'openai')
  const { events } = await hear(adapter, { fields: { model: 'gpt-5.5' } })
  const history: HistoryItem[] = [
    user('Hi'),
    ...events.flatMap((event): HistoryItem[] => {
      if (event.type === 'reasoning_state') return [{ type: 'reasoning', text: '', state: event.state }]
      return event.type === 'text' ? [assistant(event.text)] : []
    }),
    user('Go on.'),
  ]
  const { error } = await hear(adapter, { fields: { model: 'gpt-5.5', history } })
  assert.equal(error, undefined)
  const { input } = JSON.parse(server.requests[1]?.body ?? '') as { input: unknown[] }
  const summary = ['Let me', 'think.'].map((text) => ({ type: 'summary_text', text }))
  assert.deepEqual(input[1], { type: 'reasoning', id: 'rs_1', summary, encrypted_content: seal })
})

test('Streams of data alone, with comments and padding and [DONE], are read like others', async () => {
  const pieces = stream([message(['Hello,', ' world'])]).map((text) => text.replace(/^event: .*\n/, ''))
  const text = `: waiting\n\n${pieces.join(':\n\n')}data: [DONE]\n\n`
  const heard = await hear(adapterAt(new OneAnswer(text, EVENTS), 'openrouter'))
  const said = heard.events.map((event) => ('text' in event ? event.text : event.type))
  assert.deepEqual([heard.error, said], [undefined, ['Hello,', ' world', 'finish']])
})

test('An answer that has ended is over, whatever follows', async () => {
  const late = frame({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'more' })
  const heard = await hear(adapterAt(new OneAnswer(HI + late + frame(completed()), EVENTS), 'openai'))
  const said = heard.events.map(({ type }) => type)
  assert.deepEqual([heard.error, said], [undefined, ['text', 'finish']])
})
