import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { says } from '../harness/upstream.ts'
import { func, object, OPENING, OPENING_MESSAGES, replayed, runTurn, SHELL, type Item } from './codex.ts'
import { assistantCalls, bodyOf, calls, messagesOf, startStage, toolsOf } from './support.ts'

const stage = await startStage()
after(() => stage.close())

const PATCH = '*** Begin Patch\n*** Add File: a.txt\n+"quoted" \\ and ünïcode\n*** End Patch'

const PATCH_TOOL = {
  type: 'custom',
  name: 'apply_patch',
  description: 'Edits files.',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: begin_patch hunk+ end_patch' },
}

const SEARCH_TOOL = {
  type: 'tool_search',
  execution: 'client',
  description: 'Finds tools.',
  parameters: object({ query: { type: 'string' } }, ['query']),
}

const GPT_5 = { model: 'gpt-5.5', tools: [SHELL, PATCH_TOOL, SEARCH_TOOL] }

test('apply_patch is offered as a function of one string, called with the raw patch, answered with two texts', async () => {
  const wire = { id: 'call_3', name: 'apply_patch', arguments: { input: PATCH } }
  const seen = stage.script(calls(wire), says('Patched.'))
  const { items } = await runTurn(stage, { ...GPT_5, input: OPENING })
  assert.deepEqual(
    items.map(({ type, name, input, call_id }) => ({ type, name, input, call_id })),
    [{ type: 'custom_tool_call', name: 'apply_patch', input: PATCH, call_id: 'call_3' }],
  )
  const { description, parameters } = toolsOf(seen()[0])[1] ?? {}
  assert.match(String(description), /^Edits files\.\n\n.*grammar:\nstart: begin_patch hunk\+ end_patch$/s)
  assert.deepEqual((parameters as Item)['required'], ['input'])
  const output = {
    type: 'custom_tool_call_output',
    id: 'ctco_0199f1c2',
    call_id: 'call_3',
    output: [
      { type: 'input_text', text: 'Exit code: 0' },
      { type: 'input_text', text: 'Done!' },
    ],
  }
  await runTurn(stage, { ...GPT_5, input: [...OPENING, ...items.map(replayed), output] })
  assert.deepEqual(messagesOf(seen()[1]).slice(3), [
    assistantCalls(wire),
    {
      role: 'tool',
      tool_call_id: 'call_3',
      content: [
        { type: 'text', text: 'Exit code: 0' },
        { type: 'text', text: 'Done!' },
      ],
    },
  ])
})

test('tool_search is a call that Codex answers with tools, which are offered and called from then on', async () => {
  const found = { ...func('create_event'), defer_loading: true }
  const seen = stage.script(
    calls({ id: 'call_4', name: 'tool_search', arguments: { query: 'calendar' } }),
    calls({ id: 'call_5', name: 'calendar__create_event', arguments: {} }),
  )
  const first = await runTurn(stage, { ...GPT_5, input: OPENING })
  const [search] = first.items
  assert.deepEqual(
    [search?.['type'], search?.['call_id'], search?.['execution'], search?.['arguments']],
    ['tool_search_call', 'call_4', 'client', { query: 'calendar' }],
  )
  const output = {
    type: 'tool_search_output',
    id: 'tso_0199f1c2',
    call_id: 'call_4',
    status: 'completed',
    execution: 'client',
    tools: [{ type: 'namespace', name: 'calendar', description: 'Events.', tools: [found] }],
  }
  const second = await runTurn(stage, { ...GPT_5, input: [...OPENING, ...first.items.map(replayed), output] })
  assert.deepEqual(
    toolsOf(seen()[1]).map(({ name }) => name),
    ['exec_command', 'apply_patch', 'tool_search', 'calendar__create_event'],
  )
  assert.deepEqual(
    messagesOf(seen()[1])
      .slice(3)
      .map(({ role, tool_call_id }) => [role, tool_call_id]),
    [
      ['assistant', undefined],
      ['tool', 'call_4'],
    ],
  )
  assert.deepEqual([second.items[0]?.['name'], second.items[0]?.['namespace']], ['create_event', 'calendar'])
})

const ADDITIONAL = {
  type: 'additional_tools',
  id: 'at_0199f1c2',
  role: 'developer',
  tools: [
    {
      type: 'namespace',
      name: 'functions',
      description: 'Tools.',
      tools: [{ ...PATCH_TOOL, name: 'exec', description: 'Runs code.' }, func('wait')],
    },
  ],
}

const GPT_6 = {
  model: 'gpt-6-codex',
  parallel_tool_calls: false,
  reasoning: { effort: 'medium', summary: 'auto', context: 'all_turns' },
}

test('a model whose tools come as an additional_tools item is offered them and calls them', async () => {
  const wire = { id: 'call_6', name: 'functions__exec', arguments: { input: 'text("hi")' } }
  const seen = stage.script(calls(wire), says('Ran.'))
  const input = [ADDITIONAL, ...OPENING]
  const { items, completed } = await runTurn(stage, { ...GPT_6, input })
  assert.deepEqual(
    toolsOf(seen()[0]).map(({ name }) => name),
    ['functions__exec', 'functions__wait'],
  )
  assert.equal(bodyOf(seen()[0])['parallel_tool_calls'], false)
  assert.deepEqual(messagesOf(seen()[0]), OPENING_MESSAGES)
  assert.deepEqual(completed['tools'], [])
  assert.deepEqual(
    items.map(({ type, name, namespace, input: code }) => ({ type, name, namespace, code })),
    [{ type: 'custom_tool_call', name: 'exec', namespace: 'functions', code: 'text("hi")' }],
  )
  const output = { type: 'custom_tool_call_output', id: 'ctco_6', call_id: 'call_6', output: 'hi' }
  await runTurn(stage, { ...GPT_6, input: [...input, ...items.map(replayed), output] })
  assert.deepEqual(messagesOf(seen()[1]).slice(3), [
    assistantCalls(wire),
    { role: 'tool', tool_call_id: 'call_6', content: 'hi' },
  ])
})
