import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isJsonObject, parseJson } from './json.ts'

const values = [
  { value: {}, isObject: true },
  { value: { a: 1 }, isObject: true },
  { value: [], isObject: false },
  { value: null, isObject: false },
  { value: undefined, isObject: false },
  { value: 'text', isObject: false },
  { value: 1, isObject: false },
  { value: true, isObject: false },
]
for (const { value, isObject } of values) {
  test(`isJsonObject() is ${isObject} for ${JSON.stringify(value)}`, () => assert.equal(isJsonObject(value), isObject))
}

const texts = [
  { text: '{"a":[1,null]}', value: { a: [1, null] } },
  { text: ' "x" ', value: 'x' },
  { text: 'null', value: null },
  { text: '', value: undefined },
  { text: '{"a":1', value: undefined },
  { text: '{"a":1}}', value: undefined },
  { text: 'undefined', value: undefined },
]
for (const { text, value } of texts) {
  test(`parseJson() reads ${JSON.stringify(text)} as ${JSON.stringify(value)}`, () =>
    assert.deepEqual(parseJson(text), value))
}
