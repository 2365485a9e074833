import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { NotFoundError } from 'openai'
import type { ResponseInputItem } from 'openai/resources/responses/responses'
import { OTHER_KEY } from '../harness/server.ts'
import { says } from '../harness/upstream.ts'
import { messagesOf, MODEL, openClient, speaks, startStage, streamed } from './support.ts'

const stage = await startStage()
const { client } = stage
after(() => stage.close())

/** A turn of the scripted model; what it answers is told to the script. */
function ask(input: string, previous_response_id?: string) {
  return client.responses.create({
    model: MODEL,
    input,
    ...(previous_response_id === undefined ? {} : { previous_response_id }),
  })
}

test('a thread of three turns shows the provider everything said before, but only its own instructions', async () => {
  const seen = stage.script(says('Hello, Ada.'), says('Your name is Ada.'), says('Goodbye, Ada.'))
  const first = await client.responses.create({
    model: MODEL,
    instructions: 'Only for the first turn.',
    input: 'My name is Ada.',
  })
  const { final: second } = await streamed(client, {
    model: MODEL,
    input: 'What is my name?',
    previous_response_id: first.id,
  })
  const third = await client.responses.create({
    model: MODEL,
    instructions: 'Only for the third turn.',
    input: 'Bye.',
    previous_response_id: second.id,
  })
  assert.equal(third.previous_response_id, second.id)
  assert.equal(third.output_text, 'Goodbye, Ada.')
  const turns = seen().map(messagesOf)
  assert.deepEqual(turns[1], [
    { role: 'user', content: 'My name is Ada.' },
    { role: 'assistant', content: 'Hello, Ada.' },
    { role: 'user', content: 'What is my name?' },
  ])
  assert.deepEqual(turns[2], [
    { role: 'system', content: 'Only for the third turn.' },
    { role: 'user', content: 'My name is Ada.' },
    { role: 'assistant', content: 'Hello, Ada.' },
    { role: 'user', content: 'What is my name?' },
    { role: 'assistant', content: 'Your name is Ada.' },
    { role: 'user', content: 'Bye.' },
  ])
})

test('two children of one response never mix', async () => {
  const seen = stage.script(says('Root.'), says('Left.'), says('Right.'), says('Left again.'))
  const root = await ask('Begin.')
  const left = await ask('Go left.', root.id)
  const right = await ask('Go right.', root.id)
  const deeper = await ask('Further.', left.id)
  assert.deepEqual(
    [left, right, deeper].map((response) => response.previous_response_id),
    [root.id, root.id, left.id],
  )
  const said = seen().map((received) => messagesOf(received).map(({ content }) => content))
  assert.deepEqual(said[2], ['Begin.', 'Root.', 'Go right.'])
  assert.deepEqual(said[3], ['Begin.', 'Root.', 'Go left.', 'Left.', 'Further.'])
})

test('an edited thread is replayed whole in input, without storage', async () => {
  const seen = stage.script(says('Two.'), says('Four.'))
  const question: ResponseInputItem = { role: 'user', content: 'One and one?' }
  const { final: first } = await streamed(client, { model: MODEL, input: [question], store: false })
  // What the SDK read is what a client sends back.
  const replayed = first.output as ResponseInputItem[]
  await client.responses.create({
    model: MODEL,
    input: [question, ...replayed, { role: 'user', content: 'Two and two?' }],
    store: false,
  })
  assert.deepEqual(messagesOf(seen()[1]), [
    { role: 'user', content: 'One and one?' },
    { role: 'assistant', content: 'Two.' },
    { role: 'user', content: 'Two and two?' },
  ])
})

