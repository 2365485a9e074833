import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lift, modelOf } from './chat-lift.ts'
import { hasErrorChunk, hasFinish, readAll } from './chat-oracle.ts'
import { loadRecordings } from './load.ts'
import { replayFamily } from './replay.ts'

/** The dialect that each recorded provider is configured with: its own, or the one whose spelling it has taken over. */
const DIALECTS: Readonly<Record<string, string>> = {
  alibaba: 'alibaba',
  avian: 'generic',
  azure: 'azure',
  cerebras: 'cerebras',
  cloudflare: 'generic',
  crusoe: 'generic',
  databricks: 'generic',
  deepseek: 'deepseek',
  fireworks: 'fireworks',
  'google-ai-studio': 'google',
  'gpustack-vllm': 'vllm',
  groq: 'groq',
  heroku: 'generic',
  'huggingface-router': 'generic',
  'llama.cpp': 'llama.cpp',
  mistral: 'mistral',
  ollama: 'ollama',
  openai: 'openai',
  openrouter: 'openrouter',
  perplexity: 'perplexity',
  snowflake: 'openrouter', // Whose `reasoning` and `reasoning_details` it speaks.
  together: 'together',
  'vercel-gateway': 'generic',
  vllm: 'vllm',
  xai: 'xai',
  zai: 'zai',
}

const recordings = loadRecordings('chat-completions')

for (const dialect of new Set(Object.values(DIALECTS))) {
  replayFamily({
    name: `chat-completions (${dialect})`,
    recordings: recordings.filter(({ provider }) => DIALECTS[provider] === dialect),
    provider: { kind: 'openai-chat', dialect, forward_urls: true },
    basePath: '/v1',
    modelOf: ({ body }) => String(body?.['model']),
    nameOf: ({ request }) => modelOf(request),
    readAll,
    hasFinish,
    hasErrorChunk,
    lift: (recording) => lift(recording, dialect),
  })
}

test('every recorded provider has a dialect', () => {
  assert.deepEqual(
    recordings.filter(({ provider }) => DIALECTS[provider] === undefined).map(({ id }) => id),
    [],
  )
})
