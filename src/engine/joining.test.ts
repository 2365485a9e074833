import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../core/upstream-error.ts'
import type { CreateRequest } from '../protocol/create-request.ts'
import { memoryTables, openMemoryStore } from '../store/memory/memory-store.ts'
import type { Submission } from './joining.ts'
import { fakeClock, settled } from './testing/fake-clock.ts'
import { FINISH } from './testing/scripted-model.ts'
import { ALICE, BOB, eventsOf, idOf, testEngine } from './testing/test-engine.ts'

const KEYED: Submission = { kind: 'keyed', key: 'key:a', bodyHash: 'hash' }
const FIRST: Submission = { kind: 'first', key: 'body:b', bodyHash: 'b' }
const RETRY: Submission = { ...FIRST, kind: 'retry' }

const KINDS: readonly Partial<CreateRequest>[] = [
  {},
  { stream: true },
  { background: true },
  { store: false },
  { store: false, stream: true },
]

async function fresh() {
  const clock = fakeClock()
  const context = testEngine(openMemoryStore(clock.now), { clock })
  await context.engine.start()
  const send = async (submission: Submission, request: Partial<CreateRequest> = {}, account = ALICE) => {
    const sent = await context.engine.create(account, { model: 'model', input: 'Hello', ...request }, submission)
    await settled()
    return sent
  }
  return { ...context, clock, send }
}

for (const request of KINDS) {
  const kind = JSON.stringify(request)
  for (const [first, again] of [
    [KEYED, KEYED],
    [FIRST, RETRY],
  ] as const) {
    test(`${kind} sent again (${again.kind}) while it runs, or after its end, is one response and one call`, async () => {
      const { send, model, clock, stop } = await fresh()
      const id = idOf(await send(first, request))
      assert.equal(idOf(await send(again, request)), id)
      model.calls[0]?.say({ type: 'text', text: 'Hi' }, FINISH)
      await settled()
      assert.equal(idOf(await send(again, request)), id)
      await clock.pass(59_000)
      assert.equal(idOf(await send(again, request)), id)
      assert.equal(model.calls.length, 1)
      await stop()
    })
  }

  test(`${kind} sent many times in one turn under one key is one response and one call`, async () => {
    const { send, model, stop } = await fresh()
    const ids = (await Promise.all(Array.from({ length: 20 }, () => send(KEYED, request)))).map(idOf)
    assert.deepEqual([new Set(ids).size, model.calls.length], [1, 1])
    await stop()
  })

  test(`${kind} under a key that named another request is refused, and no model called`, async () => {
    const { send, model, stop } = await fresh()
    await send(KEYED, request)
    const other = send({ ...KEYED, bodyHash: 'other' }, request)
    await assert.rejects(other, { code: 'idempotency_key_reused', status: 422, type: 'invalid_request_error' })
    assert.equal(model.calls.length, 1)
    await stop()
  })
}

test('a key is its account’s own', async () => {
  const { send, model, stop } = await fresh()
  const ids = [
    await send(KEYED),
    await send(KEYED, {}, BOB),
    await send({ ...KEYED, bodyHash: 'x' }, {}, BOB).catch(() => undefined),
  ]
  assert.equal(ids[2], undefined)
  assert.notEqual(idOf(ids[0] ?? assert.fail()), idOf(ids[1] ?? assert.fail()))
  assert.equal(model.calls.length, 2)
  await stop()
})

test('a key is forgotten after 24 hours, the bytes of a request after a minute', async () => {
  const { send, model, clock, stop } = await fresh()
  for (const [first, again, seconds] of [
    [KEYED, KEYED, 86_400],
    [FIRST, RETRY, 60],
  ] as const) {
    const id = idOf(await send(first))
    model.calls.at(-1)?.say(FINISH)
    await clock.pass((seconds - 1) * 1000)
    assert.equal(idOf(await send(again)), id)
    await clock.pass(2000)
    const next = await send(again)
    assert.notEqual(idOf(next), id)
    model.calls.at(-1)?.say(FINISH)
    await settled()
  }
  await stop()
})

test('the same request that is sent for the first time again is another one', async () => {
  const { send, model, stop } = await fresh()
  const ids = [await send(FIRST), await send(FIRST), await send(RETRY)].map(idOf)
  assert.notEqual(ids[0], ids[1])
  assert.equal(ids[2], ids[1], 'the retry is of the latest')
  assert.equal(model.calls.length, 2)
  await stop()
})

test('a request that was refused before it was accepted may be mended and sent under its key', async () => {
  const { send, stop } = await fresh()
  await assert.rejects(send(KEYED, { model: 'nobody' }), { code: 'model_not_found' })
  assert.ok(idOf(await send({ ...KEYED, bodyHash: 'mended' })))
  await stop()
})

