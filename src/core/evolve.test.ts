import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UnnumberedEvent } from '../protocol/event.ts'
import type { OutputItem, OutputMessage } from '../protocol/output-item.ts'
import type { Response } from '../protocol/response.ts'
import { evolve, outputText } from './evolve.ts'
import { unreachable } from './unreachable.ts'
import { freshResponse, frozen } from './testing/play-run.ts'

const LOGPROB = { token: 'H', logprob: -0.5, bytes: [72], top_logprobs: [] }
const TEXT = { type: 'output_text' as const, text: 'He', annotations: [], logprobs: [LOGPROB] }
const MESSAGE: OutputMessage = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'in_progress',
  content: [TEXT, { type: 'refusal', refusal: 'N' }],
}
const REASONING: OutputItem = {
  type: 'reasoning',
  id: 'rs_1',
  summary: [{ type: 'summary_text', text: 'H' }],
  content: [],
  status: 'in_progress',
}
const CALL: OutputItem = {
  type: 'function_call',
  id: 'fc_1',
  call_id: 'a',
  name: 'f',
  arguments: '{',
  status: 'in_progress',
}
const CUSTOM: OutputItem = {
  type: 'custom_tool_call',
  id: 'ctc_1',
  call_id: 'b',
  name: 'p',
  input: 'x',
  status: 'in_progress',
}
const SEARCH: OutputItem = {
  type: 'tool_search_call',
  id: 'tsc_1',
  call_id: 'c',
  execution: 'client',
  arguments: '',
  status: 'in_progress',
}

const BEFORE: Response = frozen({ ...freshResponse(), output: [MESSAGE, REASONING, CALL, CUSTOM, SEARCH] })

const at = (output_index: number, item_id: string) => ({ item_id, output_index })
const inMessage = (content_index: number) => ({ ...at(0, 'msg_1'), content_index })
const inReasoning = (summary_index: number) => ({ ...at(1, 'rs_1'), summary_index })

/** What one event does to one item: its fields that change. */
const changes: readonly { event: UnnumberedEvent; index: number; fields: object }[] = [
  {
    event: { type: 'response.output_text.delta', ...inMessage(0), delta: 'y', logprobs: [] },
    index: 0,
    fields: { content: [{ ...TEXT, text: 'Hey' }, MESSAGE.content[1]] },
  },
  {
    event: { type: 'response.output_text.delta', ...inMessage(0), delta: '', logprobs: [LOGPROB] },
    index: 0,
    fields: { content: [{ ...TEXT, logprobs: [LOGPROB, LOGPROB] }, MESSAGE.content[1]] },
  },
  {
    event: {
      type: 'response.output_text.annotation.added',
      ...inMessage(0),
      annotation_index: 0,
      annotation: { type: 'a' },
    },
    index: 0,
    fields: { content: [{ ...TEXT, annotations: [{ type: 'a' }] }, MESSAGE.content[1]] },
  },
  {
    event: { type: 'response.refusal.delta', ...inMessage(1), delta: 'o.' },
    index: 0,
    fields: { content: [TEXT, { type: 'refusal', refusal: 'No.' }] },
  },
  {
    event: { type: 'response.content_part.added', ...inMessage(2), part: { type: 'refusal', refusal: '' } },
    index: 0,
    fields: { content: [...MESSAGE.content, { type: 'refusal', refusal: '' }] },
  },
  {
    event: { type: 'response.content_part.done', ...inMessage(0), part: { ...TEXT, text: 'Hey!' } },
    index: 0,
    fields: { content: [{ ...TEXT, text: 'Hey!' }, MESSAGE.content[1]] },
  },
  {
    event: { type: 'response.reasoning_summary_text.delta', ...inReasoning(0), delta: 'm.' },
    index: 1,
    fields: { summary: [{ type: 'summary_text', text: 'Hm.' }] },
  },
  {
    event: {
      type: 'response.reasoning_summary_part.added',
      ...inReasoning(1),
      part: { type: 'summary_text', text: '' },
    },
    index: 1,
    fields: {
      summary: [
        { type: 'summary_text', text: 'H' },
        { type: 'summary_text', text: '' },
      ],
    },
  },
  {
    event: {
      type: 'response.reasoning_summary_part.done',
      ...inReasoning(0),
      part: { type: 'summary_text', text: 'Hm!' },
    },
    index: 1,
    fields: { summary: [{ type: 'summary_text', text: 'Hm!' }] },
  },
  {
    event: { type: 'response.function_call_arguments.delta', ...at(2, 'fc_1'), delta: '}' },
    index: 2,
    fields: { arguments: '{}' },
  },
  {
    event: { type: 'response.function_call_arguments.done', ...at(2, 'fc_1'), name: 'f', arguments: '{"a":1}' },
    index: 2,
    fields: { arguments: '{"a":1}' },
  },
  {
    event: { type: 'response.custom_tool_call_input.delta', ...at(3, 'ctc_1'), delta: 'y' },
    index: 3,
    fields: { input: 'xy' },
  },
  {
    event: { type: 'response.output_item.done', output_index: 4, item: { ...SEARCH, status: 'completed' } },
    index: 4,
    fields: { status: 'completed' },
  },
]
for (const { event, index, fields } of changes) {
  test(`${event.type} changes ${Object.keys(fields).join()} of its item, and nothing else`, () => {
    const output = BEFORE.output.map((item, place) => (place === index ? { ...item, ...fields } : item))
    const after = evolve(BEFORE, frozen(event))
    assert.deepEqual(after.output, output)
    assert.deepEqual({ ...after, output: [], output_text: '' }, { ...BEFORE, output: [], output_text: '' })
  })
}

