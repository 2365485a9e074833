import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startTestServer } from '../harness/server.ts'
import {
  assertAlive,
  invalid,
  lacking,
  testRefusals,
  tooLong,
  wrongType,
  wrongValue,
  type RefusedValues,
} from './refusal.ts'

const server = await startTestServer()
after(() => server.close())

const UNSUPPORTED = invalid('unsupported_tool', 'tools[0].type')

const fn = (rest: object) => ({ type: 'function', name: 'f', ...rest })
const named = (...names: readonly unknown[]) => names.map((name) => [{ type: 'function', name }])
const body = (rest: object) => ({ model: 'demo', input: '/say hi', ...rest })

const TOOLS: readonly RefusedValues[] = [
  [
    'B-67',
    ['web_search_preview', 'mcp', 'code_interpreter', 'file_search', 'image_generation'].map((kind) => [
      { type: kind },
    ]),
    UNSUPPORTED,
  ],
  [
    'B-67',
    ['web_search', 'web_search_2025_08_26', 'computer_use_preview', 'local_shell', 'shell', 'Function', ''].map(
      (kind) => [{ type: kind }],
    ),
    UNSUPPORTED,
  ],
  ['B-67', [[{ type: 5 }], [{ type: ['function'] }]], wrongType('tools[0].type')],
  ['B-67', [[{}], [{ type: null }], [{ name: 'f' }]], lacking('tools[0].type')],
  ['B-67', [[42], ['function'], [null], [[]]], wrongType('tools[0]')],
  ['B-67', [{}, 'x', 5], wrongType('tools')],
  ['B-67', [Array.from({ length: 129 }, (_, index) => fn({ name: `f${index}` }))], invalid('too_many_tools', 'tools')],
  ['B-68', [...named(undefined, null), [{ type: 'custom' }]], lacking('tools[0].name')],
  ['B-68', named('', 'a b', 'é', 'a\n', 'a\0', '名前', 'a/b', '{{7*7}}', 'a"b'), wrongValue('tools[0].name')],
  ['B-68', named('x'.repeat(129), 'x'.repeat(65_536)), tooLong('tools[0].name')],
  ['B-68', named(5, ['f'], {}), wrongType('tools[0].name')],
  [
    'B-68',
    [
      [fn({}), fn({})],
      [fn({}), { type: 'custom', name: 'f' }],
    ],
    wrongValue('tools[1].name'),
  ],
  ['B-68', [[fn({ name: 'a.b' }), fn({ name: 'a_b' })]], wrongValue('tools[1].name')],
  ['B-68', [[fn({ name: `${'x'.repeat(64)}1` }), fn({ name: `${'x'.repeat(64)}2` })]], wrongValue('tools[1].name')],
  ['B-69', ['x', 5, [], true].map((parameters) => [fn({ parameters })]), wrongType('tools[0].parameters')],
  ['B-69', [[fn({ strict: 'yes' })], [fn({ strict: 1 })]], wrongType('tools[0].strict')],
  ['B-69', [[fn({ description: 5 })]], wrongType('tools[0].description')],
  ['B-69', [[fn({ parameters: nested(60) })]], invalid('json_too_deep')],
]

testRefusals(server, TOOLS, (tools) => body({ tools }))

/** Schemas that break validators, evaluators and fetchers. Here they are data. */
const SCHEMAS: Readonly<Record<string, object>> = {
  'no type': { properties: { a: { type: 'string' } } },
  'a type that does not exist': { type: 'banana' },
  'a remote reference': { type: 'object', properties: { a: { $ref: `${server.url}/live` } } },
  'a reference to a file': { $ref: 'file:///etc/passwd' },
  'a reference to nothing': { $ref: '#/$defs/nothing' },
  'a reference to itself': { $ref: '#' },
  'a tree that refers to itself': { type: 'object', properties: branches({ $ref: '#' }) },
  'a list of itself': { type: 'array', minItems: 10, items: { $ref: '#' } },
  'a dynamic reference': { $dynamicRef: '#node', $dynamicAnchor: 'node' },
  '10,000 properties': {
    type: 'object',
    properties: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`p${i}`, {}])),
  },
  '45 levels': nested(45),
  'a text of a megabyte': { type: 'object', description: 'x'.repeat(1_048_576) },
  'a list of 10^10 items': { type: 'array', minItems: 1e10, items: {} },
  'lists of lists of lists': {
    type: 'array',
    minItems: 100,
    items: { type: 'array', minItems: 100, items: { type: 'array', minItems: 100 } },
  },
  'a text of 10^10 characters': { type: 'object', properties: { a: { type: 'string', minLength: 1e10 } } },
  'limits below zero': {
    type: 'object',
    properties: { a: { type: 'string', minLength: -1, maxLength: -2 }, b: { type: 'array', minItems: -3 } },
  },
  'limits of the wrong type': {
    type: 'object',
    properties: { a: { type: 'string', minLength: '9', maxLength: null }, b: { type: 'number', minimum: {} } },
  },
  'a pattern that never ends (B-70)': { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
  'a pattern that is none (B-70)': {
    type: 'object',
    properties: { a: { type: 'string', pattern: '(' } },
    patternProperties: { '[': {} },
  },
  'a pattern that looks behind (B-70)': { type: 'object', properties: { a: { type: 'string', pattern: '(?<=a)b' } } },
  'keys of Object': JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"object"},"toString":{}}}',
  ),
  'keywords of the wrong type': { type: 5, properties: [], enum: 'x', anyOf: {}, required: 7 },
  'empty choices': { enum: [], anyOf: [], oneOf: [] },
}

