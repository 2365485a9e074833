import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreateRequest } from './create-request.ts'
import { ErrorBody } from './error.ts'
import { ResponseEvent } from './event.ts'
import { IDEMPOTENCY_KEY_PATTERN } from './idempotency-key.ts'
import { isJsonObject } from './json.ts'
import { DeletedResponse, ItemList, Model, ModelList } from './listing.ts'
import { buildOpenApi } from './openapi.ts'
import { Response } from './response.ts'

const api = buildOpenApi('1.2.3')
const schemas = api.components.schemas

/** Every object inside a value, the value first. */
function* objectsIn(value: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (isJsonObject(value)) yield value
  if (typeof value !== 'object' || value === null) return
  for (const inner of Object.values(value)) yield* objectsIn(inner)
}

const roots = [CreateRequest, Response, ResponseEvent, ErrorBody, DeletedResponse, ItemList, Model, ModelList]

test('every $ref leads to a schema', () => {
  const refs = [...objectsIn(api)].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []))
  const broken = refs.filter((ref) => !(ref.replace('#/components/schemas/', '') in schemas))
  assert.ok(refs.length > 50, `only ${refs.length} references`)
  assert.deepEqual(broken, [])
})

test('every schema that is listed is referred to', () => {
  const refs = new Set([...objectsIn(api)].map(({ $ref }) => $ref))
  assert.deepEqual(
    Object.keys(schemas).filter((name) => !refs.has(`#/components/schemas/${name}`)),
    [],
  )
})

test('every named schema stands in the list, and a name stands for one schema only', () => {
  const shapes = new Map<string, string>()
  for (const { $id, ...body } of objectsIn(JSON.parse(JSON.stringify(roots)))) {
    if (typeof $id !== 'string') continue
    assert.ok($id in schemas, `${$id} is missing`)
    assert.equal(JSON.stringify(body), shapes.get($id) ?? JSON.stringify(body), `${$id} names two schemas`)
    shapes.set($id, JSON.stringify(body))
  }
  assert.deepEqual([...shapes.keys()].toSorted(), Object.keys(schemas).toSorted())
})

test('no schema keeps its name inside, and no definition is left empty', () => {
  for (const { $id } of objectsIn(schemas)) assert.equal($id, undefined)
  for (const [name, schema] of Object.entries(schemas)) assert.ok(Object.keys(Object(schema)).length > 0, name)
})

test('every reference and its list give back the very schema that requests are checked against', () => {
  const { post } = api.paths['/responses'] ?? {}
  const bodySchema: unknown = Reflect.get(
    Object(Reflect.get(Object(post?.['requestBody']), 'content')),
    'application/json',
  )
  const original: unknown = JSON.parse(JSON.stringify(CreateRequest))
  assert.deepEqual(resolve(Reflect.get(Object(bodySchema), 'schema')), withoutNames(original))
})

function resolve(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolve)
  if (!isJsonObject(value)) return value
  const { $ref } = value
  if (typeof $ref === 'string') return resolve(schemas[$ref.replace('#/components/schemas/', '')])
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]))
}

function withoutNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNames)
  if (!isJsonObject(value)) return value
  const kept = Object.entries(value).filter(([key, inner]) => key !== '$id' || typeof inner !== 'string')
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutNames(inner)]))
}

test('the version is the one given, the format is OpenAPI 3.1', () => {
  assert.equal(api.info.version, '1.2.3')
  assert.equal(api.openapi, '3.1.0')
})

const operations = [
  'GET /responses',
  'POST /responses',
  'GET /responses/{response_id}',
  'DELETE /responses/{response_id}',
  'POST /responses/{response_id}/cancel',
  'GET /responses/{response_id}/input_items',
  'GET /models',
  'GET /models/{model}',
  'POST /chat/completions',
]

test('every operation of the API is described', () => {
  const described = new Set(
    Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    ),
  )
  assert.deepEqual(
    operations.filter((operation) => !described.has(operation)),
    [],
  )
})

for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    test(`${method.toUpperCase()} ${path} describes its errors and each parameter of its path`, () => {
      const responses = Object(operation['responses'])
      assert.deepEqual(Reflect.get(responses, 'default'), {
        description: 'What went wrong',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
      })
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const parameters = [...objectsIn(operation['parameters'])].filter((parameter) => parameter['in'] === 'path')
      assert.deepEqual(
        parameters.map(({ name }) => name),
        inPath,
      )
    })
  }
}

test('the headers that a request may bear are described, with their form', () => {
  const headersOf = (path: string, method: string) =>
    [...objectsIn(api.paths[path]?.[method]?.['parameters'])]
      .filter((parameter) => parameter['in'] === 'header')
      .map(({ name, schema }) => [name, schema])
  assert.deepEqual(headersOf('/responses', 'post'), [
    ['Idempotency-Key', { type: 'string', pattern: IDEMPOTENCY_KEY_PATTERN }],
  ])
  assert.deepEqual(headersOf('/responses/{response_id}', 'get'), [['Last-Event-ID', { type: 'integer', minimum: 0 }]])
})

test('what says "not now" has its Retry-After, and a key that names another request its 422', () => {
  const responses = Object(api.paths['/responses']?.['post']?.['responses'])
  assert.deepEqual(Object.keys(responses), ['200', '202', '422', '503', 'default'])
  assert.deepEqual(Object.keys(responses['503'].headers), ['Retry-After'])
})
