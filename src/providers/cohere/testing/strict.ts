import { listIn, needNew, needPairs, onlyKeys, type Blame, type Loose } from '../../testing/strict.ts'

const FIELDS = new Set([
  'model',
  'messages',
  'tools',
  'strict_tools',
  'tool_choice',
  'response_format',
  'thinking',
  'max_tokens',
  'temperature',
  'p',
  'k',
  'seed',
  'frequency_penalty',
  'presence_penalty',
  'logprobs',
  'stream',
  'safety_mode',
  'citation_options',
])

/** Cohere's v2 chat. @see https://docs.cohere.com/reference/chat */
export function blameRequest(body: Loose, blame: Blame): void {
  onlyKeys(body, FIELDS, blame)
  const seen = new Set<string>()
  let open: string[] = []
  let results: string[] = []
  for (const { role, content, tool_calls: calls = [], tool_call_id: id } of listIn(
    body['messages'],
    blame,
    'messages',
  )) {
    if (content === '' || (Array.isArray(content) && content.length === 0)) blame('content must not be empty')
    if (role === 'tool') {
      results.push(String(id))
      continue
    }
    needPairs(open, results, blame)
    results = []
    open = listIn(calls, blame, 'tool_calls').map((call) => {
      if (typeof call['function']?.arguments !== 'string') blame('arguments must be text')
      return String(call['id'])
    })
    needNew(open, seen, blame)
    if (!['user', 'assistant', 'system'].includes(String(role))) blame(`unknown role ${String(role)}`)
    if (role === 'assistant' && content === undefined && open.length === 0) blame('an assistant says nothing')
  }
  needPairs(open, results, blame)
}
