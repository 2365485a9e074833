import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tool, ToolChoice } from '../protocol/tool.ts'
import { apiFault } from './testing/api-fault.ts'
import { customArguments, loweredName, lowerChoice, lowerTools } from './tool-names.ts'

const weather: Tool = { type: 'function', name: 'get_weather', parameters: { type: 'object' }, strict: true }
const time: Tool = { type: 'function', name: 'get_time', description: 'Tells the time.' }
const patch: Tool = { type: 'custom', name: 'apply_patch', description: 'Edits files.' }
const files: Tool = { type: 'namespace', name: 'files', tools: [{ type: 'function', name: 'read' }, patch] }
const search: Tool = { type: 'tool_search', description: 'Finds tools.', parameters: { type: 'object' } }

const clashes: readonly { name: string; tools: readonly Tool[]; param: string }[] = [
  { name: 'two functions of one name', tools: [weather, weather], param: 'tools[1].name' },
  {
    name: 'a function and a custom tool of one name',
    tools: [{ ...weather, name: 'apply_patch' }, patch],
    param: 'tools[1].name',
  },
  {
    name: 'a dotted name and its flat twin',
    tools: [
      { ...time, name: 'a_b' },
      { ...time, name: 'a.b' },
    ],
    param: 'tools[1].name',
  },
  {
    name: 'a namespace member and its flat twin',
    tools: [time, files, { ...time, name: 'files__read' }],
    param: 'tools[2].name',
  },
  { name: 'two namespaces of one name', tools: [files, files], param: 'tools[1].name' },
  { name: 'two searches', tools: [search, search], param: 'tools[1].name' },
  {
    name: 'names that differ after 64 characters',
    tools: [
      { ...time, name: `${'n'.repeat(64)}1` },
      { ...time, name: `${'n'.repeat(64)}2` },
    ],
    param: 'tools[1].name',
  },
]
for (const { name, tools, param } of clashes) {
  test(`lowerTools() refuses ${name}`, () => {
    assert.throws(
      () => lowerTools(tools),
      apiFault('invalid_value', param, `${param} must be unique: another tool has the same name.`),
    )
  })
}

test('lowerTools() keeps functions as they are, and says undefined for what was not given', () => {
  const { tools, origins } = lowerTools([weather, time])
  assert.deepEqual(tools, [
    { name: 'get_weather', description: undefined, parameters: { type: 'object' }, strict: true },
    { name: 'get_time', description: 'Tells the time.', parameters: undefined, strict: undefined },
  ])
  assert.deepEqual(
    [...origins],
    [
      ['get_weather', { kind: 'function', name: 'get_weather' }],
      ['get_time', { kind: 'function', name: 'get_time' }],
    ],
  )
})

test('lowerTools() takes null for not given', () => {
  const { tools } = lowerTools([{ type: 'function', name: 'f', description: null, parameters: null, strict: null }])
  assert.deepEqual(tools, [{ name: 'f', description: undefined, parameters: undefined, strict: undefined }])
})

test('lowerTools() offers a custom tool as a function of one required string', () => {
  const { tools, origins } = lowerTools([patch])
  assert.deepEqual(tools, [
    {
      name: 'apply_patch',
      description: 'Edits files.',
      parameters: {
        type: 'object',
        properties: { input: { type: 'string', description: 'The whole input of the tool, as plain text.' } },
        required: ['input'],
        additionalProperties: false,
      },
      strict: undefined,
      origin: { kind: 'custom', name: 'apply_patch', description: 'Edits files.' },
    },
  ])
  assert.deepEqual([...origins], [['apply_patch', { kind: 'custom', name: 'apply_patch' }]])
})

const descriptions = [
  {
    name: 'description and grammar',
    tool: { description: 'Edits.', format: { type: 'grammar', definition: 'start: "a"' } },
    text: 'Edits.\n\nThe input must follow this grammar:\nstart: "a"',
  },
  {
    name: 'grammar alone',
    tool: { format: { type: 'grammar', definition: 'start: "a"' } },
    text: 'The input must follow this grammar:\nstart: "a"',
  },
  { name: 'a format without a grammar', tool: { description: 'Edits.', format: { type: 'text' } }, text: 'Edits.' },
  { name: 'neither', tool: { description: null, format: null }, text: '' },
]
for (const { name, tool, text } of descriptions) {
  test(`lowerTools() tells the model of a custom tool with ${name}`, () => {
    const { tools } = lowerTools([{ type: 'custom', name: 'p', ...tool }])
    assert.equal(tools[0]?.description, text)
  })
}

test('lowerTools() joins a namespace and its members to one name each', () => {
  const { tools, origins } = lowerTools([files])
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['files__read', 'files__apply_patch'],
  )
  assert.deepEqual(
    [...origins.values()],
    [
      { kind: 'function', name: 'read', namespace: 'files' },
      { kind: 'custom', name: 'apply_patch', namespace: 'files' },
    ],
  )
})

