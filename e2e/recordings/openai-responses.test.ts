import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutputItem } from '../../src/protocol/output-item.ts'
import { isNativeItem } from '../../src/protocol/output-item.ts'
import { loadRecordings, NO_RECORDINGS, type Recording } from './load.ts'
import { lift } from './openai-responses-lift.ts'
import { hasErrorChunk, hasFinish, readAll } from './openai-responses-oracle.ts'
import { replayFamily } from './replay.ts'

/** The dialect that each recorded provider is configured with: its own, or the one that it passes on. */
const DIALECTS: Readonly<Record<string, string>> = {
  openai: 'openai',
  azure: 'azure',
  xai: 'xai',
  deepseek: 'deepseek',
  openrouter: 'openrouter',
  lmstudio: 'lmstudio',
  'bedrock-mantle': 'generic',
  'pydantic-gateway': 'openai',
}

const CONVERSATIONS = 'Conversations: threads stand here, and nothing is stored there.'
const STORED = 'It is about a response that is stored there: none of ours is.'

/** Recordings in which no model is called, and why they are not replayed. */
const NO_CALLS: Readonly<Record<string, string>> = {
  'resp-openai-004': CONVERSATIONS,
  'resp-openai-006': CONVERSATIONS,
  'resp-openai-007': CONVERSATIONS,
  'resp-openai-009': CONVERSATIONS,
  'resp-openai-010': CONVERSATIONS,
  'resp-openai-011': CONVERSATIONS,
  'resp-openai-012': STORED,
  'resp-openai-013': STORED,
  'resp-openai-032': STORED,
  'resp-openai-043': 'It counts tokens.',
}

const recordings = loadRecordings('openai-responses')
const calls = recordings.filter(({ id }) => NO_CALLS[id] === undefined)

for (const dialect of new Set(Object.values(DIALECTS))) {
  replayFamily({
    name: `openai-responses (${dialect})`,
    recordings: calls.filter(({ provider }) => DIALECTS[provider] === dialect),
    provider: { kind: 'openai-responses', dialect, api_key: 'key', forward_urls: true },
    basePath: '/v1',
    modelOf: ({ body }) => String(body?.['model']),
    nameOf: ({ request }) => String((request as { body: { model: unknown } }).body.model),
    itemsOf: ({ output }) => output.map(outline),
    readAll,
    hasFinish,
    hasErrorChunk,
    lift,
  })
}

/** What an item is, in the words of the oracle. */
function outline(item: OutputItem): object {
  if (isNativeItem(item)) {
    const { id: _, encrypted_content: __, ...native } = item
    return native
  }
  switch (item.type) {
    case 'message':
      return { type: item.type, phase: item.phase, parts: item.content.map(({ type }) => type) }
    case 'reasoning':
      return { type: item.type, parts: item.summary.length }
    case 'function_call':
    case 'custom_tool_call':
      return { type: item.type, name: item.name, namespace: item.namespace }
    default:
      return item
  }
}

test('every recording is replayed, or calls no model', { skip: NO_RECORDINGS }, () => {
  const isControl = ({ request }: Recording) => request !== undefined && !/\/responses(?:\?|$)/.test(request.path)
  assert.deepEqual(
    recordings.filter(({ provider }) => DIALECTS[provider] === undefined).map(({ id }) => id),
    [],
  )
  assert.deepEqual(
    calls.filter(isControl).map(({ id }) => id),
    [],
  )
  assert.deepEqual(recordings.length - calls.length, Object.keys(NO_CALLS).length)
  console.table(NO_CALLS)
})
