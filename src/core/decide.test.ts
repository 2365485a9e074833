import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logprob } from '../protocol/part.ts'
import { decide, decideEmptyText } from './decide.ts'
import type { OutputEvent } from './model-event.ts'
import { outline } from './testing/outline.ts'
import { eventsAfter, eventsOf, freshResponse, frozen, RESPONSE_HEX } from './testing/play-run.ts'

const MESSAGE_ID = `msg_${RESPONSE_HEX}o0`
const REASONING_ID = `rs_${RESPONSE_HEX}o0`

const text = (said: string): OutputEvent => ({ type: 'text', text: said })
const refusal = (said: string): OutputEvent => ({ type: 'refusal', text: said })
const reasoning = (said: string): OutputEvent => ({ type: 'reasoning', text: said })
const seal: OutputEvent = { type: 'reasoning_seal', sealed: 'sealed' }
const annotation = { type: 'url_citation', url: 'https://example.com' }
const citation: OutputEvent = { type: 'annotation', annotation }

test('the first text opens its message and its part, and is a delta', () => {
  assert.deepEqual(eventsOf(text('Hel')), [
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { type: 'message', id: MESSAGE_ID, role: 'assistant', status: 'in_progress', content: [] },
    },
    {
      type: 'response.content_part.added',
      item_id: MESSAGE_ID,
      output_index: 0,
      content_index: 0,
      part: { type: 'output_text', text: '', annotations: [], logprobs: [] },
    },
    {
      type: 'response.output_text.delta',
      item_id: MESSAGE_ID,
      output_index: 0,
      content_index: 0,
      delta: 'Hel',
      logprobs: [],
    },
  ])
})

test('a refusal closes the part of text before it, and opens its own in the same message', () => {
  const place = { item_id: MESSAGE_ID, output_index: 0 }
  const part = { type: 'output_text', text: 'Well', annotations: [], logprobs: [] }
  assert.deepEqual(eventsOf(text('Well'), refusal('No.')).slice(3), [
    { type: 'response.output_text.done', ...place, content_index: 0, text: 'Well', logprobs: [] },
    { type: 'response.content_part.done', ...place, content_index: 0, part },
    { type: 'response.content_part.added', ...place, content_index: 1, part: { type: 'refusal', refusal: '' } },
    { type: 'response.refusal.delta', ...place, content_index: 1, delta: 'No.' },
  ])
})

test('the first reasoning opens its item and its summary, and is a delta', () => {
  const place = { item_id: REASONING_ID, output_index: 0, summary_index: 0 }
  assert.deepEqual(eventsOf(reasoning('Hm.')), [
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { type: 'reasoning', id: REASONING_ID, summary: [], content: [], status: 'in_progress' },
    },
    { type: 'response.reasoning_summary_part.added', ...place, part: { type: 'summary_text', text: '' } },
    { type: 'response.reasoning_summary_text.delta', ...place, delta: 'Hm.' },
  ])
})

test('a seal closes its reasoning, and stands in the item', () => {
  const place = { item_id: REASONING_ID, output_index: 0, summary_index: 0 }
  const part = { type: 'summary_text', text: 'Hm.' }
  assert.deepEqual(eventsOf(reasoning('Hm.'), seal).slice(3), [
    { type: 'response.reasoning_summary_text.done', ...place, text: 'Hm.' },
    { type: 'response.reasoning_summary_part.done', ...place, part },
    {
      type: 'response.output_item.done',
      output_index: 0,
      item: {
        type: 'reasoning',
        id: REASONING_ID,
        summary: [part],
        content: [],
        status: 'completed',
        encrypted_content: 'sealed',
      },
    },
  ])
})

test('an annotation is numbered within its part', () => {
  const annotations = eventsOf(text('See'), citation, citation).slice(3)
  assert.deepEqual(
    annotations,
    [0, 1].map((annotation_index) => ({
      type: 'response.output_text.annotation.added',
      item_id: MESSAGE_ID,
      output_index: 0,
      content_index: 0,
      annotation_index,
      annotation,
    })),
  )
})

