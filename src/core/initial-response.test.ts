import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import type { CreateRequest } from '../protocol/create-request.ts'
import { Response } from '../protocol/response.ts'
import type { RequestedTextFormat } from '../protocol/text-format.ts'
import { flatFormat, initialResponse } from './initial-response.ts'
import { frozen, RESPONSE_ID } from './testing/play-run.ts'

const IDENTITY = { id: RESPONSE_ID, createdAt: 1_700_000_000 }
const BASE: CreateRequest = { model: 'demo', input: 'Hello' }
const schema = Compile(Response)

function initial(fields: Partial<CreateRequest> = {}): Response {
  return initialResponse(frozen({ ...BASE, ...fields }), IDENTITY)
}

test('the first snapshot has every field, at its default', () => {
  assert.deepEqual(initial(), {
    id: RESPONSE_ID,
    object: 'response',
    created_at: 1_700_000_000,
    completed_at: null,
    status: 'in_progress',
    incomplete_details: null,
    model: 'demo',
    previous_response_id: null,
    instructions: null,
    output: [],
    output_text: '',
    error: null,
    tools: [],
    tool_choice: 'auto',
    truncation: 'disabled',
    parallel_tool_calls: true,
    text: { format: { type: 'text' } },
    top_p: 1,
    temperature: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    top_logprobs: 0,
    reasoning: null,
    usage: null,
    max_output_tokens: null,
    max_tool_calls: null,
    store: true,
    background: false,
    service_tier: 'default',
    metadata: {},
    safety_identifier: null,
    prompt_cache_key: null,
  })
})

const EVERY_NULL: Partial<CreateRequest> = {
  instructions: null,
  max_output_tokens: null,
  temperature: null,
  top_p: null,
  tools: null,
  tool_choice: null,
  parallel_tool_calls: null,
  stream: null,
  store: null,
  previous_response_id: null,
  reasoning: null,
  text: null,
  metadata: null,
  truncation: null,
  user: null,
  seed: null,
  background: null,
  service_tier: null,
  include: null,
  max_tool_calls: null,
  top_logprobs: null,
  presence_penalty: null,
  frequency_penalty: null,
  safety_identifier: null,
  prompt_cache_key: null,
  stream_options: null,
}

test('null is the same as not given, for every field', () => assert.deepEqual(initial(EVERY_NULL), initial()))

const echoes: readonly { given: Partial<CreateRequest>; echoed: object }[] = [
  { given: { background: true }, echoed: { background: true, status: 'queued' } },
  { given: { previous_response_id: 'resp_1' }, echoed: { previous_response_id: 'resp_1' } },
  { given: { instructions: 'Be brief.' }, echoed: { instructions: 'Be brief.' } },
  { given: { temperature: 0, top_p: 0 }, echoed: { temperature: 0, top_p: 0 } },
  { given: { presence_penalty: -2, frequency_penalty: 2 }, echoed: { presence_penalty: -2, frequency_penalty: 2 } },
  { given: { parallel_tool_calls: false, store: false }, echoed: { parallel_tool_calls: false, store: false } },
  {
    given: { max_output_tokens: 16, max_tool_calls: 1, top_logprobs: 20 },
    echoed: { max_output_tokens: 16, max_tool_calls: 1, top_logprobs: 20 },
  },
  { given: { tool_choice: { type: 'function', name: 'f' } }, echoed: { tool_choice: { type: 'function', name: 'f' } } },
  { given: { truncation: 'auto' }, echoed: { truncation: 'auto' } },
  { given: { metadata: { team: 'tests' } }, echoed: { metadata: { team: 'tests' } } },
  { given: { seed: 0 }, echoed: { seed: 0 } },
  { given: { user: '' }, echoed: { user: '' } },
  {
    given: { safety_identifier: 's', prompt_cache_key: 'k' },
    echoed: { safety_identifier: 's', prompt_cache_key: 'k' },
  },
  { given: { service_tier: 'flex' }, echoed: { service_tier: 'flex' } },
  { given: { service_tier: 'auto' }, echoed: { service_tier: 'default' } },
  { given: { reasoning: {} }, echoed: { reasoning: { effort: null, summary: null } } },
  {
    given: { reasoning: { effort: 'high', summary: 'auto' } },
    echoed: { reasoning: { effort: 'high', summary: 'auto' } },
  },
  { given: { reasoning: { summary: 'none' } }, echoed: { reasoning: { effort: null, summary: null } } },
  {
    given: { reasoning: { generate_summary: 'concise' } },
    echoed: { reasoning: { effort: null, summary: 'concise' } },
  },
  {
    given: { reasoning: { summary: 'detailed', generate_summary: 'concise' } },
    echoed: { reasoning: { effort: null, summary: 'detailed' } },
  },
  { given: { text: { verbosity: 'low' } }, echoed: { text: { format: { type: 'text' }, verbosity: 'low' } } },
  {
    given: { text: { format: { type: 'json_object' }, verbosity: null } },
    echoed: { text: { format: { type: 'json_object' } } },
  },
  {
    given: { tools: [{ type: 'function', name: 'f' }] },
    echoed: { tools: [{ type: 'function', name: 'f', description: null, parameters: null, strict: null }] },
  },
  {
    given: {
      tools: [{ type: 'function', name: 'f', description: 'F.', parameters: { type: 'object' }, strict: true }],
    },
    echoed: {
      tools: [{ type: 'function', name: 'f', description: 'F.', parameters: { type: 'object' }, strict: true }],
    },
  },
  {
    given: { tools: [{ type: 'custom', name: 'p' }, { type: 'web_search' }] },
    echoed: { tools: [{ type: 'custom', name: 'p' }, { type: 'web_search' }] },
  },
]
for (const { given, echoed } of echoes) {
  test(`${JSON.stringify(given)} is echoed as ${JSON.stringify(echoed)}`, () => {
    const response = initial(given)
    assert.deepEqual(response, { ...initial(), ...echoed })
    assert.ok(schema.Check(response))
  })
}

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } }

const formats: readonly { name: string; given: RequestedTextFormat; flat: object }[] = [
  { name: 'text', given: { type: 'text' }, flat: { type: 'text' } },
  { name: 'json_object', given: { type: 'json_object' }, flat: { type: 'json_object' } },
  {
    name: 'the flat json_schema',
    given: { type: 'json_schema', name: 'answer', schema: SCHEMA, description: 'An answer.', strict: true },
    flat: { type: 'json_schema', name: 'answer', schema: SCHEMA, description: 'An answer.', strict: true },
  },
  {
    name: 'the nested json_schema',
    given: {
      type: 'json_schema',
      json_schema: { name: 'answer', schema: SCHEMA, description: 'An answer.', strict: false },
    },
    flat: { type: 'json_schema', name: 'answer', schema: SCHEMA, description: 'An answer.', strict: false },
  },
  {
    name: 'the flat json_schema with nulls',
    given: { type: 'json_schema', name: 'answer', schema: SCHEMA, description: null, strict: null },
    flat: { type: 'json_schema', name: 'answer', schema: SCHEMA },
  },
  {
    name: 'the nested json_schema without more',
    given: { type: 'json_schema', json_schema: { name: 'answer', schema: SCHEMA } },
    flat: { type: 'json_schema', name: 'answer', schema: SCHEMA },
  },
]
for (const { name, given, flat } of formats) {
  test(`flatFormat() flattens ${name}, and that is what is echoed`, () => {
    assert.deepEqual(flatFormat(given), flat)
    assert.deepEqual(initial({ text: { format: given } }).text, { format: flat })
  })
}
