import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../protocol/json.ts'
import { toHistory, type ThreadItem } from './history.ts'

const USER: ThreadItem = { role: 'user', content: 'Hello' }
const TOOL: JsonObject = { type: 'function', name: 'found' }

const natives: readonly { name: string; item: JsonObject & { type: string }; sent: JsonObject }[] = [
  {
    name: 'a hosted search',
    item: { type: 'web_search_call', status: 'completed', action: { query: 'Rome' } },
    sent: { type: 'web_search_call', status: 'completed', action: { query: 'Rome' }, id: 'theirs' },
  },
  {
    name: 'an item of an unknown type',
    item: { type: 'acme_call', output: [1], call_id: '' },
    sent: { type: 'acme_call', output: [1], call_id: '', id: 'theirs' },
  },
  {
    name: 'a search for tools of its own',
    item: { type: 'tool_search_call', execution: 'server', call_id: null, arguments: {} },
    sent: { type: 'tool_search_call', execution: 'server', call_id: null, arguments: {}, id: 'theirs' },
  },
  {
    name: 'what such a search has found',
    item: { type: 'tool_search_output', execution: 'server', call_id: null, tools: [TOOL] },
    sent: { type: 'tool_search_output', execution: 'server', call_id: null, tools: [TOOL], id: 'theirs' },
  },
]
for (const { name, item, sent } of natives) {
  test(`${name} goes back to the provider that made it, under its id there; to another it does not`, () => {
    const thread = [USER, { ...item, id: 'ours', encrypted_content: 'sealed' } as unknown as ThreadItem]
    const back = toHistory(thread, () => ({ id: 'theirs' }))
    assert.deepEqual(back.items.slice(1), [{ type: 'native', item: sent }])
    assert.deepEqual([back.warnings, back.tools], [[], []])
    const elsewhere = toHistory(thread, () => undefined)
    assert.equal(elsewhere.items.length, 1)
    assert.deepEqual(elsewhere.warnings, [`${item.type} items were left out: the provider has none`])
  })
}