/** Events that repeat what deltas have said, and events that the item at their place cannot take. */
const idle: readonly { name: string; event: UnnumberedEvent }[] = [
  {
    name: 'output_text.done',
    event: { type: 'response.output_text.done', ...inMessage(0), text: 'other', logprobs: [] },
  },
  { name: 'refusal.done', event: { type: 'response.refusal.done', ...inMessage(1), refusal: 'other' } },
  {
    name: 'custom_tool_call_input.done',
    event: { type: 'response.custom_tool_call_input.done', ...at(3, 'ctc_1'), input: 'other' },
  },
  {
    name: 'reasoning_summary_text.done',
    event: { type: 'response.reasoning_summary_text.done', ...inReasoning(0), text: 'other' },
  },
  {
    name: 'error',
    event: {
      type: 'error',
      code: 'c',
      message: 'm',
      param: '',
      error: { type: 'api_error', code: 'c', message: 'm', param: '' },
    },
  },
  {
    name: 'a delta to an item that is not there',
    event: { type: 'response.function_call_arguments.delta', ...at(9, 'fc_9'), delta: '}' },
  },
  {
    name: 'a delta of text to a refusal',
    event: { type: 'response.output_text.delta', ...inMessage(1), delta: 'x', logprobs: [] },
  },
  { name: 'a delta of a refusal to text', event: { type: 'response.refusal.delta', ...inMessage(0), delta: 'x' } },
  {
    name: 'a delta of text to a call',
    event: { type: 'response.output_text.delta', ...at(2, 'fc_1'), content_index: 0, delta: 'x', logprobs: [] },
  },
  {
    name: 'a delta of arguments to a message',
    event: { type: 'response.function_call_arguments.delta', ...at(0, 'msg_1'), delta: 'x' },
  },
  {
    name: 'whole arguments to a custom call',
    event: { type: 'response.function_call_arguments.done', ...at(3, 'ctc_1'), name: 'f', arguments: 'x' },
  },
  {
    name: 'a summary to a message',
    event: { type: 'response.reasoning_summary_text.delta', ...at(0, 'msg_1'), summary_index: 0, delta: 'x' },
  },
  {
    name: 'a part of raw reasoning',
    event: { type: 'response.content_part.added', ...inMessage(2), part: { type: 'reasoning_text', text: 'x' } },
  },
  {
    name: 'a part to a call',
    event: { type: 'response.content_part.added', ...at(2, 'fc_1'), content_index: 0, part: TEXT },
  },
]
for (const { name, event } of idle) {
  test(`${name} changes nothing`, () => assert.deepEqual(evolve(BEFORE, frozen(event)), BEFORE))
}

const whole = frozen({ ...BEFORE, status: 'completed' as const, output: [] })

for (const type of ['created', 'queued', 'in_progress', 'completed', 'incomplete', 'failed'] as const) {
  test(`response.${type} brings the whole snapshot`, () => {
    assert.equal(evolve(BEFORE, { type: `response.${type}`, response: whole }), whole)
  })
}

test('response.output_item.added puts its item at its place', () => {
  const after = evolve(BEFORE, { type: 'response.output_item.added', output_index: 5, item: CALL })
  assert.deepEqual(after.output, [...BEFORE.output, CALL])
})

test('output_text follows when an item is done, not with every delta', () => {
  const delta = evolve(BEFORE, { type: 'response.output_text.delta', ...inMessage(0), delta: 'y', logprobs: [] })
  assert.equal(delta.output_text, '')
  const [item] = delta.output
  assert.ok(item !== undefined)
  assert.equal(evolve(delta, { type: 'response.output_item.done', output_index: 0, item }).output_text, 'Hey')
})

test('outputText() joins the text of all messages, and leaves out refusals, reasoning and calls', () => {
  const second: OutputMessage = { ...MESSAGE, content: [{ ...TEXT, text: 'llo' }] }
  assert.equal(outputText([MESSAGE, REASONING, CALL, second, CUSTOM]), 'Hello')
  assert.equal(outputText([]), '')
})

test('unreachable() names the variant that nobody thought of', () => {
  // The compiler proves that this cannot happen; here it does.
  assert.throws(() => unreachable({ type: 'new' } as never), { message: 'Unexpected variant: {"type":"new"}' })
})
