import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { CreateRequest, INCLUDE_VALUES, Metadata } from './create-request.ts'
import { FOREIGN_ITEM_TYPES } from './input-item.ts'

const request = Compile(CreateRequest)
const metadata = Compile(Metadata)

function check(fields: object): boolean {
  return request.Check({ model: 'demo', input: 'Hello', ...fields })
}

const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 'v']))

const boundaries: readonly { name: string; refused: object; accepted: object }[] = [
  { name: 'model is not empty', refused: { model: '' }, accepted: { model: 'm' } },
  {
    name: 'model has 512 characters at most',
    refused: { model: 'm'.repeat(513) },
    accepted: { model: 'm'.repeat(512) },
  },
  { name: 'model has no control characters', refused: { model: 'a\u007fb' }, accepted: { model: 'TEE/deepseek r1 ü' } },
  { name: 'input holds 10,000 items at most', refused: { input: items(10_001) }, accepted: { input: items(10_000) } },
  { name: 'max_output_tokens is 16 at least', refused: { max_output_tokens: 15 }, accepted: { max_output_tokens: 16 } },
  { name: 'max_output_tokens is whole', refused: { max_output_tokens: 16.5 }, accepted: { max_output_tokens: 1e2 } },
  {
    name: 'max_output_tokens is exact',
    refused: { max_output_tokens: 2 ** 53 },
    accepted: { max_output_tokens: 2 ** 53 - 1 },
  },
  { name: 'temperature is not negative', refused: { temperature: -0.0001 }, accepted: { temperature: 0 } },
  { name: 'temperature is 2 at most', refused: { temperature: 2.0001 }, accepted: { temperature: 2 } },
  { name: 'top_p is not negative', refused: { top_p: -0.01 }, accepted: { top_p: 0 } },
  { name: 'top_p is 1 at most', refused: { top_p: 1.01 }, accepted: { top_p: 1 } },
  { name: 'tools are 128 at most', refused: { tools: tools(129) }, accepted: { tools: tools(128) } },
  {
    name: 'a tool name has 128 characters at most',
    refused: { tools: [tool('n'.repeat(129))] },
    accepted: { tools: [tool('n'.repeat(128))] },
  },
  {
    name: 'a tool name has letters, digits, dots and dashes',
    refused: { tools: [tool('a b')] },
    accepted: { tools: [tool('a.b-c_D9')] },
  },
  {
    name: 'a tool name is not empty, and may be a name of JavaScript',
    refused: { tools: [tool('')] },
    accepted: { tools: [tool('__proto__')] },
  },
  { name: 'metadata holds 16 keys at most', refused: { metadata: keys(17) }, accepted: { metadata: keys(16) } },
  {
    name: 'a metadata key has 64 characters at most',
    refused: { metadata: { ['k'.repeat(65)]: '' } },
    accepted: { metadata: { ['k'.repeat(64)]: '' } },
  },
  {
    name: 'a metadata value has 512 characters at most',
    refused: { metadata: { k: 'v'.repeat(513) } },
    accepted: { metadata: { k: 'v'.repeat(512) } },
  },
  {
    name: 'lengths count code points',
    refused: { metadata: { k: '😀'.repeat(513) } },
    accepted: { metadata: { k: '😀'.repeat(512) } },
  },
  { name: 'seed is exact', refused: { seed: 2 ** 53 }, accepted: { seed: -(2 ** 53 - 1) } },
  { name: 'max_tool_calls is 1 at least', refused: { max_tool_calls: 0 }, accepted: { max_tool_calls: 1 } },
  { name: 'top_logprobs is not negative', refused: { top_logprobs: -1 }, accepted: { top_logprobs: 0 } },
  { name: 'top_logprobs is 20 at most', refused: { top_logprobs: 21 }, accepted: { top_logprobs: 20 } },
  { name: 'penalties are -2 at least', refused: { presence_penalty: -2.1 }, accepted: { presence_penalty: -2 } },
  { name: 'penalties are 2 at most', refused: { frequency_penalty: 2.1 }, accepted: { frequency_penalty: 2 } },
  {
    name: 'safety_identifier has 128 characters at most',
    refused: { safety_identifier: 'x'.repeat(129) },
    accepted: { safety_identifier: 'x'.repeat(128) },
  },
  {
    name: 'prompt_cache_key has 1,024 characters at most',
    refused: { prompt_cache_key: 'x'.repeat(1025) },
    accepted: { prompt_cache_key: 'x'.repeat(1024) },
  },
  {
    name: 'a format name has 64 characters at most',
    refused: format('n'.repeat(65)),
    accepted: format('n'.repeat(64)),
  },
  {
    name: 'allowed tools are one at least',
    refused: allowed([]),
    accepted: allowed([{ type: 'function', name: 'f' }]),
  },
  {
    name: 'an item id is not empty',
    refused: { input: [{ role: 'user', content: '', id: '' }] },
    accepted: { input: [{ role: 'user', content: '', id: 'i' }] },
  },
  {
    name: 'a call id has 256 characters at most',
    refused: { input: [output('c'.repeat(257))] },
    accepted: { input: [output('c'.repeat(256))] },
  },
  {
    name: 'arguments are text, which need not be JSON',
    refused: { input: [{ type: 'function_call', call_id: 'c', name: 'f', arguments: {} }] },
    accepted: { input: [{ type: 'function_call', call_id: 'c', name: 'f', arguments: 'no json' }] },
  },
  {
    name: 'a message of a user holds a part at least',
    refused: { input: [{ role: 'user', content: [] }] },
    accepted: { input: [{ role: 'user', content: '' }] },
  },
  {
    name: 'the input of a user is no output',
    refused: message('user', 'output_text'),
    accepted: message('user', 'input_text'),
  },
  {
    name: 'an assistant replays its output',
    refused: message('assistant', 'input_image'),
    accepted: message('assistant', 'output_text'),
  },
]
for (const { name, refused, accepted } of boundaries) {
  test(`CreateRequest: ${name}`, () => {
    assert.equal(check(refused), false)
    assert.equal(check(accepted), true)
  })
}

