import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import { UpstreamError } from '../../core/upstream-error.ts'
import type { JsonObject } from '../../protocol/json.ts'
import { createResponsesReader } from './stream.ts'
import { completed, message, reasoning } from './testing/events.ts'
import {
  added,
  BREAK,
  delta,
  done,
  END,
  OPTIONS,
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
