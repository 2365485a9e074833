import assert from 'node:assert/strict'
import { readStream } from '../harness/server.ts'
import type { Stage } from './support.ts'

/** An item as it is on the wire. */
export type Item = Readonly<Record<string, unknown>>

const THREAD = '0199f1c2-5c1e-7a40-9d0e-2f6f0f6f0a01'

/** What every request of Codex has, whatever the model. */
const FRAME = {
  tool_choice: 'auto',
  parallel_tool_calls: true,
  reasoning: { effort: 'medium', summary: 'auto' },
  store: false,
  stream: true,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: THREAD,
  text: { verbosity: 'medium' },
  client_metadata: { 'x-codex-window-id': `${THREAD}:0` },
}

const HEADERS = {
  accept: 'text/event-stream',
  originator: 'codex_exec',
  'session-id': THREAD,
  'thread-id': THREAD,
  'x-client-request-id': THREAD,
  'x-codex-beta-features': 'remote_compaction_v2',
}

/** A message of texts, under an id that Codex has made. */
export const message = (role: string, id: string, ...texts: readonly string[]): Item => ({
  type: 'message',
  id: `msg_${id}`,
  role,
  content: texts.map((text) => ({ type: 'input_text', text })),
})

/** The system prompt is an item, and long. */
const PROMPT = 'You are a coding agent. '.repeat(1700)

/** What a session begins with. */
export const OPENING = [
  message('developer', '0199f1c2-0001', PROMPT, 'Sandbox: read-only.'),
  message('user', '0199f1c2-0002', '<environment_context>\n  <cwd>/work</cwd>\n</environment_context>'),
  message('user', '0199f1c2-0003', 'List the files.'),
]

/** The same, as the provider is to see it. */
export const OPENING_MESSAGES = [
  {
    role: 'system',
    content: [
      { type: 'text', text: PROMPT },
      { type: 'text', text: 'Sandbox: read-only.' },
    ],
  },
  { role: 'user', content: '<environment_context>\n  <cwd>/work</cwd>\n</environment_context>' },
  { role: 'user', content: 'List the files.' },
]

/** A JSON Schema of an object. */
export const object = (properties: object, required: readonly string[]) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})

/** A function tool as Codex writes it. */
export const func = (name: string, properties: object = {}) => ({
  type: 'function',
  name,
  description: `Does ${name}.`,
  strict: false,
  parameters: object(properties, Object.keys(properties)),
})

/** What one turn has brought Codex: it reads `output_item.done` and the end, nothing else. */
export interface CodexTurn {
  readonly warnings: string
  readonly items: readonly Item[]
  /** The response of `response.completed`. */
  readonly completed: Item
}

/** Sends one turn as Codex does. */
export function post(stage: Pick<Stage, 'server'>, body: object): Promise<Response> {
  return stage.server.post('/responses', { ...FRAME, ...body }, HEADERS)
}

/**
 * Runs one turn to its end. Its items must be such that Codex can read them, and the same as in the
 * response.
 */
export async function runTurn(stage: Pick<Stage, 'server'>, body: object): Promise<CodexTurn> {
  const response = await post(stage, body)
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
  const events = await readStream(response)
  const items = events.flatMap((event) =>
    event['type'] === 'response.output_item.done' ? [event['item'] as Item] : [],
  )
  items.forEach(assertParses)
  const last = events.at(-1)
  assert.equal(last?.['type'], 'response.completed')
  const completed = last['response'] as Item // Every lifecycle event carries the response.
  assert.match(String(completed['id']), /^resp_/)
  assert.deepEqual(completed['output'], items)
  const usage = completed['usage'] as Item
  assert.deepEqual([usage['input_tokens'], usage['output_tokens'], usage['total_tokens']], [5, 3, 8])
  return { warnings: response.headers.get('antiphon-warnings') ?? '', items, completed }
}

/** What Codex must find in an item; one that lacks it is dropped in silence. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  message: ['role', 'content'],
  function_call: ['call_id', 'name', 'arguments'],
  custom_tool_call: ['call_id', 'name', 'input'],
  tool_search_call: ['call_id', 'execution', 'arguments'],
  reasoning: ['summary'],
}

function assertParses(item: Item): void {
  const needed = NEEDED[String(item['type'])]
  assert.ok(needed !== undefined, `Codex knows no item of type ${String(item['type'])}`)
  for (const field of ['id', 'status', ...needed]) assert.ok(item[field] !== undefined, `${field} is missing`)
}

/** An item as Codex replays it: without its status. */
export function replayed(item: Item): Item {
  const { status: _, ...rest } = item
  return rest
}

/** The tool that runs commands. */
export const SHELL = func('exec_command', { cmd: { type: 'string' } })

const AGENTS_TOOL = {
  type: 'namespace',
  name: 'multi_agent_v1',
  description: 'Agents.',
  tools: ['spawn_agent', 'send_input', 'resume_agent', 'wait_agent', 'close_agent'].map((name) => func(name)),
}

/** What a model that Codex does not know is offered. */
export const UNKNOWN_MODEL = {
  model: 'scripted',
  tools: [
    SHELL,
    func('write_stdin'),
    func('view_image'),
    AGENTS_TOOL,
    { type: 'web_search', external_web_access: true },
  ],
}