test('an error that cannot be helped by trying again is the answer under its key', async () => {
  const { send, model, stop } = await fresh()
  const sent = await send(KEYED)
  assert.ok(sent.kind === 'running')
  model.calls[0]?.fail(new UpstreamError({ fault: 'bad_request', message: 'Too long.' }))
  await settled()
  const failure = sent.run.failure()
  assert.equal(failure?.status, 400)
  await assert.rejects(send(KEYED), { ...failure?.toDetail(), status: 400 })
  assert.equal(model.calls.length, 1)
  await stop()
})

test('an error that says to try again releases the key', async () => {
  const { send, model, clock, stop } = await fresh()
  const sent = await send(KEYED)
  assert.ok(sent.kind === 'running')
  for (let tries = 0; tries < 3; tries++) {
    model.calls.at(-1)?.fail(new UpstreamError({ fault: 'unavailable', message: 'Down.' }))
    await clock.pass(5000)
  }
  assert.equal(sent.run.failure()?.status, 503)
  assert.notEqual(idOf(await send(KEYED)), sent.run.id)
  assert.equal(model.calls.length, 4)
  await stop()
})

test('an error after the provider may have been paid is the answer under its key', async () => {
  const { send, model, stop } = await fresh()
  const sent = await send(KEYED)
  assert.ok(sent.kind === 'running')
  model.calls[0]?.fail(new UpstreamError({ fault: 'invalid_response', message: 'Nonsense.', accepted: true }))
  await settled()
  assert.equal(sent.run.failure()?.headers['x-should-retry'], 'false')
  await assert.rejects(send(KEYED), { code: sent.run.failure()?.code })
  assert.equal(model.calls.length, 1)
  await stop()
})

test('a client that comes again within 800 ms goes on with its run, one that does not has cancelled it', async () => {
  const { send, model, clock, stop } = await fresh()
  const sent = await send(FIRST, { stream: true })
  assert.ok(sent.kind === 'running')
  model.calls[0]?.say({ type: 'text', text: 'Hel' })
  await settled()
  sent.run.join()()
  await clock.pass(500)
  const again = await send(RETRY, { stream: true })
  assert.ok(again.kind === 'running')
  assert.equal(again.run, sent.run)
  const leave = again.run.join()
  await clock.pass(5000)
  assert.equal(model.calls[0]?.isOver(), false)
  leave()
  await clock.pass(801)
  assert.equal((await sent.run.ended).status, 'cancelled')
  assert.equal(model.calls[0]?.isOver(), true)
  assert.notEqual(idOf(await send(RETRY, { stream: true })), sent.run.id, 'what was never answered is asked anew')
  await stop()
})

test('a run without a key ends with its client, and with the last of several', async () => {
  const { create, clock, stop } = await fresh()
  const created = await create({ stream: true })
  assert.ok(created.kind === 'running')
  const [one, other] = [created.run.join(), created.run.join()]
  one()
  await clock.pass(0)
  assert.equal(created.run.snapshot().status, 'in_progress')
  other()
  assert.equal((await created.run.ended).status, 'cancelled')
  await stop()
})

test('a key is known after a restart: the stored stream is read again, byte for byte', async () => {
  const { send, model, store, clock, stop } = await fresh()
  const sent = await send(KEYED, { stream: true })
  assert.ok(sent.kind === 'running')
  const reading = eventsOf(sent.run.log.read({ after: -1 }))
  model.calls[0]?.say({ type: 'text', text: 'Hello' }, FINISH)
  const seen = await reading
  await stop()
  const next = testEngine(store, { clock })
  await next.engine.start()
  const again = await next.engine.create(ALICE, { model: 'model', input: 'Hello', stream: true }, KEYED)
  assert.deepEqual(again, { kind: 'stored', id: sent.run.id })
  const read = await eventsOf(await next.engine.events(ALICE, sent.run.id, { after: -1 }))
  assert.equal(JSON.stringify(read), JSON.stringify(seen))
  assert.equal(next.model.calls.length, 0)
  await next.stop()
})

test('R-10: the same key on two processes in the same moment is one response and one call', async () => {
  const clock = fakeClock()
  const tables = memoryTables()
  const engines = [1, 2].map((number) =>
    testEngine(openMemoryStore(clock.now, tables), { clock, instance: `host:${number}` }),
  )
  for (const { engine } of engines) await engine.start()
  const request = { model: 'model', input: 'Hello', stream: true }
  const sent = await Promise.all(engines.map(({ engine }) => engine.create(ALICE, request, KEYED)))
  await settled()
  assert.equal(new Set(sent.map(idOf)).size, 1)
  assert.equal(engines.flatMap(({ model }) => model.calls).length, 1)
  for (const { stop } of engines) await stop()
})
