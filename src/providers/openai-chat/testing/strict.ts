import { listIn, needNew, needPairs, onlyKeys, type Blame, type Loose } from '../../testing/strict.ts'

const FIELDS = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'temperature',
  'top_p',
  'max_completion_tokens',
  'reasoning_effort',
  'response_format',
  'seed',
  'user',
  'prompt_cache_key',
])

/** Chat Completions as its strictest server takes it. @see https://platform.openai.com/docs/api-reference/chat */
export function blameRequest(body: Loose, blame: Blame): void {
  onlyKeys(body, FIELDS, blame)
  const messages = listIn(body['messages'], blame, 'messages')
  const seen = new Set<string>()
  let open: string[] = []
  let results: string[] = []
  for (const message of messages) {
    const { role, content, tool_calls: calls = [], tool_call_id: id } = message
    if (role === 'tool') {
      results.push(String(id))
      checkContent(content, blame)
      continue
    }
    needPairs(open, results, blame)
    results = []
    open = listIn(calls, blame, 'tool_calls').map((call) => checkCall(call, blame))
    needNew(open, seen, blame)
    if (role === 'assistant') checkAssistant(message, blame)
    else if (['user', 'system', 'developer'].includes(String(role))) checkContent(content, blame)
    else blame(`unknown role ${String(role)}`)
  }
  needPairs(open, results, blame)
}

function checkAssistant({ content, tool_calls: calls, refusal }: Loose, blame: Blame): void {
  if (Array.isArray(calls) && calls.length === 0) blame('tool_calls must not be empty')
  if (calls === undefined && refusal === undefined && typeof content !== 'string') blame('an assistant says nothing')
}

function checkCall({ id, type, function: called }: Loose, blame: Blame): string {
  if (typeof id !== 'string' || id === '' || id.length > 40)
    blame(`the call id ${String(id)} must have 1 to 40 characters`)
  if (type !== 'function' || !/^[\w-]{1,64}$/.test(String(called?.name))) blame('a call needs a function with a name')
  if (typeof called?.arguments !== 'string') blame('arguments must be text')
  return String(id)
}

function checkContent(content: unknown, blame: Blame): void {
  if (typeof content === 'string') return
  const parts = listIn(content, blame, 'content')
  if (parts.length === 0) blame('content must not be empty')
  for (const { type, text, image_url: image } of parts) {
    if (type === 'text' ? typeof text !== 'string' : type !== 'image_url' || typeof image?.url !== 'string') {
      blame(`a part of type ${String(type)} is not whole`)
    }
  }
}
