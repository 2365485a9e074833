import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { hear, providerSetup } from '../testing/chat-provider.ts'
import { OneAnswer } from '../testing/one-answer.ts'
import { cohere } from './adapter.ts'

const HI =
  '{"id":"a","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}]},"finish_reason":"COMPLETE"}'

function adapterAt(server: OneAnswer, baseUrl?: string) {
  return cohere.create(providerSetup(server, { dialect: 'cohere', baseUrl }))
}

test('A call is a POST to chat with the key', async () => {
  const server = new OneAnswer(HI)
  const { events } = await hear(adapterAt(server))
  assert.deepEqual(events, [
    { type: 'text', text: 'Hi' },
    { type: 'finish', reason: 'stop' },
  ])
  const [request] = server.requests
  assert.equal(request?.url.href, 'https://api.cohere.com/v2/chat')
  assert.equal(request?.headers['authorization'], 'Bearer hush-hush')
})

test('The models are listed by the first version, wherever the second is', async () => {
  const addresses = [undefined, 'https://proxy.example/cohere/v2']
  const asked: (string | undefined)[] = []
  for (const baseUrl of addresses) {
    const server = new OneAnswer('{"models":[{"name":"command-a"},{"name":5}]}')
    assert.deepEqual(await adapterAt(server, baseUrl).listModels(new AbortController().signal), ['command-a'])
    asked.push(server.requests[0]?.url.href)
  }
  assert.deepEqual(asked, [
    'https://api.cohere.com/v1/models?endpoint=chat&page_size=1000',
    'https://proxy.example/cohere/v1/models?endpoint=chat&page_size=1000',
  ])
})

test('A schema is kept to, but not beside tools', () => {
  const adapter = adapterAt(new OneAnswer(HI))
  assert.deepEqual([adapter.takesSchemas('command-a'), adapter.takesSchemas('command-a', true)], [true, false])
})

for (const { environment, key } of [
  { environment: { COHERE_API_KEY: 'one' }, key: 'one' },
  { environment: { CO_API_KEY: 'two' }, key: 'two' },
  { environment: { COHERE_API_KEY: 'one', CO_API_KEY: 'two' }, key: 'one' },
  { environment: { COHERE_API_KEY: '', CO_API_KEY: 'two' }, key: 'two' },
]) {
  test(`${Object.keys(environment).join(' and ')} enable Cohere on a first run, with the key ${key}`, async () => {
    const { providers } = await loadConfig({}, environment)
    assert.deepEqual(providers, { cohere: { kind: 'cohere', dialect: 'cohere', api_key: key } })
  })
}
