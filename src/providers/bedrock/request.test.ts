import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HistoryItem, ModelCall } from '../../core/model-call.ts'
import { ApiError } from '../../protocol/error.ts'
import { assistant, functionCall, functionOutput, modelCall, user } from '../testing/model-call.ts'
import { buildConverseRequest } from './request.ts'

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const NOVA = 'amazon.nova-lite-v1:0'
const LLAMA = 'us.meta.llama4-maverick-17b-instruct-v1:0'
const WEATHER = { name: 'weather', description: undefined, parameters: undefined, strict: undefined }
const POINT = { cachePoint: { type: 'default' } }
const OF_PAST = [
  'the tools of earlier calls were offered again, marked as not available: the provider wants them beside the calls',
]

function build(fields: Partial<ModelCall>) {
  return buildConverseRequest(modelCall({ model: CLAUDE, ...fields }))
}

function messagesOf(...history: readonly HistoryItem[]) {
  return build({ history }).input.messages
}

const CALLED = [user('Hi'), functionCall('1', 'weather'), functionOutput('1', 'sunny')]

test('Names that no model has are refused before they are put into a path', () => {
  for (const model of ['', '.', '..', '../x', './x', 'a b', 'a?b', 'a#b', 'é', 'x'.repeat(3000)]) {
    assert.throws(
      () => build({ model }),
      (error) => error instanceof ApiError && error.status === 404 && error.code === 'model_not_found',
    )
  }
  for (const model of [CLAUDE, NOVA, 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2']) {
    assert.equal(build({ model }).input.modelId, model)
  }
})

test('Nobody speaks without a word: blank texts, empty results and thinking of others are no blocks', () => {
  const said = messagesOf(
    user(' '),
    { type: 'reasoning', text: 'Hm.', state: undefined },
    assistant('\n'),
    user('Hi'),
    functionCall('1', 'weather', ''),
    functionOutput('1', '  '),
    assistant('Done.'),
  )
  assert.deepEqual(said, [
    { role: 'user', content: [{ text: 'Hi' }] },
    { role: 'assistant', content: [{ toolUse: { toolUseId: '1', name: 'weather', input: {} } }] },
    {
      role: 'user',
      content: [{ toolResult: { toolUseId: '1', content: [{ text: '(The tool gave nothing back.)' }] } }],
    },
    { role: 'assistant', content: [{ text: 'Done.' }] },
  ])
})

test('Results come first in their message, and JSON in them stays the text that it was', () => {
  const json = '{"b": 1,  "a": [null]}'
  assert.deepEqual(messagesOf(user('Hi'), functionCall('1', 'f'), functionOutput('1', json), user('Go on.'))?.at(-1), {
    role: 'user',
    content: [{ toolResult: { toolUseId: '1', content: [{ text: json }] } }, { text: 'Go on.' }],
  })
})

test('A model that takes no words beside calls and results is given them in messages of their own', () => {
  const history = [user('Hi'), assistant('See:'), functionCall('1', 'f'), functionOutput('1', 'ok'), user('Go on.')]
  const { messages } = build({ model: LLAMA, history }).input
  assert.deepEqual(
    messages?.map(({ role, content }) => [role, ...(content ?? []).map((block) => Object.keys(block)[0])]),
    [
      ['user', 'text'],
      ['assistant', 'text'],
      ['user', 'text'],
      ['assistant', 'toolUse'],
      ['user', 'toolResult'],
      ['assistant', 'text'],
      ['user', 'text'],
    ],
  )
})

const file = (filename: string | undefined, type = 'application/pdf'): HistoryItem => ({
  type: 'message',
  role: 'user',
  parts: [{ type: 'input_file', file_data: `data:${type};base64,JVBERi0=`, ...(filename && { filename }) }],
})

test('Documents have names of allowed letters, and no two the same, in the whole thread', () => {
  const names = [
    'report.pdf',
    'Report.docx',
    'a_b  c.v2.pdf',
    'Übersicht (2).pdf',
    '…',
    undefined,
    `${'x'.repeat(300)}.pdf`,
  ]
  const history = names.flatMap((name) => [file(name), assistant('Yes.')])
  const { messages = [] } = build({ history }).input
  const given = messages.flatMap(({ content = [] }) => content.flatMap(({ document }) => document?.name ?? []))
  assert.deepEqual(given, [
    'report',
    'Report (2)',
    'a b c v2',
    'bersicht (2)',
    'document',
    'document (2)',
    'x'.repeat(200),
  ])
  for (const { role, content = [] } of messages) {
    if (role === 'user')
      assert.ok(
        content.some((block) => block.text),
        'a document has words beside it',
      )
  }
})

test('However documents are called, their names are allowed and used once', () => {
  const word = fc.constantFrom('a', 'A', 'a (2)', 'a (3)', 'A (2)', 'document', '', ' ', 'ä', 'a.pdf', 'x'.repeat(250))
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (names) => {
      const { messages = [] } = build({ history: names.map((name) => file(name)) }).input
      const given = messages.flatMap(({ content = [] }) => content.flatMap(({ document }) => document?.name ?? []))
      assert.equal(given.length, names.length)
      assert.equal(new Set(given.map((name) => name.toLowerCase())).size, names.length)
      for (const name of given) assert.match(name, /^(?!.* {2})[A-Za-z0-9 ()[\]-]{1,200}$/)
    }),
  )
})

