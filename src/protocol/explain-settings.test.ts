import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { CreateRequest } from './create-request.ts'
import { explain } from './explain.ts'
import { tagged } from './optional.ts'

const BASE = { model: 'demo', input: 'Hello' }

/** Settings that take one kind of value, with values of another. */
const wrongTypes: readonly { fields: readonly string[]; values: readonly unknown[]; expected: string }[] = [
  {
    fields: ['stream', 'store', 'background', 'parallel_tool_calls'],
    values: ['true', 1, {}, []],
    expected: 'a boolean',
  },
  {
    fields: ['instructions', 'previous_response_id', 'user', 'safety_identifier', 'prompt_cache_key'],
    values: [5, [], {}, true],
    expected: 'a string',
  },
  {
    fields: ['max_output_tokens', 'max_tool_calls', 'seed', 'top_logprobs'],
    values: ['16', true, {}, 16.5],
    expected: 'an integer',
  },
  {
    fields: ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty'],
    values: ['1', false, []],
    expected: 'a number',
  },
  { fields: ['reasoning', 'text', 'metadata', 'stream_options'], values: ['x', 5, []], expected: 'an object' },
  { fields: ['tools', 'include'], values: ['x', 5, {}], expected: 'an array' },
  { fields: ['truncation', 'service_tier'], values: [5, {}, []], expected: 'a string' },
]
const FOUND: Readonly<Record<string, string>> = {
  string: 'a string',
  boolean: 'a boolean',
  object: 'an object',
  number: 'a number',
}

function found(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  return value === 16.5 ? 'a decimal number' : (FOUND[typeof value] ?? '')
}

for (const { fields, values, expected } of wrongTypes) {
  for (const field of fields) {
    test(`${field} must be ${expected}`, () => {
      for (const value of values) {
        const message = `${field} must be ${expected}, got ${found(value)}.`
        assert.deepEqual(explain(CreateRequest, { ...BASE, [field]: value }), {
          code: 'invalid_type',
          param: field,
          message,
        })
      }
    })
  }
}

const ranges = [
  { field: 'max_output_tokens', value: 15, code: 'integer_below_min_value', says: 'must be at least 16, got 15.' },
  { field: 'max_output_tokens', value: -1, code: 'integer_below_min_value', says: 'must be at least 16, got -1.' },
  {
    field: 'max_output_tokens',
    value: 2 ** 53,
    code: 'integer_above_max_value',
    says: 'must be at most 9007199254740991, got 9007199254740992.',
  },
  { field: 'temperature', value: -0.1, code: 'decimal_below_min_value', says: 'must be at least 0, got -0.1.' },
  { field: 'temperature', value: 2.0001, code: 'decimal_above_max_value', says: 'must be at most 2, got 2.0001.' },
  {
    field: 'temperature',
    value: Number.POSITIVE_INFINITY,
    code: 'decimal_above_max_value',
    says: 'must be at most 2, got Infinity.',
  },
  { field: 'top_p', value: -0.01, code: 'decimal_below_min_value', says: 'must be at least 0, got -0.01.' },
  { field: 'top_p', value: 1.01, code: 'decimal_above_max_value', says: 'must be at most 1, got 1.01.' },
  { field: 'presence_penalty', value: -2.1, code: 'decimal_below_min_value', says: 'must be at least -2, got -2.1.' },
  { field: 'frequency_penalty', value: 2.1, code: 'decimal_above_max_value', says: 'must be at most 2, got 2.1.' },
  { field: 'top_logprobs', value: 21, code: 'integer_above_max_value', says: 'must be at most 20, got 21.' },
  { field: 'max_tool_calls', value: 0, code: 'integer_below_min_value', says: 'must be at least 1, got 0.' },
  {
    field: 'seed',
    value: 2 ** 63,
    code: 'integer_above_max_value',
    says: 'must be at most 9007199254740991, got 9223372036854776000.',
  },
  { field: 'truncation', value: 'maybe', code: 'invalid_value', says: 'must be one of auto, disabled, got "maybe".' },
  {
    field: 'service_tier',
    value: 'gold',
    code: 'invalid_value',
    says: 'must be one of auto, default, flex, priority, got "gold".',
  },
  {
    field: 'safety_identifier',
    value: 'x'.repeat(129),
    code: 'string_above_max_length',
    says: 'may have at most 128 characters, got 129.',
  },
  {
    field: 'prompt_cache_key',
    value: 'x'.repeat(1025),
    code: 'string_above_max_length',
    says: 'may have at most 1024 characters, got 1025.',
  },
]
for (const { field, value, code, says } of ranges) {
  test(`${field} ${String(value).slice(0, 24)} is refused as ${code}`, () => {
    assert.deepEqual(explain(CreateRequest, { ...BASE, [field]: value }), {
      code,
      param: field,
      message: `${field} ${says}`,
    })
  })
}

