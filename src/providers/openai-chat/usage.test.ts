import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Usage } from '../../protocol/usage.ts'
import { delta, finish, readAll } from '../testing/chat-chunks.ts'
import { readUsage } from './usage.ts'
import type { WireChunk, WireUsage } from './wire.ts'

function usage(input: number, output: number, details: { cached?: number; written?: number; reasoning?: number } = {}) {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: details.cached ?? 0, cache_write_tokens: details.written ?? 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: details.reasoning ?? 0 },
    total_tokens: input + output,
  } satisfies Usage
}

const PLAIN = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }
const EMPTY = { prompt_tokens: null, completion_tokens: null, total_tokens: null }

const counts: readonly { spelling: string; wire: WireUsage | null | undefined; expected: Usage | undefined }[] = [
  { spelling: 'no usage', wire: undefined, expected: undefined },
  { spelling: 'null', wire: null, expected: undefined },
  { spelling: 'nulls in place of counts (Databricks)', wire: EMPTY, expected: undefined },
  { spelling: 'an input without an output', wire: { prompt_tokens: 5 }, expected: undefined },
  { spelling: 'counts below zero', wire: { prompt_tokens: -1, completion_tokens: 3 }, expected: undefined },
  { spelling: 'counts that are not whole', wire: { prompt_tokens: 5, completion_tokens: 0.5 }, expected: undefined },
  { spelling: 'nothing used', wire: { prompt_tokens: 0, completion_tokens: 0 }, expected: usage(0, 0) },
  { spelling: 'input, output and total', wire: PLAIN, expected: usage(5, 3) },
  { spelling: 'no total', wire: { prompt_tokens: 5, completion_tokens: 3 }, expected: usage(5, 3) },
  {
    spelling: 'a total below the sum',
    wire: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 7 },
    expected: usage(5, 3),
  },
  {
    spelling: 'reasoning only in the total, and named (xAI)',
    wire: {
      prompt_tokens: 50,
      completion_tokens: 7,
      total_tokens: 157,
      completion_tokens_details: { reasoning_tokens: 100 },
    },
    expected: usage(50, 107, { reasoning: 100 }),
  },
  {
    spelling: 'reasoning only in the total, and not named (Google)',
    wire: { prompt_tokens: 35, completion_tokens: 12, total_tokens: 109 },
    expected: usage(35, 74, { reasoning: 62 }),
  },
  {
    spelling: 'more reasoning than output (OpenRouter)',
    wire: { ...PLAIN, completion_tokens_details: { reasoning_tokens: 4 } },
    expected: usage(5, 3, { reasoning: 3 }),
  },
  {
    spelling: 'details of OpenAI',
    wire: {
      ...PLAIN,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 1 },
      completion_tokens_details: { reasoning_tokens: 2 },
    },
    expected: usage(5, 3, { cached: 4, written: 1, reasoning: 2 }),
  },
  {
    spelling: 'details that are null',
    wire: { ...PLAIN, prompt_tokens_details: null, completion_tokens_details: null },
    expected: usage(5, 3),
  },
  {
    spelling: 'details whose counts are null',
    wire: { ...PLAIN, prompt_tokens_details: { cached_tokens: null }, prompt_cache_hit_tokens: 2 },
    expected: usage(5, 3, { cached: 2 }),
  },
  {
    spelling: 'the cache as DeepSeek names it',
    wire: { ...PLAIN, prompt_cache_hit_tokens: 4 },
    expected: usage(5, 3, { cached: 4 }),
  },
  {
    spelling: 'the cache as Databricks names it',
    wire: { ...PLAIN, cache_read_input_tokens: 2, cache_creation_input_tokens: 1 },
    expected: usage(5, 3, { cached: 2, written: 1 }),
  },
  {
    spelling: 'the cache beside the counts (Together)',
    wire: { ...PLAIN, cached_tokens: 2 },
    expected: usage(5, 3, { cached: 2 }),
  },
  {
    spelling: 'reasoning beside the counts',
    wire: { ...PLAIN, reasoning_tokens: 2 },
    expected: usage(5, 3, { reasoning: 2 }),
  },
  {
    spelling: 'fields of their own: cost, timings, queue_time',
    wire: { ...PLAIN, cost: 0.1, queue_time: 0.2, time_info: {}, cost_details: null } as WireUsage,
    expected: usage(5, 3),
  },
]
for (const { spelling, wire, expected } of counts) {
  test(`readUsage() reads ${spelling}`, () => {
    assert.deepEqual(readUsage(wire), expected)
  })
}

const said = delta({ content: 'Hi' })
const only = (wire: object): WireChunk => ({ choices: [], usage: wire })
const more = { prompt_tokens: 5, completion_tokens: 9 }

/** Where usage stands in a stream: the last that says something counts, nothing is added up. */
const places: readonly { place: string; chunks: readonly WireChunk[]; expected: Usage | undefined }[] = [
  { place: 'nowhere', chunks: [said, finish('stop')], expected: undefined },
  {
    place: 'in a last chunk without choices (OpenAI)',
    chunks: [said, finish('stop'), only(PLAIN)],
    expected: usage(5, 3),
  },
  {
    place: 'in the chunk of the finish (DeepSeek)',
    chunks: [said, finish('stop', { usage: PLAIN })],
    expected: usage(5, 3),
  },
  {
    place: 'after the finish, with a choice (OpenRouter)',
    chunks: [said, finish('stop'), delta({ content: '' }, {}, { usage: PLAIN })],
    expected: usage(5, 3),
  },
  {
    place: 'in every chunk, growing (Perplexity)',
    chunks: [delta({ content: 'Hi' }, {}, { usage: PLAIN }), finish('stop', { usage: more })],
    expected: usage(5, 9),
  },
  {
    place: 'in every chunk, null until the end (Databricks)',
    chunks: [delta({ content: 'Hi' }, {}, { usage: EMPTY }), finish('stop', { usage: PLAIN }), only(EMPTY)],
    expected: usage(5, 3),
  },
  {
    place: 'three times over (Groq)',
    chunks: [said, finish('stop', { x_groq: { usage: PLAIN }, usage: PLAIN }), only(PLAIN)],
    expected: usage(5, 3),
  },
  { place: 'under x_groq alone', chunks: [said, finish('stop', { x_groq: { usage: PLAIN } })], expected: usage(5, 3) },
  {
    place: 'in a first chunk and null later',
    chunks: [only(PLAIN), said, finish('stop', { usage: null })],
    expected: usage(5, 3),
  },
]
for (const { place, chunks, expected } of places) {
  test(`Usage is read ${place}`, () => {
    const last = readAll(chunks).at(-1)
    assert.deepEqual(last, { type: 'finish', reason: 'stop', ...(expected && { usage: expected }) })
  })
}
