import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { call, message } from './testing/events.ts'
import {
  added,
  args,
  cited,
  delta,
  done,
  END,
  placed,
  read,
  STOP,
  text,
  think,
  THOUGHT,
  WORDS,
} from './testing/read.ts'

const SEARCH = { type: 'web_search_call', id: 'ws_1', status: 'in_progress' }
const FOUND = { ...SEARCH, status: 'completed', action: { type: 'search', query: 'Rome' } }
const PATCH = { type: 'custom_tool_call', id: 'ctc_1', call_id: 'call_1', name: 'patch', input: '' }
const SHELL = { type: 'shell_call', id: 'sh_1', call_id: 'call_2', status: 'in_progress' }

const cases: readonly { name: string; documents: readonly JsonObject[]; said: readonly ModelEvent[] }[] = [
  {
    name: 'arguments that come only when they are whole are arguments',
    documents: [
      ...placed(
        call('a', ['{"place":"Rome"}']).filter(({ type }) => type !== 'response.function_call_arguments.delta'),
      ),
      END,
    ],
    said: [{ type: 'tool_call', callId: 'a', name: 'weather' }, args('a', '{"place":"Rome"}'), STOP],
  },
  {
    name: 'arguments that are an object are its JSON, and a call without an id is given one',
    documents: [done({ type: 'function_call', name: 'f', arguments: { a: 1 } }), END],
    said: [{ type: 'tool_call', callId: 'call_made_0', name: 'f' }, args('call_made_0', '{"a":1}'), STOP],
  },
  {
    name: 'a call of a namespace says so',
    documents: [done({ type: 'function_call', call_id: 'a', name: 'read', namespace: 'files', arguments: '{}' }), END],
    said: [
      { type: 'tool_call', callId: 'a', name: 'read', kind: 'function', namespace: 'files' },
      args('a', '{}'),
      STOP,
    ],
  },
  {
    name: 'a custom call says so, and its input comes as it is',
    documents: [
      added(PATCH),
      { type: 'response.custom_tool_call_input.delta', output_index: 0, delta: '*** ' },
      { type: 'response.custom_tool_call_input.done', output_index: 0, input: '*** Begin' },
      done({ ...PATCH, input: '*** Begin' }),
      END,
    ],
    said: [
      { type: 'tool_call', callId: 'call_1', name: 'patch', kind: 'custom' },
      args('call_1', '*** '),
      args('call_1', 'Begin'),
      STOP,
    ],
  },
  {
    name: 'a search for tools is a call where the client makes it, and the provider’s own where it does',
    documents: [
      done({ type: 'tool_search_call', execution: 'client', call_id: 'a', arguments: { query: 'mail' } }),
      done({ type: 'tool_search_call', execution: 'server', call_id: null, arguments: {} }, 1),
      END,
    ],
    said: [
      { type: 'tool_call', callId: 'a', name: 'tool_search', kind: 'tool_search' },
      args('a', '{"query":"mail"}'),
      {
        type: 'native',
        item: { type: 'tool_search_call', execution: 'server', call_id: null, arguments: {} },
        isOpen: true,
      },
      {
        type: 'native_end',
        back: 0,
        item: { type: 'tool_search_call', execution: 'server', call_id: null, arguments: {} },
      },
      STOP,
    ],
  },
  {
    name: 'what happens inside an item of the provider’s own is carried on, found by its place or its id',
    documents: [
      added(SEARCH),
      { type: 'response.web_search_call.searching', item_id: 'ws_1' },
      added(SHELL, 1),
      { type: 'response.shell_call_command.delta', output_index: 1, command_index: 0, delta: 'ls' },
      { type: 'response.web_search_call.completed', output_index: 0, item_id: 'ws_1' },
      done(FOUND),
      { type: 'response.web_search_call.late', output_index: 0 },
      done({ ...SHELL, status: 'completed' }, 1),
      END,
    ],
    said: [
      { type: 'native', item: SEARCH, isOpen: true },
      { type: 'native_event', back: 0, event: { type: 'response.web_search_call.searching', item_id: 'ws_1' } },
      { type: 'native', item: SHELL, isOpen: true },
      {
        type: 'native_event',
        back: 0,
        event: { type: 'response.shell_call_command.delta', output_index: 1, command_index: 0, delta: 'ls' },
      },
      {
        type: 'native_event',
        back: 1,
        event: { type: 'response.web_search_call.completed', output_index: 0, item_id: 'ws_1' },
      },
      { type: 'native_end', back: 1, item: FOUND },
      { type: 'native_end', back: 0, item: { ...SHELL, status: 'completed' } },
      STOP,
    ],
  },
  {
    name: 'citations of every kind are told once, without what is nested in them',
    documents: [
      ...placed(message(['Rome']).slice(0, -1)),
      {
        type: 'response.output_text.annotation.added',
        output_index: 0,
        annotation: { type: 'file_path', file_id: 'f' },
      },
      done({
        ...WORDS,
        content: [
          {
            type: 'output_text',
            text: 'Rome',
            annotations: [
              { type: 'file_path', file_id: 'f' },
              { type: 'container_file_citation', file_id: 'g', start_index: 0, extra: [[]] },
            ],
          },
        ],
      }),
      END,
    ],
    said: [
      text('Rome'),
      cited({ type: 'file_path', file_id: 'f' }),
      cited({ type: 'container_file_citation', file_id: 'g', start_index: 0 }),
      STOP,
    ],
  },
]
for (const { name, documents, said } of cases) {
  test(name, () => assert.deepEqual(read(documents), said))
}

const SUMMARY = [{ type: 'summary_text', text: 'Hm.' }]
const states: readonly { name: string; item: JsonObject; takesThoughts: boolean; state: JsonObject | undefined }[] = [
  {
    name: 'encrypted reasoning comes back under its id, without its status',
    item: { id: 'rs_1', summary: SUMMARY, encrypted_content: 'gAAA/+=', status: 'completed', content: [] },
    takesThoughts: false,
    state: { type: 'reasoning', id: 'rs_1', summary: SUMMARY, encrypted_content: 'gAAA/+=' },
  },
  {
    name: 'reasoning that is not encrypted does not come back',
    item: { id: 'rs_1', summary: SUMMARY, encrypted_content: null },
    takesThoughts: false,
    state: undefined,
  },
  {
    name: 'it does, as text, where that is taken',
    item: { id: 'uuid', summary: [], content: [THOUGHT], status: 'completed' },
    takesThoughts: true,
    state: { type: 'reasoning', id: 'uuid', summary: [], content: [THOUGHT] },
  },
  {
    name: 'but not without a word',
    item: { id: 'uuid', summary: [], content: [] },
    takesThoughts: true,
    state: undefined,
  },
]
for (const { name, item, takesThoughts, state } of states) {
  test(name, () => {
    const said = read([done({ type: 'reasoning', ...item }), END], { takesThoughts })
    const found = said.flatMap((event) => (event.type === 'reasoning_state' ? [event.state] : []))
    assert.deepEqual(found, state === undefined ? [] : [state])
  })
}

test('reasoning that ends after what it has led to says how far back it belongs', () => {
  const thought = { type: 'reasoning', id: 'rs_1', summary: SUMMARY, encrypted_content: 'x' }
  const said = read([
    added({ type: 'reasoning', id: 'rs_1' }),
    { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'Hm.' },
    added({ type: 'message' }, 1),
    delta('Hi', { output_index: 1 }),
    done(WORDS, 1),
    done(thought),
    END,
  ])
  assert.deepEqual(said, [think('Hm.'), text('Hi'), { type: 'reasoning_state', state: { ...thought, late: 1 } }, STOP])
})
