import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide } from './decide.ts'
import { ModelEventError, type OutputEvent, type ToolCallEvent } from './model-event.ts'
import { outline } from './testing/outline.ts'
import { eventsAfter, eventsOf, freshResponse, RESPONSE_HEX } from './testing/play-run.ts'

const call = (callId: string, fields: Partial<ToolCallEvent> = {}): OutputEvent => ({
  type: 'tool_call',
  callId,
  name: 'get_weather',
  ...fields,
})
const args = (callId: string, delta: string): OutputEvent => ({ type: 'tool_arguments', callId, delta })
const text = (said: string): OutputEvent => ({ type: 'text', text: said })
const patch = (callId: string): OutputEvent => call(callId, { kind: 'custom', name: 'patch' })
const search = (callId: string): OutputEvent => call(callId, { kind: 'tool_search', name: 'tool_search' })

const NOT_BEGUN = 'The provider sent arguments for a call that it had not begun.'
const ENDED = 'The provider sent arguments for a call that had ended.'

const refused: readonly { name: string; before: readonly OutputEvent[]; event: OutputEvent; message: string }[] = [
  { name: 'arguments without a call', before: [], event: args('a', '{'), message: NOT_BEGUN },
  { name: 'arguments of another call', before: [call('a')], event: args('b', '{'), message: NOT_BEGUN },
  {
    name: 'arguments after the whole of them and another call',
    before: [call('a'), args('a', '{}'), call('b')],
    event: args('a', '{}'),
    message: ENDED,
  },
  {
    name: 'a second piece of what a search looks for',
    before: [search('a'), args('a', '{}')],
    event: args('a', '{}'),
    message: ENDED,
  },
  {
    name: 'a second piece of custom input after another call',
    before: [patch('a'), args('a', 'x'), call('b')],
    event: args('a', 'y'),
    message: ENDED,
  },
]
for (const { name, before, event, message } of refused) {
  test(`decide() refuses ${name}`, () => {
    const { response } = eventsAfter(freshResponse(), before)
    assert.throws(() => decide(response, event), new ModelEventError(message))
  })
}

const begun: readonly { name: string; event: OutputEvent; item: object }[] = [
  {
    name: 'a function',
    event: call('a'),
    item: {
      type: 'function_call',
      id: `fc_${RESPONSE_HEX}o0`,
      call_id: 'a',
      status: 'in_progress',
      name: 'get_weather',
      arguments: '',
    },
  },
  {
    name: 'a function of a namespace',
    event: call('a', { kind: 'function', namespace: 'forecast' }),
    item: {
      type: 'function_call',
      id: `fc_${RESPONSE_HEX}o0`,
      call_id: 'a',
      status: 'in_progress',
      name: 'get_weather',
      namespace: 'forecast',
      arguments: '',
    },
  },
  {
    name: 'a custom tool',
    event: patch('a'),
    item: {
      type: 'custom_tool_call',
      id: `ctc_${RESPONSE_HEX}o0`,
      call_id: 'a',
      status: 'in_progress',
      name: 'patch',
      input: '',
    },
  },
  {
    name: 'a tool search',
    event: search('a'),
    item: {
      type: 'tool_search_call',
      id: `tsc_${RESPONSE_HEX}o0`,
      call_id: 'a',
      status: 'in_progress',
      execution: 'client',
      arguments: '',
    },
  },
]
for (const { name, event, item } of begun) {
  test(`a call of ${name} begins with its item, in progress and empty`, () => {
    assert.deepEqual(eventsOf(event), [{ type: 'response.output_item.added', output_index: 0, item }])
  })
}

test('arguments of a function are deltas as they come', () => {
  const place = { item_id: `fc_${RESPONSE_HEX}o0`, output_index: 0 }
  assert.deepEqual(
    eventsOf(call('a'), args('a', '{"city":'), args('a', '"Paris"}')).slice(1),
    ['{"city":', '"Paris"}'].map((delta) => ({ type: 'response.function_call_arguments.delta', ...place, delta })),
  )
})

test('input of a custom tool is a delta of its own kind', () => {
  assert.deepEqual(eventsOf(patch('a'), args('a', 'x')).slice(1), [
    { type: 'response.custom_tool_call_input.delta', item_id: `ctc_${RESPONSE_HEX}o0`, output_index: 0, delta: 'x' },
  ])
})

const searched = [
  { delta: '{"query":"mail"}', value: { query: 'mail' } },
  { delta: 'mail', value: 'mail' },
]
for (const { delta, value } of searched) {
  test(`the arguments ${delta} of a search end it, as ${typeof value}`, () => {
    const [done, ...rest] = eventsOf(search('a'), args('a', delta)).slice(1)
    assert.deepEqual(rest, [])
    assert.deepEqual(done, {
      type: 'response.output_item.done',
      output_index: 0,
      item: {
        type: 'tool_search_call',
        id: `tsc_${RESPONSE_HEX}o0`,
        call_id: 'a',
        status: 'completed',
        execution: 'client',
        arguments: value,
      },
    })
  })
}

