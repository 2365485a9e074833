import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import * as fc from 'fast-check'
import { exampleValue } from './example-value.ts'

/** Schemas, and the value that each gets, with `Paris` for a hint. */
const rows: readonly { schema: unknown; value: unknown }[] = [
  { schema: { type: 'string' }, value: 'Paris' },
  { schema: { type: 'string', maxLength: 3 }, value: 'Par' },
  { schema: { type: 'string', maxLength: 0 }, value: '' },
  { schema: { type: 'string', minLength: 7 }, value: 'Paris..' },
  { schema: { type: 'string', format: 'date' }, value: '2026-01-01' },
  { schema: { type: 'string', format: 'constructor' }, value: 'Paris' },
  { schema: { type: 'integer' }, value: 0 },
  { schema: { type: 'integer', minimum: 3 }, value: 3 },
  { schema: { type: 'integer', minimum: 2.5 }, value: 3 },
  { schema: { type: 'integer', exclusiveMinimum: 3 }, value: 4 },
  { schema: { type: 'integer', maximum: -3 }, value: -3 },
  { schema: { type: 'integer', maximum: -2.5 }, value: -3 },
  { schema: { type: 'integer', exclusiveMaximum: -3 }, value: -4 },
  { schema: { type: 'number', minimum: 2.5 }, value: 2.5 },
  { schema: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, value: 0.5 },
  { schema: { type: 'number', exclusiveMinimum: 0, maximum: 0.5 }, value: 0.25 },
  { schema: { type: 'boolean' }, value: true },
  { schema: { type: 'null' }, value: null },
  { schema: { type: ['string', 'null'] }, value: 'Paris' },
  { schema: { type: ['null', 'string'] }, value: null },
  { schema: { enum: ['b', 'a'] }, value: 'b' },
  { schema: { type: 'string', enum: ['b', 'a'] }, value: 'b' },
  { schema: { const: { a: 1 } }, value: { a: 1 } },
  { schema: { type: 'integer', default: 7 }, value: 7 },
  { schema: { anyOf: [{ type: 'integer' }, { type: 'string' }] }, value: 0 },
  { schema: { oneOf: [{ type: 'string' }, { type: 'integer' }] }, value: 'Paris' },
  { schema: { allOf: [{ type: 'boolean' }] }, value: true },
  { schema: { type: 'array', items: { type: 'integer' } }, value: [0] },
  { schema: { type: 'array', items: { type: 'integer' }, minItems: 3 }, value: [0, 0, 0] },
  { schema: { type: 'array', items: { type: 'integer' }, maxItems: 0 }, value: [] },
  { schema: { type: 'array' }, value: [null] },
  { schema: { type: 'object' }, value: {} },
  { schema: { properties: { b: { type: 'boolean' }, a: {} } }, value: { b: true, a: 'Paris' } },
  { schema: { $ref: '#/$defs/A', $defs: { A: { type: 'boolean' } } }, value: true },
  { schema: { $ref: '#/$defs/B', $defs: { A: { type: 'boolean' } } }, value: null },
  { schema: { $ref: '#/constructor' }, value: null },
  { schema: {}, value: 'Paris' },
  { schema: true, value: null },
  { schema: null, value: null },
  { schema: { type: 'fancy' }, value: 'Paris' },
]
for (const { schema, value } of rows) {
  test(`${JSON.stringify(schema)} gets ${JSON.stringify(value)}`, () => {
    assert.deepEqual(exampleValue(schema, 'Paris'), value)
  })
}

test('Lengths are counted in characters, as a validator counts them', () => {
  assert.equal(exampleValue({ type: 'string', maxLength: 2 }, '😀😀😀'), '😀😀')
  assert.equal(exampleValue({ type: 'string', minLength: 3 }, '😀😀'), '😀😀.')
})

test('A property that is called __proto__ is a property', () => {
  const schema: unknown = JSON.parse('{"properties":{"__proto__":{"type":"boolean"}}}')
  assert.equal(JSON.stringify(exampleValue(schema, '')), '{"__proto__":true}')
})

