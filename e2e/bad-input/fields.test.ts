import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer } from '../harness/server.ts'
import {
  assertAlive,
  assertRefused,
  invalid,
  lacking,
  missing,
  tooLong,
  wrongType,
  wrongValue,
  type Refusal,
} from './refusal.ts'

const server = await startTestServer({
  models: { thinker: { provider: 'demo', reasoning: true }, whole: { provider: 'demo', streaming: false } },
})
after(() => server.close())

const low = (param: string, kind = 'integer') => invalid(`${kind}_below_min_value`, param)
const high = (param: string, kind = 'integer') => invalid(`${kind}_above_max_value`, param)
const unsupported = (param: string) => invalid('unsupported_parameter', param)
const BAD_ID = invalid('invalid_response_id', 'previous_response_id')
const NO_PARENT = missing('previous_response_not_found', 'previous_response_id')
const combined = (param: string) => invalid('unsupported_combination', param)

/** JSON of a value that JSON.stringify cannot write. */
const raw = (text: string) => ({ raw: text })

type Row = readonly [id: string, field: string, values: readonly unknown[], expected: Refusal]

const REFUSED: readonly Row[] = [
  ['B-32', 'max_output_tokens', [raw('1e400'), 1.5, raw('16.5'), 1e-7], wrongType('max_output_tokens')],
  ['B-32', 'max_output_tokens', [raw('9007199254740993'), 2 ** 53, 1e300], high('max_output_tokens')],
  ['B-40', 'model', [null], lacking('model')],
  ['B-40', 'model', [42, true, [], {}, ['demo']], wrongType('model')],
  ['B-40', 'model', ['', 'a\nb', 'a\0', '\u007f'], wrongValue('model')],
  ['B-40', 'model', ['x'.repeat(513), 'x'.repeat(65_536)], tooLong('model')],
  [
    'B-41',
    'model',
    ['nothing', 'x'.repeat(512), 'DEMO', ' demo', 'demo ', '/demo', 'dem\u043e'],
    missing('model_not_found', 'model'),
  ],
  ['B-41', 'model', ['__proto__', 'constructor', '../demo', '${demo}'], missing('model_not_found', 'model')],
  ['B-41', 'model', ['o3-deep-research', 'demo/o4-mini-deep-research'], invalid('model_not_supported', 'model')],
  ['B-52', 'instructions', [5, true, [], {}, ['a']], wrongType('instructions')],
  ['B-53', 'max_output_tokens', [0, 15, -1, raw('-0'), Number.MIN_SAFE_INTEGER], low('max_output_tokens')],
  ['B-53', 'max_output_tokens', ['16', true, [], {}, ''], wrongType('max_output_tokens')],
  ['B-54', 'temperature', [-0.1, -1e-320], low('temperature', 'decimal')],
  ['B-54', 'temperature', [2.0001, 1e308, raw('1e400')], high('temperature', 'decimal')],
  ['B-54', 'temperature', ['1', [], {}, true, ''], wrongType('temperature')],
  ['B-55', 'top_p', [-0.01], low('top_p', 'decimal')],
  ['B-55', 'top_p', [1.01], high('top_p', 'decimal')],
  ['B-55', 'top_p', ['1', []], wrongType('top_p')],
  ['B-56', 'stream', ['true', 1, 0, {}, [], ''], wrongType('stream')],
  ['B-56', 'store', ['false', 1, {}], wrongType('store')],
  ['B-56', 'background', ['true', 1, {}], wrongType('background')],
  ['B-56', 'parallel_tool_calls', ['true', 1, {}], wrongType('parallel_tool_calls')],
  ['B-59', 'previous_response_id', [5, {}, ['resp_a'], true], wrongType('previous_response_id')],
  ['B-59', 'previous_response_id', ['', 'abc', 'resp_', `resp_${'a'.repeat(65)}`, `resp_${'a'.repeat(300)}`], BAD_ID],
  [
    'B-59',
    'previous_response_id',
    ['resp_a/b', 'resp_%61', 'resp_\0', 'resp_a\n', 'RESP_a', ' resp_a', 'resp_é', "resp_'--"],
    BAD_ID,
  ],
  ['B-60', 'previous_response_id', ['resp_a', `resp_${'a'.repeat(64)}`, 'resp___proto__'], NO_PARENT],
  ['B-61', 'truncation', ['maybe', '', 'AUTO'], wrongValue('truncation')],
  ['B-61', 'truncation', [5, {}], wrongType('truncation')],
  ['B-61', 'service_tier', ['gold', ''], wrongValue('service_tier')],
  ['B-61', 'service_tier', [5], wrongType('service_tier')],
  ['B-61', 'tool_choice', ['yes', '', 'required'], wrongValue('tool_choice')],
  ['B-61', 'tool_choice', [5, [], true], wrongType('tool_choice')],
  [
    'B-61',
    'tool_choice',
    [
      { type: 'function', name: 'f' },
      { type: 'custom', name: 'f' },
    ],
    wrongValue('tool_choice'),
  ],
  ['B-61', 'tool_choice', [{}], lacking('tool_choice.type')],
  ['B-61', 'tool_choice', [{ type: 'function' }], lacking('tool_choice.name')],
  ['B-61', 'tool_choice', [{ type: 'web_search' }], wrongValue('tool_choice.type')],
  [
    'B-61',
    'tool_choice',
    [{ type: 'allowed_tools', mode: 'none', tools: [{ type: 'function' }] }],
    wrongValue('tool_choice.mode'),
  ],
  [
    'B-61',
    'tool_choice',
    [{ type: 'allowed_tools', mode: 'auto', tools: [] }],
    invalid('array_below_min_length', 'tool_choice.tools'),
  ],
  ['B-61', 'reasoning', [5, [], 'high'], wrongType('reasoning')],
  ['B-61', 'reasoning', [{ effort: 'extreme' }], wrongValue('reasoning.effort')],
  ['B-61', 'reasoning', [{ effort: 5 }], wrongType('reasoning.effort')],
  ['B-61', 'reasoning', [{ summary: 1 }], wrongType('reasoning.summary')],
  ['B-61', 'reasoning', [{ summary: 'full' }], wrongValue('reasoning.summary')],
  ['B-61', 'include', ['x', {}], wrongType('include')],
  ['B-61', 'include', [['nothing']], wrongValue('include[0]')],
  ['B-61', 'include', [[5]], wrongType('include[0]')],
  ['B-61', 'stream_options', [5, []], wrongType('stream_options')],
  ['B-61', 'stream_options', [{ include_obfuscation: 'x' }], wrongType('stream_options.include_obfuscation')],
  ['B-61', 'max_tool_calls', [0], low('max_tool_calls')],
  ['B-61', 'top_logprobs', [-1], low('top_logprobs')],
  ['B-61', 'top_logprobs', [21], high('top_logprobs')],
  ['B-61', 'presence_penalty', [-2.1], low('presence_penalty', 'decimal')],
  ['B-61', 'frequency_penalty', [2.1], high('frequency_penalty', 'decimal')],
  ['B-61', 'user', [5, {}], wrongType('user')],
  ['B-61', 'safety_identifier', ['x'.repeat(129)], tooLong('safety_identifier')],
  ['B-61', 'prompt_cache_key', ['x'.repeat(1025)], tooLong('prompt_cache_key')],
  ['B-61', 'conversation', ['conv_1', {}], unsupported('conversation')],
  ['B-61', 'prompt', [{ id: 'pmpt_1' }, 'x'], unsupported('prompt')],
  ['B-63', 'seed', [1.5, '1', true, raw('1e400')], wrongType('seed')],
  ['B-63', 'seed', [2 ** 53, raw('9223372036854775808')], high('seed')],
  ['B-63', 'seed', [-(2 ** 53)], low('seed')],
  ['B-71', 'text', [5, [], 'text'], wrongType('text')],
]

