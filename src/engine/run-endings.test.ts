import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../core/upstream-error.ts'
import { grammarFaults } from '../core/grammar.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { settled } from './testing/fake-clock.ts'
import { FINISH, USAGE } from './testing/scripted-model.ts'
import { ALICE, cutEventsOf, eventsOf, LIMITS, testEngine, type TestEngineOptions } from './testing/test-engine.ts'

/** A stored foreground response whose model waits for the test. */
async function begin(options: TestEngineOptions = {}) {
  const context = testEngine(
    openMemoryStore(() => 0),
    options,
  )
  const created = await context.create()
  assert.ok(created.kind === 'running')
  const [call] = context.model.calls
  assert.ok(call !== undefined)
  return { ...context, run: created.run, call }
}

/** What is true of every run that has ended: fold, stream, store and grammar agree. */
async function assertOneTruth({ run, engine, retrieve }: Awaited<ReturnType<typeof begin>>): Promise<void> {
  const final = await run.ended
  const streamed = run.log.all()
  assert.deepEqual(grammarFaults(streamed), [])
  const last = streamed.at(-1)
  assert.deepEqual(last !== undefined && 'response' in last && last.response, final)
  assert.deepEqual(await retrieve(run.id), final)
  assert.deepEqual(await eventsOf(await engine.events(ALICE, run.id, { after: -1 })), streamed)
}

test('a finished answer is complete, with what the provider counted', async () => {
  const context = await begin()
  context.call.say({ type: 'text', text: 'Hello' })
  context.call.say({ ...FINISH, serviceTier: 'flex' })
  const final = await context.run.ended
  assert.deepEqual(
    [final.status, final.output_text, final.usage, final.service_tier, final.completed_at],
    ['completed', 'Hello', USAGE, 'flex', 1_700_000_000],
  )
  await assertOneTruth(context)
})

for (const reason of ['max_output_tokens', 'content_filter'] as const) {
  test(`an answer that stops for ${reason} is incomplete and says why`, async () => {
    const context = await begin()
    context.call.say({ type: 'text', text: 'Hel' }, { ...FINISH, reason })
    const final = await context.run.ended
    assert.deepEqual([final.status, final.incomplete_details, final.output_text], ['incomplete', { reason }, 'Hel'])
    await assertOneTruth(context)
  })
}

test('what a provider says after its finish is not heard', async () => {
  const context = await begin()
  context.call.say(FINISH)
  context.call.say({ type: 'text', text: 'late' })
  assert.equal((await context.run.ended).output_text, '')
  assert.equal(context.call.isOver(), true)
})

test('an answer without usage is estimated, and the log says so', async () => {
  const context = await begin()
  context.call.say({ type: 'text', text: 'x'.repeat(40) }, { type: 'finish', reason: 'stop' })
  const { usage } = await context.run.ended
  assert.equal(usage?.output_tokens, 10)
  assert.ok(context.logger.lines.some(({ facts }) => facts['estimated'] === true))
})

test('a stream that ends without a finish has failed, and keeps what came', async () => {
  const context = await begin()
  context.call.say({ type: 'text', text: 'Hello' })
  context.call.end()
  const final = await context.run.ended
  assert.deepEqual([final.status, final.error?.code, final.output_text], ['failed', 'server_error', 'Hello'])
  await assertOneTruth(context)
})

const failures = [
  { fault: 'rate_limited', code: 'rate_limit_exceeded', shown: 'rate_limit_exceeded' },
  { fault: 'bad_request', code: 'upstream_rejected', shown: 'invalid_prompt' },
  { fault: 'auth', code: 'upstream_auth_failed', shown: 'server_error' },
  { fault: 'timeout', code: 'upstream_timeout', shown: 'server_error' },
] as const
for (const { fault, code, shown } of failures) {
  test(`a stream that breaks as ${fault} says ${code}, and ${shown} in the response`, async () => {
    const context = await begin()
    context.call.say({ type: 'text', text: 'Hello' })
    context.call.fail(new UpstreamError({ fault, message: 'It broke off.', usage: USAGE }))
    const final = await context.run.ended
    assert.deepEqual([final.error?.code, final.error?.message, final.usage], [shown, 'It broke off.', USAGE])
    const error = context.run.log.all().find((event) => event.type === 'error')
    assert.deepEqual([error?.code, error?.error.code], [code, code])
    await assertOneTruth(context)
  })
}

test('arguments for a call that never began end the run as an invalid answer', async () => {
  const context = await begin()
  context.call.say({ type: 'tool_arguments', callId: 'nobody', delta: '{}' })
  await assert.rejects(context.run.begun, {
    code: 'upstream_invalid_response',
    headers: { 'retry-after': '2', 'x-should-retry': 'false' },
  })
  await assertOneTruth(context)
})

test('T-03: the deadline ends a run as failed, names the limit, and stops the model', async () => {
  const context = await begin()
  context.call.say({ type: 'text', text: 'Hello' })
  await context.clock.pass(LIMITS.response_ms - 1)
  assert.equal(context.run.snapshot().status, 'in_progress')
  await context.clock.pass(1)
  const final = await context.run.ended
  assert.deepEqual(
    [final.status, final.output_text, final.error?.message],
    ['failed', 'Hello', 'The response took longer than 800 s, the limit of this server.'],
  )
  assert.equal(context.call.isOver(), true)
  await assertOneTruth(context)
})

