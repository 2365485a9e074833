import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../../core/model-event.ts'
import { delta, finish, readAll } from '../testing/chat-chunks.ts'
import { createChatReader } from './stream.ts'
import { DIALECTS } from './tables.ts'
import type { WireChunk } from './wire.ts'

const STOP: ModelEvent = { type: 'finish', reason: 'stop' }
const LENGTH: ModelEvent = { type: 'finish', reason: 'max_output_tokens' }

function text(...pieces: string[]): ModelEvent[] {
  return pieces.map((piece) => ({ type: 'text', text: piece }))
}

function cites(citation: object): ModelEvent {
  return { type: 'annotation', annotation: { type: 'url_citation', ...citation } }
}

/** Shapes that chunks come in, each with what was said. */
const shapes: readonly { shape: string; chunks: readonly WireChunk[]; events: readonly ModelEvent[] }[] = [
  {
    shape: 'a first chunk without choices, id or model (Azure: the prompt filter speaks first)',
    chunks: [
      { choices: [], id: '', model: '', created: 0, prompt_filter_results: [{ prompt_index: 0 }] } as WireChunk,
      delta({ content: 'Hi' }),
      finish('stop'),
    ],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'chunks without the key choices, or with null there',
    chunks: [{}, { choices: null }, delta({ content: 'Hi' }), finish('stop')],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'a choice without delta (Azure: the filter of the answer)',
    chunks: [
      delta({ content: 'Hi' }),
      { choices: [{ index: 0, content_filter_offsets: { check_offset: 1 } } as object] },
      finish('stop'),
    ],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'a choice with null for a delta',
    chunks: [delta(null), delta({ content: 'Hi' }), finish('stop')],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'ids that differ between the chunks of one answer (Avian)',
    chunks: [delta({ content: 'a' }, {}, { id: 'one' }), delta({ content: 'b' }, {}, { id: 'two' }), finish('stop')],
    events: [...text('a', 'b'), STOP],
  },
  {
    shape: 'the role repeated in every chunk, or null',
    chunks: [
      delta({ role: 'assistant', content: 'a' }),
      delta({ role: 'assistant', content: 'b' }),
      delta({ role: null, content: 'c' }),
      finish('stop'),
    ],
    events: [...text('a', 'b', 'c'), STOP],
  },
  {
    shape: 'content null, empty and missing',
    chunks: [delta({ content: null }), delta({ content: '' }), delta({}), delta({ content: 'Hi' }), finish('stop')],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'content as a list of parts amid plain strings (Mistral)',
    chunks: [
      delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }], closed: true }] }),
      delta({ content: [{ type: 'text', text: 'It ' }] }),
      delta({ content: 'is.' }),
      finish('stop'),
    ],
    events: [{ type: 'reasoning', text: 'Hm.' }, ...text('It ', 'is.'), STOP],
  },
  {
    shape: 'a thinking part that holds plain text, and empty parts',
    chunks: [
      delta({ content: [{ type: 'thinking', thinking: 'Hm.' }, { type: 'text', text: '' }, { type: 'reference' }] }),
      delta({ content: [{ type: 'text', text: 'Hi' }] }),
      finish('stop'),
    ],
    events: [{ type: 'reasoning', text: 'Hm.' }, ...text('Hi'), STOP],
  },
  {
    shape: 'no finish_reason before the end',
    chunks: [delta({ content: 'a' }, { finish_reason: null }), delta({ content: 'b' }), finish('stop')],
    events: [...text('a', 'b'), STOP],
  },
  {
    shape: 'the finish said twice (OpenRouter, Avian)',
    chunks: [delta({ content: 'Hi' }), finish('length'), finish('length')],
    events: [...text('Hi'), LENGTH],
  },
  {
    shape: 'the last words in the chunk of the finish',
    chunks: [delta({ content: 'H' }), delta({ content: 'i' }, { finish_reason: 'length' })],
    events: [...text('H', 'i'), LENGTH],
  },
  {
    shape: 'no finish at all (Snowflake)',
    chunks: [delta({ content: 'Hi' })],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'an empty finish_reason in a whole answer (Snowflake)',
    chunks: [{ choices: [{ index: 0, message: { content: 'Hi' }, finish_reason: '' }] }],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'null as finish_reason in a whole answer',
    chunks: [{ choices: [{ message: { content: 'Hi' }, finish_reason: null }] }],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'two choices in turns: only the first is ours (OpenAI with n > 1)',
    chunks: [
      { choices: [{ index: 1, delta: { content: 'no' } }] },
      { choices: [{ index: 0, delta: { content: 'yes' } }] },
      { choices: [{ index: 1, delta: {}, finish_reason: 'length' }] },
      finish('stop'),
    ],
    events: [...text('yes'), STOP],
  },
  {
    shape: 'padding and native reasons beside what we read',
    chunks: [
      delta({ content: 'Hi' }, { native_finish_reason: null }, { p: 'abcdef', obfuscation: 'x' }),
      delta({}, { finish_reason: 'stop', native_finish_reason: 'MALFORMED_FUNCTION_CALL' }),
    ],
    events: [...text('Hi'), STOP],
  },
  {
    shape: 'a refusal, with empty ones around it',
    chunks: [
      delta({ refusal: '', content: '' }),
      delta({ refusal: 'I will ' }),
      delta({ refusal: 'not.' }),
      finish('stop'),
    ],
    events: [{ type: 'refusal', text: 'I will ' }, { type: 'refusal', text: 'not.' }, STOP],
  },
  {
    shape: 'sources, of which only those with a URL count',
    chunks: [
      delta({
        content: 'Hi',
        annotations: [
          {
            type: 'url_citation',
            url_citation: { url: 'https://a.example', title: 'A', start_index: 1, end_index: 2 },
          },
          { type: 'url_citation', url_citation: { url: 'https://b.example', title: null } },
          { type: 'url_citation', url_citation: {} },
          { type: 'file', file: {} },
        ],
      }),
      finish('stop'),
    ],
    events: [
      ...text('Hi'),
      cites({ url: 'https://a.example', title: 'A', start_index: 1, end_index: 2 }),
      cites({ url: 'https://b.example', title: '', start_index: 0, end_index: 0 }),
      STOP,
    ],
  },
]
for (const { shape, chunks, events } of shapes) {
  test(`The reader takes ${shape}`, () => {
    assert.deepEqual(readAll(chunks), events)
  })
}