test('item_reference stands for an item of any stored response of the account', async () => {
  const seen = stage.script(says('Blue.'), says('Indeed.'), says('No.'))
  const first = await ask('Which colour?')
  const answer = first.output[0]?.id ?? ''
  const { data } = await client.responses.inputItems.list(first.id)
  const question = data[0]?.id ?? ''
  const input: ResponseInputItem[] = [
    { type: 'item_reference', id: question },
    { type: 'item_reference', id: answer },
    { role: 'user', content: 'Sure?' },
  ]
  await client.responses.create({ model: MODEL, input })
  assert.deepEqual(messagesOf(seen()[1]), [
    { role: 'user', content: 'Which colour?' },
    { role: 'assistant', content: 'Blue.' },
    { role: 'user', content: 'Sure?' },
  ])
  const stranger = openClient(stage.server, { apiKey: OTHER_KEY })
  await assert.rejects(stranger.responses.create({ model: MODEL, input }), {
    status: 404,
    code: 'item_not_found',
    param: 'input[0].id',
  })
  assert.equal(seen().length, 2)
})

test('another account finds neither the response nor its items, and cannot chain from it', async () => {
  stage.script(says('Secret.'))
  const { id } = await ask('Keep it.')
  const { responses } = openClient(stage.server, { apiKey: OTHER_KEY })
  await assert.rejects(responses.retrieve(id), { status: 404, code: 'response_not_found' })
  await assert.rejects(responses.inputItems.list(id), { status: 404, code: 'response_not_found' })
  await assert.rejects(responses.delete(id), { status: 404, code: 'response_not_found' })
  await assert.rejects(responses.create({ model: MODEL, input: 'And?', previous_response_id: id }), {
    status: 404,
    code: 'previous_response_not_found',
  })
  assert.equal((await client.responses.retrieve(id)).output_text, 'Secret.')
})

test('a deleted response is gone for everybody, but its descendants keep their context', async () => {
  const seen = stage.script(says('First.'), says('Second.'), says('Third.'))
  const first = await ask('One.')
  const second = await ask('Two.', first.id)
  await client.responses.delete(first.id)
  const gone = { status: 404, code: 'response_not_found' }
  await assert.rejects(client.responses.retrieve(first.id), gone)
  await assert.rejects(client.responses.retrieve(first.id, { stream: true }), gone)
  await assert.rejects(client.responses.inputItems.list(first.id), gone)
  await assert.rejects(client.responses.delete(first.id), gone)
  await assert.rejects(ask('Fork.', first.id), (error: unknown) => {
    assert.ok(error instanceof NotFoundError)
    assert.deepEqual([error.code, error.param], ['previous_response_not_found', 'previous_response_id'])
    return true
  })
  await ask('Three.', second.id)
  assert.deepEqual(
    messagesOf(seen()[2]).map(({ content }) => content),
    ['One.', 'First.', 'Two.', 'Second.', 'Three.'],
  )
})

test('encrypted reasoning comes back signed, and its replay reaches the provider as it was', async () => {
  const details = [{ type: 'reasoning.text', index: 0, text: 'Hmm.', signature: 'sig-123', format: 'acme-v1' }]
  const thinking = speaks([{ reasoning_details: details }, { content: 'Yes.' }])
  const seen = stage.script(thinking, says('Still yes.'), says('By thread.'))
  const question: ResponseInputItem = { role: 'user', content: 'Is it so?' }
  const { final: first } = await streamed(client, {
    model: MODEL,
    input: [question],
    include: ['reasoning.encrypted_content'],
  })
  const [reasoning] = first.output
  assert.ok(reasoning?.type === 'reasoning')
  assert.equal(reasoning.summary[0]?.text, 'Hmm.')
  assert.match(reasoning.encrypted_content ?? '', /^ap1\./)
  assert.ok(!JSON.stringify(first).includes('sig-123'))
  // What the SDK read is what a client sends back.
  const replayed = first.output as ResponseInputItem[]
  const again: ResponseInputItem = { role: 'user', content: 'Sure?' }
  await client.responses.create({ model: MODEL, input: [question, ...replayed, again], store: false })
  await client.responses.create({ model: MODEL, input: [again], previous_response_id: first.id })
  for (const received of seen().slice(1)) {
    assert.deepEqual(messagesOf(received), [
      { role: 'user', content: 'Is it so?' },
      { role: 'assistant', content: 'Yes.', reasoning_details: details },
      { role: 'user', content: 'Sure?' },
    ])
  }
})
