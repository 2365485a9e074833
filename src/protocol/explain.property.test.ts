import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Compile } from 'typebox/compile'
import { CreateRequest, INCLUDE_VALUES } from './create-request.ts'
import { explain } from './explain.ts'
import { FOREIGN_ITEM_TYPES } from './input-item.ts'
import { isJsonObject, type JsonValue } from './json.ts'

const validator = Compile(CreateRequest)

const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const name = fc.constantFrom('f', 'get.weather', '__proto__', 'n'.repeat(128))
const id = fc.constantFrom('id_1', '😀', 'i'.repeat(256))
const anyObject = fc.dictionary(text, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 })

/** An object of which every field but the required ones may be absent or null. */
function loose(required: Record<string, fc.Arbitrary<unknown>>, optional: Record<string, fc.Arbitrary<unknown>>) {
  const nullable = Object.entries(optional).map(([key, field]) => [key, fc.option(field)] as const)
  return fc.record({ ...required, ...Object.fromEntries(nullable) }, { requiredKeys: Object.keys(required) })
}

const type = (value: string) => fc.constant(value)
const one = (...values: readonly string[]) => fc.constantFrom(...values)

const userPart = fc.oneof(
  loose({ type: type('input_text'), text }, {}),
  loose(
    { type: type('input_image') },
    { image_url: text, file_id: text, detail: one('auto', 'low', 'high', 'original') },
  ),
  loose({ type: type('input_file') }, { file_data: text, file_url: text, filename: text, detail: one('auto', 'low') }),
)
const assistantPart = fc.oneof(
  loose({ type: type('output_text'), text }, { annotations: fc.array(anyObject), logprobs: fc.array(anyObject) }),
  loose({ type: type('refusal'), refusal: text }, {}),
)
const parts = (part: fc.Arbitrary<unknown>) => fc.oneof(text, fc.array(part, { minLength: 1, maxLength: 2 }))

const member = fc.oneof(
  loose({ type: type('function'), name }, { description: text, parameters: anyObject, strict: fc.boolean() }),
  loose({ type: type('custom'), name }, { description: text, format: anyObject }),
)
const tool = fc.oneof(
  member,
  loose({ type: type('namespace'), name, tools: fc.array(member, { maxLength: 2 }) }, { description: text }),
  loose(
    { type: type('tool_search') },
    { execution: one('server', 'client'), description: text, parameters: anyObject },
  ),
  loose({ type: one('web_search', 'web_search_2025_08_26') }, {}),
)

const status = one('in_progress', 'completed', 'incomplete')
const item = fc.oneof(
  loose({ role: one('user', 'system', 'developer'), content: parts(userPart) }, { id, status }),
  loose({ type: type('message'), role: type('assistant'), content: parts(assistantPart) }, { phase: text }),
  loose({ type: type('function_call'), call_id: id, name, arguments: text }, { namespace: text, id, status }),
  loose({ type: one('function_call_output', 'custom_tool_call_output'), call_id: id, output: parts(userPart) }, { id }),
  loose({ type: type('custom_tool_call'), call_id: id, name, input: text }, { namespace: text }),
  loose(
    { type: type('reasoning') },
    { summary: fc.constant([{ type: 'summary_text', text: '' }]), encrypted_content: text },
  ),
  loose({ type: type('item_reference'), id }, {}),
  loose({ type: type('tool_search_call') }, { call_id: id }),
  loose({ type: type('tool_search_output'), tools: fc.array(tool, { maxLength: 1 }) }, { call_id: id }),
  loose({ type: type('additional_tools'), tools: fc.array(tool, { maxLength: 1 }) }, { role: text }),
  loose({ type: one(...FOREIGN_ITEM_TYPES) }, { id }),
)

const schema = loose({ name: one('answer'), schema: anyObject }, { description: text, strict: fc.boolean() })
const format = fc.oneof(
  loose({ type: one('text', 'json_object') }, {}),
  schema.map((fields) => ({ type: 'json_schema', ...fields })),
  schema.map((fields) => ({ type: 'json_schema', json_schema: fields })),
)
const choice = fc.oneof(
  one('auto', 'none', 'required'),
  loose({ type: one('function', 'custom'), name }, {}),
  fc.constant({ type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] }),
)
const summary = one('none', 'auto', 'concise', 'detailed')