for (const [name, parameters] of Object.entries(SCHEMAS)) {
  test(`B-69: ${name}: taken as data, echoed as sent, and a call is answered within two seconds`, async () => {
    const begun = performance.now()
    const tools = [fn({ parameters })]
    const answer = await server.post('/responses', {
      model: 'demo',
      input: `${'a'.repeat(40)}!`,
      tools,
      tool_choice: 'required',
    })
    const format = { type: 'json_schema', name: 'x', schema: parameters }
    const formatted = await server.post('/responses', body({ input: 'x', text: { format } }))
    assert.deepEqual([answer.status, formatted.status], [200, 200])
    const { tools: echoed, output } = (await answer.json()) as {
      tools: { parameters: object }[]
      output: { type: string }[]
    }
    assert.deepEqual(echoed[0]?.parameters, parameters)
    assert.equal(output[0]?.type, 'function_call')
    assert.ok(performance.now() - begun < 2000)
  })
}

const ACCEPTED: Readonly<Record<string, readonly object[]>> = {
  '128 tools': Array.from({ length: 128 }, (_, index) => fn({ name: `f${index}` })),
  'names of 128 characters': [fn({ name: 'x'.repeat(128) })],
  'names of Object': ['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((name) => fn({ name })),
  'a name with dots': [fn({ name: 'a.b-c_d' })],
  'null in every optional field': [fn({ description: null, parameters: null, strict: null })],
}

for (const [name, tools] of Object.entries(ACCEPTED)) {
  test(`B-68: ${name}: accepted and echoed by name`, async () => {
    const answer = await server.post('/responses', body({ tools }))
    assert.equal(answer.status, 200)
    const echoed = (await answer.json()) as { tools: { name: string }[] }
    assert.deepEqual(
      echoed.tools.map((tool) => tool.name),
      tools.map((tool) => 'name' in tool && tool.name),
    )
  })
}

const schema = { type: 'object', properties: {} }
const json = (rest: object) => ({ type: 'json_schema', ...rest })

const FORMATS: readonly RefusedValues[] = [
  ['B-71', [{ type: 'xml' }, { type: '' }, { type: 'JSON_SCHEMA' }], wrongValue('text.format.type')],
  ['B-71', [{}, { name: 'x', schema }], lacking('text.format.type')],
  ['B-71', [5, 'text', []], wrongType('text.format')],
  ['B-71', [json({})], lacking('text.format.json_schema')],
  ['B-71', [json({ name: 'x' })], lacking('text.format.schema')],
  ['B-71', [json({ schema })], lacking('text.format.name')],
  ['B-71', [json({ json_schema: {} }), json({ json_schema: { schema } })], lacking('text.format.json_schema.name')],
  ['B-71', [json({ json_schema: { name: 'x' } })], lacking('text.format.json_schema.schema')],
  ['B-71', [json({ name: 'x', schema, strict: 'yes' })], wrongType('text.format.strict')],
  ['B-71', [json({ json_schema: { name: 'x', schema, strict: 'yes' } })], wrongType('text.format.json_schema.strict')],
  ['B-71', [json({ name: 'x', schema: 'x' }), json({ name: 'x', schema: [] })], wrongType('text.format.schema')],
  ['B-71', [json({ name: 'x y', schema }), json({ name: '', schema })], wrongValue('text.format.name')],
  ['B-71', [json({ name: 'x'.repeat(65), schema })], tooLong('text.format.name')],
]

testRefusals(server, FORMATS, (format) => body({ text: { format } }))

test('B-71: both shapes of json_schema are accepted and echoed flat', async () => {
  const shapes = [json({ name: 'x', schema, strict: true }), json({ json_schema: { name: 'x', schema, strict: true } })]
  for (const format of shapes) {
    const answer = await server.post('/responses', body({ text: { format } }))
    const echoed = (await answer.json()) as { text: { format: object } }
    assert.deepEqual(echoed.text.format, shapes[0])
  }
})

test('after all of these, the server answers', () => assertAlive(server))

function branches(schema: object): object {
  return Object.fromEntries([...'abcdefghij'].map((key) => [key, schema]))
}

function nested(depth: number): object {
  return depth === 0 ? {} : { type: 'object', properties: { a: nested(depth - 1) } }
}
