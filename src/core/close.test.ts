import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutputItem, OutputMessage } from '../protocol/output-item.ts'
import { closeItem, closePart } from './close.ts'
import type { OutputEvent } from './model-event.ts'
import { closeOpen } from './open-items.ts'
import { outline } from './testing/outline.ts'
import { eventsAfter, freshResponse } from './testing/play-run.ts'

const call = (callId: string): OutputEvent => ({ type: 'tool_call', callId, name: 'get_weather' })
const args = (callId: string, delta: string): OutputEvent => ({ type: 'tool_arguments', callId, delta })
const patch = (callId: string): OutputEvent => ({ type: 'tool_call', callId, name: 'patch', kind: 'custom' })

const OUTPUT_TEXT = { type: 'output_text', text: 'Hi', annotations: [{ type: 'url_citation' }], logprobs: [] } as const
const MESSAGE: OutputMessage = { type: 'message', id: 'msg_1', role: 'assistant', status: 'in_progress', content: [] }
const CALL = { type: 'function_call', id: 'fc_1', call_id: 'a', name: 'f', status: 'in_progress' } as const
const place = (id: string) => ({ item_id: id, output_index: 4 })

/** What closing says before the item itself, under a status. */
const closings: readonly {
  name: string
  item: OutputItem
  status: 'completed' | 'incomplete'
  said: readonly object[]
  arguments?: string
}[] = [
  { name: 'a message without parts', item: MESSAGE, status: 'completed', said: [] },
  {
    name: 'a message with text',
    item: { ...MESSAGE, content: [{ ...OUTPUT_TEXT, annotations: [...OUTPUT_TEXT.annotations], logprobs: [] }] },
    status: 'incomplete',
    said: [
      { type: 'response.output_text.done', ...place('msg_1'), content_index: 0, text: 'Hi', logprobs: [] },
      { type: 'response.content_part.done', ...place('msg_1'), content_index: 0, part: OUTPUT_TEXT },
    ],
  },
  {
    name: 'a message whose last part is a refusal',
    item: {
      ...MESSAGE,
      content: [
        { type: 'output_text', text: 'Hi', annotations: [], logprobs: [] },
        { type: 'refusal', refusal: 'No.' },
      ],
    } satisfies OutputMessage,
    status: 'completed',
    said: [
      { type: 'response.refusal.done', ...place('msg_1'), content_index: 1, refusal: 'No.' },
      {
        type: 'response.content_part.done',
        ...place('msg_1'),
        content_index: 1,
        part: { type: 'refusal', refusal: 'No.' },
      },
    ],
  },
  {
    name: 'reasoning without words',
    item: { type: 'reasoning', id: 'rs_1', summary: [], content: [], status: 'in_progress' },
    status: 'completed',
    said: [],
  },
  {
    name: 'reasoning with a summary',
    item: {
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 'Hm.' }],
      content: [],
      status: 'in_progress',
    },
    status: 'incomplete',
    said: [
      { type: 'response.reasoning_summary_text.done', ...place('rs_1'), summary_index: 0, text: 'Hm.' },
      {
        type: 'response.reasoning_summary_part.done',
        ...place('rs_1'),
        summary_index: 0,
        part: { type: 'summary_text', text: 'Hm.' },
      },
    ],
  },
  {
    name: 'a call with arguments',
    item: { ...CALL, arguments: '{"a":1}' },
    status: 'completed',
    said: [{ type: 'response.function_call_arguments.done', ...place('fc_1'), name: 'f', arguments: '{"a":1}' }],
    arguments: '{"a":1}',
  },
  {
    name: 'a call without arguments, which gets an object, and a delta that says so',
    item: { ...CALL, arguments: '' },
    status: 'completed',
    said: [
      { type: 'response.function_call_arguments.delta', ...place('fc_1'), delta: '{}' },
      { type: 'response.function_call_arguments.done', ...place('fc_1'), name: 'f', arguments: '{}' },
    ],
    arguments: '{}',
  },
  {
    name: 'a call with blanks for arguments, which stay before the object',
    item: { ...CALL, arguments: ' \n' },
    status: 'completed',
    said: [
      { type: 'response.function_call_arguments.delta', ...place('fc_1'), delta: '{}' },
      { type: 'response.function_call_arguments.done', ...place('fc_1'), name: 'f', arguments: ' \n{}' },
    ],
    arguments: ' \n{}',
  },
  {
    name: 'a call that was cut short before its arguments, which gets none',
    item: { ...CALL, arguments: '' },
    status: 'incomplete',
    said: [{ type: 'response.function_call_arguments.done', ...place('fc_1'), name: 'f', arguments: '' }],
    arguments: '',
  },
  {
    name: 'a custom call',
    item: { type: 'custom_tool_call', id: 'ctc_1', call_id: 'a', name: 'p', input: 'x', status: 'in_progress' },
    status: 'completed',
    said: [{ type: 'response.custom_tool_call_input.done', ...place('ctc_1'), input: 'x' }],
  },
  {
    name: 'a search',
    item: {
      type: 'tool_search_call',
      id: 'tsc_1',
      call_id: 'a',
      execution: 'client',
      arguments: {},
      status: 'in_progress',
    },
    status: 'incomplete',
    said: [],
  },
]
for (const { name, item, status, said, arguments: whole } of closings) {
  test(`closeItem() closes ${name}`, () => {
    const done = { ...item, status, ...(whole === undefined ? {} : { arguments: whole }) }
    assert.deepEqual(closeItem(item, 4, status), [
      ...said,
      { type: 'response.output_item.done', output_index: 4, item: done },
    ])
  })
}

test('closePart() has nothing to say where a message has no part', () => {
  assert.deepEqual(closePart(MESSAGE, 0), [])
})

test('closeOpen() closes what is open, in order, under the status it is given', () => {
  const { response } = eventsAfter(freshResponse(), [call('a'), args('a', '{"a"'), call('b'), patch('c')])
  assert.deepEqual(outline(closeOpen(response, 'incomplete')), [
    '0 function_call_arguments.done "get_weather" "{\\"a\\""',
    '0 output_item.done function_call incomplete',
    '1 function_call_arguments.done "get_weather" ""',
    '1 output_item.done function_call incomplete',
    '2 custom_tool_call_input.done ""',
    '2 output_item.done custom_tool_call incomplete',
  ])
})

test('closeOpen() leaves a call completed whose arguments are whole, however the run ended', () => {
  const { response } = eventsAfter(freshResponse(), [call('a'), args('a', '{"a":1}')])
  assert.equal(outline(closeOpen(response, 'incomplete')).at(-1), '0 output_item.done function_call completed')
})

test('closeOpen() has nothing to say where nothing is open', () => {
  assert.deepEqual(closeOpen(freshResponse(), 'completed'), [])
  assert.deepEqual(
    closeOpen(eventsAfter(freshResponse(), [{ type: 'reasoning_seal', sealed: 's' }]).response, 'completed'),
    [],
  )
})
