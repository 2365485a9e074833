import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lowerChoice, lowerTools } from '../../core/tool-names.ts'
import type { JsonObject } from '../../protocol/json.ts'
import type { Tool, ToolChoice } from '../../protocol/tool.ts'
import { bodyIn } from './testing/request.ts'

const GRAMMAR = { type: 'grammar', syntax: 'lark', definition: 'start: "a"' }
const TOOLS: readonly Tool[] = [
  { type: 'function', name: 'get.time', strict: true },
  { type: 'custom', name: 'apply_patch', description: 'Edits.', format: GRAMMAR },
  {
    type: 'namespace',
    name: 'files',
    description: 'About files.',
    tools: [
      { type: 'function', name: 'read.all' },
      { type: 'custom', name: 'edit' },
    ],
  },
  { type: 'tool_search', description: 'Finds tools.', parameters: { type: 'object' } },
]
const NONE = { type: 'object', properties: {} }

const TIME = { type: 'function', name: 'get_time', parameters: NONE, strict: true }
const PATCH = { type: 'custom', name: 'apply_patch', description: 'Edits.', format: GRAMMAR }
const OWN = [
  TIME,
  PATCH,
  {
    type: 'namespace',
    name: 'files',
    description: 'About files.',
    tools: [
      { type: 'function', name: 'read_all', parameters: NONE },
      { type: 'custom', name: 'edit' },
    ],
  },
  { type: 'tool_search', execution: 'client', description: 'Finds tools.', parameters: { type: 'object' } },
]

/** What becomes of tools and a choice among them. */
function toolsIn(dialect: 'openai' | 'azure' | 'generic', tools: readonly Tool[], choice?: ToolChoice): JsonObject {
  const lowered = lowerTools(tools)
  const { choice: toolChoice, tools: offered, allTools } = lowerChoice(choice, lowered)
  const body = bodyIn(dialect, { tools: offered, toolChoice, allTools })
  const { tools: sent = null, tool_choice: chosen = null } = body
  return { tools: sent, tool_choice: chosen }
}

for (const dialect of ['openai', 'azure'] as const) {
  test(`${dialect} is offered tools as they are: grammars, namespaces and searches`, () => {
    assert.deepEqual(toolsIn(dialect, TOOLS).tools, OWN)
  })
}

test('others are offered functions, whose names are flat', () => {
  const { tools } = toolsIn('generic', TOOLS)
  assert.deepEqual(
    (tools as JsonObject[]).map(({ type, name }) => [type, name]), // A list of objects.
    ['get_time', 'apply_patch', 'files__read_all', 'files__edit', 'tool_search'].map((name) => ['function', name]),
  )
})

const allow = (...tools: { type: string; name?: string }[]): ToolChoice => ({
  type: 'allowed_tools',
  mode: 'auto',
  tools,
})

const choices: readonly { choice: ToolChoice; sent: JsonObject; says: string }[] = [
  { choice: 'none', sent: { tools: OWN, tool_choice: 'none' }, says: 'a word' },
  {
    choice: { type: 'function', name: 'get.time' },
    sent: { tools: OWN, tool_choice: { type: 'function', name: 'get_time' } },
    says: 'a function',
  },
  {
    choice: { type: 'custom', name: 'apply_patch' },
    sent: { tools: OWN, tool_choice: { type: 'custom', name: 'apply_patch' } },
    says: 'a custom tool',
  },
  {
    choice: allow({ type: 'custom', name: 'apply_patch' }, { type: 'function', name: 'get.time' }),
    sent: {
      tools: OWN,
      tool_choice: {
        type: 'allowed_tools',
        mode: 'auto',
        tools: [
          { type: 'function', name: 'get_time' },
          { type: 'custom', name: 'apply_patch' },
        ],
      },
    },
    says: 'some tools: all are offered, so that what is cached holds',
  },
  {
    choice: allow({ type: 'function', name: 'read.all' }),
    sent: {
      tools: [
        {
          type: 'namespace',
          name: 'files',
          description: 'About files.',
          tools: [{ type: 'function', name: 'read_all', parameters: NONE }],
        },
      ],
      tool_choice: 'auto',
    },
    says: 'some tools of a namespace: no others are offered',
  },
]
for (const { choice, sent, says } of choices) {
  test(`the choice of ${says}`, () => assert.deepEqual(toolsIn('openai', TOOLS, choice), sent))
}

test('where a choice allows some tools, others are not offered at all to providers that may not keep to it', () => {
  const { tools, tool_choice: choice } = toolsIn('generic', TOOLS, allow({ type: 'function', name: 'get.time' }))
  assert.deepEqual([tools, choice], [[TIME], 'auto'])
})

test('nothing is said of a choice or of parallel calls where there are no tools', () => {
  const body = bodyIn('openai', { toolChoice: 'auto', parallelToolCalls: false })
  assert.deepEqual(
    ['tools', 'tool_choice', 'parallel_tool_calls'].filter((field) => field in body),
    [],
  )
})
