import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../core/upstream-error.ts'
import type { Adapter } from '../adapter.ts'
import { joined } from '../testing/chat-chunks.ts'
import { hear } from '../testing/chat-provider.ts'
import { modelCall, user } from '../testing/model-call.ts'
import { demoAdapter, type Sleep } from './adapter.ts'

const noSleep: Sleep = () => Promise.resolve()

test('The demo model is one model, of a family of its own, and needs no network', async () => {
  const adapter = demoAdapter(noSleep)
  assert.equal(adapter.id, 'demo')
  assert.deepEqual(await adapter.listModels(new AbortController().signal), ['demo'])
  assert.deepEqual(
    ['demo', 'demo-2', 'my-demo'].map((model) => adapter.families?.test(model)),
    [true, false, false],
  )
  assert.equal(adapter.chat, undefined)
  assert.deepEqual(adapter.prepare(modelCall()).warnings, [])
})

test('An answer is an empty batch, then one event in each batch, the finish last', async () => {
  const { batches } = await hear(demoAdapter(noSleep), { fields: { history: [user('/say a b')] } })
  assert.deepEqual(
    batches.map((batch) => batch.map(({ type }) => type)),
    [[], ['text'], ['text'], ['finish']],
  )
})

test('A prepared call can be sent twice, and says the same', async () => {
  const prepared = demoAdapter(noSleep).prepare(modelCall({ history: [user('Hi'), user('/think twice')] }))
  const same: Adapter = { ...demoAdapter(noSleep), prepare: () => prepared }
  const first = await hear(same)
  assert.equal(first.events.length, 8)
  assert.deepEqual(await hear(same), first)
})

test('A wait is handed to the clock, with the signal', async () => {
  const waits: unknown[] = []
  const { signal } = new AbortController()
  const sleep: Sleep = (ms, given) => Promise.resolve(void waits.push([ms, given === signal]))
  const { events } = await hear(demoAdapter(sleep), { fields: { history: [user('/wait 3')] }, signal })
  assert.deepEqual(waits, [[3000, true]])
  assert.equal(joined(events, 'text'), 'Waiting done.')
})

test('A wait that is aborted throws what the clock throws', async () => {
  const reason = new Error('Gone.')
  const heard = await hear(
    demoAdapter(() => Promise.reject(reason)),
    { fields: { history: [user('/wait 3')] } },
  )
  assert.equal(heard.error, reason)
  assert.equal(joined(heard.events, 'text'), 'Waiting ')
})

test('A failure is thrown after what came before it', async () => {
  const heard = await hear(demoAdapter(noSleep), { fields: { history: [user('/break 429')] } })
  assert.ok(heard.error instanceof UpstreamError)
  assert.equal(heard.error.problem.fault, 'rate_limited')
  assert.equal(joined(heard.events, 'text'), 'This answer breaks off ')
})

test('An abort between two words stops the answer with its reason', async () => {
  const control = new AbortController()
  const reason = new Error('Gone.')
  const heard = await hear(demoAdapter(noSleep), {
    fields: { history: [user('/words 1000')] },
    signal: control.signal,
    onBatch: (events) => (events === 150 ? control.abort(reason) : undefined),
  })
  assert.equal(heard.error, reason)
  assert.equal(heard.events.length, 150)
})

test('A long answer gives everybody else a turn', async () => {
  const order: string[] = []
  setImmediate(() => order.push('other'))
  await hear(demoAdapter(noSleep), { fields: { history: [user('/words 300')] }, onBatch: () => order.push('word') })
  assert.ok(order.indexOf('other') < 110)
  assert.equal(order.length, 303)
})
