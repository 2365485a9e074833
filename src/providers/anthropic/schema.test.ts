import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../protocol/json.ts'
import { enforce } from './schema.ts'

const closed = (properties: JsonObject, rest: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties,
  ...rest,
  additionalProperties: false,
})

const rows: readonly { readonly says: string; readonly schema: JsonObject; readonly sent: JsonObject }[] = [
  { says: 'An open object is closed', schema: { type: 'object', properties: {} }, sent: closed({}) },
  {
    says: 'An object that says it is open is closed too',
    schema: { type: ['object', 'null'], properties: {}, additionalProperties: true },
    sent: { type: ['object', 'null'], properties: {}, additionalProperties: false },
  },
  {
    says: 'A map is left as it is',
    schema: { type: 'object', additionalProperties: { type: 'string' } },
    sent: { type: 'object', additionalProperties: { type: 'string' } },
  },
  {
    says: 'Constraints of values are told in words',
    schema: { type: 'integer', minimum: 1, maximum: 5, description: 'Stars.' },
    sent: { type: 'integer', description: 'Stars.\nMust have: minimum 1, maximum 5.' },
  },
  {
    says: 'A description is made where there was none',
    schema: { type: 'string', maxLength: 3, pattern: '^a' },
    sent: { type: 'string', pattern: '^a', description: 'Must have: maxLength 3.' },
  },
  {
    says: 'Known formats and small minimums stay',
    schema: { type: 'array', minItems: 1, items: { type: 'string', format: 'uuid' } },
    sent: { type: 'array', minItems: 1, items: { type: 'string', format: 'uuid' } },
  },
  {
    says: 'Others do not',
    schema: { type: 'array', minItems: 2, items: { type: 'string', format: 'iban' } },
    sent: {
      type: 'array',
      items: { type: 'string', description: 'Must have: format "iban".' },
      description: 'Must have: minItems 2.',
    },
  },
  {
    says: 'Alternatives and definitions are reached',
    schema: { $defs: { a: { type: 'object' } }, oneOf: [{ $ref: '#/$defs/a' }, { type: 'string', minLength: 1 }] },
    sent: {
      $defs: { a: { type: 'object', additionalProperties: false } },
      anyOf: [{ $ref: '#/$defs/a' }, { type: 'string', description: 'Must have: minLength 1.' }],
    },
  },
  {
    says: 'Names of properties and values are no keywords',
    schema: closed({ minimum: { type: 'integer' } }, { required: ['minimum'], default: { maximum: 1 } }),
    sent: closed({ minimum: { type: 'integer' } }, { required: ['minimum'], default: { maximum: 1 } }),
  },
]
for (const { says, schema, sent } of rows) {
  test(`${says}: ${JSON.stringify(schema)}`, () => assert.deepEqual(enforce(schema).schema, sent))
}

test('What is left out is named, and what there may be a number of is counted', () => {
  const { left, optional, unions } = enforce({
    type: 'object',
    properties: {
      a: { type: ['string', 'null'] },
      b: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'null' }] },
      c: { type: 'object', properties: { d: { type: 'string', minLength: 1 } } },
    },
    required: ['a'],
  })
  assert.deepEqual([[...left].toSorted(), optional, unions], [['minLength', 'minimum'], 3, 2])
})

test('Whatever stands in the place of a schema, nothing is thrown, and the schema itself is not changed', () => {
  const keywords = ['type', 'properties', 'items', 'anyOf', 'required', 'minimum', 'description', '$defs', 'format']
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<JsonValue>(null, 'object', 5, true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keywords, 'constructor'), tie('value')),
    ),
  }))
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keywords), value), (schema) => {
      const before = JSON.stringify(schema)
      enforce(schema)
      assert.equal(JSON.stringify(schema), before)
    }),
  )
})