test('T-03: a wait that would last beyond the deadline is not begun', async () => {
  const context = await begin({ limits: { response_ms: 5000 } })
  context.call.fail(new UpstreamError({ fault: 'rate_limited', message: 'Later.', retryAfter_ms: 5001 }))
  await assert.rejects(context.run.begun, { message: 'Later.', headers: { 'retry-after': '6' } })
  assert.equal(context.model.calls.length, 1)
  assert.deepEqual(context.clock.sleepers(), [])
})

test('T-03: the deadline also ends a run that waits for its turn at the provider', async () => {
  const context = await begin({ limits: { response_ms: 5000 }, concurrency: 1 })
  const waiting = await context.create()
  assert.ok(waiting.kind === 'running')
  await context.clock.jump(5000)
  await assert.rejects(waiting.run.begun, { message: /longer than 5 s/ })
  assert.deepEqual(context.clock.sleepers(), [])
})

test('cancel() keeps what was said, estimates its usage, and stops the model', async () => {
  const context = await begin()
  context.call.say({ type: 'text', text: 'x'.repeat(40) }, { type: 'tool_call', callId: 'c', name: 'f' })
  await settled()
  context.run.cancel()
  context.run.cancel()
  const final = await context.run.ended
  assert.deepEqual(
    [final.status, final.output.map(({ type, status }) => [type, status]), final.usage?.output_tokens],
    [
      'cancelled',
      [
        ['message', 'completed'],
        ['function_call', 'incomplete'],
      ],
      10,
    ],
  )
  assert.equal(context.run.log.all().at(-1)?.type, 'response.incomplete')
  assert.equal(context.call.isOver(), true)
  await assertOneTruth(context)
})

test('cancel() before the first word leaves no usage, and after the end changes nothing', async () => {
  const quiet = await begin()
  quiet.run.cancel()
  assert.equal((await quiet.run.ended).usage, null)
  await assertOneTruth(quiet)
  const done = await begin()
  done.call.say(FINISH)
  const final = await done.run.ended
  done.run.cancel()
  await settled()
  assert.deepEqual(done.run.snapshot(), final)
  await assertOneTruth(done)
})

test('output of exactly the limit is let through, one more character fails', async () => {
  const exact = await begin({ limits: { outputBytesMax: 10 } })
  exact.call.say({ type: 'text', text: 'x'.repeat(10) }, FINISH)
  assert.equal((await exact.run.ended).status, 'completed')
  const over = await begin({ limits: { outputBytesMax: 10 } })
  over.call.say({ type: 'text', text: 'x'.repeat(10) })
  over.call.say({ type: 'reasoning', text: 'y' })
  const final = await over.run.ended
  assert.deepEqual([final.status, final.output_text.length], ['failed', 10])
  assert.match(final.error?.message ?? '', /longer than 10 bytes/)
  assert.equal(over.call.isOver(), true)
  await assertOneTruth(over)
})

test('arguments of calls count as output', async () => {
  const context = await begin({ limits: { outputBytesMax: 10 } })
  context.call.say(
    { type: 'tool_call', callId: 'c', name: 'f' },
    { type: 'tool_arguments', callId: 'c', delta: `"${'x'.repeat(10)}` },
  )
  assert.equal((await context.run.ended).status, 'failed')
  await assertOneTruth(context)
})

test("the log does not repeat a provider's words, which may quote the prompt", async () => {
  const { run, call, logger } = await begin()
  call.fail(
    new UpstreamError({ fault: 'bad_request', message: 'You said: my secret diary', code: 'silly', status: 400 }),
  )
  assert.equal((await run.ended).error?.message, 'You said: my secret diary')
  const line = logger.lines.find(({ message }) => message === 'model call failed')
  assert.deepEqual([line?.facts['fault'], line?.facts['status'], line?.facts['code']], ['bad_request', 400, 'silly'])
  assert.doesNotMatch(JSON.stringify(logger.lines), /diary/)
})

test('an answer of more items than any model makes has failed', async () => {
  const { run, call } = await begin()
  const calls = Array.from(
    { length: 1001 },
    (_, index) => ({ type: 'tool_call', callId: `c${index}`, name: 'f' }) as const,
  )
  call.say(...calls)
  const final = await run.ended
  assert.equal(final.status, 'failed')
  assert.match(final.error?.message ?? '', /1000 items/)
})

test('K-20: a fault while the end is made leaves no reader waiting', async () => {
  const { run, call, clock } = await begin()
  const reading = cutEventsOf(run.log.read({ after: -1 }))
  Object.assign(clock, {
    now: () => {
      throw new Error('The clock is broken.')
    },
  })
  call.say({ type: 'text', text: 'Hello' }, FINISH)
  assert.equal((await run.ended).output_text, '')
  assert.equal((await reading).at(-1)?.type, 'response.output_text.delta')
})