for (const [id, field, values, expected] of REFUSED) {
  for (const given of values) {
    test(`${id}: ${field} ${shown(given)}: ${expected.status} ${expected.code}`, async () => {
      await assertRefused(await server.post('/responses', bodyWith(field, given)), expected)
    })
  }
}

const WHOLE: readonly (readonly [id: string, body: Record<string, unknown>, expected: Refusal])[] = [
  ['B-40', { input: 'x' }, lacking('model')],
  ['B-40', {}, lacking('model')],
  ['B-43', { model: 'demo' }, lacking('input')],
  ['B-54', { model: 'thinker', input: 'x', temperature: 1 }, unsupported('temperature')],
  ['B-55', { model: 'thinker', input: 'x', top_p: 1 }, unsupported('top_p')],
  ['B-57', { model: 'demo', input: 'x', background: true, stream: true }, combined('stream')],
  ['B-58', { model: 'demo', input: 'x', background: true, store: false }, combined('store')],
  ['B-57', { model: 'whole', input: 'x', stream: true }, invalid('streaming_not_supported', 'stream')],
]

for (const [id, body, expected] of WHOLE) {
  test(`${id}: ${JSON.stringify(body)}: ${expected.status} ${expected.code}`, async () => {
    await assertRefused(await server.post('/responses', body), expected)
  })
}

