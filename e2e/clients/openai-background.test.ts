import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { BadRequestError, NotFoundError } from 'openai'
import type { Response } from 'openai/resources/responses/responses'
import { chunk, says, type Answer } from '../harness/upstream.ts'
import { hungUp, lastOf, messagesOf, MODEL, normalised, refusal, startStage } from './support.ts'

const stage = await startStage()
const { client } = stage
after(() => stage.close())

/** An answer whose second half waits for the gate. */
function gated(gate: Promise<unknown>): Answer {
  const { chunks = [] } = says('and the rest.')
  return { chunks: [chunk({ content: 'The beginning ' }), gate, ...chunks] }
}

function start(): Promise<Response> {
  return client.responses.create({ model: MODEL, input: 'Work.', background: true })
}

/** Polls until the response has reached a state, as the documentation tells clients to. */
async function poll(id: string, isThere: (response: Response) => boolean): Promise<Response> {
  const deadline = AbortSignal.timeout(5000)
  for (;;) {
    const response = await client.responses.retrieve(id, {}, { signal: deadline })
    if (isThere(response)) return response
  }
}

const isOver = ({ status }: Response) => status !== 'queued' && status !== 'in_progress'

test('a background response is accepted at once and polled to its end', async () => {
  const gate = Promise.withResolvers<void>()
  stage.script(gated(gate.promise))
  const { data: accepted, response } = await client.responses
    .create({ model: MODEL, input: 'Work.', background: true })
    .withResponse()
  assert.equal(response.status, 202)
  assert.equal(accepted.status, 'queued')
  assert.equal(accepted.background, true)
  assert.deepEqual(accepted.output, [])
  const running = await poll(accepted.id, ({ output }) => output.length > 0)
  assert.equal(running.status, 'in_progress')
  assert.equal(running.usage, null)
  gate.resolve()
  const done = await poll(accepted.id, isOver)
  assert.equal(done.status, 'completed')
  assert.equal(done.output_text, 'The beginning and the rest.')
  assert.equal(done.usage?.total_tokens, 8)
})

test('a background response can be read as a stream while it runs', async () => {
  const gate = Promise.withResolvers<void>()
  stage.script(gated(gate.promise))
  const { id } = await start()
  const stream = client.responses.stream({ response_id: id })
  const types: string[] = []
  for await (const event of stream) {
    types.push(event.type)
    if (event.type === 'response.output_text.delta') gate.resolve()
  }
  const final = await stream.finalResponse()
  assert.deepEqual(types.slice(0, 3), ['response.created', 'response.queued', 'response.in_progress'])
  assert.equal(types.at(-1), 'response.completed')
  assert.equal(final.output_text, 'The beginning and the rest.')
  assert.deepEqual(normalised(final), normalised(await client.responses.retrieve(id)))
})

test('a background response that fails says why when it is polled, and nothing is thrown', async () => {
  stage.script(refusal(400, 'Too silly.', { code: 'silly_request' }))
  const { id } = await start()
  const failed = await poll(id, isOver)
  assert.equal(failed.status, 'failed')
  assert.deepEqual(failed.error, { type: 'invalid_request_error', code: 'invalid_prompt', message: 'Too silly.' })
})

test('cancel() stops a running background response, keeps what it has said, and hangs up upstream', async () => {
  const never = Promise.withResolvers<void>()
  const seen = stage.script(gated(never.promise))
  const { id } = await start()
  await poll(id, ({ output }) => output.length > 0)
  const cancelled = await client.responses.cancel(id)
  assert.equal(cancelled.status, 'cancelled')
  assert.equal(cancelled.output_text, 'The beginning ')
  assert.equal(cancelled.output[0]?.type === 'message' && cancelled.output[0].status, 'incomplete')
  await hungUp(seen)
  never.resolve()
  assert.deepEqual(normalised(await client.responses.retrieve(id)), normalised(cancelled))
})