const nested = [
  {
    fields: { input: [{ type: 'video' }] },
    code: 'unknown_item_type',
    param: 'input[0].type',
    message: /^input\[0\]\.type must be one of message, function_call, .*, got "video"\.$/,
  },
  {
    fields: { input: [{ type: 'message', role: 'user', content: 5, encrypted_content: 'sealed' }] },
    code: 'invalid_type',
    param: 'input[0].content',
    message: /^input\[0\]\.content must be /,
  },
  {
    fields: { reasoning: { effort: 'extreme' } },
    code: 'invalid_value',
    param: 'reasoning.effort',
    message: 'reasoning.effort must be one of none, minimal, low, medium, high, xhigh, max, got "extreme".',
  },
  {
    fields: { reasoning: { summary: 1 } },
    code: 'invalid_type',
    param: 'reasoning.summary',
    message: 'reasoning.summary must be a string, got a number.',
  },
  {
    fields: { stream_options: { include_obfuscation: 'x' } },
    code: 'invalid_type',
    param: 'stream_options.include_obfuscation',
    message: 'stream_options.include_obfuscation must be a boolean, got a string.',
  },
  {
    fields: { include: ['reasoning.encrypted_content', 'all'] },
    code: 'invalid_value',
    param: 'include[1]',
    message: /^include\[1\] must be one of reasoning\.encrypted_content, .*, got "all"\.$/,
  },
]
for (const { fields, code, param, message } of nested) {
  test(`${JSON.stringify(fields)} is blamed on ${param}`, () => {
    const fault = explain(CreateRequest, { ...BASE, ...fields })
    assert.equal(fault?.code, code)
    assert.equal(fault.param, param)
    if (typeof message === 'string') assert.equal(fault.message, message)
    else assert.match(fault.message, message)
  })
}

const keys = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`key${index}`, 'v']))

const metadata: readonly { value: unknown; code: string; param: string; message: string }[] = [
  {
    value: keys,
    code: 'metadata_too_many_keys',
    param: 'metadata',
    message: 'metadata may hold at most 16 keys, got 17.',
  },
  {
    value: { ['k'.repeat(65)]: '' },
    code: 'metadata_key_too_long',
    param: `metadata.${'k'.repeat(64)}…`,
    message: 'A key of metadata may have at most 64 characters, got 65.',
  },
  {
    value: { ['😀'.repeat(65)]: '' },
    code: 'metadata_key_too_long',
    param: `metadata.${'😀'.repeat(64)}…`,
    message: 'A key of metadata may have at most 64 characters, got 65.',
  },
  {
    value: { a: '', k: 'v'.repeat(513) },
    code: 'metadata_value_too_long',
    param: 'metadata.k',
    message: 'metadata.k may have at most 512 characters, got 513.',
  },
  {
    value: { k: '😀'.repeat(513) },
    code: 'metadata_value_too_long',
    param: 'metadata.k',
    message: 'metadata.k may have at most 512 characters, got 513.',
  },
  { value: { k: 5 }, code: 'invalid_type', param: 'metadata.k', message: 'metadata.k must be a string, got a number.' },
  { value: { k: null }, code: 'invalid_type', param: 'metadata.k', message: 'metadata.k must be a string, got null.' },
  {
    value: { k: {} },
    code: 'invalid_type',
    param: 'metadata.k',
    message: 'metadata.k must be a string, got an object.',
  },
  {
    value: { 'a\nb': 5 },
    code: 'invalid_type',
    param: 'metadata.a\nb',
    message: 'metadata.a\nb must be a string, got a number.',
  },
]
for (const { value, code, param, message } of metadata) {
  test(`metadata ${JSON.stringify(value).slice(0, 40)} is refused as ${code}`, () => {
    assert.deepEqual(explain(CreateRequest, { ...BASE, metadata: value }), { code, param, message })
  })
}

for (const [body, found] of [
  [null, 'null'],
  [[], 'an array'],
  ['x', 'a string'],
  [42, 'a number'],
  [true, 'a boolean'],
] as const) {
  test(`a body that is ${found} is refused without a field to blame`, () => {
    const message = `The request body must be an object, got ${found}.`
    assert.deepEqual(explain(CreateRequest, body), { code: 'invalid_type', param: '', message })
  })
}

test('of several faults the first in the order of the schema is blamed', () => {
  const fault = explain(CreateRequest, { metadata: 5, temperature: 9, input: 'Hello', model: 4 })
  assert.equal(fault?.param, 'model')
  assert.equal(explain(CreateRequest, { ...BASE, metadata: 5, temperature: 9 })?.param, 'temperature')
})

test('a message shows 64 characters of a value at most, and never half an emoji', () => {
  const long = explain(CreateRequest, { ...BASE, truncation: '😀'.repeat(200) })
  assert.equal(long?.message, `truncation must be one of auto, disabled, got "${'😀'.repeat(63)}….`)
  const fits = explain(CreateRequest, { ...BASE, truncation: 'x'.repeat(62) })
  assert.equal(fits?.message, `truncation must be one of auto, disabled, got "${'x'.repeat(62)}".`)
})

test('lengths count code points, so 512 emoji are 512 characters', () => {
  const metadata = { k: '😀'.repeat(512), ['😀'.repeat(64)]: '' }
  assert.equal(explain(CreateRequest, { ...BASE, model: '😀'.repeat(512), metadata }), undefined)
})

test('the path begins where the caller says', () => {
  assert.deepEqual(explain(Type.Object({ a: Type.Null() }), { a: 1 }, 'body'), {
    code: 'invalid_type',
    param: 'body.a',
    message: 'body.a must be null, got a number.',
  })
})

test('a union whose tag is fixed to one value names it', () => {
  const schema = tagged([Type.Object({ type: Type.Literal('a'), to: Type.Literal('b') })], { unknownCode: 'odd' })
  assert.deepEqual(explain(schema, { type: 'a', to: 'c' }), {
    code: 'invalid_value',
    param: 'to',
    message: 'to must be b, got "c".',
  })
  assert.equal(explain(schema, { type: 'c' })?.code, 'odd')
})
