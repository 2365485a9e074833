import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { completed, frame, message, numbered, reasoning } from '../../src/providers/openai-responses/testing/events.ts'
import type { JsonObject } from '../../src/protocol/json.ts'
import { startTestServer } from '../harness/server.ts'
import { startUpstream, type Answer } from '../harness/upstream.ts'
import { func, object, OPENING, replayed, runTurn, SHELL } from './codex.ts'

const upstream = await startUpstream()
const server = await startTestServer({
  store: 'sqlite',
  providers: { upstream: { kind: 'openai-responses', base_url: upstream.baseUrl, api_key: 'key-of-the-provider' } },
  settings: { default_provider: 'upstream' },
})
after(async () => {
  await upstream.close()
  await server.close()
})

const USAGE = { input_tokens: 5, output_tokens: 3, total_tokens: 8 }

/** What the provider says: items at their places. */
function answer(...items: readonly (readonly JsonObject[])[]): Answer {
  const inside = items.flatMap((events, output_index) => events.map((event) => ({ output_index, ...event })))
  return { chunks: numbered([...inside, completed({ usage: USAGE })]).map(frame) }
}

/** A call, its input in two pieces. */
function called(item: JsonObject & { input: string }): JsonObject[] {
  const delta = (piece: string) => ({ type: 'response.custom_tool_call_input.delta', item_id: 'ctc_1', delta: piece })
  return [
    { type: 'response.output_item.added', item: { ...item, input: '', status: 'in_progress' } },
    delta(item.input.slice(0, 9)),
    delta(item.input.slice(9)),
    { type: 'response.output_item.done', item: { ...item, status: 'completed' } },
  ]
}

const PATCH = '*** Begin Patch\n*** Add File: a.txt\n+"quoted" \\ and ünïcode\n*** End Patch'
const PATCH_TOOL = {
  type: 'custom',
  name: 'apply_patch',
  description: 'Edits files.',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: begin_patch hunk+ end_patch' },
}
const TOOLS = [
  SHELL,
  PATCH_TOOL,
  { type: 'namespace', name: 'calendar', description: 'Events.', tools: [func('create_event')] },
  {
    type: 'tool_search',
    execution: 'client',
    description: 'Finds tools.',
    parameters: object({ query: { type: 'string' } }, ['query']),
  },
]
const SEAL = `gAAAAAB${'+/='.repeat(30)}`
const SUMMARY = ['Let me', 'think.'].map((text) => ({ type: 'summary_text', text }))
const CALL = { type: 'custom_tool_call', call_id: 'call_1', name: 'apply_patch', input: PATCH }
const OUTPUT = [
  { type: 'input_text', text: 'Exit code: 0' },
  { type: 'input_text', text: 'Done!' },
]

test('Codex speaks to a provider of its own tongue: tools, calls and reasoning are what they were', async () => {
  const answers = [
    answer(
      reasoning(['Let me', 'think.'], SEAL),
      message(['Now.'], { phase: 'commentary' }),
      called({ ...CALL, id: 'ctc_1' }),
    ),
    answer(message(['Patched.'], { phase: 'final_answer' })),
  ]
  upstream.answer((_, index) => answers[index] ?? { status: 400 })
  const first = await runTurn({ server }, { model: 'gpt-5.5', tools: TOOLS, input: OPENING })
  assert.deepEqual(
    first.items.map(({ type, phase, name, input, call_id }) => [type, phase ?? name, input, call_id]),
    [
      ['reasoning', undefined, undefined, undefined],
      ['message', 'commentary', undefined, undefined],
      ['custom_tool_call', 'apply_patch', PATCH, 'call_1'],
    ],
  )
  const result = { type: 'custom_tool_call_output', id: 'ctco_0199f1c2', call_id: 'call_1', output: OUTPUT }
  const input = [...OPENING, ...first.items.map(replayed), result]
  const second = await runTurn({ server }, { model: 'gpt-5.5', tools: TOOLS, input })
  assert.deepEqual([first.warnings, second.warnings], ['', ''])

  const [asked = {}, again = {}] = upstream.received.map(({ body }) => body)
  const { input: opening, ...settings } = asked
  assert.deepEqual(settings, {
    model: 'gpt-5.5',
    store: false,
    stream: true,
    tools: TOOLS,
    tool_choice: 'auto',
    parallel_tool_calls: true,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: settings['prompt_cache_key'],
    reasoning: { effort: 'medium', summary: 'auto' },
    text: { format: { type: 'text' }, verbosity: 'medium' },
  })
  const turns = again['input'] as readonly JsonObject[] // Our own request.
  assert.deepEqual(turns.slice(0, OPENING.length), opening)
  assert.deepEqual(turns.slice(OPENING.length), [
    { type: 'reasoning', id: 'rs_1', summary: SUMMARY, encrypted_content: SEAL },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Now.' }], phase: 'commentary' },
    CALL,
    { type: 'custom_tool_call_output', call_id: 'call_1', output: OUTPUT },
  ])
})
