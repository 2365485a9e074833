import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from './load.ts'
import { withOllama } from './local-ollama.ts'

test('a local Ollama that answers is a provider, beside those with keys', async () => {
  const asked: string[] = []
  const config = await withOllama(await loadConfig({}, { MISTRAL_API_KEY: 'm' }), (url) => {
    asked.push(url)
    return Promise.resolve(true)
  })
  assert.deepEqual(asked, ['http://127.0.0.1:11434/api/version'])
  assert.deepEqual(config.providers, {
    mistral: { kind: 'openai-chat', dialect: 'mistral', api_key: 'm' },
    ollama: { kind: 'ollama' },
  })
})

test('where no Ollama answers, nothing changes', async () => {
  const config = await loadConfig({}, {})
  assert.equal(await withOllama(config, () => Promise.resolve(false)), config)
})