const node = { type: 'object', properties: { a: { $ref: '#' }, b: { $ref: '#' }, c: { $ref: '#' }, d: { $ref: '#' } } }
const greedy = [
  { what: 'refers to itself', schema: { $ref: '#' } },
  { what: 'refers to itself four times over', schema: node },
  { what: 'asks for lists of lists', schema: { type: 'array', minItems: 1e9, items: { $ref: '#' } } },
  { what: 'asks for a long list', schema: { type: 'array', minItems: 1e9, items: { type: 'string' } } },
  { what: 'asks for a long text', schema: { type: 'string', minLength: 1e9 } },
]
for (const { what, schema } of greedy) {
  test(`A schema that ${what} gets a value of a size that can be sent`, () => {
    assert.ok(JSON.stringify(exampleValue(schema, 'Paris')).length < 200_000)
  })
}

type Schema = Readonly<Record<string, unknown>>

const bounds = fc.tuple(fc.nat(5), fc.nat(5)).map(([least, more]) => [least, least + more] as const)

const text: fc.Arbitrary<Schema> = fc.oneof(
  fc.constant({ type: 'string' }),
  bounds.map(([minLength, maxLength]) => ({ type: 'string', minLength, maxLength })),
  fc
    .constantFrom('date', 'date-time', 'time', 'email', 'uri', 'uuid', 'ipv4')
    .map((format) => ({ type: 'string', format })),
)

const number: fc.Arbitrary<Schema> = fc
  .tuple(
    fc.constantFrom('integer', 'number'),
    fc.option(fc.integer({ min: -20, max: 20 }), { nil: undefined }),
    fc.option(fc.integer({ min: 2, max: 9 }), { nil: undefined }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([type, least, room, isOpenBelow, isOpenAbove]) => ({
    type,
    ...(least !== undefined && { [isOpenBelow ? 'exclusiveMinimum' : 'minimum']: least }),
    ...(room !== undefined && { [isOpenAbove ? 'exclusiveMaximum' : 'maximum']: (least ?? -9) + room }),
  }))

const { schema } = fc.letrec<{ schema: Schema; list: Schema; object: Schema; variants: Schema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4 },
    text,
    number,
    fc.constantFrom<Schema>(
      { type: 'boolean' },
      { type: 'null' },
      { type: ['integer', 'null'] },
      { $ref: '#/$defs/Color' },
    ),
    fc.uniqueArray(fc.string(), { minLength: 1 }).map((choices) => ({ enum: choices })),
    fc.jsonValue().map((value) => ({ const: value })),
    tie('list'),
    tie('object'),
    tie('variants'),
  ),
  list: fc
    .tuple(tie('schema'), bounds)
    .map(([items, [minItems, maxItems]]) => ({ type: 'array', items, minItems, maxItems })),
  object: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), tie('schema'), { maxKeys: 4 }).map((properties) => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  })),
  variants: fc
    .tuple(fc.constantFrom('anyOf', 'allOf'), tie('schema'))
    .map(([key, variant]) => ({ [key]: key === 'anyOf' ? [variant, { type: 'null' }] : [variant] })),
}))

test('The value of any schema of the usual words satisfies it, by a validator that is not ours', () => {
  const root = schema.map((inner) => ({
    properties: { value: inner },
    required: ['value'],
    $defs: { Color: { enum: ['red'] } },
  }))
  fc.assert(
    fc.property(root, fc.string({ unit: 'grapheme' }), (whole, hint) => {
      const ajv = new Ajv2020({ strict: false, validateFormats: false })
      const value = exampleValue(whole, hint)
      assert.ok(ajv.validate(whole, value), `${JSON.stringify(value)}: ${ajv.errorsText()}`)
      assert.deepEqual(exampleValue(structuredClone(whole), hint), value)
    }),
    { numRuns: 300 },
  )
})
