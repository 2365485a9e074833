import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { settled } from './testing/fake-clock.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import {
  ALICE,
  BOB,
  eventsOf,
  idOf,
  testEngine,
  type TestEngine,
  type TestEngineOptions,
} from './testing/test-engine.ts'

const MISSING = `resp_${'0'.repeat(48)}`
const PAGE = { limit: 20, order: 'asc', after: undefined } as const

function fresh(options: TestEngineOptions = {}): TestEngine {
  const clock = options.clock
  return testEngine(
    openMemoryStore(() => clock?.now() ?? 0),
    options,
  )
}

/** Everything that takes an id. */
const operations: readonly {
  name: string
  call: (context: TestEngine, account: typeof ALICE, id: string) => Promise<unknown>
}[] = [
  { name: 'retrieve', call: ({ engine }, account, id) => engine.retrieve(account, id) },
  { name: 'events', call: ({ engine }, account, id) => engine.events(account, id, { after: -1 }) },
  { name: 'cancel', call: ({ engine }, account, id) => engine.cancel(account, id) },
  { name: 'remove', call: ({ engine }, account, id) => engine.remove(account, id) },
  { name: 'inputItems', call: ({ engine }, account, id) => engine.inputItems(account, id, PAGE) },
]

for (const { name, call } of operations) {
  for (const id of ['', 'resp_', 'abc', 'resp_ü', `resp_${'x'.repeat(65)}`, '../resp_1', 'resp_a\n']) {
    test(`${name}() refuses ${JSON.stringify(id.slice(0, 20))} as no response id`, async () => {
      await assert.rejects(call(fresh(), ALICE, id), { code: 'invalid_response_id', param: 'response_id', status: 400 })
    })
  }

  test(`${name}() tells unknown, deleted and foreign responses alike`, async () => {
    const context = fresh({ answer: answerWith('Hello') })
    const [foreign, deleted] = [idOf(await context.create()), idOf(await context.create())]
    const kept = await context.engine.retrieve(ALICE, foreign)
    await context.engine.remove(ALICE, deleted)
    const refusals = []
    for (const [account, id] of [
      [ALICE, MISSING],
      [ALICE, deleted],
      [BOB, foreign],
    ] as const) {
      const error = await call(context, account, id).then(
        () => undefined,
        (thrown: unknown) => thrown as { status: number; toDetail: () => object },
      )
      refusals.push({ status: error?.status, ...error?.toDetail() })
    }
    assert.deepEqual(refusals[0], {
      status: 404,
      type: 'not_found_error',
      code: 'response_not_found',
      param: 'response_id',
      message: 'Response not found: it must be stored, not deleted, and of this account.',
    })
    assert.deepEqual(refusals[1], refusals[0])
    assert.deepEqual(refusals[2], refusals[0])
    assert.equal(await context.engine.retrieve(ALICE, foreign), kept)
  })
}

test('retrieve() of a running response tells what has been said so far', async () => {
  const { create, model, retrieve } = fresh()
  const id = idOf(await create())
  model.calls[0]?.say({ type: 'text', text: 'Hel' })
  await settled()
  const early = await retrieve(id)
  assert.deepEqual([early.status, early.output[0]?.status], ['in_progress', 'in_progress'])
  model.calls[0]?.say({ type: 'text', text: 'lo' }, FINISH)
  await settled()
  const late = await retrieve(id)
  assert.deepEqual([late.status, late.output_text], ['completed', 'Hello'])
})

test('retrieve() of an ended response gives the same bytes every time', async () => {
  const { create, engine } = fresh({ answer: answerWith('Hello') })
  const id = idOf(await create())
  assert.equal(await engine.retrieve(ALICE, id), await engine.retrieve(ALICE, id))
})

for (const isEnded of [false, true]) {
  test(`events(after: N) is a suffix of the whole stream, ${isEnded ? 'stored' : 'live'}`, async () => {
    const { create, model, engine } = fresh()
    const id = idOf(await create())
    const say = async () => {
      model.calls[0]?.say({ type: 'text', text: 'Hel' }, { type: 'text', text: 'lo' }, FINISH)
      await settled()
    }
    if (isEnded) await say()
    const streams = [-1, 0, 1, 5, 8, 9, 10, 1000].map(async (after) => ({
      after,
      events: await eventsOf(await engine.events(ALICE, id, { after })),
    }))
    await settled()
    if (!isEnded) await say()
    const [whole] = await Promise.all(streams)
    assert.equal(whole?.events.at(-1)?.type, 'response.completed')
    for (const { after, events } of await Promise.all(streams)) {
      assert.deepEqual(events, whole?.events.slice(after + 1), `after ${after}`)
    }
  })
}

test('events() of a live response ends when its reader leaves', async () => {
  const { create, engine } = fresh()
  const events = await engine.events(ALICE, idOf(await create()), { after: -1 })
  const reading = eventsOf(events)
  await settled()
  events.leave()
  assert.deepEqual(
    (await reading).map(({ type }) => type),
    ['response.created', 'response.in_progress'],
  )
})

test('inputItems() lists what was sent, with ids, also while the model speaks', async () => {
  const { create, engine } = fresh()
  const id = idOf(
    await create({
      input: [
        { role: 'user', content: 'Hi', id: 'mine' },
        { role: 'user', content: 'there' },
      ],
    }),
  )
  const page = await engine.inputItems(ALICE, id, PAGE)
  assert.deepEqual(page, {
    object: 'list',
    data: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }], id: 'mine', status: 'completed' },
      {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_text', text: 'there' }],
        id: `msg_${id.slice(5)}i1`,
        status: 'completed',
      },
    ],
    first_id: 'mine',
    last_id: `msg_${id.slice(5)}i1`,
    has_more: false,
  })
})

test('an item that the account has stored can be named by its id, whoever made the id', async () => {
  const { create, model, engine } = fresh({ answer: answerWith('Hello') })
  const first = idOf(await create({ input: [{ role: 'user', content: 'Hi', id: 'mine' }] }))
  const output = `msg_${first.slice(5)}o0`
  await create({
    input: [
      { type: 'item_reference', id: 'mine' },
      { type: 'item_reference', id: output },
    ],
  })
  assert.deepEqual(
    model.calls[1]?.call.history.map((item) => ('role' in item ? item.role : item.type)),
    ['user', 'assistant'],
  )
  const unknown = { model: 'model', input: [{ type: 'item_reference' as const, id: 'mine' }] }
  await assert.rejects(engine.create(BOB, unknown), { code: 'item_not_found', param: 'input[0].id', status: 404 })
})