test('lowerTools() remembers what a tool was, for providers that know such tools', () => {
  const grammar = { type: 'grammar', syntax: 'lark', definition: 'start: "a"' }
  const { tools } = lowerTools([
    weather,
    {
      type: 'namespace',
      name: 'files',
      description: 'About files.',
      tools: [
        { type: 'function', name: 'read.all' },
        { type: 'custom', name: 'patch', format: grammar },
      ],
    },
  ])
  const namespace = { name: 'files', description: 'About files.' }
  assert.deepEqual(
    tools.map(({ origin }) => origin),
    [
      undefined,
      { kind: 'function', name: 'read.all', namespace },
      { kind: 'custom', name: 'patch', format: grammar, namespace },
    ],
  )
})

test('lowerTools() offers a tool search as a function of its own name', () => {
  const { tools, origins } = lowerTools([search])
  assert.deepEqual(tools, [
    {
      name: 'tool_search',
      description: 'Finds tools.',
      parameters: { type: 'object' },
      strict: undefined,
      origin: { kind: 'tool_search' },
    },
  ])
  assert.deepEqual([...origins], [['tool_search', { kind: 'tool_search', name: 'tool_search' }]])
})

test('lowerTools() offers no web search', () => {
  const { tools, origins } = lowerTools([{ type: 'web_search' }, { type: 'web_search_2025_08_26' }, time])
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['get_time'],
  )
  assert.equal(origins.size, 1)
})

const names = [
  { name: 'get_weather', namespace: undefined, lowered: 'get_weather' },
  { name: 'a.b.c', namespace: undefined, lowered: 'a_b_c' },
  { name: 'read', namespace: 'mcp.files', lowered: 'mcp_files__read' },
  { name: 'n'.repeat(64), namespace: undefined, lowered: 'n'.repeat(64) },
  { name: 'n'.repeat(65), namespace: undefined, lowered: 'n'.repeat(64) },
]
for (const { name, namespace, lowered } of names) {
  test(`loweredName() makes ${lowered.slice(0, 20)} of ${name.length} characters in namespace ${namespace}`, () => {
    assert.equal(loweredName(name, namespace), lowered)
  })
}

const all = lowerTools([weather, { ...time, name: 'get.time' }, files, search])
const offered = all.tools.map(({ name }) => name)

const refusedChoices: readonly { choice: ToolChoice; message: string }[] = [
  { choice: { type: 'function', name: 'absent' }, message: 'tool_choice must name a tool that the request offers.' },
  { choice: { type: 'custom', name: '' }, message: 'tool_choice must name a tool that the request offers.' },
  {
    choice: {
      type: 'allowed_tools',
      mode: 'auto',
      tools: [
        { type: 'function', name: 'get_weather' },
        { type: 'function', name: 'absent' },
      ],
    },
    message: 'tool_choice.tools[1] must name a tool that the request offers.',
  },
  {
    choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'mcp' }] },
    message: 'tool_choice.tools[0] must name a tool that the request offers.',
  },
]
for (const { choice, message } of refusedChoices) {
  test(`lowerChoice() refuses ${JSON.stringify(choice)}`, () => {
    assert.throws(() => lowerChoice(choice, all), apiFault('invalid_value', 'tool_choice', message))
  })
}

test('lowerChoice() refuses "required" where there is nothing to choose from', () => {
  assert.throws(
    () => lowerChoice('required', lowerTools([])),
    apiFault('invalid_value', 'tool_choice', 'tool_choice is required, but no tools are offered.'),
  )
})

const choices: readonly { choice: ToolChoice | undefined; lowered: unknown; left: readonly string[] }[] = [
  { choice: undefined, lowered: undefined, left: offered },
  { choice: 'auto', lowered: 'auto', left: offered },
  { choice: 'none', lowered: 'none', left: offered },
  { choice: 'required', lowered: 'required', left: offered },
  { choice: { type: 'function', name: 'get.time' }, lowered: { name: 'get_time' }, left: offered },
  { choice: { type: 'custom', name: 'apply_patch' }, lowered: { name: 'files__apply_patch' }, left: offered },
  {
    choice: {
      type: 'allowed_tools',
      mode: 'required',
      tools: [{ type: 'tool_search' }, { type: 'function', name: 'get.time' }],
    },
    lowered: 'required',
    left: ['get_time', 'tool_search'],
  },
  {
    choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'get_weather' }] },
    lowered: 'auto',
    left: ['get_weather'],
  },
]
for (const { choice, lowered, left } of choices) {
  test(`lowerChoice() lowers ${JSON.stringify(choice)}`, () => {
    const result = lowerChoice(choice, all)
    assert.deepEqual(result.choice, lowered)
    assert.deepEqual(
      result.tools.map(({ name }) => name),
      left,
    )
    assert.equal(result.allTools, left === offered ? undefined : all.tools)
  })
}

for (const choice of ['auto', 'none', undefined] as const) {
  test(`lowerChoice() says nothing of ${choice} to a provider that is offered no tools`, () => {
    assert.deepEqual(lowerChoice(choice, lowerTools([])), { choice: undefined, tools: [] })
  })
}

test('customArguments() is the JSON that a lowered custom call would have', () => {
  assert.equal(customArguments('*** "Begin"\n'), '{"input":"*** \\"Begin\\"\\n"}')
})
