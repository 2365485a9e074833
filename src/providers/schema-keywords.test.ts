import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../protocol/json.ts'
import { isWithin } from './schema-keywords.ts'

const ENFORCED = new Set(['type', 'properties', 'required', 'items', 'prefixItems', 'anyOf', '$defs', '$ref', 'enum'])
const LONG = { type: 'string', minLength: 3 }

const rows: readonly { says: string; schema: JsonObject; within: boolean }[] = [
  { says: 'nothing', schema: {}, within: true },
  { says: 'notes', schema: { $schema: 'https://a.example', title: 'T', default: { minLength: 1 } }, within: true },
  { says: 'what is enforced', schema: { type: 'object', properties: { a: { enum: ['b'] } } }, within: true },
  { says: 'properties named as keywords', schema: { properties: { minLength: { type: 'string' } } }, within: true },
  { says: 'a keyword that is not', schema: LONG, within: false },
  { says: 'it of a property', schema: { properties: { a: LONG } }, within: false },
  { says: 'it of items', schema: { items: LONG }, within: false },
  { says: 'it in a tuple', schema: { prefixItems: [{ type: 'string' }, LONG] }, within: false },
  { says: 'it in one of several', schema: { anyOf: [{ type: 'null' }, LONG] }, within: false },
  { says: 'it in a definition', schema: { $ref: '#/$defs/a', $defs: { a: LONG } }, within: false },
  { says: 'schemas that are none', schema: { items: true, anyOf: null, properties: [] }, within: true },
]
for (const { says, schema, within } of rows) {
  test(`A schema that says ${says} is ${within ? '' : 'not '}within what is enforced`, () => {
    assert.equal(isWithin(schema, ENFORCED), within)
  })
}