/** Requests as they come out of a parser. */
const request: fc.Arbitrary<JsonValue> = loose(
  { model: one('demo', 'openai/gpt-4o'), input: fc.oneof(text, fc.array(item, { maxLength: 3 })) },
  {
    instructions: text,
    max_output_tokens: fc.constantFrom(16, 1e9, 2 ** 53 - 1),
    temperature: fc.constantFrom(0, 0.5, 2),
    top_p: fc.constantFrom(0, 1),
    tools: fc.array(tool, { maxLength: 3 }),
    tool_choice: choice,
    stream: fc.boolean(),
    previous_response_id: text,
    reasoning: loose({}, { effort: one('none', 'max'), summary, generate_summary: summary }),
    text: loose({}, { format, verbosity: one('low', 'high') }),
    metadata: fc.dictionary(text, text, { maxKeys: 16 }),
    truncation: one('auto', 'disabled'),
    seed: fc.maxSafeInteger(),
    service_tier: one('auto', 'flex'),
    include: fc.array(one(...INCLUDE_VALUES), { maxLength: 2 }),
    top_logprobs: fc.constantFrom(0, 20),
    presence_penalty: fc.constantFrom(-2, 2),
    stream_options: loose({}, { include_obfuscation: fc.boolean() }),
    prompt: anyObject,
  },
).map((body) => JSON.parse(JSON.stringify(body)))

test('law: a valid request satisfies the schema, and explain() has nothing to say', () => {
  fc.assert(
    fc.property(request, (body) => {
      assert.equal(validator.Check(body), true)
      assert.equal(explain(CreateRequest, body), undefined)
    }),
    { numRuns: 300 },
  )
})

/** What a mutation puts in the place of a value. */
const replacement: fc.Arbitrary<JsonValue | undefined> = fc.oneof(
  fc.constantFrom<JsonValue | undefined>(
    undefined,
    null,
    '',
    'x',
    0,
    -1,
    15,
    1.5,
    21,
    2 ** 53,
    true,
    [],
    {},
    [[]],
    [null],
  ),
  fc.constantFrom<JsonValue>(
    'x'.repeat(513),
    '😀'.repeat(512),
    'message',
    'function',
    'assistant',
    { type: 'x' },
    { type: 'function' },
    { 'a\nb': 1 },
  ),
  // What fast-check makes here is JSON.
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>,
)

test('law: explain() has nothing to say exactly where the schema is satisfied, whatever was changed', () => {
  let refused = 0
  fc.assert(
    fc.property(request, fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), replacement, (body, path, value) => {
      const changed = replaceAt(body, path, value)
      const fault = explain(CreateRequest, changed)
      assert.equal(fault === undefined, validator.Check(changed), JSON.stringify(fault))
      if (fault === undefined) return
      refused++
      assert.ok(fault.param === '' || exists(changed, fault), `${fault.param} leads nowhere: ${fault.message}`)
    }),
    { numRuns: 3000 },
  )
  assert.ok(refused > 300, `only ${refused} of the changes were faults`)
})

/** Changes the value at a path of positions; the path ends where there is nothing below. Undefined removes. */
function replaceAt(at: JsonValue, path: readonly number[], value: JsonValue | undefined): unknown {
  const [step = 0, ...rest] = path
  const keys = typeof at === 'object' && at !== null ? Object.keys(at) : []
  const chosen = keys[step % keys.length]
  if (path.length === 0 || chosen === undefined) return value
  const entries = Object.entries(at ?? {}).map(([key, inner]) => [
    key,
    key === chosen ? replaceAt(inner, rest, value) : inner,
  ])
  if (Array.isArray(at)) return entries.map(([, inner]) => inner)
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined))
}

/** Whether a blamed path leads to a value, or names a field that its object lacks. */
function exists(body: unknown, { param, code }: { param: string; code: string }): boolean {
  if (param.startsWith('metadata.')) return true // Its keys may hold dots.
  const keys = param.match(/[^.[\]]+/g) ?? []
  const last = keys.pop() ?? ''
  const holder = keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    body,
  )
  if (code === 'missing_required_parameter') return isJsonObject(holder) && (holder[last] ?? null) === null
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, last)
}
