import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProviderSetup } from '../family.ts'
import { hear, providerSetup } from '../testing/chat-provider.ts'
import { OneAnswer } from '../testing/one-answer.ts'
import { ollama } from './adapter.ts'

const HI = '{"message":{"role":"assistant","content":"Hi"},"done":true}\n'

function adapterAt(server: OneAnswer, setup: Partial<Pick<ProviderSetup, 'dialect' | 'baseUrl' | 'apiKey'>> = {}) {
  return ollama.create(providerSetup(server, { dialect: 'ollama', ...setup }))
}

const addresses = [
  { dialect: 'ollama', baseUrl: undefined, asked: 'http://127.0.0.1:11434/api/chat' },
  { dialect: 'ollama-cloud', baseUrl: undefined, asked: 'https://ollama.com/api/chat' },
  { dialect: 'ollama', baseUrl: 'http://gpu:11434', asked: 'http://gpu:11434/api/chat' },
  { dialect: 'ollama', baseUrl: 'http://gpu:11434/api', asked: 'http://gpu:11434/api/chat' },
  { dialect: 'ollama', baseUrl: 'http://gpu/ollama/api', asked: 'http://gpu/ollama/api/chat' },
]
for (const { dialect, baseUrl, asked } of addresses) {
  test(`base_url ${baseUrl} of ${dialect} is asked at ${asked}`, async () => {
    const server = new OneAnswer(HI, 'application/x-ndjson')
    const { error } = await hear(adapterAt(server, { dialect, baseUrl }))
    assert.equal(error, undefined)
    assert.equal(server.requests[0]?.url.href, asked)
  })
}

test('The key goes into the header, and there is none without a key', async () => {
  const server = new OneAnswer(HI, 'application/x-ndjson')
  await hear(adapterAt(server))
  await hear(adapterAt(server, { apiKey: '' }))
  assert.deepEqual(
    server.requests.map(({ headers }) => headers['authorization']),
    ['Bearer hush-hush', undefined],
  )
})

test('An answer in one piece is read where a stream was asked for, and where none was', async () => {
  for (const canStream of [true, false]) {
    const { events } = await hear(adapterAt(new OneAnswer(HI, 'application/x-ndjson')), { fields: { canStream } })
    assert.deepEqual(events, [
      { type: 'text', text: 'Hi' },
      { type: 'finish', reason: 'stop' },
    ])
  }
})

test('A schema is kept to, but not beside tools', () => {
  const adapter = adapterAt(new OneAnswer(HI, 'application/x-ndjson'))
  assert.deepEqual([adapter.takesSchemas('qwen3'), adapter.takesSchemas('qwen3', true)], [true, false])
})

const lists = [
  { text: '{"models":[{"name":"qwen3:8b","model":"qwen3:8b"},{"name":"b"}]}', models: ['qwen3:8b', 'b'] },
  { text: '{"models":[null,{"name":5},{"name":"b"}]}', models: ['b'] },
  { text: '{"models":"b"}', models: [] },
  { text: 'Ollama is running', models: [] },
]
for (const { text, models } of lists) {
  test(`The models of ${text}`, async () => {
    const server = new OneAnswer(text)
    assert.deepEqual(await adapterAt(server).listModels(new AbortController().signal), models)
    assert.equal(server.requests[0]?.url.href, 'http://127.0.0.1:11434/api/tags')
  })
}
