import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import { UpstreamError } from '../../core/upstream-error.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { createResponsesReader } from './stream.ts'
import { call, completed, message, reasoning } from './testing/events.ts'

const OPTIONS = { callIdPrefix: 'call_made_', takesThoughts: false, secrets: [] }

/** Everything that documents say, the finish without its usage. */
function read(documents: readonly JsonObject[], options: Partial<typeof OPTIONS> = {}): readonly ModelEvent[] {
  const reader = createResponsesReader({ ...OPTIONS, ...options })
  const said = documents.flatMap((document) => reader.read(document))
  return [...said, ...reader.end()]
}

/** Items at their places. */
function placed(...items: readonly (readonly JsonObject[])[]): JsonObject[] {
  return items.flatMap((events, output_index) => events.map((event) => ({ output_index, ...event })))
}

const text = (said: string): ModelEvent => ({ type: 'text', text: said })
const think = (said: string): ModelEvent => ({ type: 'reasoning', text: said })
const args = (callId: string, delta: string): ModelEvent => ({ type: 'tool_arguments', callId, delta })
const cited = (annotation: JsonObject & { type: string }): ModelEvent => ({ type: 'annotation', annotation })
const BREAK: ModelEvent = { type: 'break' }
const STOP: ModelEvent = { type: 'finish', reason: 'stop' }
const END = completed()

const added = (item: JsonObject, output_index = 0): JsonObject => ({
  type: 'response.output_item.added',
  output_index,
  item,
})
const done = (item: JsonObject, output_index = 0): JsonObject => ({
  type: 'response.output_item.done',
  output_index,
  item,
})
const delta = (said: string, rest: JsonObject = {}): JsonObject => ({
  type: 'response.output_text.delta',
  output_index: 0,
  content_index: 0,
  delta: said,
  ...rest,
})

const SEARCH = { type: 'web_search_call', id: 'ws_1', status: 'in_progress' }
const FOUND = { ...SEARCH, status: 'completed', action: { type: 'search', query: 'Rome' } }
const PATCH = { type: 'custom_tool_call', id: 'ctc_1', call_id: 'call_1', name: 'patch', input: '' }
const SHELL = { type: 'shell_call', id: 'sh_1', call_id: 'call_2', status: 'in_progress' }
const WORDS = { type: 'message', id: 'msg_1', content: [{ type: 'output_text', text: 'Hi', annotations: [] }] }
const THOUGHT = { type: 'reasoning_text', text: 'Hm.' }

