import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { APIError, APIUserAbortError } from 'openai'
import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { chunk, says } from '../harness/upstream.ts'
import { calls, hungUp, lastOf, MODEL, normalised, refusal, speaks, startStage, streamed, within } from './support.ts'

const stage = await startStage()
const { client } = stage
after(() => stage.close())

/** An answer that begins and never goes on. */
const stuck = { chunks: [chunk({ content: 'The beginning ' })], end: 'hang' } as const

const leaving = [
  { how: 'abort()', leave: (stream: { abort(): void }) => stream.abort(), breaks: false },
  { how: 'leaving the loop', leave: () => {}, breaks: true },
]
for (const { how, leave, breaks } of leaving) {
  test(`${how} in mid-stream hangs up upstream within a second; what came is kept as cancelled`, async () => {
    const seen = stage.script(stuck)
    const stream = client.responses.stream({ model: MODEL, input: 'Talk.' })
    let id = ''
    const reading = (async () => {
      for await (const event of stream) {
        if (event.type === 'response.created') ({ id } = event.response)
        if (event.type !== 'response.output_text.delta') continue
        leave(stream)
        if (breaks) break
      }
    })()
    if (breaks) await reading
    else await assert.rejects(reading, APIUserAbortError)
    await hungUp(seen)
    const stored = await within(1000, 'the end of the response', lastOf(client, id))
    assert.equal(stored.status, 'cancelled')
    assert.equal(stored.output_text, 'The beginning ')
    assert.deepEqual(normalised(stored), normalised(await client.responses.retrieve(id)))
  })
}

test('abort of a request without a stream hangs up upstream within a second', async () => {
  const begun = Promise.withResolvers<void>()
  const never = Promise.withResolvers<void>()
  const start = stage.upstream.received.length
  stage.upstream.answer(() => {
    begun.resolve()
    return { chunks: [chunk({ content: 'The beginning ' }), never.promise] }
  })
  const control = new AbortController()
  const asked = client.responses.create({ model: MODEL, input: 'Talk.' }, { signal: control.signal })
  await begun.promise
  control.abort()
  await assert.rejects(asked, APIUserAbortError)
  await hungUp(() => stage.upstream.received.slice(start))
  never.resolve()
})

const replays = [
  { what: 'a text', answer: speaks([{ content: 'One ' }, { content: 'two.' }]) },
  { what: 'reasoning and a text', answer: speaks([{ reasoning_content: 'Hmm.' }, { content: 'Yes.' }]) },
  {
    what: 'two calls',
    answer: calls({ id: 'a', name: 'f', arguments: {} }, { id: 'b', name: 'f', arguments: { x: 1 } }),
  },
  { what: 'a refusal', answer: speaks([{ refusal: 'No.' }]) },
  { what: 'an answer cut short', answer: speaks([{ content: 'Half' }], 'length') },
]
for (const { what, answer } of replays) {
  test(`${what} is streamed again by id, event by event, whole and from any number on`, async () => {
    stage.script(answer)
    const { final, events } = await streamed(client, { model: MODEL, input: 'Go.', tools: [TOOL] })
    for (const starting_after of [undefined, 0, 3, events.length - 2]) {
      const query = starting_after === undefined ? {} : { starting_after }
      const again = await client.responses.retrieve(final.id, { stream: true, ...query })
      assert.deepEqual((await collect(again)).map(plain), events.slice((starting_after ?? -1) + 1).map(plain))
      const helper = client.responses.stream({ response_id: final.id, ...query })
      const filtered = await collect(helper)
      assert.deepEqual(
        filtered.map(({ sequence_number }) => sequence_number),
        events.slice((starting_after ?? -1) + 1).map(({ sequence_number }) => sequence_number),
      )
      assert.deepEqual(normalised(await helper.finalResponse()), normalised(final))
    }
  })
}

const TOOL = { type: 'function', name: 'f', parameters: null, strict: null } as const

async function collect(stream: AsyncIterable<ResponseStreamEvent>): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}