const files = [
  { type: 'text/csv', block: 'csv' },
  { type: 'application/json', block: 'txt' },
  { type: 'text/x-python', block: 'txt' },
  { type: 'image/jpg', block: 'jpeg' },
  { type: 'application/zip', block: undefined },
  { type: 'image/tiff', block: undefined },
  { type: 'constructor', block: undefined },
]
for (const { type, block } of files) {
  test(`A file of the type ${type} is ${block ?? 'refused'}`, () => {
    if (block === undefined) {
      assert.throws(() => messagesOf(file('x', type)), { code: 'unsupported_input' })
    } else {
      const [first] = messagesOf(file('x', type))?.[0]?.content ?? []
      assert.equal(first?.document?.format ?? first?.image?.format, block)
    }
  })
}

test('Tools that must not be called are not offered, and those of the thread as what they are', () => {
  assert.equal(build({ tools: [WEATHER], toolChoice: 'none' }).input.toolConfig, undefined)
  for (const fields of [{ tools: [WEATHER], toolChoice: 'none' as const }, { tools: [] }]) {
    const { input, warnings } = build({ history: CALLED, ...fields })
    assert.deepEqual(input.toolConfig, {
      tools: [
        {
          toolSpec: {
            name: 'weather',
            description: 'Not available any more. Never call it.',
            inputSchema: { json: { type: 'object' } },
          },
        },
      ],
    })
    assert.deepEqual(warnings, OF_PAST)
  }
})

test('Cache points stand behind tools, system and the last message, as the model takes them', () => {
  const fields = { promptCacheKey: 'k', instructions: 'Be brief.', tools: [WEATHER] }
  const points = (model: string, history: readonly HistoryItem[]) => {
    const { input, warnings } = build({ ...fields, model, history })
    const has = (list: readonly object[] | undefined) => list?.some((block) => 'cachePoint' in block) === true
    return {
      tools: has(input.toolConfig?.tools),
      system: has(input.system),
      last: has(input.messages?.at(-1)?.content),
      warnings,
    }
  }
  assert.deepEqual(points(CLAUDE, CALLED), { tools: true, system: true, last: true, warnings: [] })
  assert.deepEqual(points(NOVA, [user('Hi')]), { tools: false, system: true, last: true, warnings: [] })
  assert.deepEqual(points(NOVA, CALLED), { tools: false, system: true, last: false, warnings: [] })
  assert.deepEqual(points(LLAMA, [user('Hi')]), {
    tools: false,
    system: false,
    last: false,
    warnings: ['prompt_cache_key was left out: the model has no cache points'],
  })
  assert.deepEqual(build({ promptCacheKey: 'k' }).input.messages, [{ role: 'user', content: [{ text: 'Hi' }, POINT] }])
})

test('The schema of a tool is an object at its top, without what Nova does not take', () => {
  const parameters = { $schema: 'x', title: 'T', properties: { a: { title: 'A' } }, additionalProperties: false }
  const schemaOf = (model: string) =>
    build({ model, tools: [{ ...WEATHER, parameters }] }).input.toolConfig?.tools?.[0]?.toolSpec
  assert.deepEqual(schemaOf(NOVA)?.inputSchema, { json: { type: 'object', properties: { a: { title: 'A' } } } })
  assert.deepEqual(schemaOf(LLAMA)?.inputSchema, { json: { type: 'object', ...parameters } })
})

test('One call at a time is a word for Claude alone, beside every choice', () => {
  const choose = (toolChoice: ModelCall['toolChoice'], model = CLAUDE) => {
    const { input, warnings } = build({ model, tools: [WEATHER], toolChoice, parallelToolCalls: false })
    return [input.toolConfig?.toolChoice, input.additionalModelRequestFields, warnings]
  }
  const one = { disable_parallel_tool_use: true }
  assert.deepEqual(choose('required'), [undefined, { tool_choice: { type: 'any', ...one } }, []])
  assert.deepEqual(choose({ name: 'weather' }), [
    undefined,
    { tool_choice: { type: 'tool', name: 'weather', ...one } },
    [],
  ])
  assert.deepEqual(choose('required', NOVA), [
    { any: {} },
    undefined,
    ['parallel_tool_calls was left out: the model does not take it'],
  ])
})

const steps = fc.oneof(
  fc.constantFrom('Hi', '', 'x').map((text) => [user(text)]),
  fc.constantFrom('Yes?', ' ').map((text) => [assistant(text)]),
  fc.constantFrom('1', 'a b', '1').map((id) => [functionCall(id, 'f'), functionOutput(id, 'ok')]),
  fc.constantFrom('a', 'b').map((name) => [file(name), assistant('Seen.')]),
)
const histories = fc.array(steps, { maxLength: 10 }).map((list) => list.flat())

test('Any thread becomes messages that speak by turns, and a longer one begins with the same blocks', () => {
  fc.assert(
    fc.property(histories, steps, (history, next) => {
      for (const model of [CLAUDE, LLAMA]) {
        const [short = [], long = []] = [history, [...history, ...next]].map(
          (items) => build({ model, history: items, tools: [WEATHER] }).input.messages,
        )
        for (const [index, { role, content = [] }] of long.entries()) {
          assert.equal(role, index % 2 === 0 ? 'user' : 'assistant')
          assert.ok(content.length > 0)
          for (const block of content) assert.notEqual(block.text?.trim(), '')
        }
        const isAnswered = history.at(-1)?.type === 'function_call_output' || short.at(-1)?.role === 'assistant'
        if (isAnswered) assertBegins(long, short)
      }
    }),
  )
})

type Messages = NonNullable<ReturnType<typeof messagesOf>>

/** The last message may go on; what was in it stays at its beginning. */
function assertBegins(long: Messages, short: Messages): void {
  assert.deepEqual(long.slice(0, short.length - 1), short.slice(0, -1))
  const [last, longer] = [short.at(-1)?.content ?? [], long[short.length - 1]?.content ?? []]
  assert.deepEqual(longer.slice(0, last.length), last)
}