test('a stream of a response that is cancelled ends with response.incomplete', async () => {
  const never = Promise.withResolvers<void>()
  stage.script(gated(never.promise))
  const { id } = await start()
  const stream = client.responses.stream({ response_id: id })
  let last = ''
  for await (const event of stream) {
    if (event.type === 'response.output_text.delta') await client.responses.cancel(id)
    last = event.type
  }
  never.resolve()
  const final = await stream.finalResponse()
  assert.equal(last, 'response.incomplete')
  assert.equal(final.status, 'cancelled')
  assert.deepEqual(normalised(final), normalised(await client.responses.retrieve(id)))
})

test('cancel() twice, or after the end, changes nothing', async () => {
  stage.script(says('Done.'))
  const { id } = await start()
  const done = await poll(id, isOver)
  assert.equal(done.status, 'completed')
  for (const cancelled of [await client.responses.cancel(id), await client.responses.cancel(id)]) {
    assert.deepEqual(normalised(cancelled), normalised(done))
  }
})

test('cancel() of a response that was not made in the background is refused', async () => {
  stage.script(says('Done.'))
  const { id } = await client.responses.create({ model: MODEL, input: 'Work.' })
  await assert.rejects(client.responses.cancel(id), (error: unknown) => {
    assert.ok(error instanceof BadRequestError)
    assert.match(error.message, /Cannot cancel a synchronous response\./)
    return true
  })
})

test('a background response that is running cannot be chained from; when it has ended, it can', async () => {
  const gate = Promise.withResolvers<void>()
  const seen = stage.script(gated(gate.promise), says('Next.'))
  const { id } = await start()
  const chained = () => client.responses.create({ model: MODEL, input: 'And?', previous_response_id: id })
  await assert.rejects(chained(), { status: 400, code: 'previous_response_not_ready', param: 'previous_response_id' })
  gate.resolve()
  await lastOf(client, id)
  assert.equal((await chained()).output_text, 'Next.')
  assert.deepEqual(messagesOf(seen()[1])[1], { role: 'assistant', content: 'The beginning and the rest.' })
})

test('a running background response can be deleted: it is gone and its model is stopped', async () => {
  const never = Promise.withResolvers<void>()
  const seen = stage.script(gated(never.promise))
  const { id } = await start()
  await poll(id, ({ output }) => output.length > 0)
  await client.responses.delete(id)
  await assert.rejects(client.responses.retrieve(id), NotFoundError)
  await hungUp(seen)
  never.resolve()
})

const forbidden = [
  { what: 'stream: true', body: { stream: true }, param: 'stream' },
  { what: 'store: false', body: { store: false }, param: 'store' },
] as const
for (const { what, body, param } of forbidden) {
  test(`background with ${what} is refused`, async () => {
    await assert.rejects(client.responses.create({ model: MODEL, input: 'Work.', background: true, ...body }), {
      status: 400,
      code: 'unsupported_combination',
      param,
    })
  })
}

test('where the configuration allows it, a background stream goes on without its reader and is taken up', async () => {
  const open = await startStage({ background: { streaming: true } })
  after(() => open.close())
  const gate = Promise.withResolvers<void>()
  open.script(gated(gate.promise))
  const body = { model: MODEL, input: 'Work.', background: true, stream: true } as const
  let id = ''
  let cursor = -1
  for await (const event of await open.client.responses.create(body)) {
    if (event.type === 'response.created') ({ id } = event.response)
    cursor = event.sequence_number
    if (event.type === 'response.output_text.delta') break
  }
  gate.resolve()
  const stream = open.client.responses.stream({ response_id: id, starting_after: cursor })
  let text = ''
  for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta
  const final = await stream.finalResponse()
  assert.equal(text, 'and the rest.')
  assert.equal(final.status, 'completed')
  assert.equal(final.output_text, 'The beginning and the rest.')
  assert.deepEqual(normalised(final), normalised(await open.client.responses.retrieve(id)))
})