/** An event without what the SDK adds: the text or value so far, and what it has parsed. */
function plain(event: ResponseStreamEvent): object {
  const { snapshot: _, ...rest } = event as ResponseStreamEvent & { snapshot?: unknown }
  return 'response' in rest && rest.response !== undefined ? { ...rest, response: normalised(rest.response) } : rest
}

test('a stream that broke off on the way is taken up after the last event that came', async () => {
  const gate = Promise.withResolvers<void>()
  stage.script({ chunks: [chunk({ content: 'Before ' }), gate.promise, ...(says('after.').chunks ?? [])] })
  const { id } = await client.responses.create({ model: MODEL, input: 'Go.', background: true })
  let cursor = -1
  for await (const event of await client.responses.retrieve(id, { stream: true })) {
    cursor = event.sequence_number
    if (event.type === 'response.output_text.delta') break
  }
  gate.resolve()
  const rest = await collect(await client.responses.retrieve(id, { stream: true, starting_after: cursor }))
  assert.equal(rest[0]?.sequence_number, cursor + 1)
  const text = rest.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')
  assert.equal(text, 'after.')
  assert.equal(rest.at(-1)?.type, 'response.completed')
})

test('starting_after beyond the end brings nothing more', async () => {
  stage.script(says('Short.'))
  const { final, events } = await streamed(client, { model: MODEL, input: 'Go.' })
  const stream = await client.responses.retrieve(final.id, { stream: true, starting_after: events.length + 5 })
  assert.deepEqual(await collect(stream), [])
})

test('include_obfuscation pads the deltas, and the helper still reads them', async () => {
  stage.script(speaks([{ content: 'One ' }, { content: 'two.' }]))
  const { events, final } = await streamed(client, {
    model: MODEL,
    input: 'Go.',
    stream_options: { include_obfuscation: true },
  })
  assert.equal(final.output_text, 'One two.')
  const deltas = events.filter((event) => event.type === 'response.output_text.delta')
  assert.equal(deltas.length, 2)
  for (const delta of deltas) assert.match((delta as { obfuscation?: string }).obfuscation ?? '', /^\S+$/)
})

const breaks = [
  { what: 'ends without a finish', answer: { chunks: [chunk({ content: 'Half ' })] } },
  { what: 'is reset', answer: { chunks: [chunk({ content: 'Half ' })], end: 'reset' } },
  { what: 'turns into garbage', answer: { chunks: [chunk({ content: 'Half ' }), 'data: {oops\n\n'] } },
  {
    what: 'carries an error',
    answer: { chunks: [chunk({ content: 'Half ' }), 'data: {"error":{"message":"Overheated.","code":500}}\n\n'] },
  },
] as const
for (const { what, answer } of breaks) {
  test(`an upstream stream that ${what} throws in stream() and is stored as failed, with its beginning`, async () => {
    stage.script(answer)
    const stream = client.responses.stream({ model: MODEL, input: 'Talk.' })
    let id = ''
    let text = ''
    const reading = (async () => {
      for await (const event of stream) {
        if (event.type === 'response.created') ({ id } = event.response)
        if (event.type === 'response.output_text.delta') text += event.delta
      }
    })()
    await assert.rejects(reading, (error: unknown) => {
      assert.ok(error instanceof APIError)
      assert.equal(error.type, 'server_error')
      assert.match(error.code ?? '', /^upstream_/)
      return true
    })
    assert.equal(text, 'Half ')
    const stored = await client.responses.retrieve(id)
    assert.equal(stored.status, 'failed')
    assert.equal(stored.error?.code, 'server_error')
    assert.equal(stored.output_text, 'Half ')
  })
}

test('a failure before the first event of a stream is a plain HTTP error', async () => {
  stage.script(refusal(400, 'Not like that.', { code: 'odd_request', param: 'messages' }))
  await assert.rejects(client.responses.create({ model: MODEL, input: 'Go.', stream: true }), {
    status: 400,
    code: 'odd_request',
    param: 'input',
    message: '400 Not like that.',
  })
})
