import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../protocol/json.ts'
import { decide } from './decide.ts'
import { hiddenOf } from './decide-native.ts'
import { grammarFaults } from './grammar.ts'
import { ModelEventError, type OutputEvent } from './model-event.ts'
import { outline } from './testing/outline.ts'
import { eventsAfter, eventsOf, freshResponse, playRun, RESPONSE_HEX, STOPPED, USAGE } from './testing/play-run.ts'

const SEARCH = { id: 'ws_theirs', type: 'web_search_call', status: 'completed', action: { query: 'Rome' } } as const
const CALL = { type: 'shell_call', id: 'sh_theirs', call_id: 'call_1', status: 'in_progress', commands: [] } as const

const whole = (item: JsonObject): OutputEvent => ({ type: 'native', item, sealed: 'sealed' })
const begin = (item: JsonObject): OutputEvent => ({ type: 'native', item, isOpen: true })
const inside = (event: JsonObject, back = 0): OutputEvent => ({ type: 'native_event', event, back })
const end = (item: JsonObject, back = 0): OutputEvent => ({ type: 'native_end', item, back, sealed: 'sealed' })
const text: OutputEvent = { type: 'text', text: 'Hi' }

test('a whole native item is added in progress and ends as it came, under our id, with its seal', () => {
  const own = { type: 'web_search_call', id: `ws_${RESPONSE_HEX}o0` }
  assert.deepEqual(eventsOf(whole(SEARCH)), [
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { ...own, status: 'in_progress', action: { query: 'Rome' } },
    },
    {
      type: 'response.output_item.done',
      output_index: 0,
      item: { ...own, status: 'completed', action: { query: 'Rome' }, encrypted_content: 'sealed' },
    },
  ])
})

test('what happens inside an open item bears our ids, and none of what other events are told by', () => {
  const said = {
    type: 'response.shell_call_command.delta',
    output_index: 7,
    command_index: 1,
    delta: 'ls',
    obfuscation: 'xx',
    sequence_number: 9,
    error: { code: 'c' },
    response: {},
  }
  assert.deepEqual(eventsOf(begin(CALL), inside(said)).slice(1), [
    {
      type: 'response.shell_call_command.delta',
      item_id: `sh_${RESPONSE_HEX}o0`,
      output_index: 0,
      command_index: 1,
      delta: 'ls',
    },
  ])
})

const ladders: readonly { name: string; said: readonly OutputEvent[]; lines: readonly string[] }[] = [
  {
    name: 'a native item closes the message before it, and the message after it leaves it open',
    said: [text, begin(SEARCH), text, end(SEARCH)],
    lines: [
      '0 output_item.added message in_progress',
      '0.0 content_part.added ""',
      '0.0 output_text.delta "Hi"',
      '0.0 output_text.done "Hi"',
      '0.0 content_part.done "Hi"',
      '0 output_item.done message completed',
      '1 output_item.added web_search_call in_progress',
      '2 output_item.added message in_progress',
      '2.0 content_part.added ""',
      '2.0 output_text.delta "Hi"',
      '1 output_item.done web_search_call completed',
    ],
  },
  {
    name: 'items are told by how many have begun since',
    said: [begin(SEARCH), begin(CALL), end({ ...SEARCH, status: 'failed' }, 1), end({ ...CALL, status: 'completed' })],
    lines: [
      '0 output_item.added web_search_call in_progress',
      '1 output_item.added shell_call in_progress',
      '0 output_item.done web_search_call failed',
      '1 output_item.done shell_call completed',
    ],
  },
  {
    name: 'what comes after the end of an item, or without one, is passed over',
    said: [inside({ type: 'response.a' }), whole(SEARCH), inside({ type: 'response.a' }), end(SEARCH), end(SEARCH, 4)],
    lines: ['0 output_item.added web_search_call in_progress', '0 output_item.done web_search_call completed'],
  },
  {
    name: 'an event of a type that is ours, or none, is passed over',
    said: [
      begin(SEARCH),
      inside({ type: 'response.completed' }),
      inside({ type: 'response.output_text.delta', delta: 'x' }),
      inside({ type: 'a\ndata: {}' }),
      inside({ delta: 'x' }),
    ],
    lines: ['0 output_item.added web_search_call in_progress'],
  },
  {
    name: 'an ended item that says it is in progress is not; one without a status stays without',
    said: [begin(CALL), end(CALL), whole({ type: 'mcp_list_tools' })],
    lines: [
      '0 output_item.added shell_call in_progress',
      '0 output_item.done shell_call completed',
      '1 output_item.added mcp_list_tools in_progress',
      '1 output_item.done mcp_list_tools undefined',
    ],
  },
]
for (const { name, said, lines } of ladders) {
  test(name, () => assert.deepEqual(outline(eventsOf(...said)), lines))
}

test('an item keeps the type and the call with which it began', () => {
  const events = eventsOf(begin(CALL), end({ ...CALL, type: 'other', call_id: 'call_2' }))
  const done = events.at(-1)
  assert.ok(done?.type === 'response.output_item.done')
  assert.deepEqual([done.item.type, Reflect.get(done.item, 'call_id')], ['shell_call', 'call_1'])
})

const deep: JsonObject = { type: 'x', id: 'a', value: JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`) }
const refused = [
  { name: 'an item without a type', event: whole({ id: 'a' }) },
  { name: 'an item of a type with a line break', event: whole({ type: 'a\nb' }) },
  { name: 'an item of a type that is ours', event: whole({ type: 'message' }) },
  { name: 'an item that is nested too deeply', event: whole(deep) },
  { name: 'an end that is nested too deeply', event: end(deep) },
  { name: 'an event that is nested too deeply', event: inside({ ...deep, type: 'response.x' }) },
]
for (const { name, event } of refused) {
  test(`decide() refuses ${name}`, () => {
    const { response } = eventsAfter(freshResponse(), [begin(SEARCH)])
    assert.throws(() => decide(response, event), ModelEventError)
  })
}

test('a search for tools is native where the provider has made it by itself', () => {
  const search = { type: 'tool_search_call', execution: 'server', call_id: null, status: 'completed' }
  assert.deepEqual(outline(eventsOf(whole(search))), [
    '0 output_item.added tool_search_call in_progress',
    '0 output_item.done tool_search_call completed',
  ])
  assert.throws(() => eventsOf(whole({ ...search, execution: 'client' })), ModelEventError)
})

test('an item that is cut short ends incomplete, without a seal', () => {
  const { events, final } = playRun([begin(SEARCH)], { kind: 'finished', reason: 'max_output_tokens', usage: USAGE })
  assert.deepEqual(grammarFaults(events), [])
  assert.deepEqual(final.output, [
    { type: 'web_search_call', id: `ws_${RESPONSE_HEX}o0`, status: 'incomplete', action: { query: 'Rome' } },
  ])
})

test('a native item alone is an answer: no empty message is added', () => {
  assert.equal(playRun([whole(SEARCH)], STOPPED).final.output.length, 1)
})

test('hiddenOf() is what clients are not shown', () => {
  assert.deepEqual(hiddenOf({ ...SEARCH, encrypted_content: 'theirs' }), {
    id: 'ws_theirs',
    encrypted_content: 'theirs',
  })
  assert.deepEqual(hiddenOf({ type: 'x' }), {})
})
