import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { readStream } from '../harness/server.ts'
import { chunk, says } from '../harness/upstream.ts'
import {
  message,
  object,
  OPENING,
  OPENING_MESSAGES,
  post,
  replayed,
  runTurn,
  UNKNOWN_MODEL,
  type Item,
} from './codex.ts'
import { assistantCalls, bodyOf, calls, messagesOf, speaks, startStage, toolsOf } from './support.ts'

const stage = await startStage()
after(() => stage.close())

test('an unknown model gets functions and a namespace; web search is left out with a warning', async () => {
  const seen = stage.script(calls({ id: 'call_1', name: 'exec_command', arguments: { cmd: 'ls' } }))
  const { items, warnings } = await runTurn(stage, { ...UNKNOWN_MODEL, input: OPENING })
  assert.match(warnings, /web_search was left out/)
  assert.deepEqual(
    items.map(({ type, call_id, name, arguments: given, namespace }) => ({ type, call_id, name, given, namespace })),
    [{ type: 'function_call', call_id: 'call_1', name: 'exec_command', given: '{"cmd":"ls"}', namespace: undefined }],
  )
  assert.deepEqual(messagesOf(seen()[0]), OPENING_MESSAGES)
  assert.deepEqual(
    toolsOf(seen()[0]).map(({ name }) => name),
    [
      'exec_command',
      'write_stdin',
      'view_image',
      'multi_agent_v1__spawn_agent',
      'multi_agent_v1__send_input',
      'multi_agent_v1__resume_agent',
      'multi_agent_v1__wait_agent',
      'multi_agent_v1__close_agent',
    ],
  )
  const { messages: _, tools: __, ...rest } = bodyOf(seen()[0])
  assert.deepEqual(rest, {
    model: 'scripted',
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning_effort: 'medium',
    stream: true,
    stream_options: { include_usage: true },
  })
})

test('a call and its output go back with ids of Codex, and the thread goes on', async () => {
  const seen = stage.script(
    calls({ id: 'call_1', name: 'exec_command', arguments: { cmd: 'ls' } }),
    says('There are two files.'),
  )
  const first = await runTurn(stage, { ...UNKNOWN_MODEL, input: OPENING })
  const output = { type: 'function_call_output', id: 'fco_0199f1c2', call_id: 'call_1', output: 'a.ts\nb.ts' }
  const second = await runTurn(stage, { ...UNKNOWN_MODEL, input: [...OPENING, ...first.items.map(replayed), output] })
  assert.deepEqual(
    second.items.map(({ type, role, content }) => ({ type, role, content })),
    [
      {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'There are two files.', annotations: [], logprobs: [] }],
      },
    ],
  )
  assert.deepEqual(messagesOf(seen()[1]), [
    ...OPENING_MESSAGES,
    assistantCalls({ id: 'call_1', name: 'exec_command', arguments: { cmd: 'ls' } }),
    { role: 'tool', tool_call_id: 'call_1', content: 'a.ts\nb.ts' },
  ])
})

test('a call into a namespace comes back with its name and namespace, and is replayed', async () => {
  const wire = { id: 'call_2', name: 'multi_agent_v1__spawn_agent', arguments: {} }
  const seen = stage.script(calls(wire), says('Spawned.'))
  const { items } = await runTurn(stage, { ...UNKNOWN_MODEL, input: OPENING })
  assert.deepEqual([items[0]?.['name'], items[0]?.['namespace']], ['spawn_agent', 'multi_agent_v1'])
  const output = { type: 'function_call_output', id: 'fco_2', call_id: 'call_2', output: 'agent 7' }
  await runTurn(stage, { ...UNKNOWN_MODEL, input: [...OPENING, ...items.map(replayed), output] })
  assert.deepEqual(messagesOf(seen()[1]).slice(3), [
    assistantCalls(wire),
    { role: 'tool', tool_call_id: 'call_2', content: 'agent 7' },
  ])
})

test('signed reasoning comes sealed before the call it led to, and its replay is what the provider sent', async () => {
  const details = [{ type: 'reasoning.text', index: 0, text: 'List first.', signature: 'sig-9', format: 'acme-v1' }]
  const wire = { id: 'call_7', name: 'exec_command', arguments: { cmd: 'ls' } }
  const call = { index: 0, id: wire.id, type: 'function', function: { name: wire.name, arguments: '{"cmd":"ls"}' } }
  const seen = stage.script(speaks([{ reasoning_details: details }, { tool_calls: [call] }]), says('Two files.'))
  const { items, completed } = await runTurn(stage, { ...UNKNOWN_MODEL, input: OPENING })
  assert.deepEqual(
    items.map(({ type }) => type),
    ['reasoning', 'function_call'],
  )
  assert.match(String(items[0]?.['encrypted_content']), /^ap1\./)
  const output = { type: 'function_call_output', id: 'fco_7', call_id: 'call_7', output: 'a.ts' }
  await runTurn(stage, { ...UNKNOWN_MODEL, input: [...OPENING, ...items.map(replayed), output] })
  assert.deepEqual(messagesOf(seen()[1]).slice(3), [
    { ...assistantCalls(wire), reasoning_details: details },
    { role: 'tool', tool_call_id: 'call_7', content: 'a.ts' },
  ])
  assert.equal((await stage.server.get(`/responses/${String(completed['id'])}`)).status, 404)
})

test('a compaction, with an empty list of tools, reaches the provider without tools, choice or parallelism', async () => {
  const seen = stage.script(says('A summary.'))
  const summary = message('user', '0199f1c2-0009', 'Summarise the conversation.')
  await runTurn(stage, { model: 'scripted', tools: [], parallel_tool_calls: false, input: [...OPENING, summary] })
  const fields = Object.keys(bodyOf(seen()[0]))
  assert.deepEqual(
    fields.filter((field) => field.includes('tool')),
    [],
  )
})

test('--output-schema is a strict json_schema format', async () => {
  const seen = stage.script(says('{"ok":true}'))
  const schema = object({ ok: { type: 'boolean' } }, ['ok'])
  const format = { type: 'json_schema', strict: true, schema, name: 'codex_output_schema' }
  const { completed } = await runTurn(stage, { ...UNKNOWN_MODEL, input: OPENING, text: { format } })
  assert.deepEqual(completed['text'], { format })
  assert.deepEqual(bodyOf(seen()[0])['response_format'], {
    type: 'json_schema',
    json_schema: { name: 'codex_output_schema', schema, strict: true },
  })
})

test('a turn that breaks off ends with error and response.failed, in the shapes that fail the turn', async () => {
  stage.script({ chunks: [chunk({ content: 'Half ' })] })
  const response = await post(stage, { ...UNKNOWN_MODEL, input: OPENING })
  const events = await readStream(response)
  const [error, failed] = events.slice(-2)
  const message_ = 'The model provider ended its answer before it was finished.'
  const detail = { type: 'server_error', code: 'upstream_invalid_response', message: message_, param: '' }
  const { sequence_number: _, ...sent } = error ?? {}
  assert.deepEqual(sent, { ...detail, type: 'error', error: detail })
  assert.equal(failed?.['type'], 'response.failed')
  const { status, error: reason } = failed['response'] as Item
  assert.equal(status, 'failed')
  assert.deepEqual(reason, { type: 'server_error', code: 'server_error', message: message_ })
})
