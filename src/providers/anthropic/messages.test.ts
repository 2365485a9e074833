import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryItem } from '../../core/model-call.ts'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { assistant, functionCall, functionOutput, user } from '../testing/model-call.ts'
import { buildThread } from './messages.ts'
import { said } from './testing/fixtures.ts'

const HI = user('Hi')

function thought(state: JsonValue | undefined): HistoryItem {
  return { type: 'reasoning', text: 'Hm.', state }
}

function messagesOf(...history: readonly HistoryItem[]) {
  return buildThread(history).messages
}

/** The first block of a message. */
function firstBlock(message: JsonObject | undefined): Readonly<Record<string, unknown>> {
  const [block = {}] = (message?.['content'] ?? []) as JsonObject[]
  return block
}

const blocks = [
  { type: 'thinking', thinking: 'Hm.\n', signature: 'RXE=' },
  { type: 'thinking', thinking: '', signature: 'RXE=' },
  { type: 'redacted_thinking', data: 'RXFrRQ==' },
]
for (const block of blocks) {
  test(`Thinking comes back as it came: ${JSON.stringify(block)}`, () => {
    const messages = messagesOf(HI, thought(block), assistant('Yes?'), user('Go on.'))
    assert.deepEqual(messages[1], { role: 'assistant', content: [block, { type: 'text', text: 'Yes?' }] })
  })
}

const foreign = [
  undefined,
  null,
  {},
  [],
  'RXE=',
  { type: 'thinking', thinking: 'Hm.' },
  { type: 'thinking', thinking: 5, signature: 'x' },
  { type: 'redacted_thinking' },
  { thinking: 'Hm.', signature: 'RXE=' },
  { reasoning_details: [] },
]
for (const state of foreign) {
  test(`Thinking that is none of this wire is never sent: ${JSON.stringify(state)}`, () => {
    const thread = buildThread([HI, thought(state), assistant('Yes?')])
    assert.deepEqual([thread.messages, thread.hasThinking], [[said('Hi'), said('Yes?', 'assistant')], false])
  })
}

test('Of a thinking block, only what the wire has is sent back', () => {
  const [, answer] = messagesOf(
    HI,
    thought({ type: 'thinking', thinking: 'Hm.', signature: 'RXE=', more: 1 }),
    assistant('Yes?'),
    user('Go on.'),
  )
  const block = { type: 'thinking', thinking: 'Hm.', signature: 'RXE=' }
  assert.deepEqual(answer, { role: 'assistant', content: [block, { type: 'text', text: 'Yes?' }] })
})

test('Thinking between calls stays in its place', () => {
  const block = { type: 'thinking', thinking: 'Hm.', signature: 'RXE=' }
  const [, answer] = messagesOf(
    HI,
    thought(block),
    functionCall('a', 'f'),
    thought(block),
    functionCall('b', 'f'),
    functionOutput('a', '1'),
    functionOutput('b', '2'),
  )
  const use = (id: string) => ({ type: 'tool_use', id, name: 'f', input: {} })
  assert.deepEqual(answer, { role: 'assistant', content: [block, use('a'), block, use('b')] })
})

test('Results come before what the user says beside them, and blank ones have no content', () => {
  const messages = messagesOf(HI, functionCall('a', 'f'), functionOutput('a', ' \n'), user('Go on.'))
  assert.deepEqual(messages[2], {
    role: 'user',
    content: [
      { type: 'tool_result', tool_use_id: 'a' },
      { type: 'text', text: 'Go on.' },
    ],
  })
})

test('A result of blank parts has no content; one with a file has it', () => {
  const output = (...parts: object[]) => ({ ...functionOutput('a', ''), output: parts }) as HistoryItem
  const blank = output({ type: 'input_text', text: ' ' })
  const file = output({ type: 'input_file', file_data: 'data:text/plain;base64,SGk=', filename: 'a.txt' })
  const source = { type: 'text', media_type: 'text/plain', data: 'Hi' }
  const results = [blank, file].map((item) => messagesOf(HI, functionCall('a', 'f'), item)[2]?.['content'])
  assert.deepEqual(results, [
    [{ type: 'tool_result', tool_use_id: 'a' }],
    [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'document', source, title: 'a.txt' }] }],
  ])
})

test('A refusal is what the assistant said; blank words of his are nothing', () => {
  const refusal: HistoryItem = { type: 'message', role: 'assistant', parts: [{ type: 'refusal', refusal: 'No.' }] }
  assert.deepEqual(messagesOf(HI, assistant('\n'), refusal, user('Why?')), [
    said('Hi'),
    said('No.', 'assistant'),
    said('Why?'),
  ])
})

test('What an assistant has begun to say does not end in white space; what he said before is as it was', () => {
  const messages = messagesOf(HI, assistant('One. \n'), user('Go on.'), assistant('Two: \n'))
  assert.deepEqual(messages, [said('Hi'), said('One. \n', 'assistant'), said('Go on.'), said('Two:', 'assistant')])
})

test('Nobody is without a word, and the user speaks first', () => {
  const silence = said('(The user said nothing.)')
  assert.deepEqual(messagesOf(assistant('Yes?'), user(' ')), [silence, said('Yes?', 'assistant'), silence])
})

const ids = [
  { id: 'toolu_01-A_b', sent: /^toolu_01-A_b$/ },
  { id: 'call_'.padEnd(64, 'x'), sent: /^call_x{59}$/ },
  { id: 'call_'.padEnd(65, 'x'), sent: /^[A-Za-z0-9]{24}$/ },
  { id: 'functions.f:0', sent: /^[A-Za-z0-9]{24}$/ },
]
for (const { id, sent } of ids) {
  test(`The call ${id} and its result have one id that the wire takes`, () => {
    const [, call, result] = messagesOf(HI, functionCall(id, 'f'), functionOutput(id, 'x'))
    const [use, given] = [call, result].map(firstBlock)
    assert.match(String(use?.['id']), sent)
    assert.equal(given?.['tool_use_id'], use?.['id'])
  })
}

test('Arguments are an object, whatever the model said', () => {
  const inputs = ['{"a":{"b":[1]}}', '', '[1]', '{"a":'].map((text) => {
    const [, call] = messagesOf(HI, functionCall('a', 'f', text), functionOutput('a', 'x'))
    return firstBlock(call)['input']
  })
  assert.deepEqual(inputs, [{ a: { b: [1] } }, {}, { arguments: '[1]' }, { arguments: '{"a":' }])
})
