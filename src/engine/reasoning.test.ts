import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateRequest } from '../protocol/create-request.ts'
import type { InputItem } from '../protocol/input-item.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { FINISH } from './testing/scripted-model.ts'
import { idOf, testEngine } from './testing/test-engine.ts'

/** Runs one response whose model thinks, keeps a state, and answers. */
async function think(request: Partial<CreateRequest> = {}) {
  const context = testEngine(openMemoryStore(() => 0))
  const created = await context.create(request)
  assert.ok(created.kind === 'running')
  context.model.calls[0]?.say(
    { type: 'reasoning', text: 'Let me think.' },
    { type: 'reasoning_state', state: { signature: 'abc' } },
    { type: 'text', text: 'Hello' },
    FINISH,
  )
  return { ...context, id: idOf(created), final: await created.run.ended, log: created.run.log }
}

test('thinking is shown as a summary, and the state of the provider travels sealed', async () => {
  const { final } = await think()
  const [reasoning] = final.output
  assert.ok(reasoning?.type === 'reasoning')
  assert.deepEqual(reasoning.summary, [{ type: 'summary_text', text: 'Let me think.' }])
  assert.equal(reasoning.encrypted_content, '["alice","model"]:{"signature":"abc"}')
})

for (const field of ['summary', 'generate_summary'] as const) {
  test(`${field} "none" hides the thinking and keeps the state`, async () => {
    const { final, log } = await think({ reasoning: { [field]: 'none' } })
    const [reasoning] = final.output
    assert.ok(reasoning?.type === 'reasoning')
    assert.deepEqual([reasoning.summary, reasoning.encrypted_content], [[], '["alice","model"]:{"signature":"abc"}'])
    assert.ok(!JSON.stringify(log.all()).includes('think'))
    assert.equal(final.reasoning?.summary, null)
  })
}

test('the state is opened for the provider that made it, byte for byte', async () => {
  const { create, model, id } = await think()
  await create({ previous_response_id: id })
  const reasoning = model.calls[1]?.call.history.find((item) => item.type === 'reasoning')
  assert.deepEqual(reasoning, { type: 'reasoning', text: 'Let me think.', state: { signature: 'abc' } })
})

const UNSIGNED = [
  { include: ['reasoning.encrypted_content'], sealed: '["alice","model"]:{}' },
  { include: undefined, sealed: undefined },
] as const
for (const { include, sealed } of UNSIGNED) {
  test(`unsigned thinking is ${sealed === undefined ? 'not sealed' : 'sealed for a client that asks'}`, async () => {
    const { create, model } = testEngine(openMemoryStore(() => 0))
    const created = await create(include === undefined ? {} : { include: [...include] })
    assert.ok(created.kind === 'running')
    model.calls[0]?.say({ type: 'reasoning', text: 'Hm.' }, { type: 'text', text: 'Hello' }, FINISH)
    const [reasoning] = (await created.run.ended).output
    assert.ok(reasoning?.type === 'reasoning')
    assert.deepEqual([reasoning.summary[0]?.text, reasoning.encrypted_content], ['Hm.', sealed])
  })
}

test('an item that its provider alone knows is stored, and goes back to it as it came; another never hears of it', async () => {
  const { create, model, rival } = testEngine(openMemoryStore(() => 0))
  const created = await create()
  assert.ok(created.kind === 'running')
  const item = { type: 'acme_call', id: 'theirs', encrypted_content: 'opaque', found: [1] }
  model.calls[0]?.say(
    { type: 'native', item, isOpen: true },
    { type: 'native_event', back: 0, event: { type: 'response.acme_call.searching', item_id: 'theirs' } },
    { type: 'native_end', back: 0, item },
    { type: 'text', text: 'Hello' },
    FINISH,
  )
  const { output } = await created.run.ended
  assert.deepEqual(Object.keys(output[0] ?? {}), ['type', 'id', 'found', 'encrypted_content'])
  assert.match(JSON.stringify(created.run.log.all()), /response\.acme_call\.searching/)
  await create({ previous_response_id: idOf(created) })
  assert.deepEqual(model.calls[1]?.call.history[1], { type: 'native', item })
  // A client plays it back as it got it.
  await create({ input: [output[0] as InputItem, { role: 'user', content: 'Hi' }] })
  assert.deepEqual(model.calls[2]?.call.history[0], { type: 'native', item })
  await create({ model: 'rival', previous_response_id: idOf(created) })
  assert.deepEqual(
    rival.calls[0]?.call.history.map(({ type }) => type),
    ['message', 'message', 'message'],
  )
})

test('another provider is shown the thinking without the state', async () => {
  const { create, rival, id } = await think()
  await create({ model: 'rival', previous_response_id: id })
  const reasoning = rival.calls[0]?.call.history.find((item) => item.type === 'reasoning')
  assert.deepEqual(reasoning, { type: 'reasoning', text: 'Let me think.', state: undefined })
})

test('a sealed state that a client sends back itself is opened too', async () => {
  const { create, model } = testEngine(openMemoryStore(() => 0))
  const encrypted_content = '["alice","model"]:{"signature":"abc"}'
  await create({
    input: [
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content },
      { role: 'user', content: 'Go on' },
    ],
  })
  assert.deepEqual(model.calls[0]?.call.history[0], { type: 'reasoning', text: '', state: { signature: 'abc' } })
})
