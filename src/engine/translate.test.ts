import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateRequest } from '../protocol/create-request.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { settled } from './testing/fake-clock.ts'
import { testEngine } from './testing/test-engine.ts'

/** What a client is told of a request to a model of 8192 tokens, or of one whose window nobody has told. */
async function warningsOf(model: 'known' | 'model', request: Partial<CreateRequest>): Promise<readonly string[]> {
  const { create } = testEngine(
    openMemoryStore(() => 0),
    { models: { known: { contextWindow: 8192 } } },
  )
  const created = await create({ model, ...request })
  await settled()
  assert.ok(created.kind === 'running')
  return created.run.served()?.warnings ?? ['It was not called.']
}

test('Of what others have sealed, reasoning is called so, and items that they alone know by their type', async () => {
  const sealed = { id: 'x_1', encrypted_content: 'other:1' }
  const items = [
    { type: 'reasoning', summary: [], ...sealed },
    { type: 'image_generation_call', result: 'iVBORw0KGgo=', ...sealed },
  ] as const
  const told = [
    'sealed reasoning was left out: another provider or account made it',
    'image_generation_call items were left out: the provider has none',
  ]
  for (const [index, item] of items.entries()) {
    const input = [item, { role: 'user', content: 'Go on.' }] as CreateRequest['input']
    assert.deepEqual(await warningsOf('model', { input }), [told[index]])
  }
})

test('Where nobody knows how long a thread may be, a client that wants it shortened is told so', async () => {
  assert.deepEqual(await warningsOf('model', { truncation: 'auto' }), [
    'truncation auto was left out: no context_window is configured for the model',
  ])
  assert.deepEqual(await warningsOf('model', { truncation: 'disabled' }), [])
  assert.deepEqual(await warningsOf('model', {}), [])
  assert.deepEqual(await warningsOf('known', { truncation: 'auto' }), [])
})
