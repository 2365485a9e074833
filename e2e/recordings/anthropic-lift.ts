import type { RecordedRequest, Recording } from './load.ts'
import type { Lifted } from './replay.ts'

// Recordings are what clients sent: nothing about their shape is certain.
type Loose = Record<string, any> // eslint-disable-line typescript/no-explicit-any -- See the line above.

/** A request to Messages as a client of ours would have made it; or why there is none. */
export function lift({ request }: Recording & { readonly request: RecordedRequest }): Lifted {
  const { body } = request
  const reason = WHY_NOT.find(([, is]) => is(body))?.[0]
  if (reason !== undefined) return { reason }
  return { ours: liftBody(body), expected: plain(body), tell: (sent) => plain(sent as Loose) }
}

const blocksOf = (body: Loose): Loose[] =>
  body['messages'].flatMap((message: Loose) => (Array.isArray(message['content']) ? message['content'] : []))
const toolsOf = (body: Loose): Loose[] => body['tools'] ?? []

const OWN_BLOCKS = new Set(['text', 'image', 'document', 'tool_use', 'tool_result'])

/** What requests ask for that Responses has no words for. */
const WHY_NOT: readonly (readonly [reason: string, is: (body: Loose) => boolean])[] = [
  ['It is malformed on purpose.', (body) => body['messages'].some((message: unknown) => typeof message === 'string')],
  ["It offers tools of the provider's own.", (body) => toolsOf(body).some((tool) => !('input_schema' in tool))],
  ["It offers servers of the provider's own tools.", (body) => 'mcp_servers' in body],
  ['It has stop sequences.', (body) => 'stop_sequences' in body],
  ['It lets the provider edit the context.', (body) => 'context_management' in body],
  ['It asks for effort, but not for thinking.', (body) => body['output_config']?.effort && !thinks(body)],
  ['It asks for fewer tokens than Responses allows.', (body) => body['max_tokens'] < 16],
  ['It brings thinking back: what is sealed is compared by another test.', hasForeignBlocks],
]

function thinks({ thinking }: Loose): boolean {
  return thinking?.type === 'enabled' || thinking?.type === 'adaptive'
}

function hasForeignBlocks(body: Loose): boolean {
  return blocksOf(body).some((block) => !OWN_BLOCKS.has(block['type']))
}

const EFFORT_BY_BUDGET: ReadonlyMap<unknown, string> = new Map([
  [1024, 'minimal'],
  [4096, 'low'],
])

function liftBody(body: Loose): Loose {
  const { thinking, tool_choice: choice, metadata } = body
  const [instructions, ...system] = blocks(body['system'] ?? []).map((block) => block['text'] as string)
  return {
    ...(instructions === undefined ? {} : { instructions }),
    input: [
      ...system.map((content) => ({ role: 'system', content })),
      ...body['messages'].flatMap((message: Loose) => liftMessage(message)),
    ],
    max_output_tokens: body['max_tokens'],
    ...('temperature' in body ? { temperature: body['temperature'] } : {}),
    ...('tools' in body ? { tools: body['tools'].map(liftTool) } : {}),
    ...(choice === undefined ? {} : { tool_choice: liftChoice(choice) }),
    ...(choice?.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {}),
    ...(thinks(body) ? { reasoning: { effort: EFFORT_BY_BUDGET.get(thinking.budget_tokens) } } : {}),
    ...(metadata === undefined ? {} : { safety_identifier: metadata.user_id }),
  }
}

function blocks(content: unknown): Loose[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : (content as Loose[])
}

function liftMessage({ role, content }: Loose): Loose[] {
  const items: Loose[] = []
  for (const block of blocks(content)) {
    const last = items.at(-1)
    const item = liftBlock(block, role as string)
    if (item['type'] !== undefined) items.push(item)
    else if (last?.['role'] === role) last?.['content'].push(...item['content'])
    else items.push(item)
  }
  return items
}

function liftBlock(block: Loose, role: string): Loose {
  switch (block['type']) {
    case 'tool_use':
      return {
        type: 'function_call',
        call_id: block['id'],
        name: block['name'],
        arguments: JSON.stringify(block['input']),
      }
    case 'tool_result':
      return { type: 'function_call_output', call_id: block['tool_use_id'], output: block['content'].map(liftPart) }
    case 'text':
      return { role, content: [{ type: role === 'user' ? 'input_text' : 'output_text', text: block['text'] }] }
    default:
      return { role, content: [liftPart(block)] }
  }
}

function liftPart({ type, text, source }: Loose): Loose {
  if (type === 'text') return { type: 'input_text', text }
  const url = source.type === 'url' ? source.url : `data:${source.media_type};base64,${source.data}`
  return type === 'image' ? { type: 'input_image', image_url: url } : { type: 'input_file', file_data: url }
}

function liftTool({ name, description, input_schema: parameters }: Loose): Loose {
  return { type: 'function', name, description, parameters, strict: false }
}

function liftChoice({ type, name }: Loose): unknown {
  return type === 'tool' ? { type: 'function', name } : type === 'any' ? 'required' : type
}

/**
 * A body without what means the same as nothing: the documented defaults, and text as a block or by itself. Whether
 * it is streamed is the server's affair, which always streams; marks of what to cache change nothing of what is said.
 */
function plain({ temperature, tool_choice: choice, system, messages, tools, ...body }: Loose): Loose {
  const { disable_parallel_tool_use: isSingle = false, ...choices } = choice ?? { type: 'auto' }
  return {
    ...without(body, 'stream'),
    system: blocks(system ?? []),
    messages: messages.map((message: Loose) => ({
      ...message,
      content: blocks(message['content']).map((block) => without(block, 'cache_control')),
    })),
    temperature: temperature ?? 1,
    tool_choice: { ...choices, isSingle },
    tools: (tools ?? []).map(({ description, ...tool }: Loose) => ({ ...tool, description: description || undefined })),
  }
}

function without(object: Loose, field: string): Loose {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== field))
}