const cases: readonly { name: string; documents: readonly JsonObject[]; said: readonly ModelEvent[] }[] = [
  {
    name: 'what nobody knows, and what keeps a connection, is skipped',
    documents: [
      { type: 'keepalive', sequence_number: 3 },
      { type: 'response.unheard_of', output_index: 0, delta: 'x' },
      { type: 'response.reasoning_part.added', output_index: 0, part: THOUGHT },
      {},
      ...placed(message(['Hi'])),
      END,
    ],
    said: [text('Hi'), STOP],
  },
  {
    name: 'an item that comes only when it is whole is told whole',
    documents: [done(WORDS), END],
    said: [text('Hi'), STOP],
  },
  {
    name: 'of an item, what its pieces have not told is told at its end',
    documents: [added({ type: 'message' }), delta('H'), done(WORDS), END],
    said: [text('H'), text('i'), STOP],
  },
  {
    name: 'pieces are not told again, whatever number their part has',
    documents: [added({ type: 'message' }), delta('Hi', { content_index: 1 }), done(WORDS), END],
    said: [text('Hi'), STOP],
  },
  {
    name: 'an answer that stands in its end alone is told from there',
    documents: [completed({ output: [WORDS] })],
    said: [text('Hi'), STOP],
  },
  {
    name: 'what the end says of an item that never ended is told, and no more',
    documents: [...placed(message(['Hi'])), added(SEARCH, 1), completed({ output: [WORDS, FOUND] })],
    said: [
      text('Hi'),
      { type: 'native', item: SEARCH, isOpen: true },
      { type: 'native_end', back: 0, item: FOUND },
      STOP,
    ],
  },
  {
    name: 'text of an item that never opened is text',
    documents: [delta('Hi'), END],
    said: [text('Hi'), STOP],
  },
  {
    name: 'a second message is told apart, and each of a phase begins with it',
    documents: [
      ...placed(
        message(['One']),
        message(['Two']),
        message(['Three'], { phase: 'commentary' }),
        message(['Four'], { phase: 'mood' }),
      ),
      END,
    ],
    said: [
      text('One'),
      BREAK,
      text('Two'),
      { type: 'break', phase: 'commentary' },
      text('Three'),
      BREAK,
      text('Four'),
      STOP,
    ],
  },
  {
    name: 'two texts in one message are two messages: what cites them counts from their beginnings',
    documents: [added({ type: 'message' }), delta('One'), delta('Two', { content_index: 1 }), END],
    said: [text('One'), BREAK, text('Two'), STOP],
  },
  {
    name: 'parts of a summary are told apart',
    documents: [...placed(reasoning(['One', 'Two'])), END],
    said: [think('One'), BREAK, think('Two'), STOP],
  },
  {
    name: 'so is reasoning right after reasoning',
    documents: [...placed(reasoning(['One']), reasoning(['Two'])), END],
    said: [think('One'), BREAK, think('Two'), STOP],
  },
  {
    name: 'thinking that comes twice, as it is and summed up, is told once',
    documents: [
      added({ type: 'reasoning' }),
      { type: 'response.reasoning_text.delta', output_index: 0, content_index: 0, delta: 'Hm.' },
      { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'Hm!' },
      done({ type: 'reasoning', content: [THOUGHT], summary: [{ type: 'summary_text', text: 'Hm!' }] }),
      END,
    ],
    said: [think('Hm.'), STOP],
  },
  {
    name: 'thinking in the words of Open Responses is thinking',
    documents: [{ type: 'response.reasoning.delta', output_index: 0, delta: 'Hm.' }, END],
    said: [think('Hm.'), STOP],
  },
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
  {
    name: 'text, then a refusal, are parts of one message',
    documents: [
      added({ type: 'message' }),
      delta('Well'),
      { type: 'response.refusal.delta', output_index: 0, content_index: 1, delta: 'No.' },
      END,
    ],
    said: [text('Well'), { type: 'refusal', text: 'No.' }, STOP],
  },
  {
    name: 'after the end nothing is read',
    documents: [END, delta('Hi'), { type: 'error', message: 'Too late.' }],
    said: [STOP],
  },
  {
    name: 'an end for a reason that nobody knows is not whole',
    documents: [{ type: 'response.incomplete', response: { incomplete_details: { reason: 'steered' } } }],
    said: [{ type: 'finish', reason: 'max_output_tokens' }],
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

test('a stream that is over without its end has broken off, whatever its last line says', () => {
  assert.throws(() => read(placed(message(['Hi']))), UpstreamError)
})

const failures = [
  { name: 'an error in an object', document: { type: 'error', error: { code: 'slow_down', message: 'Busy.' } } },
  { name: 'an error in the event itself', document: { type: 'error', code: 'slow_down', message: 'Busy.' } },
  {
    name: 'a failed response',
    document: { type: 'response.failed', response: { status: 'failed', error: { code: 'slow_down' } } },
  },
  { name: 'a failed response without a reason', document: { type: 'response.failed', response: null } },
  { name: 'a response that was cancelled', document: completed({ status: 'cancelled' }) },
]
for (const { name, document } of failures) {
  test(`${name} is a failure of the provider, and what comes after it is not read`, () => {
    const reader = createResponsesReader(OPTIONS)
    assert.deepEqual(
      [document, delta('Hi'), END].flatMap((event) => reader.read(event)),
      [],
    )
    assert.equal(reader.failure()?.problem.fault, 'unavailable')
    assert.equal(reader.hasFinished(), false)
  })
}

test('a failed response tells what it has cost', () => {
  const reader = createResponsesReader(OPTIONS)
  reader.read({ type: 'error', code: 'server_error', message: 'Oops.' })
  const usage = { input_tokens: 3, output_tokens: 2 }
  reader.read({ type: 'response.failed', response: { status: 'failed', usage } })
  assert.equal(reader.usage()?.total_tokens, 5)
})

const wholes = [
  { name: 'an answer without a status is whole', answer: { output: [WORDS] }, reason: 'stop' },
  {
    name: 'an answer that is incomplete says so',
    answer: { status: 'incomplete', output: [] },
    reason: 'max_output_tokens',
  },
] as const
for (const { name, answer, reason } of wholes) {
  test(name, () => {
    const reader = createResponsesReader(OPTIONS)
    assert.ok(reader.readWhole(answer) !== undefined)
    assert.deepEqual(reader.end(), [{ type: 'finish', reason }])
  })
}

test('an answer in one piece that is none, is still going on, or has failed is told as that', () => {
  const [other, waiting, failed] = [1, 2, 3].map(() => createResponsesReader(OPTIONS))
  assert.equal(other?.readWhole({ object: 'list', data: [] }), undefined)
  assert.deepEqual(waiting?.readWhole({ status: 'queued', output: [] }), [])
  assert.throws(() => waiting?.end(), UpstreamError)
  failed?.readWhole({ status: 'failed', output: [], error: { code: 'invalid_prompt', message: 'No.' } })
  assert.equal(failed?.failure()?.problem.fault, 'bad_request')
})
