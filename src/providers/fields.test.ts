import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../protocol/error.ts'
import { createCallFilter, drop, FIELD_NAMES, keep, map, reject, type CallField, type FieldTable } from './fields.ts'
import { TAKES_ALL } from './testing/content.ts'
import { modelCall, user } from './testing/model-call.ts'

/** A provider that takes everything but this. */
function lacking(fields: Partial<FieldTable>): FieldTable {
  const all = (Object.entries(FIELD_NAMES) as [CallField, string][]).map(([field, name]) => [field, map(name)])
  return { ...(Object.fromEntries(all) as FieldTable), ...fields }
}

test('A field that is dropped is told of, one that is kept is not, and neither is sent', () => {
  const filter = createCallFilter(
    lacking({ seed: drop(), metadata: keep('ours'), tools: drop('it has none') }),
    TAKES_ALL,
  )
  const tool = { name: 'f', description: undefined, parameters: undefined, strict: undefined }
  const { call, warnings } = filter(modelCall({ seed: 1, temperature: 2, metadata: { a: 'b' }, tools: [tool] }))
  assert.deepEqual(warnings, ['tools was left out: it has none', 'seed was left out: the provider does not take it'])
  assert.deepEqual([call.seed, call.metadata, call.tools, call.temperature], [undefined, undefined, [], 2])
})

const defaults = [
  { field: 'parallelToolCalls', name: 'parallel_tool_calls', value: true, other: false },
  { field: 'presencePenalty', name: 'presence_penalty', value: 0, other: 0.1 },
  { field: 'frequencyPenalty', name: 'frequency_penalty', value: 0, other: -0.1 },
  { field: 'verbosity', name: 'text.verbosity', value: 'medium', other: 'low' },
  { field: 'serviceTier', name: 'service_tier', value: 'auto', other: 'default' },
] as const
for (const { field, name, value, other } of defaults) {
  test(`${name} is left out without a word where it asks for nothing: ${value}`, () => {
    const filter = createCallFilter(lacking({ [field]: drop() }), TAKES_ALL)
    const tools = [{ name: 'f', description: undefined, parameters: undefined, strict: undefined }]
    const { call, warnings } = filter(modelCall({ tools, [field]: value }))
    assert.deepEqual([call[field], warnings], [undefined, []])
    const asked = filter(modelCall({ tools, [field]: other }))
    assert.deepEqual(asked.warnings, [`${name} was left out: the provider does not take it`])
  })
}

test('A field that is refused names itself, and only where it was given', () => {
  const filter = createCallFilter(lacking({ format: reject('the model writes prose') }), TAKES_ALL)
  assert.deepEqual(filter(modelCall()).warnings, [])
  assert.throws(
    () => filter(modelCall({ format: { type: 'json_object' } })),
    (error) =>
      error instanceof ApiError && error.param === 'text.format' && /the model writes prose/.test(error.message),
  )
})

test('Where no tools are offered, nobody misses their settings', () => {
  const filter = createCallFilter(lacking({ parallelToolCalls: drop() }), TAKES_ALL)
  assert.deepEqual(filter(modelCall({ parallelToolCalls: false })).warnings, [])
})

test('A grammar that only stands in a description is told of, unless the provider knows such tools', () => {
  const origin = {
    kind: 'custom',
    name: 'apply_patch',
    format: { type: 'grammar', definition: 'start: /.+/' },
  } as const
  const free = { kind: 'custom', name: 'note', format: { type: 'text' } } as const
  const lowered = { description: undefined, parameters: undefined, strict: undefined }
  const call = modelCall({ tools: [origin, free].map((one) => ({ ...lowered, name: one.name, origin: one })) })
  assert.deepEqual(createCallFilter(lacking({}), TAKES_ALL)(call).warnings, [
    'the grammar of apply_patch was put into words: the provider does not enforce it',
  ])
  assert.deepEqual(createCallFilter(lacking({}), TAKES_ALL, 'own tools')(call).warnings, [])
})

test('Content that a provider lacks is refused, a detail that it lacks is told of', () => {
  const image = { type: 'input_image', image_url: 'https://a.example/cat.png', detail: 'low' } as const
  const history = [user('Hi'), { type: 'message', role: 'user', parts: [image] } as const]
  const refuses = (content: Partial<typeof TAKES_ALL>) => () =>
    createCallFilter(lacking({}), { ...TAKES_ALL, ...content })(modelCall({ history }))
  assert.throws(refuses({ imageUrl: 'fetch' }), /takes no URLs of images/)
  assert.throws(refuses({ imageData: 'reject' }), /takes no images/)
  assert.deepEqual(refuses({ imageDetail: 'drop' })().warnings, [
    'the detail of images was left out: the provider does not take it',
  ])
})
