import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { AnyObject, nullable, optional, tagged } from './optional.ts'

function check(schema: TSchema, value: unknown): boolean {
  return Compile(schema).Check(value)
}

const shape = Type.Object({ maybe: optional(Type.Integer()), always: nullable(Type.Integer()) })

const values = [
  { value: { always: 1 }, fits: true },
  { value: { always: null }, fits: true },
  { value: { maybe: 2, always: 1 }, fits: true },
  { value: { maybe: null, always: 1 }, fits: true },
  { value: {}, fits: false },
  { value: { maybe: 1 }, fits: false },
  { value: { maybe: 'x', always: 1 }, fits: false },
  { value: { always: 'x' }, fits: false },
]
for (const { value, fits } of values) {
  test(`optional() may be absent or null, nullable() must be there: ${JSON.stringify(value)}`, () => {
    assert.equal(check(shape, value), fits)
  })
}

const circle = Type.Object({ type: Type.Literal('circle'), radius: Type.Number() })
const square = Type.Object({ type: Type.Literal('square'), side: Type.Number() })

test('tagged() is a union that names its tag and the code for an unknown one', () => {
  const schema: object = tagged([circle, square], { $id: 'Shape', unknownCode: 'unknown_shape' })
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), {
    anyOf: [circle, square].map((variant) => JSON.parse(JSON.stringify(variant))),
    $id: 'Shape',
    discriminator: { propertyName: 'type' },
    'x-unknown-code': 'unknown_shape',
  })
})

test('tagged() may be told apart by another field, and have a variant that is meant without it', () => {
  const schema: object = tagged([circle], { unknownCode: 'odd', propertyName: 'kind', fallback: 'circle' })
  assert.deepEqual(Reflect.get(schema, 'discriminator'), { propertyName: 'kind' })
  assert.equal(Reflect.get(schema, 'x-fallback'), 'circle')
})

const shapes = [
  { value: { type: 'circle', radius: 1 }, fits: true },
  { value: { type: 'square', side: 1 }, fits: true },
  { value: { type: 'circle', side: 1 }, fits: false },
  { value: { type: 'line' }, fits: false },
]
for (const { value, fits } of shapes) {
  test(`tagged() ${fits ? 'accepts' : 'refuses'} ${JSON.stringify(value)}`, () => {
    assert.equal(check(tagged([circle, square], { unknownCode: 'unknown_shape' }), value), fits)
  })
}

for (const { value, fits } of [
  { value: {}, fits: true },
  { value: { any: [1, null] }, fits: true },
  { value: [], fits: false },
  { value: null, fits: false },
  { value: 'x', fits: false },
]) {
  test(`AnyObject ${fits ? 'accepts' : 'refuses'} ${JSON.stringify(value)}`, () =>
    assert.equal(check(AnyObject, value), fits))
}