const reasons = [
  { wire: 'stop', reason: 'stop' },
  { wire: 'tool_calls', reason: 'stop' },
  { wire: 'tool_call', reason: 'stop' },
  { wire: 'function_call', reason: 'stop' },
  { wire: 'eos', reason: 'stop' },
  { wire: 'length', reason: 'max_output_tokens' },
  { wire: 'model_length', reason: 'max_output_tokens' },
  { wire: 'content_filter', reason: 'content_filter' },
  { wire: 'completed', reason: 'stop' },
  { wire: 'constructor', reason: 'stop' },
] as const
for (const { wire, reason } of reasons) {
  test(`finish_reason ${wire} means ${reason}`, () => {
    assert.deepEqual(readAll([finish(wire)]), [{ type: 'finish', reason }])
  })
}

test('hasFinished() is false until a finish_reason with a word in it', () => {
  const reader = createChatReader(DIALECTS.generic.quirks, { callIdPrefix: '', secrets: [] })
  for (const chunk of [
    delta({ content: 'Hi' }),
    delta({}, { finish_reason: '' }),
    delta({}, { finish_reason: null }),
  ]) {
    reader.read(chunk)
    assert.equal(reader.hasFinished(), false)
  }
  reader.read(finish('stop'))
  assert.equal(reader.hasFinished(), true)
})

test('The tier that the provider names last is told with the finish, an empty one is not', () => {
  const tiers = ['auto', 'default', '', null].map((tier) => delta({ content: '.' }, {}, { service_tier: tier }))
  assert.deepEqual(readAll([...tiers, finish('stop')]).at(-1), {
    type: 'finish',
    reason: 'stop',
    serviceTier: 'default',
  })
})

test('An error inside the stream stops the words, and usage is still read', () => {
  const reader = createChatReader(DIALECTS.generic.quirks, { callIdPrefix: '', secrets: [] })
  const error = { code: 502, message: 'Provider returned error' }
  assert.deepEqual(reader.read(delta({ content: 'Hi' })), text('Hi'))
  assert.deepEqual(reader.read(delta({ content: 'lost' }, {}, { error })), [])
  assert.deepEqual(reader.read(delta({ content: 'lost' })), [])
  reader.read({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } })
  assert.equal(reader.failure()?.problem.fault, 'unavailable')
  assert.equal(reader.usage()?.output_tokens, 4)
})

test('An error that Groq hides under x_groq, and an empty error, are told apart', () => {
  const options = { callIdPrefix: '', secrets: [] }
  const hidden = createChatReader(DIALECTS.groq.quirks, options)
  hidden.read({ choices: [], x_groq: { error: 'over capacity' } })
  assert.equal(hidden.failure()?.message, 'The model provider failed to answer.')
  const empty = createChatReader(DIALECTS.groq.quirks, options)
  empty.read(delta({ content: 'Hi' }, {}, { error: '', x_groq: {} }))
  empty.read(delta({ content: 'Hi' }, {}, { error: null }))
  assert.equal(empty.failure(), undefined)
})