test('log probabilities travel with their delta', () => {
  const logprobs: Logprob[] = [{ token: 'Hel', logprob: -0.5, bytes: [72, 101, 108], top_logprobs: [] }]
  const [delta] = eventsOf({ type: 'text', text: 'Hel', logprobs }).slice(2)
  assert.deepEqual(delta, {
    type: 'response.output_text.delta',
    item_id: MESSAGE_ID,
    output_index: 0,
    content_index: 0,
    delta: 'Hel',
    logprobs,
  })
})

const silent: readonly OutputEvent[] = [text(''), refusal(''), reasoning('')]
for (const event of silent) {
  test(`an empty ${event.type} says nothing`, () => {
    assert.deepEqual(eventsOf(event), [])
    assert.deepEqual(eventsOf(text('Hi'), event), eventsOf(text('Hi')))
  })
}

const MESSAGE = ['0 output_item.added message in_progress', '0.0 content_part.added ""', '0.0 output_text.delta "Hi"']
const CLOSED = ['0.0 output_text.done "Hi"', '0.0 content_part.done "Hi"', '0 output_item.done message completed']

const apart: OutputEvent = { type: 'break' }

test('a phase begins a message of it', () => {
  const message = { type: 'message', id: MESSAGE_ID, role: 'assistant', status: 'in_progress', content: [] }
  assert.deepEqual(eventsOf({ type: 'break', phase: 'commentary' }), [
    { type: 'response.output_item.added', output_index: 0, item: { ...message, phase: 'commentary' } },
  ])
})

