import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { NotFoundError } from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { says } from '../harness/upstream.ts'
import { bodyOf, MODEL, normalised, speaks, startStage, streamed, typesOf, weatherFormat } from './support.ts'

const stage = await startStage()
const { client } = stage
after(() => stage.close())

test('create() answers with the text, the usage and a request id', async () => {
  const seen = stage.script(says('Hello there.'))
  const response = await client.responses.create({
    model: MODEL,
    instructions: 'Be brief.',
    input: 'Greet me.',
    temperature: 0.5,
    max_output_tokens: 64,
  })
  assert.equal(response.output_text, 'Hello there.')
  assert.equal(response.status, 'completed')
  assert.equal(response.model, MODEL)
  assert.equal(response.usage?.total_tokens, 8)
  assert.match(response._request_id ?? '', /^req_/)
  assert.deepEqual(normalised(response), normalised(await client.responses.retrieve(response.id)))
  assert.deepEqual(seen()[0]?.body, {
    model: MODEL,
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Greet me.' },
    ],
    max_tokens: 64,
    temperature: 0.5,
    stream: true,
    stream_options: { include_usage: true },
  })
  assert.equal(seen()[0]?.headers.authorization, 'Bearer key-of-the-provider')
})

test('stream() brings every event of a text, and finalResponse() is what is stored', async () => {
  stage.script(speaks([{ content: 'One ' }, { content: 'two ' }, { content: 'three.' }]))
  const { final, events } = await streamed(client, { model: MODEL, input: 'Count.' })
  assert.equal(final.output_text, 'One two three.')
  assert.deepEqual(typesOf(events), [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ])
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, index) => index),
  )
})

test('create({stream: true}) brings the same events without the helper', async () => {
  stage.script(says('Raw.'))
  const stream = await client.responses.create({ model: MODEL, input: 'Say it.', stream: true })
  let text = ''
  for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta
  assert.equal(text, 'Raw.')
})

const Weather = z.object({ city: z.string(), degrees: z.number() })

test('parse() reads the answer by a zod schema, which the provider is sent as JSON Schema', async () => {
  const seen = stage.script(says('{"city":"Paris","degrees":21}'))
  const response = await client.responses.parse({
    model: MODEL,
    input: 'Weather in Paris?',
    text: { format: zodTextFormat(Weather, 'weather') },
  })
  assert.deepEqual(response.output_parsed, { city: 'Paris', degrees: 21 })
  assert.deepEqual(bodyOf(seen()[0])['response_format'], weatherFormat('weather'))
})

test('stream() parses by a zod schema too', async () => {
  const { final } = await streamed(client, {
    model: 'demo',
    input: 'Weather in Oslo?',
    text: { format: zodTextFormat(Weather, 'weather') },
  })
  assert.deepEqual(final.output_parsed, { city: 'Oslo', degrees: 0 })
})

const thoughts = [
  { field: 'reasoning_content', deltas: [{ reasoning_content: 'Let me ' }, { reasoning_content: 'think.' }] },
  { field: 'reasoning', deltas: [{ reasoning: 'Let me ' }, { reasoning: 'think.' }] },
  { field: '<think>', deltas: [{ content: '<think>Let me ' }, { content: 'think.</think>' }] },
]
for (const { field, deltas } of thoughts) {
  test(`stream() shows reasoning that the provider sent as ${field} as a summary before the answer`, async () => {
    const seen = stage.script(speaks([...deltas, { content: 'Done.' }]))
    const { final, events } = await streamed(client, {
      model: MODEL,
      input: 'Think.',
      reasoning: { effort: 'high', summary: 'auto' },
    })
    assert.equal(final.output_text, 'Done.')
    assert.deepEqual(
      final.output.map(({ type }) => type),
      ['reasoning', 'message'],
    )
    const [reasoning] = final.output
    assert.deepEqual(reasoning?.type === 'reasoning' && reasoning.summary, [
      { type: 'summary_text', text: 'Let me think.' },
    ])
    assert.ok(typesOf(events).includes('response.reasoning_summary_text.delta'))
    assert.equal(bodyOf(seen()[0])['reasoning_effort'], 'high')
  })
}

test('stream() shows a refusal as a part of its own, and create() the same', async () => {
  const refuses = speaks([{ refusal: 'I will ' }, { refusal: 'not.' }])
  stage.script(refuses, refuses)
  const { final, events } = await streamed(client, { model: MODEL, input: 'Do it.' })
  const [message] = final.output
  assert.deepEqual(
    message?.type === 'message' &&
      message.content.map(({ type, ...part }) => [type, 'refusal' in part && part.refusal]),
    [['refusal', 'I will not.']],
  )
  assert.equal(final.output_text, '')
  assert.ok(typesOf(events).includes('response.refusal.done'))
  const created = await client.responses.create({ model: MODEL, input: 'Do it.' })
  assert.deepEqual(normalised(created)['output_text'], '')
  assert.equal(created.output[0]?.type === 'message' && created.output[0].content[0]?.type, 'refusal')
})

const cuts = [
  { finish: 'length', reason: 'max_output_tokens' },
  { finish: 'content_filter', reason: 'content_filter' },
]
for (const { finish, reason } of cuts) {
  test(`stream() ends incomplete where the provider finished by ${finish}`, async () => {
    stage.script(speaks([{ content: 'Half an ans' }], finish))
    const { final, events } = await streamed(client, { model: MODEL, input: 'Talk.' })
    assert.equal(final.status, 'incomplete')
    assert.equal(final.incomplete_details?.reason, reason)
    assert.equal(final.output_text, 'Half an ans')
    assert.equal(events.at(-1)?.type, 'response.incomplete')
  })
}

test('metadata comes back on the created and on the retrieved response, and goes to no provider', async () => {
  const seen = stage.script(says('Noted.'))
  const metadata = { ticket: '42', team: 'blue' }
  const created = await client.responses.create({ model: MODEL, input: 'Note it.', metadata })
  assert.deepEqual(created.metadata, metadata)
  assert.deepEqual((await client.responses.retrieve(created.id)).metadata, metadata)
  assert.equal(bodyOf(seen()[0])['metadata'], undefined)
})

test('store: false answers in full and leaves nothing to retrieve, to list or to chain from', async () => {
  stage.script(says('Forgotten.'), says('Forgotten.'))
  const { final } = await streamed(client, { model: MODEL, input: 'Forget it.', store: false })
  assert.equal(final.output_text, 'Forgotten.')
  const created = await client.responses.create({ model: MODEL, input: 'Forget it.', store: false })
  assert.equal(created.output_text, 'Forgotten.')
  await assert.rejects(client.responses.retrieve(created.id), NotFoundError)
  await assert.rejects(client.responses.inputItems.list(created.id), NotFoundError)
  await assert.rejects(client.responses.create({ model: MODEL, input: 'And?', previous_response_id: created.id }), {
    status: 404,
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  })
})

test('models.list() and models.retrieve() know the demo model', async () => {
  const { data } = await client.models.list()
  assert.ok(data.some(({ id }) => id === 'demo'))
  assert.equal((await client.models.retrieve('demo')).owned_by, 'demo')
})
