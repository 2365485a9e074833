import type { JsonObject, JsonValue } from '../../src/protocol/json.ts'
import type { Random } from './random.ts'

/** What requests may refer to. */
export interface Known {
  /** Responses of the caller that can be chained from. */
  readonly responses: readonly string[]
}

type Make = (random: Random) => JsonValue

const TEXTS = ['/say ok', 'hi', '', 'é😀\u0000', 'What is the weather?', '/refuse x', '/think x', '{{7*7}}', ' ']
const text: Make = (random) => random.pick(TEXTS)
const flag: Make = (random) => random.chance(0.5)
const oneOf =
  (...values: readonly JsonValue[]): Make =>
  (random) =>
    random.pick(values)

const PNG = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ'

const userPart: Make = (random) =>
  random.pick<Make>([
    (inner) => ({ type: 'input_text', text: text(inner) }),
    (inner) => ({
      type: 'input_image',
      image_url: inner.pick([PNG, 'https://x.example/y']),
      detail: inner.pick(['auto', 'low', null]),
    }),
    () => ({ type: 'input_file', filename: 'a.txt', file_data: 'eA==' }),
  ])(random)

const assistantPart: Make = (random) =>
  random.pick<Make>([
    (inner) => ({ type: 'output_text', text: text(inner), annotations: [] }),
    (inner) => ({ type: 'refusal', refusal: text(inner) }),
  ])(random)

const some = (random: Random, make: Make, most: number) =>
  Array.from({ length: 1 + random.below(most) }, () => make(random))

/** Items that belong together: a call comes with its output. */
const ITEMS: readonly ((random: Random, place: number) => readonly JsonObject[])[] = [
  (random) => [{ role: 'user', content: text(random) }],
  (random) => [
    { type: 'message', role: random.pick(['user', 'system', 'developer']), content: some(random, userPart, 3) },
  ],
  (random) => [
    { type: 'message', role: 'assistant', content: random.chance(0.5) ? text(random) : some(random, assistantPart, 2) },
  ],
  (random, place) => [
    {
      type: 'function_call',
      call_id: `c${place}`,
      name: 'get_weather',
      arguments: random.pick(['{}', '{"a":1}', 'x']),
    },
    {
      type: 'function_call_output',
      call_id: `c${place}`,
      output: random.chance(0.5) ? text(random) : some(random, userPart, 2),
    },
  ],
  (random, place) => [
    { type: 'custom_tool_call', call_id: `c${place}`, name: 'patch', input: text(random) },
    { type: 'custom_tool_call_output', call_id: `c${place}`, output: text(random) },
  ],
  (random) => [
    {
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: text(random) }],
      encrypted_content: random.pick(['x', null]),
    },
  ],
  (random) => [{ id: 'x_1', type: random.pick(['web_search_call', 'mcp_call', 'compaction']), status: 'completed' }],
]

const input: Make = (random) => {
  if (random.chance(0.4)) return random.pick(TEXTS.filter((candidate) => candidate !== ''))
  const items = Array.from({ length: 1 + random.below(4) }, (_, place) => random.pick(ITEMS)(random, place)).flat()
  return [...items, { role: 'user', content: '/say ok' }]
}

const schema: Make = oneOf(
  {},
  {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
    required: ['city'],
  },
  {
    type: 'object',
    properties: { list: { type: 'array', items: { $ref: '#/$defs/a' } } },
    $defs: { a: { enum: ['x', 1, null] } },
  },
  { type: 'object', properties: { again: { $ref: '#' } } },
)

const TOOLS: readonly Make[] = [
  (random) => ({
    type: 'function',
    name: 'get_weather',
    description: text(random),
    parameters: schema(random),
    strict: random.pick([true, false, null]),
  }),
  (random) => ({ type: 'function', name: 'other.tool-1', parameters: random.pick([null, {}]) }),
  (random) => ({ type: 'custom', name: 'patch', format: random.pick([null, { type: 'text' }]) }),
  () => ({ type: 'namespace', name: 'crm', tools: [{ type: 'function', name: 'find' }] }),
  () => ({ type: 'tool_search', execution: 'client' }),
]

/** Optional fields, each with values that are valid in any company. */
const FIELDS: Readonly<Record<string, Make>> = {
  instructions: text,
  max_output_tokens: oneOf(16, 17, 1000, null),
  temperature: oneOf(0, 0.5, 2, null),
  top_p: oneOf(0, 1, 0.1),
  tools: (random) => TOOLS.filter(() => random.chance(0.4)).map((make) => make(random)),
  tool_choice: oneOf('auto', 'none', null),
  parallel_tool_calls: flag,
  stream: flag,
  store: flag,
  reasoning: oneOf({}, null, { effort: 'low' }, { effort: 'none', summary: 'auto' }, { summary: 'none' }),
  text: (random) => ({
    format: random.pick<JsonValue>([
      { type: 'text' },
      { type: 'json_object' },
      { type: 'json_schema', name: 'a', schema: schema(random) },
      null,
    ]),
    verbosity: random.pick(['low', null]),
  }),
  metadata: oneOf({}, null, { a: 'b' }, { ключ: '😀', '': '' }),
  truncation: oneOf('auto', 'disabled', null),
  user: text,
  seed: oneOf(0, -1, 2 ** 53 - 1),
  background: oneOf(false, null),
  service_tier: oneOf('auto', 'default', 'flex', 'priority'),
  include: oneOf([], ['reasoning.encrypted_content'], ['message.output_text.logprobs']),
  max_tool_calls: oneOf(1, null),
  top_logprobs: oneOf(0, 20),
  presence_penalty: oneOf(-2, 0, 2),
  frequency_penalty: oneOf(-2, 0, 2),
  safety_identifier: oneOf('a', 'x'.repeat(128)),
  prompt_cache_key: oneOf('a', ''),
  stream_options: oneOf({}, null, { include_obfuscation: true }),
  conversation: oneOf(null),
  prompt: oneOf(null),
  unknown: oneOf(1, null, { a: [] }),
}

/** A body for POST /responses that the server must accept. */
export function createRequest(random: Random, known: Known): JsonObject {
  const optional = Object.entries(FIELDS).filter(() => random.chance(0.2))
  const fields = Object.fromEntries(optional.map(([field, make]) => [field, make(random)]))
  const parent = random.chance(0.1) ? { previous_response_id: random.pick(known.responses) } : {}
  const background = random.chance(0.03) ? { background: true, stream: false, store: true } : {}
  return {
    model: random.pick(['demo', 'demo', 'demo/x', 'named']),
    input: input(random),
    ...fields,
    ...parent,
    ...background,
  }
}