const ladders: readonly { name: string; said: readonly OutputEvent[]; lines: readonly string[] }[] = [
  {
    name: 'a break ends the message: what follows is another',
    said: [text('Hi'), apart, text('Hi')],
    lines: [...MESSAGE, ...CLOSED, ...MESSAGE.map((line) => line.replace('0', '1'))],
  },
  {
    name: 'a break where nothing is open says nothing, and so does a second one',
    said: [apart, text('Hi'), apart, apart],
    lines: [...MESSAGE, ...CLOSED],
  },
  {
    name: 'a break within reasoning begins a further part of its summary',
    said: [reasoning('Hm.'), apart, reasoning('So.')],
    lines: [
      '0 output_item.added reasoning in_progress',
      '0.0 reasoning_summary_part.added ""',
      '0.0 reasoning_summary_text.delta "Hm."',
      '0.0 reasoning_summary_text.done "Hm."',
      '0.0 reasoning_summary_part.done "Hm."',
      '0.1 reasoning_summary_part.added ""',
      '0.1 reasoning_summary_text.delta "So."',
    ],
  },
  {
    name: 'a message of a phase closes the message before it, and takes the text',
    said: [text('Hi'), { type: 'break', phase: 'final_answer' }, text('Hi')],
    lines: [...MESSAGE, ...CLOSED, ...MESSAGE.map((line) => line.replace('0', '1'))],
  },
  {
    name: 'further text is a delta alone',
    said: [text('Hi'), text(' you')],
    lines: [...MESSAGE, '0.0 output_text.delta " you"'],
  },
  {
    name: 'whitespace is text',
    said: [text('\n')],
    lines: [MESSAGE[0] ?? '', MESSAGE[1] ?? '', '0.0 output_text.delta "\\n"'],
  },
  {
    name: 'text after a refusal is a third part',
    said: [text('Hi'), refusal('No.'), text('But')],
    lines: [
      ...MESSAGE,
      '0.0 output_text.done "Hi"',
      '0.0 content_part.done "Hi"',
      '0.1 content_part.added ""',
      '0.1 refusal.delta "No."',
      '0.1 refusal.done "No."',
      '0.1 content_part.done "No."',
      '0.2 content_part.added ""',
      '0.2 output_text.delta "But"',
    ],
  },
  {
    name: 'a refusal alone is a message',
    said: [refusal('No.'), refusal(' Never.')],
    lines: [
      '0 output_item.added message in_progress',
      '0.0 content_part.added ""',
      '0.0 refusal.delta "No."',
      '0.0 refusal.delta " Never."',
    ],
  },
  {
    name: 'reasoning closes the message before it',
    said: [text('Hi'), reasoning('Hm.')],
    lines: [
      ...MESSAGE,
      ...CLOSED,
      '1 output_item.added reasoning in_progress',
      '1.0 reasoning_summary_part.added ""',
      '1.0 reasoning_summary_text.delta "Hm."',
    ],
  },
  {
    name: 'text closes the reasoning before it',
    said: [reasoning('Hm.'), reasoning(' So.'), text('Hi')],
    lines: [
      '0 output_item.added reasoning in_progress',
      '0.0 reasoning_summary_part.added ""',
      '0.0 reasoning_summary_text.delta "Hm."',
      '0.0 reasoning_summary_text.delta " So."',
      '0.0 reasoning_summary_text.done "Hm. So."',
      '0.0 reasoning_summary_part.done "Hm. So."',
      '0 output_item.done reasoning completed',
      '1 output_item.added message in_progress',
      '1.0 content_part.added ""',
      '1.0 output_text.delta "Hi"',
    ],
  },
  {
    name: 'a seal without words is an item without a summary',
    said: [seal],
    lines: ['0 output_item.added reasoning in_progress', '0 output_item.done reasoning completed'],
  },
  {
    name: 'a seal closes the message before it',
    said: [text('Hi'), seal],
    lines: [
      ...MESSAGE,
      ...CLOSED,
      '1 output_item.added reasoning in_progress',
      '1 output_item.done reasoning completed',
    ],
  },
  {
    name: 'reasoning after a seal is another item',
    said: [seal, reasoning('So.')],
    lines: [
      '0 output_item.added reasoning in_progress',
      '0 output_item.done reasoning completed',
      '1 output_item.added reasoning in_progress',
      '1.0 reasoning_summary_part.added ""',
      '1.0 reasoning_summary_text.delta "So."',
    ],
  },
  {
    name: 'an annotation before any text opens the part that it belongs to',
    said: [citation, text('Hi')],
    lines: [
      MESSAGE[0] ?? '',
      MESSAGE[1] ?? '',
      '0.0 output_text.annotation.added {"type":"url_citation","url":"https://example.com"}',
      MESSAGE[2] ?? '',
    ],
  },
  {
    name: 'an annotation after a refusal belongs to new text',
    said: [refusal('No.'), citation],
    lines: [
      '0 output_item.added message in_progress',
      '0.0 content_part.added ""',
      '0.0 refusal.delta "No."',
      '0.0 refusal.done "No."',
      '0.0 content_part.done "No."',
      '0.1 content_part.added ""',
      '0.1 output_text.annotation.added {"type":"url_citation","url":"https://example.com"}',
    ],
  },
]
for (const { name, said, lines } of ladders) {
  test(name, () => assert.deepEqual(outline(eventsOf(...said)), lines))
}

test('every item of a response has an id of its own, made of its type and place', () => {
  const { response } = eventsAfter(freshResponse(), [reasoning('Hm.'), seal, text('Hi'), reasoning('So.'), text('Bye')])
  assert.deepEqual(
    response.output.map(({ id }) => id),
    ['rs_', 'msg_', 'rs_', 'msg_'].map((prefix, index) => `${prefix}${RESPONSE_HEX}o${index}`),
  )
})

test('decide() changes neither the snapshot nor the event', () => {
  const response = frozen(eventsAfter(freshResponse(), [text('Hi')]).response)
  assert.equal(decide(response, frozen(text(' you'))).length, 1)
  assert.equal(decide(response, frozen(reasoning('Hm.'))).length, 6)
})

test('decideEmptyText() opens a part in which nothing is said', () => {
  assert.deepEqual(outline(decideEmptyText(freshResponse())), MESSAGE.slice(0, 2))
})