const OPTIONAL = Object.keys(CreateRequest.properties).filter((key) => key !== 'model' && key !== 'input')

for (const field of OPTIONAL) {
  test(`CreateRequest: null for ${field} is the same as leaving it out`, () => {
    assert.equal(check({ [field]: null }), true)
    assert.equal(check({}), true)
  })
}

for (const field of ['model', 'input']) {
  test(`CreateRequest: ${field} is required, and null is nothing`, () => {
    assert.equal(check({ [field]: undefined }), false)
    assert.equal(check({ [field]: null }), false)
  })
}

test('CreateRequest: fields that it does not name are ignored, at every depth', () => {
  const nested = { role: 'user', content: [{ type: 'input_text', text: '', cache_control: {} }], api_key: 'x' }
  assert.equal(check({ foo: 1, max_tokens: 5, _account_id: 'a', input: [nested], reasoning: { foo: 1 } }), true)
})

for (const value of INCLUDE_VALUES) {
  test(`CreateRequest: include takes ${value}`, () => assert.equal(check({ include: [value] }), true))
}

for (const type of FOREIGN_ITEM_TYPES) {
  test(`CreateRequest: an item of type ${type} may be played back`, () => {
    assert.equal(check({ input: [{ type, id: 'x_1', action: { anything: true } }] }), true)
  })
}

for (const key of [
  '',
  'a.b',
  '$set',
  '__proto__',
  'constructor',
  '\u202eabc',
  '\u0000',
  'a\nb',
  'a\u2028b',
  'e\u0301',
  '👩‍👩‍👧',
]) {
  test(`Metadata: the key ${JSON.stringify(key)} is allowed, and its value checked`, () => {
    const one = (value: unknown): unknown => JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(value)}}`)
    assert.equal(metadata.Check(one('text')), true)
    assert.equal(metadata.Check(one('v'.repeat(513))), false)
    for (const value of [5, true, null, {}, []]) assert.equal(metadata.Check(one(value)), false, JSON.stringify(value))
  })
}

function items(count: number): object[] {
  return Array.from({ length: count }, () => ({ role: 'user', content: 'Hello' }))
}

function tool(name: string): object {
  return { type: 'function', name }
}

function tools(count: number): object[] {
  return Array.from({ length: count }, (_, index) => tool(`tool${index}`))
}

function format(name: string): object {
  return { text: { format: { type: 'json_schema', name, schema: {} } } }
}

function allowed(list: readonly object[]): object {
  return { tool_choice: { type: 'allowed_tools', mode: 'auto', tools: list } }
}

function output(call_id: string): object {
  return { type: 'function_call_output', call_id, output: '' }
}

function message(role: string, type: string): object {
  return { input: [{ role, content: [{ type, text: 'Hello', image_url: 'https://example.com' }] }] }
}