test('B-40: the message for a missing model is the one of the API document', async () => {
  const { error } = (await (await server.post('/responses', { input: 'x' })).json()) as { error: { message: string } }
  assert.equal(error.message, 'model is required')
})

/** Accepted, and echoed as given. */
const ECHOED: readonly (readonly [id: string, field: string, given: unknown, echo: unknown])[] = [
  ['B-32', 'max_output_tokens', raw('16.0'), 16],
  ['B-32', 'max_output_tokens', raw('1e2'), 100],
  ['B-53', 'max_output_tokens', 16, 16],
  ['B-53', 'max_output_tokens', 1e9, 1e9],
  ['B-53', 'max_output_tokens', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ['B-54', 'temperature', 0, 0],
  ['B-54', 'temperature', 2, 2],
  ['B-54', 'temperature', 1e-320, 1e-320],
  ['B-55', 'top_p', 0, 0],
  ['B-55', 'top_p', 1, 1],
  ['B-52', 'instructions', 'x'.repeat(1_048_576), 'x'.repeat(1_048_576)],
  ['B-63', 'seed', raw('-0'), 0],
  ['B-63', 'seed', Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ['B-63', 'seed', raw('1.0'), 1],
  ['B-61', 'user', 'x'.repeat(100_000), 'x'.repeat(100_000)],
  ['B-65', 'foo', { deep: [1] }, undefined],
  ['B-65', 'max_tokens', 'typo', undefined],
]

for (const [id, field, given, echo] of ECHOED) {
  test(`${id}: ${field} ${shown(given)} is accepted`, async () => {
    const answer = await server.post('/responses', bodyWith(field, given))
    assert.equal(answer.status, 200)
    const body = (await answer.json()) as Record<string, unknown>
    assert.deepEqual(body[field], echo)
  })
}

const OPTIONAL = [
  'instructions',
  'max_output_tokens',
  'temperature',
  'top_p',
  'tools',
  'tool_choice',
  'stream',
  'store',
  'seed',
  'user',
]
const MORE = [
  'parallel_tool_calls',
  'previous_response_id',
  'reasoning',
  'text',
  'metadata',
  'truncation',
  'background',
  'service_tier',
  'include',
  'prompt',
  'conversation',
]

test('B-56: null in every optional field is its default', async () => {
  const nothing = (await (await server.post('/responses', bodyWith('foo', null))).json()) as Record<string, unknown>
  for (const field of [...OPTIONAL, ...MORE]) {
    const answer = await server.post('/responses', bodyWith(field, null))
    assert.equal(answer.status, 200, field)
    const body = (await answer.json()) as Record<string, unknown>
    assert.deepEqual(body[field], nothing[field], field)
  }
})

test('after all of these, the server answers', () => assertAlive(server))

function bodyWith(field: string, given: unknown): string {
  const text = isRaw(given) ? given.raw : JSON.stringify(given)
  const rest = Object.entries({ model: 'demo', input: '/say hi' }).filter(([key]) => key !== field)
  return `{${[...rest.map(([key, part]) => `"${key}":${JSON.stringify(part)}`), `"${field}":${text}`].join(',')}}`
}

function isRaw(given: unknown): given is { raw: string } {
  return typeof given === 'object' && given !== null && 'raw' in given
}

function shown(given: unknown): string {
  return (isRaw(given) ? given.raw : JSON.stringify(given)).slice(0, 60)
}
