import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { end, foregroundRow, idOf as turnId } from '../store/testing/rows.ts'
import { settled } from './testing/fake-clock.ts'
import { answerWith, FINISH } from './testing/scripted-model.ts'
import { ALICE, BOB, idOf, testEngine, type TestEngine } from './testing/test-engine.ts'
import { THREAD_TURNS_MAX } from './thread.ts'

function fresh(answer = answerWith('ok')): TestEngine {
  return testEngine(
    openMemoryStore(() => 0),
    { answer },
  )
}

/** What the model was shown in its latest call, in a line. */
function shown({ model }: TestEngine): string {
  const history = model.calls.at(-1)?.call.history ?? []
  return history
    .map((item) => ('parts' in item ? item.parts.map((part) => ('text' in part ? part.text : '')).join('') : item.type))
    .join(' ')
}

async function say(context: TestEngine, input: string, previous_response_id?: string): Promise<string> {
  return idOf(await context.create({ input, previous_response_id: previous_response_id ?? null }))
}

const refusals = [
  { what: 'is no id', id: 'abc', code: 'invalid_response_id', status: 400 },
  { what: 'is unknown', id: `resp_${'0'.repeat(48)}`, code: 'previous_response_not_found', status: 404 },
] as const
for (const { what, id, code, status } of refusals) {
  test(`R-06: a previous response that ${what} is refused, and the model is not called`, async () => {
    const context = fresh()
    await assert.rejects(say(context, 'Hi', id), { code, status, param: 'previous_response_id' })
    assert.equal(context.model.calls.length, 0)
  })
}

test('a deleted and a foreign previous response are refused in the same words', async () => {
  const context = fresh()
  const [mine, gone] = [await say(context, 'a'), await say(context, 'b')]
  await context.engine.remove(ALICE, gone)
  const expected = {
    code: 'previous_response_not_found',
    status: 404,
    message: /^Previous response not found: it must/,
  }
  await assert.rejects(say(context, 'c', gone), expected)
  const foreign = { model: 'model', input: 'c', previous_response_id: mine }
  await assert.rejects(context.engine.create(BOB, foreign), expected)
})

test('R-06: a previous response that has not ended is refused: running or waiting', async () => {
  const context = fresh(() => {})
  const refused = (status: string) => ({
    code: 'previous_response_not_ready',
    status: 400,
    param: 'previous_response_id',
    message: `previous_response_id names a response that is ${status}: wait until it has ended.`,
  })
  await assert.rejects(say(context, 'b', await say(context, 'a')), refused('in_progress'))
  const waiting = idOf(await context.create({ background: true }))
  await assert.rejects(say(context, 'b', waiting), refused('queued'))
})

for (const ending of ['failed', 'cancelled', 'incomplete'] as const) {
  test(`R-06: a previous response that is ${ending} may be gone on with, with the output it has`, async () => {
    const context = fresh(() => {})
    const created = await context.create({ input: 'a' })
    assert.ok(created.kind === 'running')
    context.model.calls[0]?.say({ type: 'text', text: 'half' })
    await settled()
    if (ending === 'failed') context.model.calls[0]?.fail(new Error('broken'))
    if (ending === 'cancelled') created.run.cancel()
    if (ending === 'incomplete') context.model.calls[0]?.say({ ...FINISH, reason: 'max_output_tokens' })
    assert.equal((await created.run.ended).status, ending)
    await say(context, 'b', created.run.id)
    assert.equal(shown(context), 'a half b')
  })
}

test('a call that was cut off is not shown to the model: its arguments are not whole', async () => {
  const context = fresh(() => {})
  const created = await context.create({ input: 'a' })
  assert.ok(created.kind === 'running')
  context.model.calls[0]?.say(
    { type: 'tool_call', callId: 'c', name: 'f' },
    { type: 'tool_arguments', callId: 'c', delta: '{"a' },
  )
  await settled()
  created.run.cancel()
  await created.run.ended
  await say(context, 'b', created.run.id)
  assert.equal(shown(context), 'a b')
})

test('branches never see each other', async () => {
  const context = fresh()
  const root = await say(context, 'root')
  const [left, right] = [await say(context, 'left', root), await say(context, 'right', root)]
  await say(context, 'leaf', left)
  assert.equal(shown(context), 'root ok left ok leaf')
  await say(context, 'leaf', right)
  assert.equal(shown(context), 'root ok right ok leaf')
})

test('descendants keep the words of a turn that was deleted', async () => {
  const context = fresh()
  const first = await say(context, 'a')
  const second = await say(context, 'b', first)
  await context.engine.remove(ALICE, first)
  await say(context, 'c', second)
  assert.equal(shown(context), 'a ok b ok c')
})

test('instructions belong to their own turn', async () => {
  const context = fresh()
  const first = idOf(await context.create({ instructions: 'Speak French.' }))
  await say(context, 'b', first)
  assert.equal(context.model.calls.at(-1)?.call.instructions, undefined)
})

test('the words of a turn that was stored whole, by an earlier version, are gone on with', async () => {
  const context = fresh()
  const responses = context.store.forAccount(ALICE)
  const said = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'whole' }] }
  const whole = { response: JSON.stringify({ output: [said] }), output: undefined, log: '[]', calls: '[]' }
  await responses.insert(foregroundRow(1, { input: '[{"role":"user","content":"a"}]' }), 'boot')
  await end(responses, turnId(1), { ending: whole })
  await say(context, 'c', await say(context, 'b', turnId(1)))
  assert.equal(shown(context), 'a whole b ok c')
})

test('E-07: a thread of the most turns is read, one more turn is refused', async () => {
  const context = fresh()
  const responses = context.store.forAccount(ALICE)
  const ending = { response: '{}', output: '[]', log: '[]', calls: '[]' }
  for (let number = 1; number <= THREAD_TURNS_MAX + 1; number++) {
    const previousId = number === 1 ? undefined : turnId(number - 1)
    await responses.insert(foregroundRow(number, { previousId, input: '[]' }), 'boot')
    await end(responses, turnId(number), { ending })
  }
  await say(context, 'fits', turnId(THREAD_TURNS_MAX))
  assert.equal(shown(context), 'fits')
  await assert.rejects(say(context, 'one more', turnId(THREAD_TURNS_MAX + 1)), {
    code: 'thread_too_long',
    status: 400,
    param: 'previous_response_id',
  })
})

test('a job keeps the thread it was accepted with, whatever is deleted before it runs', async () => {
  const context = fresh()
  const first = await say(context, 'a')
  const second = await say(context, 'b', first)
  const job = idOf(await context.create({ input: 'c', background: true, previous_response_id: second }))
  await context.engine.remove(ALICE, first)
  await context.engine.remove(ALICE, second)
  await context.engine.start()
  await settled()
  assert.equal((await context.retrieve(job)).status, 'completed')
  assert.equal(shown(context), 'a ok b ok c')
  await context.stop()
})
