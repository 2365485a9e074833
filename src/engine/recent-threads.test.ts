import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { storeInput, type ThreadItem } from '../core/history.ts'
import { arbitraryEnding, arbitraryOutput } from '../core/testing/arbitrary-run.ts'
import { playRun } from '../core/testing/play-run.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { ResponseId } from '../protocol/id.ts'
import type { Store } from '../store/store.ts'
import { RecentThreads } from './recent-threads.ts'
import { answerWith } from './testing/scripted-model.ts'
import { ALICE, BOB, idOf, testEngine, type TestEngine } from './testing/test-engine.ts'

/** A storage, and how often a thread was read from it. */
function counted(t: TestContext): { readonly store: Store; reads(): number } {
  const store = openMemoryStore(() => 0)
  const forAccount = store.forAccount.bind(store)
  let reads = 0
  t.mock.method(store, 'forAccount', (account: typeof ALICE) => {
    const responses = forAccount(account)
    const thread = responses.thread.bind(responses)
    return Object.assign(Object.create(responses), {
      thread: (...args: Parameters<typeof thread>) => (reads++, thread(...args)),
    })
  })
  return { store, reads: () => reads }
}

async function say(context: TestEngine, input: string, previous_response_id?: string): Promise<string> {
  const created = await context.create({ input, previous_response_id: previous_response_id ?? null })
  if (created.kind === 'running') await created.run.ended
  return idOf(created)
}

/** All that the model was shown in its latest call. */
function shown({ model }: TestEngine): unknown {
  return model.calls.at(-1)?.call.history
}

test('a thread is read from the storage for its second turn, and remembered for all later ones', async (t) => {
  const { store, reads } = counted(t)
  const context = testEngine(store, { answer: answerWith('ok') })
  let last = await say(context, 'a')
  for (const turn of ['b', 'c', 'd', 'e']) last = await say(context, turn, last)
  assert.equal(reads(), 1)
  const other = testEngine(store, { answer: answerWith('ok') })
  await say(context, 'f', last)
  await say(other, 'f', last)
  assert.equal(reads(), 2)
  assert.deepEqual(shown(context), shown(other))
})

test('a remembered thread is told of as the storage tells it: deleted, of another account, not ended', async () => {
  const store = openMemoryStore(() => 0)
  const gate = Promise.withResolvers<void>()
  const context = testEngine(store, {
    answer: (call) => {
      const isHeld = JSON.stringify(call.call.history).includes('wait')
      void (isHeld ? gate.promise : Promise.resolve()).then(() => answerWith('ok')(call))
    },
  })
  const second = await say(context, 'b', await say(context, 'a'))
  const foreign = { model: 'model', input: 'c', previous_response_id: second }
  await assert.rejects(context.engine.create(BOB, foreign), { code: 'previous_response_not_found' })
  const running = await context.create({ input: 'wait', previous_response_id: second })
  await assert.rejects(say(context, 'd', idOf(running)), { code: 'previous_response_not_ready' })
  gate.resolve()
  assert.ok(running.kind === 'running')
  await running.run.ended
  await say(context, 'd', idOf(running))
  await context.engine.remove(ALICE, second)
  await assert.rejects(say(context, 'c', second), { code: 'previous_response_not_found' })
})

test('a turn that another process has taken is read from the storage', async (t) => {
  const { store, reads } = counted(t)
  const [here, there] = [testEngine(store, { answer: answerWith('1') }), testEngine(store, { answer: answerWith('2') })]
  const second = await say(here, 'b', await say(here, 'a'))
  const third = await say(there, 'c', second)
  assert.equal(reads(), 2)
  const fourth = await say(here, 'd', third)
  assert.equal(reads(), 3)
  await say(here, 'e', fourth)
  assert.equal(reads(), 3, 'what it has read, and gone on with, it remembers')
  await say(there, 'e', fourth)
  assert.deepEqual(shown(here), shown(there))
})

const ID = `resp_${'0'.repeat(48)}` as ResponseId
const NEXT = `resp_${'1'.repeat(48)}` as ResponseId

test('law: what is remembered of a turn is what the storage would give back', () => {
  fc.assert(
    fc.property(arbitraryOutput, arbitraryEnding, fc.string(), (said, ending, text) => {
      const threads = new RecentThreads(1000)
      const first = { type: 'message' as const, role: 'user' as const, content: 'before' }
      const input = storeInput(text, NEXT)
      const { final } = playRun(said, ending)
      const now = [first, ...(input as unknown as ThreadItem[])] // What InputItem allows, with an id.
      threads.begin({ id: NEXT, earlier: { turns: 1, items: [first], chars: 10 }, said: now }, 10)
      assert.equal(threads.find(NEXT), undefined, 'not before it has ended')
      threads.complete({ ...final, id: NEXT, previous_response_id: ID }, 10)
      const thread = threads.find(NEXT)
      const items = JSON.stringify(thread?.items, (_, value: unknown) => (value === undefined ? 'undefined' : value))
      assert.equal(
        items,
        JSON.stringify([first, ...input, ...final.output]),
        'letter for letter, no key without a value',
      )
      assert.equal(thread?.turns, 2)
    }),
  )
})

test('what was deleted is not remembered, nor what was being said then', () => {
  const threads = new RecentThreads(1000)
  const { final } = playRun([], { kind: 'cancelled', usage: null })
  const said = [{ type: 'message' as const, role: 'user' as const, content: 'secret' }]
  const turn = { id: NEXT, earlier: { turns: 1, items: [], chars: 10 }, said }
  const response = { ...final, id: NEXT, previous_response_id: ID }
  threads.begin(turn, 10)
  threads.complete(response, 10)
  threads.forget(NEXT)
  assert.equal(threads.find(NEXT), undefined)
  threads.begin(turn, 10)
  threads.forget(NEXT)
  threads.complete(response, 10)
  assert.equal(threads.find(NEXT), undefined)
})

test('as much is remembered as there is room for: the thread that was gone on with last is kept', () => {
  const threads = new RecentThreads(1000)
  const large = { turns: 1, items: [], chars: 400 }
  const idOf = (number: number) => `resp_${String(number).padStart(48, '0')}` as ResponseId
  const { final } = playRun([], { kind: 'cancelled', usage: null })
  for (const number of [1, 2, 3]) {
    threads.begin({ id: idOf(number), earlier: large, said: [] }, 0)
    threads.complete({ ...final, id: idOf(number), previous_response_id: ID }, 0)
  }
  assert.deepEqual(
    [1, 2, 3].map((number) => threads.find(idOf(number)) !== undefined),
    [false, true, true],
  )
})