const BEGUN = '0 output_item.added function_call in_progress'
const SECOND = '1 output_item.added function_call in_progress'

const ladders: readonly { name: string; said: readonly OutputEvent[]; lines: readonly string[] }[] = [
  {
    name: 'a call whose arguments are whole closes before the next begins',
    said: [call('a'), args('a', '{}'), call('b')],
    lines: [
      BEGUN,
      '0 function_call_arguments.delta "{}"',
      '0 function_call_arguments.done "get_weather" "{}"',
      '0 output_item.done function_call completed',
      SECOND,
    ],
  },
  {
    name: 'calls whose arguments are interleaved stay open side by side',
    said: [call('a'), call('b'), args('b', '{'), args('a', '{'), args('b', '}'), args('a', '}')],
    lines: [
      BEGUN,
      SECOND,
      '1 function_call_arguments.delta "{"',
      '0 function_call_arguments.delta "{"',
      '1 function_call_arguments.delta "}"',
      '0 function_call_arguments.delta "}"',
    ],
  },
  {
    name: 'a third call closes those that are whole by then, and no other',
    said: [call('a'), call('b'), args('b', '{}'), call('c')],
    lines: [
      BEGUN,
      SECOND,
      '1 function_call_arguments.delta "{}"',
      '1 function_call_arguments.done "get_weather" "{}"',
      '1 output_item.done function_call completed',
      '2 output_item.added function_call in_progress',
    ],
  },
  {
    name: 'arguments that are a list are not whole: arguments are objects',
    said: [call('a'), args('a', '[]'), call('b')],
    lines: [BEGUN, '0 function_call_arguments.delta "[]"', SECOND],
  },
  {
    name: 'a custom call without its input stays open beside another',
    said: [patch('a'), patch('b'), args('a', 'x'), args('b', 'y')],
    lines: [
      '0 output_item.added custom_tool_call in_progress',
      '1 output_item.added custom_tool_call in_progress',
      '0 custom_tool_call_input.delta "x"',
      '1 custom_tool_call_input.delta "y"',
    ],
  },
  {
    name: 'a custom call with its input closes before the next begins',
    said: [patch('a'), args('a', 'x'), call('b')],
    lines: [
      '0 output_item.added custom_tool_call in_progress',
      '0 custom_tool_call_input.delta "x"',
      '0 custom_tool_call_input.done "x"',
      '0 output_item.done custom_tool_call completed',
      SECOND,
    ],
  },
  {
    name: 'a search without its arguments stays open beside another call',
    said: [search('a'), call('b'), args('a', '{}')],
    lines: [
      '0 output_item.added tool_search_call in_progress',
      SECOND,
      '0 output_item.done tool_search_call completed',
    ],
  },
  {
    name: 'a call closes the message before it',
    said: [text('Hi'), call('a')],
    lines: [
      '0 output_item.added message in_progress',
      '0.0 content_part.added ""',
      '0.0 output_text.delta "Hi"',
      '0.0 output_text.done "Hi"',
      '0.0 content_part.done "Hi"',
      '0 output_item.done message completed',
      SECOND,
    ],
  },
  {
    name: 'text closes the calls before it that are whole; one whose arguments are still coming goes on',
    said: [call('a'), args('a', '{}'), call('b'), args('b', '{"a":'), text('Hi'), args('b', '1}'), text('!')],
    lines: [
      BEGUN,
      '0 function_call_arguments.delta "{}"',
      '0 function_call_arguments.done "get_weather" "{}"',
      '0 output_item.done function_call completed',
      SECOND,
      '1 function_call_arguments.delta "{\\"a\\":"',
      '2 output_item.added message in_progress',
      '2.0 content_part.added ""',
      '2.0 output_text.delta "Hi"',
      '1 function_call_arguments.delta "1}"',
      '2.0 output_text.delta "!"',
    ],
  },
  { name: 'empty arguments say nothing', said: [call('a'), args('a', '')], lines: [BEGUN] },
  {
    name: 'blanks after the end of a call say nothing',
    said: [call('a'), args('a', '{}'), call('b'), args('a', ' \n')],
    lines: [
      BEGUN,
      '0 function_call_arguments.delta "{}"',
      '0 function_call_arguments.done "get_weather" "{}"',
      '0 output_item.done function_call completed',
      SECOND,
    ],
  },
  {
    name: 'of two calls with one id, arguments belong to the later',
    said: [call('a'), args('a', '{}'), call('a'), args('a', '{"b":1}')],
    lines: [
      BEGUN,
      '0 function_call_arguments.delta "{}"',
      '0 function_call_arguments.done "get_weather" "{}"',
      '0 output_item.done function_call completed',
      SECOND,
      '1 function_call_arguments.delta "{\\"b\\":1}"',
    ],
  },
]
for (const { name, said, lines } of ladders) {
  test(name, () => assert.deepEqual(outline(eventsOf(...said)), lines))
}
